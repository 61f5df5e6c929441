// SPDX-License-Identifier: GPL-3.0-only
internal import CLinux

/// An instruction that has accessed what debug registers watch: they trap behind it. They can watch for
/// writes, or for reads and writes, and do not tell which it was.
struct AccessingInstruction {
  var start: UInt64
  /// What may have made a round and not be done, where the processor does not mark that.
  var round: UInt64? = nil
  /// The registers that it left. What addresses are computed from is no leftover.
  var after: user_regs_struct
}

extension Tracer {
  func accessingInstruction(_ thread: ThreadID) -> AccessingInstruction? {
    guard let engine, let state = threads[thread], let live = try? control.registers(thread) else {
      return nil
    }
    return engine.lock.locked { () -> AccessingInstruction? in
      if engine.stepping.contains(thread) {
        return state.stepStart.map { AccessingInstruction(start: $0, after: live) }
      }
      // Between two rounds of a string instruction the resume flag is set, and rip is its own address.
      let isRepeated = UInt64(live.eflags) & 0x1_0000 != 0
      let start = engine.originalInstruction(at: UInt64(live.rip) &- (isRepeated ? 0 : 1))
      let round = ProcessorFeatures.marksRounds ? nil : engine.originalInstruction(at: UInt64(live.rip))
      return start.map { AccessingInstruction(start: $0, round: round, after: live) }
    }
  }

  /// Whether it has read what a register watches.
  func hasRead(_ piece: DebugRegisters.Piece, by access: AccessingInstruction?) -> Bool {
    guard let access else { return true }
    if let round = access.round, let hasRead = hasRead(piece, inRoundOf: round, access) { return hasRead }
    guard let (accesses, end) = accesses(at: access.start) else { return true }
    guard accesses.operands.contains(where: \.isRead) else { return false }
    // Most read at one place, and write there too or not at all.
    let before = accesses.registers(before: access.after)
    return !accesses.operands.contains {
      !$0.isRead && $0.access(at: $0.address(before, end: end)).overlaps(piece)
    }
  }

  /// The same of a repeated instruction that stands between two rounds, where the processor does not mark that: the
  /// round before has met the register. nil when it has not.
  private func hasRead(
    _ piece: DebugRegisters.Piece, inRoundOf start: UInt64, _ access: AccessingInstruction
  ) -> Bool? {
    guard UInt64(access.after.rcx) > 0, let (accesses, end) = accesses(at: start), case .repeated = accesses.form
    else { return nil }
    let before = accesses.registers(before: access.after)
    let met = accesses.operands.filter { $0.access(at: $0.address(before, end: end)).overlaps(piece) }
    return met.isEmpty ? nil : met.allSatisfy(\.isRead)
  }

  private func accesses(at start: UInt64) -> (InstructionAccesses, end: UInt64)? {
    var stepper = Stepper(process: process)
    var bytes = [UInt8](repeating: 0, count: 16)
    guard let instruction = stepper.decode(start, &bytes) else { return nil }
    return (stepper.decoder.accesses(of: bytes, length: Int(instruction.length)), instruction.end)
  }
}

extension InstructionAccesses {
  /// What the addresses were computed from, by what the instruction left, or a round of it. That is the same but
  /// where it accesses memory at two places (movs, and push and pop of memory) or is repeated.
  fileprivate func registers(before after: user_regs_struct) -> user_regs_struct {
    var isRepeated = false
    if case .repeated = form { isRepeated = true }
    guard operands.count == 2 || isRepeated, let first = operands.first else { return after }
    var registers = after
    let size = UInt64(first.size)
    if isRepeated || Set(operands.map(\.memory.base)) == [Register.rsi, Register.rdi] {
      let isDown = UInt64(registers.eflags) & 0x400 != 0
      registers[register: Register.rsi] &+= isDown ? size : 0 &- size
      registers[register: Register.rdi] &+= isDown ? size : 0 &- size
    } else {
      // What is named comes first: pushed, or popped to.
      registers[register: Register.rsp] &+= first.isRead ? size : 0 &- size
    }
    return registers
  }
}
