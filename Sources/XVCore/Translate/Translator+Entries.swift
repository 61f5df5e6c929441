// SPDX-License-Identifier: GPL-3.0-only

/// The doors of a block: for direct jumps, calls, indirect branches and returns.
extension Translator {
  mutating func emitEntry(
    _ entry: EntryKind, _ block: inout Block, _ emission: inout UnitEmission
  ) {
    switch entry {
    case .linked: break
    case .call:
      recover(&emission, block.original, adjust: 8)
      block.callEntry = emission.offset
      emission.hot.dropReturnAddress()
    case .jump:
      recover(&emission, block.original, spilled: .all, adjust: 8)
      emission.hot.dropReturnAddress()
      block.jumpEntry = emission.offset
      emitReloads(block.bodyLive, original: block.original, &emission)
    case .ret:
      block.returnEntry = emission.offset
      emitReloads(block.bodyLive, original: block.original, &emission)
    }
  }

  /// Whether the unit is entered by calls and begins with a push, as most functions do: then what a call has
  /// pushed and what the function pushes share one place on the stack.
  func pushesAtCallEntry(_ entry: EntryKind, _ mode: UnitMode) -> Bool {
    guard entry == .call, mode == .normal, !scanIsVolatile, checks == .none, !marks[0].isJoin,
      states[0].slots.isEmpty, states[0].missing.isEmpty, !(hasBreakpoints && breakpoints.contains(scan[0].address)),
      let register = pushedFirst
    else { return false }
    return register != Register.rsp
  }

  /// Small functions, which call nothing, do not; for them valid slots are worth more than registers in place, since
  /// most of them leave rcx or rdx alone.
  var beginsWithPush: Bool { pushedFirst != nil && !scanIsVolatile }

  /// The register that the unit's first instruction pushes: push r64, without prefixes but REX.B.
  private var pushedFirst: Int? {
    let bytes = copies + Int(marks[0].bytes)
    guard scan[0].kind == .plain else { return nil }
    return switch scan[0].length {
    case 1 where bytes[0] & 0xf8 == 0x50: Int(bytes[0] & 7)
    case 2 where bytes[0] == 0x41 && bytes[1] & 0xf8 == 0x50: Int(bytes[1] & 7) | 8
    default: nil
    }
  }

  /// A call entry that puts the pushed register where the call has left the cache address. Ways in other than
  /// calls push it in the cold part.
  ///
  ///     mov [rsp], register
  ///     1: ...                      cold: push register ; jmp 1b
  mutating func emitPushingEntry(_ block: inout Block, _ emission: inout UnitEmission) {
    let register = pushedFirst!
    recover(&emission, block.original, adjust: 8)
    block.callEntry = emission.offset
    emission.hot.byte(register >= 8 ? 0x4c : 0x48)
    emission.hot.bytes(0x24_04_89 | UInt64(register & 7) << 11, count: 3)
    let index = emission.arena
    var cold = arenas[index].emitter(at: arenas[index].cold)
    block.body = UInt32(arenas[index].cold)
    block.linked = block.body
    appendCold(index, cold, block.original)
    cold.copy(copies + Int(marks[0].bytes), count: Int(scan[0].length))
    appendCold(index, cold, scan[0].end)
    relocations.append(
      .coldToHot, UInt32(truncatingIfNeeded: cold.address &- arenas[index].guest) &+ 1)
    cold.jump(to: emission.hot.address)
    arenas[index].cold = arenas[index].server.distance(to: cold.cursor)
    recover(&emission, scan[0].end)
  }

  /// A cold way in that stores registers to their slots, for a body that relies on slots.
  mutating func emitSlotStores(
    _ registers: SpillSet, to body: UInt32, original: UInt64, arena index: Int
  ) -> UInt32 {
    let offset = UInt32(arenas[index].cold)
    var cold = arenas[index].emitter(at: Int(offset))
    appendCold(index, cold, original)
    Translator.emitStores(registers, &cold)
    relocations.append(
      .coldToHot, UInt32(truncatingIfNeeded: cold.address &- arenas[index].guest) &+ 1)
    cold.jump(to: arenas[index].address(Int(body)).rawValue)
    arenas[index].cold = arenas[index].server.distance(to: cold.cursor)
    return offset
  }

  @inline(__always)
  static func emitStores(_ registers: SpillSet, _ emitter: inout Emitter) {
    if registers.contains(.rcx) {
      emitter.store(Register.rcx, slot: ContextLayout.spilledRCX)
    }
    if registers.contains(.rdx) {
      emitter.store(Register.rdx, slot: ContextLayout.spilledRDX)
    }
  }

  static func emitLoads(_ registers: SpillSet, _ emitter: inout Emitter) {
    if registers.contains(.rcx) { emitter.load(Register.rcx, slot: ContextLayout.spilledRCX) }
    if registers.contains(.rdx) { emitter.load(Register.rdx, slot: ContextLayout.spilledRDX) }
  }

  /// Reloads the scratch registers that the block may read. The others keep the lookup's leftovers,
  /// which recovery recognizes (`Translator+Recover`).
  mutating func emitReloads(
    _ live: SpillSet, original: UInt64, _ emission: inout UnitEmission
  ) {
    var left: SpillSet = .all
    recover(&emission, original, spilled: left)
    if live.contains(.rcx) {
      emission.hot.load(Register.rcx, slot: ContextLayout.spilledRCX)
      left.remove(.rcx)
      recover(&emission, original, spilled: left)
    }
    if live.contains(.rdx) {
      emission.hot.load(Register.rdx, slot: ContextLayout.spilledRDX)
      left.remove(.rdx)
      recover(&emission, original, spilled: left)
    }
  }

  /// The unit ends right behind a call whose continuation lives elsewhere or is not translated: the
  /// return must still find an entry behind its call instruction.
  mutating func emitDetachedContinuation(
    of call: Instruction, at: UInt64, _ emission: inout UnitEmission
  ) {
    let number = record(at)
    guard takesReturns(blocks[Int(number)], behindCallIn: emission.arena) else { return }
    setReturnEntry(number, emission.offset, arena: emission.arena)
    emitReloads(exitState.live, original: at, &emission)
  }

  /// Whether returns to a block should come behind a call that its unit does not hold. A continuation that
  /// was translated before its call, because a thread that had made the call returned, has an entry that
  /// each return would be mispredicted for.
  func takesReturns(_ block: Block, behindCallIn arena: Int) -> Bool {
    !block.returnsBehindCall && (block.state == .wanted || Int(block.arena) == arena)
  }

  mutating func setReturnEntry(_ number: Int32, _ entry: UInt32, arena: Int) {
    let block = blocks[Int(number)]
    if block.returnEntry != 0 {
      movedReturns.append(block.original)
      counters.movedReturns &+= 1
    }
    blocks[Int(number)].returnEntry = entry
    blocks[Int(number)].returnsBehindCall = true
    blocks[Int(number)].arena = UInt8(arena)
    detachedContinuations.append(number)
  }
}
