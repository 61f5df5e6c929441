// SPDX-License-Identifier: GPL-3.0-only
// Starting a program so that it waits to be seized before it calls execve.
#pragma once
#include <stdint.h>
#include <sys/types.h>

struct xv_spawn_request {
  const char *path;
  char *const *argv;
  char *const *envp;
  int disable_randomization;  // personality(ADDR_NO_RANDOMIZE)
  int new_process_group;      // setpgid(0, 0), and take the terminal if there is one
  int redirect_standard_io;   // stdin from /dev/null, stdout to stderr: the stub talks over 0 and 1
  const char *working_directory;  // or null
  const char *standard_files[3];  // what is opened as stdin, stdout, stderr; null leaves the server's
  uint64_t default_signals;   // what the server ignores and the program is not to inherit (bit n-1 is signal n)
  uint64_t ignored_signals;   // what the server catches, and the program is to find ignored
  pid_t wanted;               // the id that it is to have if it can be had; 0: any
  uint64_t signal_mask;       // the mask that the program starts with
};

struct xv_spawned {
  pid_t pid;
  int go;      // writing one byte lets the child call execve
  int failure; // carries the errno (4 bytes) of a failed execve; end of file means success
};

/// Forks. The child blocks until `go` is written. Returns 0 or -errno.
int xv_spawn(const struct xv_spawn_request *request, struct xv_spawned *spawned);
