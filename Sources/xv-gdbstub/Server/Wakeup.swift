// SPDX-License-Identifier: GPL-3.0-only
internal import Glibc
internal import Linux

/// Turns the signals that end the server into a readable descriptor, so that the guest can be ended
/// first.
///
/// Handlers, not a blocked mask, and armed only after the launch: a guest inherits both masks and
/// ignored signals, but no handler.
package struct Wakeup: ~Copyable {
  private let reading: OwnedDescriptor
  private let writing: OwnedDescriptor

  /// Nil when the kernel gives no pipe.
  package init?() {
    var ends: [Int32] = [-1, -1]
    guard pipe(&ends) == 0 else { return nil }
    for end in ends {
      _ = fcntl(end, F_SETFD, FD_CLOEXEC)
      _ = fcntl(end, F_SETFL, O_NONBLOCK)
    }
    reading = OwnedDescriptor(owning: ends[0])
    writing = OwnedDescriptor(owning: ends[1])
  }

  var descriptor: Int32 { reading.number }

  /// Those of the signals below that have their own effect now: bit n - 1 is signal n.
  static var signalsAtDefault: UInt64 {
    var mask: UInt64 = 0
    for number in [SIGTERM, SIGHUP, SIGINT, SIGPIPE, SIGTTOU, SIGTTIN] where !isIgnored(number) {
      mask |= 1 << UInt64(number - 1)
    }
    return mask
  }

  private static func isIgnored(_ number: Int32) -> Bool {
    var action = sigaction()
    sigaction(number, nil, &action)
    return unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self)
      == unsafeBitCast(SIG_IGN, to: Int.self)
  }

  /// From now on SIGTERM and SIGHUP wake, unless the server was started with them ignored.
  ///
  /// A SIGINT is the terminal's ^C, meant for the program that shares the terminal. A peer that is
  /// gone is told by the failing call, not by SIGPIPE.
  func arm() {
    wakeupWriter = writing.number
    for number in [SIGTERM, SIGHUP] where !Self.isIgnored(number) {
      signal(number) { _ in
        var byte: UInt8 = 0
        let code = errno
        _ = write(wakeupWriter, &byte, 1)
        errno = code
      }
    }
    for number in [SIGINT, SIGPIPE, SIGTTOU, SIGTTIN] { signal(number, SIG_IGN) }
  }

  /// The signals' own effects again.
  func disarm() {
    for number in [SIGTERM, SIGHUP, SIGINT, SIGTTOU, SIGTTIN] { signal(number, SIG_DFL) }
  }
}

/// Written once, before the handlers that read it are installed; a handler may run in any thread.
nonisolated(unsafe) private var wakeupWriter: Int32 = -1
