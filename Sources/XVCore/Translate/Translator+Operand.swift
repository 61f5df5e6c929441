// SPDX-License-Identifier: GPL-3.0-only

/// Memory operands that cannot stay as they are: rip-relative ones, and those of the guest's %gs.
extension Translator {
  /// Within reach a new disp32 is enough; else the address goes through a register that the
  /// instruction does not use.
  mutating func emitRipRelative(
    _ instruction: Instruction, _ bytes: UnsafePointer<UInt8>, _ emission: inout UnitEmission
  ) {
    guard arenas[emission.arena].reaches(instruction.target) else {
      emitThroughScratch(instruction, bytes, &emission) { emitter, scratch, _ in
        emitter.move(scratch, immediate: instruction.target)
      }
      return
    }
    if instruction.isFloatingPoint(bytes) {
      arenas[emission.arena].floatingPoint[emission.offset] = instruction.address
      relocations.noteUnmovable()
    }
    let end = emission.hot.address &+ UInt64(instruction.length)
    let field = emission.hot.cursor + Int(instruction.displacementOffset)
    emission.hot.copy(bytes, count: Int(instruction.length))
    // disp32 counts from the end of the instruction, immediates included.
    relocations.append(
      .hotToOriginal, emission.offset &- UInt32(instruction.length) &+ UInt32(instruction.displacementOffset))
    field.storeBytes(
      of: UInt32(truncatingIfNeeded: instruction.target &- end), as: UInt32.self)
  }

  /// The guest's %gs operands: its base is kept in the context, because %gs itself is xv's.
  mutating func emitGuestSegment(
    _ instruction: Instruction, _ bytes: UnsafePointer<UInt8>, _ emission: inout UnitEmission
  ) {
    let details = decoder.details(of: bytes, length: Int(instruction.length))
    guard let memory = details.segmentOperand else {
      // The prefix means nothing here (a padded nop).
      emission.hot.copy(bytes, count: Int(instruction.length))
      return
    }
    guard details.hasModRMMemory else {
      park(instruction, &emission)
      return
    }
    emitThroughScratch(instruction, bytes, needsSecond: true, &emission) {
      emitter, scratch, second in
      if memory.isRipRelative {
        emitter.move(
          scratch, immediate: instruction.end &+ UInt64(bitPattern: memory.displacement))
      } else {
        emitter.loadAddress(scratch, memory)
      }
      emitter.load(second, slot: ContextLayout.guestGSBase)
      // lea scratch, [scratch+second]
      emitter.byte(0x48)
      emitter.byte(0x8d)
      emitter.byte(0x04 | UInt8(scratch) << 3)
      emitter.byte(UInt8(scratch) | UInt8(second) << 3)
    }
  }

  /// `address` computes into its first register; the second one is free only if it is asked for.
  private mutating func emitThroughScratch(
    _ instruction: Instruction, _ bytes: UnsafePointer<UInt8>, needsSecond: Bool = false,
    _ emission: inout UnitEmission, address: (inout Emitter, Int, Int) -> Void
  ) {
    let details = decoder.details(of: bytes, length: Int(instruction.length))
    guard let scratch = details.scratch(besides: nil),
      let second = needsSecond ? details.scratch(besides: scratch) : scratch
    else {
      park(instruction, &emission)
      return
    }
    // The address may stand in the code as it is, in one form or another.
    relocations.noteAbsolute()
    let one = UInt8(scratch) | UInt8(scratch) << 4
    emission.hot.store(scratch, slot: ContextLayout.slot(scratch))
    recover(&emission, instruction.address, adjust: one, form: .inFile)
    if needsSecond {
      emission.hot.store(second, slot: ContextLayout.slot(second))
      let both = UInt8(scratch) | UInt8(second) << 4
      recover(&emission, instruction.address, adjust: both, form: .inFile)
    }
    address(&emission.hot, scratch, second)
    if needsSecond { emission.hot.load(second, slot: ContextLayout.slot(second)) }
    recover(&emission, instruction.address, adjust: one, form: .inFile)
    OperandRewriter.emit(
      bytes, length: Int(instruction.length), modrmOffset: Int(instruction.modrmOffset),
      base: scratch, to: &emission.hot)
    recover(&emission, instruction.end, adjust: one, form: .inFile)
    emission.hot.load(scratch, slot: ContextLayout.slot(scratch))
  }

  /// What has no translation is left to the server.
  mutating func park(_ instruction: Instruction, _ emission: inout UnitEmission) {
    emitParking(.rare, target: instruction.address, origin: instruction.address, &emission)
  }
}

/// Replaces an instruction's memory operand by `[base]`.
enum OperandRewriter {
  /// `base` is one of rax, rcx, rdx, rbx, rsi, rdi: it needs no extension bit, no SIB and no displacement.
  static func emit(
    _ bytes: UnsafePointer<UInt8>, length: Int, modrmOffset: Int, base: Int,
    to emitter: inout Emitter
  ) {
    var index = 0
    // Legacy prefixes; the segment is in the base now, and so is a 32-bit address.
    prefixes: while true {
      switch bytes[index] {
      case 0x65, 0x64, 0x67: index += 1
      case 0x66, 0xf2, 0xf3, 0xf0, 0x2e, 0x3e, 0x26, 0x36:
        emitter.byte(bytes[index])
        index += 1
      default: break prefixes
      }
    }
    switch bytes[index] {
    case 0x40...0x4f:
      emitter.byte(bytes[index] & ~3)  // no REX.X, no REX.B
      index += 1
    case 0xc4, 0x62:
      emitter.byte(bytes[index])
      emitter.byte(bytes[index + 1] | 0x60)  // X and B are stored inverted
      index += 2
    default: break
    }
    emitter.copy(bytes + index, count: modrmOffset - index)
    let modrm = bytes[modrmOffset]
    emitter.byte(modrm & 0x38 | UInt8(base))
    var rest = modrmOffset + 1
    let mod = modrm >> 6
    var hasDisplacement32 = mod == 2 || (mod == 0 && modrm & 7 == 5)
    if modrm & 7 == 4 {
      if mod == 0, bytes[rest] & 7 == 5 { hasDisplacement32 = true }
      rest += 1
    }
    if mod == 1 { rest += 1 }
    if hasDisplacement32 { rest += 4 }
    emitter.copy(bytes + rest, count: length - rest)
  }
}

extension Emitter {
  /// lea register, [base + index*scale + displacement]
  mutating func loadAddress(_ register: Int, _ memory: MemoryOperand) {
    if memory.is32Bit { byte(0x67) }
    let base = memory.base ?? 5
    let index = memory.index ?? 4
    byte(0x48 | (base >= 8 ? 1 : 0) | (index >= 8 ? 2 : 0))
    byte(0x8d)
    let isShort = memory.base != nil && Int64(Int8(truncatingIfNeeded: memory.displacement)) == memory.displacement
    byte((memory.base == nil ? 0x04 : isShort ? 0x44 : 0x84) | UInt8(register) << 3)
    byte(memory.scaleBits << 6 | UInt8(index & 7) << 3 | UInt8(base & 7))
    if isShort {
      byte(UInt8(truncatingIfNeeded: memory.displacement))
    } else {
      u32(UInt32(truncatingIfNeeded: memory.displacement))
    }
  }
}
