// SPDX-License-Identifier: GPL-3.0-only
public import CLinux

/// One thread's registers in original terms: what the program would show if it ran natively.
public struct Registers: Sendable {
  /// General and segment registers, `fs_base`, `gs_base`, `orig_rax` (struct user_regs_struct).
  public var general: user_regs_struct
  /// The XSAVE area in the processor's standard (non-compacted) format, as PTRACE_GETREGSET with
  /// NT_X86_XSTATE gives it: legacy 512 bytes, 64-byte header, then components at the offsets of
  /// CPUID leaf 0xD. Its XCR0 image stands at byte 464. Empty when it was not asked for.
  public var extended: [UInt8]

  public init(general: user_regs_struct, extended: [UInt8] = []) {
    self.general = general
    self.extended = extended
  }
}
