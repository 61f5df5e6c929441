// SPDX-License-Identifier: GPL-3.0-only

/// The processor's numbers of the general registers, as they stand in ModRM, SIB and REX.
enum Register {
  static let rax = 0
  static let rcx = 1
  static let rdx = 2
  static let rbx = 3
  static let rsp = 4
  static let rbp = 5
  static let rsi = 6
  static let rdi = 7
  static let r8 = 8
  static let r9 = 9
  static let r10 = 10
  static let r11 = 11
  static let r12 = 12
  static let r13 = 13
  static let r14 = 14
  static let r15 = 15
}

/// A set of general registers.
struct RegisterSet: OptionSet, Hashable, BitwiseCopyable {
  var rawValue: UInt16

  init(rawValue: UInt16) { self.rawValue = rawValue }
  init(_ register: Int) { rawValue = 1 << UInt16(register) }

  static let rcx = RegisterSet(Register.rcx)
  static let rdx = RegisterSet(Register.rdx)
  /// The registers that indirect lookups displace.
  static let scratch: RegisterSet = [.rcx, .rdx]
  static let all = RegisterSet(rawValue: 0xffff)
}
