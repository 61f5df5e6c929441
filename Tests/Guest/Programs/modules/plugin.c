// SPDX-License-Identifier: GPL-3.0-only
// Loaded by modules_loaded.c.
void callback(int n);
static int constructed;
__attribute__((constructor)) static void begin(void) {
  constructed++;
  callback(1);
}
__attribute__((destructor)) static void end(void) { callback(10); }
int pluginTwice(int n) { return 2 * n; }
int pluginConstructed(void) { return constructed; }
