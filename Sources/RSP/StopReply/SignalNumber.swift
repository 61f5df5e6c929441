// SPDX-License-Identifier: GPL-3.0-only

/// Which numbers signals have on the wire: gdb's own list, or for lldb the kernel's.
package enum SignalNumbering: Hashable, Sendable {
  case gdb
  case linux

  /// The wire's number for Linux's.
  package func wire(_ number: Int32) -> SignalNumber {
    switch self {
    case .gdb: SignalNumber(linux: number)
    case .linux: SignalNumber(rawValue: UInt8(truncatingIfNeeded: number))
    }
  }

  /// Linux's number for the wire's, nil when Linux has no such signal.
  package func linux(_ number: SignalNumber) -> Int32? {
    switch self {
    case .gdb: number.linux
    case .linux: number.rawValue <= 64 ? Int32(number.rawValue) : nil
    }
  }
}

/// A signal as the protocol numbers it: gdb's own list, the same on every system.
///
/// Source: gdb's manual ("Stop Reply Packets") and the list of names in its public header
/// `gdb/signals.def`. Realtime signals have a block of their own with 32 and 64 outside it.
package struct SignalNumber: RawRepresentable, Hashable, Sendable {
  package let rawValue: UInt8

  package init(rawValue: UInt8) { self.rawValue = rawValue }
  /// From a number on the wire; what no list knows becomes `unknown`.
  package init(wire number: UInt64) {
    self.rawValue = UInt8(exactly: number) ?? Self.unknown.rawValue
  }

  package static let none = Self(rawValue: 0)
  package static let interrupt = Self(rawValue: 2)
  package static let trap = Self(rawValue: 5)
  /// GDB_SIGNAL_UNKNOWN.
  package static let unknown = Self(rawValue: 143)

  /// Index: Linux's number, 0 to 31.
  ///
  /// gdb has no SIGSTKFLT (16): it is `unknown`, and back.
  private static let fromLinux: [UInt8] = [
    0, 1, 2, 3, 4, 5, 6, 10, 8, 9, 30, 11, 31, 13, 14, 15,
    143, 20, 19, 17, 18, 21, 22, 16, 24, 25, 26, 27, 28, 23, 32, 12,
  ]

  package init(linux number: Int32) {
    switch number {
    case 0...31: self.rawValue = Self.fromLinux[Int(number)]
    case 32: self.rawValue = 77
    case 33...63: self.rawValue = UInt8(45 + number - 33)
    case 64: self.rawValue = 78
    default: self = .unknown
    }
  }

  /// Linux's number, nil when Linux has no such signal.
  package var linux: Int32? {
    switch rawValue {
    case 45...75: Int32(rawValue) - 45 + 33
    case 77: 32
    case 78: 64
    case 33: 29  // SIGPOLL, which Linux calls SIGIO
    default: Self.fromLinux.firstIndex(of: rawValue).map(Int32.init)
    }
  }
}
