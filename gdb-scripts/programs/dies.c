// SPDX-License-Identifier: GPL-3.0-only
// Dies by a null pointer some frames deep, or exits with the status that its argument names.
#include <stdlib.h>

struct node {
  struct node *next;
  int value;
};

static int sum(const struct node *list) {
  int total = 0;
  while (list->value)
    total += list->value, list = list->next;
  return total;
}

static int walk(int depth) {
  struct node second = {0, 2}, first = {&second, 1};
  if (depth > 0)
    return walk(depth - 1) + 1;
  return sum(&first);
}

int main(int argc, char **argv) {
  if (argc > 1)
    exit(atoi(argv[1]));
  return walk(3);
}
