// SPDX-License-Identifier: GPL-3.0-only
internal import CLinux

/// An instruction that has accessed what debug registers watch: they trap behind it. They can watch for
/// writes, or for reads and writes, and do not tell which it was.
struct AccessingInstruction {
  var start: UInt64
  /// The registers that it left. What addresses are computed from is no leftover.
  var after: user_regs_struct
}

extension Tracer {
  func accessingInstruction(_ thread: ThreadID) -> AccessingInstruction? {
    guard let engine, let state = threads[thread], let live = try? control.registers(thread) else {
      return nil
    }
    let start = engine.lock.locked { () -> UInt64? in
      if engine.stepping.contains(thread) { return state.stepStart }
      // Between two rounds of a string instruction the resume flag is set, and rip is its own address.
      let isRepeated = UInt64(live.eflags) & 0x1_0000 != 0
      return engine.originalInstruction(at: UInt64(live.rip) &- (isRepeated ? 0 : 1))
    }
    return start.map { AccessingInstruction(start: $0, after: live) }
  }

  /// Whether it has read what a register watches.
  func hasRead(_ piece: DebugRegisters.Piece, by access: AccessingInstruction?) -> Bool {
    guard let access else { return true }
    var stepper = Stepper(process: process)
    var bytes = [UInt8](repeating: 0, count: 16)
    guard let instruction = stepper.decode(access.start, &bytes) else { return true }
    let accesses = stepper.decoder.accesses(of: bytes, length: Int(instruction.length))
    guard accesses.operands.contains(where: \.isRead) else { return false }
    // Most read at one place, and write there too or not at all.
    let before = accesses.registers(before: access.after)
    return !accesses.operands.contains {
      !$0.isRead && $0.access(at: $0.address(before, end: instruction.end)).overlaps(piece)
    }
  }
}

extension InstructionAccesses {
  /// What the addresses were computed from, by what the instruction left. That is the same but where it
  /// accesses memory at two places: movs, and push and pop of memory.
  fileprivate func registers(before after: user_regs_struct) -> user_regs_struct {
    guard operands.count == 2 else { return after }
    var registers = after
    let size = UInt64(operands[0].size)
    if Set(operands.map(\.memory.base)) == [Register.rsi, Register.rdi] {
      let isDown = UInt64(registers.eflags) & 0x400 != 0
      registers[register: Register.rsi] &+= isDown ? size : 0 &- size
      registers[register: Register.rdi] &+= isDown ? size : 0 &- size
    } else {
      // What is named comes first: pushed, or popped to.
      registers[register: Register.rsp] &+= operands[0].isRead ? size : 0 &- size
    }
    return registers
  }
}
