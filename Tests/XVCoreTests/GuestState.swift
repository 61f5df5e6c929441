// SPDX-License-Identifier: GPL-3.0-only
import CLinux

@testable import XVCore

/// All that a step can change in the registers, and the top of the stack.
struct GuestState: Hashable {
  var pc: UInt64
  /// By the processor's numbers.
  var registers: [UInt64]
  var flags: UInt64
  var fsBase: UInt64
  var gsBase: UInt64
  var stackTop: UInt64

  /// TF and RF belong to whoever steps, not to the program. A system call puts TF into r11.
  private static let stepping: UInt64 = 0x1_0100

  init(_ state: user_regs_struct, stackTop: UInt64) {
    pc = UInt64(state.rip)
    registers = (0..<16).map { state[register: $0] }
    registers[Register.r11] &= ~0x100
    flags = UInt64(state.eflags) & ~Self.stepping
    fsBase = UInt64(state.fs_base)
    gsBase = UInt64(state.gs_base)
    self.stackTop = stackTop
  }

  /// `pushf` stores the processor's TF when the processor steps, and none when xv does.
  var withoutPushedTrapFlag: GuestState {
    var state = self
    state.stackTop &= ~0x100
    return state
  }

  private static let names = [
    "rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13",
    "r14", "r15",
  ]

  /// What differs, as `name is X, not Y`.
  func differences(from right: GuestState) -> String {
    var found: [String] = []
    func compare(_ name: String, _ left: UInt64, _ right: UInt64) {
      guard left != right else { return }
      found.append("\(name) is \(String(left, radix: 16)), not \(String(right, radix: 16))")
    }
    compare("pc", pc, right.pc)
    for index in 0..<16 { compare(Self.names[index], registers[index], right.registers[index]) }
    compare("flags", flags, right.flags)
    compare("fs base", fsBase, right.fsBase)
    compare("gs base", gsBase, right.gsBase)
    compare("[rsp]", stackTop, right.stackTop)
    return found.joined(separator: ", ")
  }
}
