// SPDX-License-Identifier: GPL-3.0-only
// Its vfork child waits in its memory until the test says so.
#include "attach.h"
#include <sys/wait.h>

int main(int argc, char **argv) {
  begin(argc, argv);
  int status;
  pid_t child = vfork();
  if (child == 0) {
    if (write(1, "ready\n", 6) != 6) _exit(1);
    struct pollfd input = {.fd = 0, .events = POLLIN};
    _exit(poll(&input, 1, -1) != 1);
  }
  CHECK(child > 0 && waitpid(child, &status, 0) == child && status == 0);
  succeed();
}
