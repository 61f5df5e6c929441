// SPDX-License-Identifier: GPL-3.0-only
// groups: memory smc libc
// build: -O1 -rdynamic
// module: plugin.c
// dlopen, dlsym, dlclose, again and again; constructors run, calls back into the program work.
#include "check.h"
#include <dlfcn.h>

static int callbacks;
void callback(int n) { callbacks += n; }

int main(void) {
  for (int i = 0; i < 20; i++) {
    void *module = dlopen("./plugin.so", i & 1 ? RTLD_NOW : RTLD_LAZY);
    if (!module) puts(dlerror());
    CHECK(module != NULL);
    int (*twice)(int) = (int (*)(int))dlsym(module, "pluginTwice");
    int (*constructed)(void) = (int (*)(void))dlsym(module, "pluginConstructed");
    CHECK(twice && twice(i) == 2 * i);
    CHECK(constructed && constructed() == 1);
    CHECK(dlsym(module, "pluginMissing") == NULL && dlerror() != NULL);
    CHECK(dlclose(module) == 0);
    CHECK(dlopen("./plugin.so", RTLD_NOW | RTLD_NOLOAD) == NULL);
  }
  CHECK_EQUAL(callbacks, 20 * (1 + 10));
  void *math = dlopen("libm.so.6", RTLD_NOW);
  double (*cosine)(double) = (double (*)(double))dlsym(math, "cos");
  CHECK(cosine && cosine(0) == 1);
  return verdict();
}
