// SPDX-License-Identifier: GPL-3.0-only
internal import CLinux

/// The registers of struct user_regs_struct, in its order; each has 8 bytes there.
enum GeneralRegister: Int, CaseIterable, Sendable {
  case r15, r14, r13, r12, rbp, rbx, r11, r10, r9, r8, rax, rcx, rdx, rsi, rdi, orig_rax, rip, cs
  case eflags, rsp, ss, fs_base, gs_base, ds, es, fs, gs

  private var offset: Int { rawValue * 8 }

  func value(of registers: user_regs_struct) -> UInt64 {
    withUnsafeBytes(of: registers) { $0.load(fromByteOffset: offset, as: UInt64.self) }
  }

  func set(_ value: UInt64, in registers: inout user_regs_struct) {
    withUnsafeMutableBytes(of: &registers) {
      $0.storeBytes(of: value, toByteOffset: offset, as: UInt64.self)
    }
  }
}
