# SPDX-License-Identifier: GPL-3.0-only
# Watchpoints in the middle of what string instructions copy, and handlers that run and return between them.
# program: watchedhandler.c
handle SIGUSR1 nostop noprint pass
break main
continue
watch to[100]
watch to[200]
continue
continue
continue
continue
continue
continue
continue
