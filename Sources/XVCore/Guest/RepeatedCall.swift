// SPDX-License-Identifier: GPL-3.0-only
internal import CLinux

/// A system call that was interrupted when all threads were stopped, and that its thread makes again.
///
/// Natively a discard of the cache would not have interrupted it. So a thread that is stopped before it has come to make
/// the call is shown where it was natively all the time: inside.
struct RepeatedCall {
  private let interrupted: user_regs_struct
  private let again: user_regs_struct

  /// Nil when `before` is no interrupted call, or the thread does not make it again.
  init?(_ before: user_regs_struct, placedAs placed: user_regs_struct) {
    guard Int64(bitPattern: UInt64(before.orig_rax)) >= 0, Tracer.isRestart(UInt64(before.rax)),
      placed.rip == before.rip - 2
    else { return nil }
    interrupted = before
    again = placed
  }

  /// Puts a thread that has not moved since back into the call.
  ///
  /// One in a loop of just this call may have moved all around it. It stands before the same call then, with the same
  /// registers, and inside is where it would have been a moment later. A call by restart_syscall(2) is not of that kind:
  /// its number is in no program.
  func resume(_ registers: inout user_regs_struct) {
    guard registers.rip == again.rip,
      (0..<16).allSatisfy({ registers[register: $0] == again[register: $0] })
    else { return }
    registers.rip = interrupted.rip
    registers.rax = interrupted.rax
    registers.orig_rax = interrupted.orig_rax
  }
}
