// SPDX-License-Identifier: GPL-3.0-only
// A program of several ranks: each adds its number to a sum that goes around, and says it at the end.
#include <mpi.h>
#include <stdio.h>

volatile int rank, size, sum;

__attribute__((noinline)) static int exchange(int round) {
  int mine = (rank + 1) * round, all = 0;
  MPI_Allreduce(&mine, &all, 1, MPI_INT, MPI_SUM, MPI_COMM_WORLD);
  return all;
}

int main(int argc, char **argv) {
  MPI_Init(&argc, &argv);
  MPI_Comm_rank(MPI_COMM_WORLD, (int *)&rank);
  MPI_Comm_size(MPI_COMM_WORLD, (int *)&size);
  for (int round = 1; round <= 3; round++) sum += exchange(round);
  printf("rank %d of %d: %d\n", rank, size, sum);
  fflush(stdout);
  MPI_Finalize();
  return 0;
}
