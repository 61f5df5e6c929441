// SPDX-License-Identifier: GPL-3.0-only
internal import CLinux
import Glibc

/// Wakes one tracer whenever the kernel has something to tell about a child.
///
/// The kernel hands a SIGCHLD to any thread that does not block it, so a descriptor that only the
/// tracer reads could miss it. Here a handler, in whatever thread, counts an eventfd up that all
/// tracers of the process share and nobody reads; each watches it edge-triggered through an epoll of
/// its own, which no other tracer can empty.
struct ChildEvents: ~Copyable {
  private static let counter: Int32 = {
    let counter = eventfd(0, Int32(EFD_CLOEXEC) | Int32(EFD_NONBLOCK))
    precondition(counter >= 0, "eventfd failed: \(errno)")
    childCounter = counter
    var action = sigaction()
    action.__sigaction_handler.sa_handler = { _ in
      let code = errno
      var one: UInt64 = 1
      write(childCounter, &one, 8)
      errno = code
    }
    action.sa_flags = SA_RESTART
    var inherited = sigaction()
    sigaction(SIGCHLD, &action, &inherited)
    isIgnoredByParent = unsafeBitCast(inherited.__sigaction_handler.sa_handler, to: Int.self) == 1
    return counter
  }()

  /// Whether this process was started with SIGCHLD ignored: a program that it starts has to be, too.
  static var signalWasIgnored: Bool { isIgnoredByParent }

  /// Readable when there may be something to wait for.
  let descriptor: Int32

  init() throws(GuestError) {
    descriptor = epoll_create1(Int32(EPOLL_CLOEXEC))
    guard descriptor >= 0 else { throw .system(call: "epoll_create1", errno: errno) }
    var event = epoll_event(
      events: EPOLLIN.rawValue | EPOLLET.rawValue, data: epoll_data_t(u64: 0))
    guard epoll_ctl(descriptor, EPOLL_CTL_ADD, ChildEvents.counter, &event) == 0 else {
      let code = errno
      close(descriptor)
      throw .system(call: "epoll_ctl", errno: code)
    }
  }

  /// The calling thread takes the signal if nobody else does.
  func unblockSignal() {
    var mask = ChildEvents.signal
    pthread_sigmask(SIG_UNBLOCK, &mask, nil)
  }

  /// The calling thread leaves the signal to others: each would wake it for nothing.
  static func blockSignal() {
    var mask = ChildEvents.signal
    pthread_sigmask(SIG_BLOCK, &mask, nil)
  }

  static func withSignalBlocked(_ body: () -> Void) {
    var mask = ChildEvents.signal
    var before = sigset_t()
    pthread_sigmask(SIG_BLOCK, &mask, &before)
    body()
    pthread_sigmask(SIG_SETMASK, &before, nil)
  }

  private static var signal: sigset_t {
    var mask = sigset_t()
    sigemptyset(&mask)
    sigaddset(&mask, SIGCHLD)
    return mask
  }

  deinit { close(descriptor) }

  /// Takes the wake-up back; before the children are asked, so that none is lost.
  func clear() {
    var event = epoll_event()
    while epoll_wait(descriptor, &event, 1, 0) > 0 {}
  }
}

/// Written before the handler that reads it is installed.
nonisolated(unsafe) private var childCounter: Int32 = -1

/// Written once, with the counter.
nonisolated(unsafe) private var isIgnoredByParent = false
