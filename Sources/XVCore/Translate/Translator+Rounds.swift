// SPDX-License-Identifier: GPL-3.0-only

/// Looking at all rounds of a repeated string instruction at once, without touching flags: whether what
/// lies less than their length above or below the first round reaches a range of `WatchFilter`.
///
/// The direction flag is not looked at. A number that is at least zero has zero in its highest byte: `bswap`
/// brings that to where `jrcxz` can test it. All is on the cold side: such an instruction takes a while anyway.
extension Translator {
  /// More rounds than this count as this many: all of the address space.
  private static let mostRounds: UInt64 = 1 << 47

  static func canCheckRounds(_ access: OperandAccess) -> Bool {
    access.segment == .flat && !access.memory.is32Bit && access.size.nonzeroBitCount == 1
      && access.size <= 8
  }

  /// `concerned` are operands of one instruction, at [rdi] or [rsi].
  mutating func emitRoundsCheck(
    _ concerned: [OperandAccess], _ origin: UInt64, _ emission: inout UnitEmission
  ) {
    let exit = addExit(
      Exit(kind: .watched, arena: UInt8(emission.arena), target: origin))
    let arena = emission.arena
    let back = emission.hot.address &+ 5
    var cold = arenas[arena].emitter(at: arenas[arena].cold)
    let start = cold.address
    emission.hot.jump(to: start)

    appendCold(arena, cold, origin)
    cold.store(Register.rcx, slot: ContextLayout.slot(Register.rcx))
    appendCold(arena, cold, origin, adjust: 0x11, form: .inFile)
    cold.store(Register.rdx, slot: ContextLayout.slot(Register.rdx))
    appendCold(arena, cold, origin, adjust: 0x21, form: .inFile)
    emitRoundsLength(size: concerned[0].size, &cold)
    var meetings: [UnsafeMutableRawPointer] = []
    for access in concerned {
      emitSpan(of: access, &cold)
      for range in 0..<WatchFilter.mostRanges {
        meetings.append(emitComparison(range: range, &cold))
      }
      cold.load(Register.rdx, slot: ContextLayout.watchedLength)
    }
    cold.load(Register.rcx, slot: ContextLayout.slot(Register.rcx))
    cold.load(Register.rdx, slot: ContextLayout.slot(Register.rdx))
    appendCold(arena, cold, origin)
    cold.jump(to: back)

    appendCold(arena, cold, origin, adjust: 0x21, form: .inFile)
    for meeting in meetings {
      (meeting - 4).storeBytes(of: Int32(meeting.distance(to: cold.cursor)), as: Int32.self)
    }
    cold.load(Register.rcx, slot: ContextLayout.slot(Register.rcx))
    cold.load(Register.rdx, slot: ContextLayout.slot(Register.rdx))
    appendCold(arena, cold, origin)
    let offset = UInt32(truncatingIfNeeded: cold.address &- arenas[arena].guest)
    emitParking(&cold, at: offset, .watched, exit: exit, pc: origin)
    arenas[arena].cold += Int(cold.address &- start)
    recover(&emission, origin)
  }

  /// rdx = how many bytes all rounds take, also in the context.
  private func emitRoundsLength(size: Int, _ cold: inout Emitter) {
    cold.bytes(0xc9_0f_48, count: 3)  // bswap rcx
    cold.bytes(0xc9_b7_0f, count: 3)  // movzx ecx, cx
    cold.u16(0x0ce3)  // jrcxz over the next two
    cold.move(Register.rcx, immediate: Translator.mostRounds)
    cold.u16(0x09eb)  // jmp over the load
    cold.load(Register.rcx, slot: ContextLayout.slot(Register.rcx))
    cold.loadAddress(
      Register.rdx,
      MemoryOperand(
        base: nil, index: Register.rcx, scaleBits: UInt8(size.trailingZeroBitCount),
        displacement: 0, isRipRelative: false, is32Bit: false))
    cold.store(Register.rdx, slot: ContextLayout.watchedLength)
  }

  /// Puts down where the accesses begin at the lowest and end at the highest; rdx holds their length.
  private func emitSpan(of access: OperandAccess, _ cold: inout Emitter) {
    var place = access.memory
    place.index = Register.rdx
    place.scaleBits = 0
    cold.loadAddress(Register.rcx, place)
    cold.store(Register.rcx, slot: ContextLayout.watchedEnd)
    cold.bytes(0xd2_f7_48, count: 3)  // not rdx
    place.displacement += Int64(1 + access.size)
    cold.loadAddress(Register.rcx, place)
    cold.store(Register.rcx, slot: ContextLayout.watchedAddress)
  }

  /// Goes on behind it when the range is not met; else jumps. Returns where the jump ends.
  private func emitComparison(range: Int, _ cold: inout Emitter) -> UnsafeMutableRawPointer {
    let slot = ContextLayout.watchRanges + range * 16
    cold.load(Register.rcx, slot: ContextLayout.watchedAddress)
    cold.load(Register.rdx, slot: slot)
    cold.bytes(0x11_0c_8d_48, count: 4)  // lea rcx, [rcx+rdx]
    let isAbove = emitJumpIfNotNegative(&cold)
    cold.load(Register.rcx, slot: ContextLayout.watchedEnd)
    cold.bytes(0xd1_f7_48, count: 3)  // not rcx
    cold.load(Register.rdx, slot: slot + 8)
    cold.bytes(0x01_11_4c_8d_48, count: 5)  // lea rcx, [rcx+rdx+1]
    let isBelow = emitJumpIfNotNegative(&cold)
    cold.jump(to: cold.address)
    let end = cold.cursor
    for jump in [isAbove, isBelow] {
      let distance = jump.distance(to: end)
      precondition(distance < 128)
      (jump - 1).storeBytes(of: UInt8(distance), as: UInt8.self)
    }
    return end
  }

  /// For what is in rcx, whose highest byte is 0 or 0xff.
  private func emitJumpIfNotNegative(_ cold: inout Emitter) -> UnsafeMutableRawPointer {
    cold.bytes(0xc9_0f_48, count: 3)  // bswap rcx
    cold.bytes(0xc9_b6_0f, count: 3)  // movzx ecx, cl
    cold.u16(0x00e3)  // jrcxz
    return cold.cursor
  }
}
