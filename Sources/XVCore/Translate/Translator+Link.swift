// SPDX-License-Identifier: GPL-3.0-only
internal import CLinux

extension Translator {
  /// Emits the rel32 of a direct exit. It is pointed somewhere when the unit is published.
  mutating func emitExit(
    _ kind: Exit.Kind, target: UInt64,
    state: ScratchState = ScratchState(live: .all), _ emission: inout UnitEmission
  ) {
    var exit = Exit(kind: kind, arena: UInt8(emission.arena), target: target)
    exit.valid = state.slots
    if exit.valid == .all { exit.held = state.live }
    exit.field = emission.offset
    precondition(exit.field & 7 <= 4, "a field is patched by one store")
    emission.hot.u32(0)
    let block = Int(record(target))
    exit.next = blocks[block].incoming
    blocks[block].incoming = addExit(exit)
  }

  mutating func addExit(_ exit: Exit) -> Int32 {
    exits.append(exit)
    return Int32(exits.count - 1)
  }

  /// Makes units reachable: their blocks are live, exits that waited for them are linked, their own
  /// exits lead to their targets or to a stub.
  mutating func publish(_ made: Range<Int>) {
    for unit in made { markLive(unit) }
    // Their own exits first: another thread may enter as soon as anything leads here.
    for unit in made { resolveExits(unit) }
    for unit in made { admit(unit) }
    for number in detachedContinuations {
      let block = blocks[Int(number)]
      returns.insert(block.original, arenas[Int(block.arena)].address(Int(block.returnEntry)))
    }
    detachedContinuations.removeAll(keepingCapacity: true)
  }

  private mutating func markLive(_ unit: Int) {
    var number = units[unit].firstBlock
    while number >= 0 {
      blocks[Int(number)].state = .live
      if !blocks[Int(number)].isInlined { starts.insert(blocks[Int(number)].original) }
      number = blocks[Int(number)].nextInUnit
    }
  }

  private mutating func resolveExits(_ unit: Int) {
    let first = units[unit].firstExit
    for index in first..<(first + units[unit].exitCount) {
      let exit = exits[Int(index)]
      guard exit.field != 0, !exit.isLinked else { continue }
      let target = find(exit.target)
      if target >= 0, blocks[Int(target)].state == .live {
        link(index, to: target)
      } else {
        patch(exit, to: missStub(index))
      }
    }
  }

  private mutating func admit(_ unit: Int) {
    var number = units[unit].firstBlock
    while number >= 0 {
      let block = blocks[Int(number)]
      pages.add(number, original: block.original, length: block.length)
      let arena = Int(block.arena)
      if block.returnEntry != 0 {
        returns.insert(block.original, arenas[arena].address(Int(block.returnEntry)))
      }
      if block.jumpEntry != 0 {
        jumps.insert(block.original, arenas[arena].address(Int(block.jumpEntry)))
      }
      linkIncoming(number)
      number = block.nextInUnit
    }
  }

  mutating func linkIncoming(_ number: Int32) {
    var index = blocks[Int(number)].incoming
    while index >= 0 {
      let exit = exits[Int(index)]
      if !exit.isLinked { link(index, to: number) }
      index = exit.next
    }
  }

  private mutating func link(_ index: Int32, to number: Int32) {
    let exit = exits[Int(index)]
    let entry = entry(for: exit, number)
    let block = blocks[Int(number)]
    exits[Int(index)].isLinked = true
    counters.links &+= 1
    if exit.arena == block.arena {
      patch(exit, to: entry)
    } else {
      let target = arenas[Int(block.arena)].address(Int(entry))
      patch(exit, to: farStub(exit, target))
    }
  }

  /// Where an exit enters a block: with what is in place and what is in slots.
  private mutating func entry(for exit: Exit, _ number: Int32) -> UInt32 {
    let block = blocks[Int(number)]
    let isHeld = exit.held.isSuperset(of: block.bodyLive)
    if exit.kind == .call {
      if isHeld, block.slots.isEmpty { return callEntry(number) }
      return exit.valid == .all ? entryWithSlots(number) &- Emitter.dropLength : callEntry(number)
    }
    if isHeld, exit.valid.isSuperset(of: block.slots) { return block.body }
    return exit.valid == .all ? entryWithSlots(number) : block.linked
  }

  /// One aligned 4-byte store: other threads may be running here.
  @inline(__always)
  private func patch(_ exit: Exit, to offset: UInt32) {
    let field = arenas[Int(exit.arena)].server + Int(exit.field)
    xv_store32(field.assumingMemoryBound(to: UInt32.self), offset &- (exit.field &+ 4))
  }

  /// The stub through which an unlinked exit asks for its target.
  mutating func missStub(_ index: Int32) -> UInt32 {
    let exit = exits[Int(index)]
    if exit.stub != 0 { return exit.stub }
    let arena = Int(exit.arena)
    let offset = UInt32(arenas[arena].cold)
    var cold = arenas[arena].emitter(at: Int(offset))
    let missing = SpillSet.all.subtracting(exit.held)
    if exit.kind == .call {
      appendCold(arena, cold, exit.target, spilled: missing, adjust: 8)
      cold.dropReturnAddress()
    }
    if !missing.isEmpty {
      appendCold(arena, cold, exit.target, spilled: missing)
      Translator.emitLoads(missing, &cold)
    }
    appendCold(arena, cold, exit.target)
    cold.storeImmediate32(UInt32(bitPattern: index), slot: ContextLayout.exit)
    cold.jump(slot: ContextLayout.gateMiss)
    arenas[arena].cold = arenas[arena].server.distance(to: cold.cursor)
    exits[Int(index)].stub = offset
    return offset
  }

  /// jmp [rip+literal]: a way into another arena. The literal is aligned: the program may have set
  /// the flag AC, and then an access that is not would fault.
  private mutating func farStub(_ exit: Exit, _ target: CacheAddress) -> UInt32 {
    let arena = Int(exit.arena)
    let offset = arenas[arena].cold
    var cold = arenas[arena].emitter(at: offset)
    let missing = SpillSet.all.subtracting(exit.held)
    appendCold(arena, cold, exit.target, spilled: missing, adjust: exit.kind == .call ? 8 : 0)
    let literal = arenas[arena].addLiteral(target.rawValue)
    cold.u16(0x25ff)
    cold.relative32(to: literal)
    arenas[arena].cold += 6
    return UInt32(offset)
  }

  // MARK: Entries made on demand

  /// The entry for direct calls.
  private mutating func callEntry(_ number: Int32) -> UInt32 {
    let block = blocks[Int(number)]
    if block.callEntry != 0 { return block.callEntry }
    let entry = emitDoor(.call, number)
    blocks[Int(number)].callEntry = entry
    return entry
  }

  /// The entry for indirect jumps and calls, known to the master table from now on.
  mutating func jumpEntry(_ number: Int32) -> CacheAddress {
    let entry = entryWithSlots(number)
    let block = blocks[Int(number)]
    let address = arenas[Int(block.arena)].address(Int(entry))
    jumps.insert(block.original, address)
    return address
  }

  /// The entry for all ways in with both slots valid.
  private mutating func entryWithSlots(_ number: Int32) -> UInt32 {
    if blocks[Int(number)].jumpEntry == 0 {
      blocks[Int(number)].jumpEntry = emitDoor(.jump, number)
      persistAddition(.jumpDoor, blocks[Int(number)].original)
    }
    return blocks[Int(number)].jumpEntry
  }

  /// The entry for returns, for a return address that no translated call has pushed.
  mutating func returnEntry(_ number: Int32) -> CacheAddress {
    if blocks[Int(number)].returnEntry == 0 {
      blocks[Int(number)].returnEntry = emitDoor(.ret, number)
      persistAddition(.returnDoor, blocks[Int(number)].original)
    }
    let block = blocks[Int(number)]
    let address = arenas[Int(block.arena)].address(Int(block.returnEntry))
    returns.insert(block.original, address)
    return address
  }

  /// An entry apart from its block: the entry's code and a jump.
  private mutating func emitDoor(_ kind: EntryKind, _ number: Int32) -> UInt32 {
    var block = blocks[Int(number)]
    let arena = Int(block.arena)
    var emission = UnitEmission(
      hot: arenas[arena].emitter(at: arenas[arena].hot), arena: arena, unit: block.unit,
      mode: .normal, hotBase: arenas[arena].server)
    emitEntry(kind, &block, &emission)
    recover(&emission, block.original)
    if kind == .call { Translator.emitStores(block.slots, &emission.hot) }
    emission.hot.jump(to: arenas[arena].address(Int(block.body)).rawValue)
    arenas[arena].hot = Int(emission.offset)
    switch kind {
    case .call: return block.callEntry
    case .jump: return block.jumpEntry
    default: return block.returnEntry
    }
  }
}

extension Translator {
  /// Points an exit back at its stub.
  mutating func unlink(_ index: Int32) { patch(exits[Int(index)], to: missStub(index)) }
}
