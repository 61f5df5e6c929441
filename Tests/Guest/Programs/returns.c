// SPDX-License-Identifier: GPL-3.0-only
// groups: calls transparency
// build: -O1 -fno-omit-frame-pointer -rdynamic
// build no-pie: -O1 -no-pie -fno-omit-frame-pointer -rdynamic
// What a program sees of itself: return addresses, backtraces, its own text, its own name, deep
// recursion and large frames.
#include "check.h"
#include <alloca.h>
#include <execinfo.h>
#include <link.h>
#include <stdarg.h>
#include <sys/auxv.h>

extern char __executable_start[], etext[], __etext[];
int callAndReport(void **out);
extern char reported[];
__asm__("callAndReport: push %rbx\n call whoCalled\nreported: pop %rbx\n ret\n");

__attribute__((noinline, used)) int whoCalled(void **out) {
  *out = __builtin_return_address(0);
  return 5;
}

__attribute__((noinline)) int trace3(void **at, int room) {
  int n = backtrace(at, room);
  __asm__ volatile("" : : : "memory");
  return n;
}
__attribute__((noinline)) int trace2(void **at, int room) { return trace3(at, room) + 0 * room + checksMade * 0; }
__attribute__((noinline)) int trace1(void **at, int room) {
  int n = trace2(at, room);
  __asm__ volatile("" : : : "memory");
  return n;
}

__attribute__((noinline)) static uint64_t recurse(unsigned depth) {
  volatile uint64_t here = depth;
  return depth ? recurse(depth - 1) + here : 0;
}

__attribute__((noinline)) static uint64_t large(unsigned n) {
  volatile char room[100000];
  char *more = alloca(n);
  memset(more, 3, n);
  room[n] = 2;
  return (uint64_t)room[n] + (uint64_t)more[n - 1];
}

static double sum(int count, ...) {
  va_list list;
  va_start(list, count);
  double total = 0;
  for (int i = 0; i < count; i++) total += i & 1 ? va_arg(list, double) : va_arg(list, int);
  va_end(list);
  return total;
}

static int object(struct dl_phdr_info *info, size_t size, void *data) {
  (void)size;
  for (int i = 0; i < info->dlpi_phnum; i++)
    if (info->dlpi_phdr[i].p_type == PT_LOAD && info->dlpi_phdr[i].p_flags & PF_X) {
      uint64_t *hash = data, *at = (uint64_t *)(info->dlpi_addr + info->dlpi_phdr[i].p_vaddr);
      for (uint64_t n = 0; n < info->dlpi_phdr[i].p_memsz / 8; n++) *hash = mix(*hash, at[n]);
    }
  return 0;
}

int main(int argc, char **argv) {
  void *at[30];
  CHECK_EQUAL(callAndReport(at), 5);
  CHECK_EQUAL(at[0], reported);
  int n = trace1(at, 30);
  char **symbols = backtrace_symbols(at, n);
  CHECK(n >= 5);
  for (int i = 0; i < 3 && i < n; i++) {
    char *open = strchr(symbols[i], '('), *plus = strchr(symbols[i], '+');
    printf("%.*s\n", plus ? (int)(plus - open) : 0, open ? open : "");
  }
  free(symbols);
  uint64_t before = MIX_SEED, after = MIX_SEED;
  dl_iterate_phdr(object, &before);
  CHECK_EQUAL(recurse(50000), 50000ull * 50001 / 2);
  for (unsigned i = 1; i < 50; i++) CHECK_EQUAL(large(i * 1000), 5);
  CHECK(sum(6, 1, 2.5, 3, 4.5, 5, 6.5) == 22.5);
  dl_iterate_phdr(object, &after);
  CHECK_EQUAL(before, after);
  char name[500] = "";
  CHECK(readlink("/proc/self/exe", name, sizeof name - 1) > 0);
  CHECK(argc == 1 && strrchr(name, '/') && !strcmp(strrchr(name, '/'), strrchr(argv[0], '/')));
  CHECK(!strcmp((char *)getauxval(AT_EXECFN), argv[0]));
  CHECK(getauxval(AT_ENTRY) > (uint64_t)__executable_start && getauxval(AT_ENTRY) < (uint64_t)etext);
  FILE *status = fopen("/proc/self/status", "r");
  char line[200] = "";
  while (status && fgets(line, sizeof line, status) && strncmp(line, "Name:", 5)) {}
  CHECK(!strncmp(line, "Name:\treturns", 13));
  return verdict();
}
