// SPDX-License-Identifier: GPL-3.0-only
internal import CLinux

extension MemoryOperand {
  /// Without what a segment adds. `end`: where the next instruction stands.
  func address(_ registers: user_regs_struct, end: UInt64) -> UInt64 {
    var address = UInt64(bitPattern: displacement)
    if isRipRelative { address &+= end }
    if let base { address &+= registers[register: base] }
    if let index { address &+= registers[register: index] << UInt64(scaleBits) }
    return is32Bit ? address & 0xffff_ffff : address
  }
}

/// What instructions are about to access.
extension Stepper {
  /// What the instruction at rip is going to meet. `vectors` gives the thread's extended state.
  mutating func meeting(
    _ watchpoints: WatchpointSet, _ registers: user_regs_struct, vectors: () -> [UInt8]
  ) -> CheckedStep? {
    let pc = UInt64(registers.rip)
    var bytes = [UInt8](repeating: 0, count: 16)
    guard let instruction = decode(pc, &bytes) else { return nil }
    let accesses = decoder.accesses(of: bytes, length: Int(instruction.length))
    guard !accesses.operands.isEmpty else { return nil }
    if case .repeated(let repetition) = accesses.form, !accesses.operands[0].memory.is32Bit {
      return repeated(accesses, repetition, watchpoints, registers, instruction.end)
    }
    let all = accesses.operands.flatMap { operand -> [MemoryAccess] in
      let start = operand.address(registers, end: instruction.end)
      switch accesses.form {
      case .plain: return [operand.access(at: start)]
      // A 32-bit count: all of it at once.
      case .repeated: return [operand.span(from: start, registers)]
      case .bitString(let register):
        return [operand.access(at: start &+ operand.distance(ofBit: registers[register: register]))]
      case .table: return [operand.access(at: start &+ UInt64(registers.rax) & 0xff)]
      case .state:
        return [operand.access(at: start, length: max(UInt64(xv_xsave_area_size()), 576))]
      case .gathered(let index):
        return VectorState(area: vectors()).elements(index, of: operand).map {
          operand.access(at: start &+ $0 << UInt64(operand.memory.scaleBits))
        }
      }
    }
    return watchpoints.hit(all).map { CheckedStep(start: pc, hit: $0) }
  }

  /// The first round that meets something.
  private func repeated(
    _ accesses: InstructionAccesses, _ repetition: Repetition, _ watchpoints: WatchpointSet,
    _ registers: user_regs_struct, _ end: UInt64
  ) -> CheckedStep? {
    let count = UInt64(registers.rcx)
    let isDown = UInt64(registers.eflags) & 0x400 != 0
    var first: UInt64? = nil
    for operand in accesses.operands {
      let start = operand.address(registers, end: end)
      let size = UInt64(operand.size)
      for watchpoint in watchpoints.checked where operand.access(at: start).counts(for: watchpoint.kind) {
        guard
          let round = Stepper.round(
            of: watchpoint, from: start, size: size, isDown: isDown), round < count
        else { continue }
        first = min(first ?? round, round)
      }
    }
    guard let first else { return nil }
    let met = accesses.operands.map { operand -> MemoryAccess in
      let distance = first &* UInt64(operand.size)
      let start = operand.address(registers, end: end)
      return operand.access(at: isDown ? start &- distance : start &+ distance)
    }
    guard let hit = watchpoints.hit(met) else { return nil }
    return CheckedStep(
      start: UInt64(registers.rip), hit: hit, repetition: repetition, rounds: first + 1)
  }

  /// The number of the first round that reaches it: `size` bytes each from `start` on, up or down.
  static func round(
    of watchpoint: Watchpoint, from start: UInt64, size: UInt64, isDown: Bool
  ) -> UInt64? {
    let low = watchpoint.address.rawValue
    let high = low &+ (watchpoint.length - 1)
    if isDown {
      if start &+ (size - 1) < low { return nil }
      if start <= high { return 0 }
      let round = (start - high + size - 1) / size
      return start &- round &* size &+ (size - 1) >= low && round &* size <= start ? round : nil
    }
    if start > high { return nil }
    if start &+ (size - 1) >= low { return 0 }
    return (low - start) / size
  }
}

extension OperandAccess {
  func address(_ registers: user_regs_struct, end: UInt64) -> UInt64 {
    let address = memory.address(registers, end: end)
    return switch segment {
    case .flat: address
    case .fs: address &+ UInt64(registers.fs_base)
    case .gs: address &+ UInt64(registers.gs_base)
    }
  }

  func access(at address: UInt64, length: UInt64? = nil) -> MemoryAccess {
    MemoryAccess(
      address: address, length: length ?? UInt64(size), isWrite: isWritten, isRead: isRead)
  }

  /// All rounds of a string instruction.
  func span(from start: UInt64, _ registers: user_regs_struct) -> MemoryAccess {
    let length = (UInt64(registers.rcx) & 0xffff_ffff) &* UInt64(size)
    let isDown = UInt64(registers.eflags) & 0x400 != 0
    return access(
      at: isDown ? start &- length &+ UInt64(size) : start, length: max(length, 1))
  }

  /// How far the operand moves for a bit's number, which is signed and as wide as the operand.
  func distance(ofBit number: UInt64) -> UInt64 {
    let signed: Int64 =
      switch size {
      case 2: Int64(Int16(truncatingIfNeeded: number))
      case 4: Int64(Int32(truncatingIfNeeded: number))
      default: Int64(bitPattern: number)
      }
    let bits = Int64(size * 8)
    return UInt64(bitPattern: (signed >> Int64(bits.trailingZeroBitCount)) * Int64(size))
  }
}
