// SPDX-License-Identifier: GPL-3.0-only
#pragma once
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
// Swift takes a type that two modules define differently for an error. With _GNU_SOURCE the
// members of fd_set have other names than in Glibc and CElf, which do without: defined as there.
#include <features.h>
#pragma push_macro("__USE_XOPEN")
#undef __USE_XOPEN
#include <sys/select.h>
#pragma pop_macro("__USE_XOPEN")

#include "xv_cpuid.h"
#include "xv_userfault.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <arpa/inet.h>
#include <netdb.h>
#include <unistd.h>
#include <time.h>
#include "xv_spawn.h"
#include "xv_syscalls.h"
#include "xv_terminal.h"
