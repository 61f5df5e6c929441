// SPDX-License-Identifier: GPL-3.0-only

/// What a unit is made for.
enum UnitMode {
  /// Registered, linked, found by later translations.
  case normal
  /// One instruction, then back to the server.
  case step
  /// One instruction without its probe, then on as usual: how a thread leaves a breakpoint.
  case stepOver
}

/// By which door the first block is entered first; that entry falls through into the block.
enum EntryKind {
  case linked
  case call
  case jump
  case ret
}

/// The state of one emission: cursors of the arena, taken out while code is written.
struct UnitEmission {
  var hot: Emitter
  var arena: Int
  var unit: Int32
  var mode: UnitMode
  let hotBase: UnsafeMutableRawPointer

  @inline(__always)
  var offset: UInt32 { UInt32(truncatingIfNeeded: hotBase.distance(to: hot.cursor)) }
}

extension Translator {
  /// Translates the code at `original`. Returns the number of its first block and where its body
  /// begins, or nil when there is no code.
  ///
  /// Steps leave no block behind; their number is -1.
  mutating func translate(
    _ original: UInt64, mode: UnitMode, entry: EntryKind, arena: Int
  ) -> (block: Int32, linked: CacheAddress)? {
    let limit = mode == .normal ? ScanLimit.instructions : 1
    guard let scanned = scanUnit(at: original, limit: limit, arena: arena) else { return nil }
    if scanned.count == 0, let block = liveBlock(original) {
      return (block, arenas[Int(blocks[Int(block)].arena)].address(Int(blocks[Int(block)].linked)))
    }
    scanCount = scanned.count
    counters.units &+= 1
    counters.instructions &+= UInt64(scanned.count)

    if mode == .normal { markJoins(scanned.count) }
    computeScratchStates(scanned, entry: entry)
    return emitUnit(original, scanned, mode: mode, entry: entry, arena: arena)
  }

  private mutating func emitUnit(
    _ original: UInt64, _ scanned: Scanned, mode: UnitMode, entry: EntryKind, arena: Int
  ) -> (block: Int32, linked: CacheAddress) {
    // Function entries and loop heads decode best from an aligned address.
    let aligned = (arenas[arena].hot + 15) & ~15
    var emission = UnitEmission(
      hot: arenas[arena].emitter(at: aligned), arena: arena, unit: Int32(units.count), mode: mode,
      hotBase: arenas[arena].server)
    let start = emission.offset
    let firstExit = Int32(exits.count)
    var firstBlock: Int32 = -1
    var lastBlock: Int32 = -1
    var linked = emission.offset

    if mode == .normal, hasBreakpoints, breakpoints.contains(original) {
      // Nothing but the probe: a thread leaves it by a fragment of its own (`UnitMode.stepOver`).
      states[0] = ScratchState(live: .all)
      firstBlock = beginBlock(0, original, entry, &emission, &lastBlock)
      linked = blocks[Int(firstBlock)].linked
      blocks[Int(firstBlock)].length = UInt32(scan[0].length)
      emitParking(.probe, target: original, origin: original, &emission)
    } else {
      for index in 0..<scanned.count {
        if marks[index].startsBlock, mode == .normal {
          let block = beginBlock(
            index, scan[index].address, index == 0 ? entry : nil, &emission, &lastBlock)
          if index == 0 {
            firstBlock = block
            linked = blocks[Int(block)].linked
          }
        }
        emitInstruction(index, &emission)
        if lastBlock >= 0 {
          let block = Int(lastBlock)
          blocks[block].length = UInt32(
            truncatingIfNeeded: scan[index].end &- blocks[block].original)
        }
      }
      let last = scan[scanned.count - 1]
      if case .continues(let at) = scanned.end, mode == .normal,
        last.kind == .call || last.kind == .indirectCall
      {
        emitDetachedContinuation(of: last, at: at, &emission)
      }
      emitEnd(scanned.end, from: last.address, &emission)
    }

    units.append(
      Unit(
        firstBlock: firstBlock, arena: UInt8(arena), firstExit: firstExit,
        exitCount: Int32(exits.count) - firstExit, hot: start, hotEnd: emission.offset))
    arenas[arena].hot = Int(emission.offset)
    publish(Int32(units.count - 1))
    return (firstBlock, arenas[arena].address(Int(linked)))
  }

  /// Opens a block's record and emits its entries.
  private mutating func beginBlock(
    _ index: Int, _ original: UInt64, _ entry: EntryKind?, _ emission: inout UnitEmission,
    _ lastBlock: inout Int32
  ) -> Int32 {
    let number = record(original)
    counters.blocks &+= 1
    var block = blocks[Int(number)]
    block.arena = UInt8(emission.arena)
    let state = states[index]
    block.live = state.live.union(state.valid)
    block.bodyLive = state.live
    block.slots = state.valid
    block.unit = emission.unit
    block.isStable = scanIsStable && !scanIsVolatile
    block.nextInUnit = -1
    block.length = 0
    if let entry {
      emitEntry(entry, &block, &emission)
    } else if marks[index].followsCall {
      block.callAddress = scan[index - 1].address
      block.callSite = lastCallSite
      block.callValid = lastCallValid
      emitEntry(.ret, &block, &emission)
    }
    let missing = state.valid.subtracting(state.fallThrough)
    if !missing.isEmpty, entry != .linked {
      recover(&emission, original)
      Translator.emitStores(missing, &emission.hot)
    }
    block.body = emission.offset
    block.linked =
      state.valid.isEmpty
      ? emission.offset
      : emitSlotStores(
        state.valid, to: emission.offset, original: original, arena: emission.arena)
    blocks[Int(number)] = block
    if scanIsVolatile, !(hasBreakpoints && breakpoints.contains(original)) { emitSelfCheck(index, &emission) }
    if lastBlock >= 0 { blocks[Int(lastBlock)].nextInUnit = number }
    lastBlock = number
    return number
  }

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

  /// A cold way in that stores registers to their slots, for a body that relies on slots.
  mutating func emitSlotStores(
    _ registers: SpillSet, to body: UInt32, original: UInt64, arena index: Int
  ) -> UInt32 {
    let offset = UInt32(arenas[index].cold)
    var cold = arenas[index].emitter(at: Int(offset))
    appendCold(index, cold, original)
    Translator.emitStores(registers, &cold)
    cold.jump(to: arenas[index].address(Int(body)).rawValue)
    arenas[index].cold = arenas[index].server.distance(to: cold.cursor)
    return offset
  }

  @inline(__always)
  private static func emitStores(_ registers: SpillSet, _ emitter: inout Emitter) {
    if registers.contains(.rcx) {
      emitter.store(Register.rcx, slot: ContextLayout.spilledRCX)
    }
    if registers.contains(.rdx) {
      emitter.store(Register.rdx, slot: ContextLayout.spilledRDX)
    }
    if registers.contains(.r11) {
      emitter.store(Register.r11, slot: ContextLayout.spilledR11)
    }
  }

  /// Reloads the scratch registers that the block may read. The others keep the lookup's leftovers,
  /// which recovery recognizes (`Translator+Recover`).
  private mutating func emitReloads(
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
    if live.contains(.r11) {
      emission.hot.load(Register.r11, slot: ContextLayout.spilledR11)
      left.remove(.r11)
      recover(&emission, original, spilled: left)
    }
  }

  /// The unit ends right behind a call whose continuation lives elsewhere or is not translated: the
  /// return must still find an entry behind its call instruction.
  private mutating func emitDetachedContinuation(
    of call: Instruction, at: UInt64, _ emission: inout UnitEmission
  ) {
    let number = record(at)
    let block = blocks[Int(number)]
    guard block.returnEntry == 0, block.state == .wanted || Int(block.arena) == emission.arena
    else { return }
    blocks[Int(number)].returnEntry = emission.offset
    blocks[Int(number)].arena = UInt8(emission.arena)
    detachedContinuation = number
    emitReloads(block.state == .live ? block.live : .all, original: at, &emission)
  }

  private mutating func emitEnd(
    _ end: ScanEnd, from origin: UInt64, _ emission: inout UnitEmission
  ) {
    switch end {
    case .transfer: break
    case .continues(let at):
      recover(&emission, at)
      if emission.mode == .step {
        emitParking(.stepped, target: at, origin: origin, &emission)
      } else {
        emission.hot.alignField(distance: 1)
        emission.hot.byte(0xe9)
        emitExit(.jump, target: at, origin: origin, valid: exitValid, &emission)
      }
    }
  }

  // MARK: Instructions

  private mutating func emitInstruction(_ index: Int, _ emission: inout UnitEmission) {
    let instruction = scan[index]
    let bytes = UnsafePointer(copies + Int(marks[index].bytes))
    recover(&emission, instruction.address)
    switch instruction.kind {
    case .plain: emission.hot.copy(bytes, count: Int(instruction.length))
    case .ripRelative: emitRipRelative(instruction, bytes, &emission)
    case .jump:
      if emission.mode != .normal { break }
    case .conditionalJump:
      emission.hot.alignField(distance: 2)
      emission.hot.byte(0x0f)
      emission.hot.byte(0x80 | instruction.condition)
      emitExit(
        .jump, target: instruction.target, origin: instruction.address,
        valid: states[index].valid, &emission)
    case .shortLoop: emitShortLoop(instruction, bytes, &emission)
    case .transactionBegin:
      emission.hot.alignField(distance: 2)
      emission.hot.u16(0xf8c7)
      emitExit(.jump, target: instruction.target, origin: instruction.address, &emission)
    case .call: emitCall(instruction, &emission)
    case .indirectJump, .indirectCall:
      emitIndirect(instruction, bytes, valid: states[index].valid, &emission)
    case .ret: emitReturn(instruction, valid: states[index].valid, &emission)
    case .systemCall:
      emitSystemCall(
        instruction, number: marks[index].startsBlock ? -1 : marks[index].callNumber, &emission)
    case .guestSegment: emitGuestSegment(instruction, bytes, &emission)
    case .guestSegmentBase, .rare:
      emitParking(
        .rare, target: instruction.address, origin: instruction.address, &emission)
    case .invalid: emission.hot.u16(0x0b0f)  // ud2
    }
  }

  private mutating func emitShortLoop(
    _ instruction: Instruction, _ bytes: UnsafePointer<UInt8>, _ emission: inout UnitEmission
  ) {
    let length = Int(instruction.length)
    emission.hot.alignField(distance: length + 3)
    emission.hot.copy(bytes, count: length - 1)
    emission.hot.byte(2)  // taken: over the next jump
    emission.hot.u16(0x05eb)  // not taken: over the exit
    // Taken: the counter has been decremented, so only the target describes the state.
    recover(&emission, instruction.target)
    emission.hot.byte(0xe9)
    emitExit(.jump, target: instruction.target, origin: instruction.address, &emission)
  }

  private mutating func emitCall(_ instruction: Instruction, _ emission: inout UnitEmission) {
    lastCallSite = emission.offset
    lastCallValid = []
    if scanUsesRedZone { return emitNarrowCall(instruction, &emission) }
    emitPushReturnAddress(instruction.end, &emission)
    recover(&emission, instruction.address, adjust: 8)
    emission.hot.alignField(distance: 1)
    emission.hot.byte(0xe8)
    emitExit(.call, target: instruction.target, origin: instruction.address, &emission)
  }

  /// A call that writes nothing but its return address, for code with data in the red zone: the call
  /// instruction goes to a thunk that replaces the cache address by the original one.
  ///
  ///     jmp 2f
  ///     1: lea rsp, [rsp+8] ; push original ; jmp target
  ///     2: call 1b
  private mutating func emitNarrowCall(
    _ instruction: Instruction, _ emission: inout UnitEmission
  ) {
    emission.hot.byte(0xeb)
    emission.hot.byte(0)
    let thunk = emission.hot.cursor
    recover(&emission, instruction.address, adjust: 8)
    emission.hot.dropReturnAddress()
    recover(&emission, instruction.address)
    emitPushReturnAddress(instruction.end, &emission)
    recover(&emission, instruction.address, adjust: 8)
    emission.hot.alignField(distance: 1)
    emission.hot.byte(0xe9)
    emitExit(.jump, target: instruction.target, origin: instruction.address, &emission)
    (thunk - 1).storeBytes(
      of: UInt8(thunk.distance(to: emission.hot.cursor)), as: UInt8.self)
    recover(&emission, instruction.address)
    let start = emission.hot.address &- UInt64(thunk.distance(to: emission.hot.cursor))
    emission.hot.byte(0xe8)
    emission.hot.relative32(to: start)
  }

  /// Compares the block's original bytes with those that were translated, without touching flags.
  ///
  ///     rcx, r11 -> slots
  ///     mov rcx, [code] ; mov r11, -expected ; lea rcx, [rcx+r11] ; jrcxz +5 ; jmp stale
  ///     ...
  ///     rcx, r11 <- slots
  private mutating func emitSelfCheck(_ index: Int, _ emission: inout UnitEmission) {
    var last = index
    while last + 1 < scanCount, !marks[last + 1].startsBlock { last += 1 }
    let original = scan[index].address
    let length = Int(scan[last].end &- original)
    let expected = UnsafeRawPointer(copies + Int(marks[index].bytes))
    guard arenas[emission.arena].reaches(original) else { return }
    emission.hot.store(Register.rcx, slot: ContextLayout.spilledRCX)
    emission.hot.store(Register.r11, slot: ContextLayout.spilledR11)
    recover(&emission, original, spilled: [.rcx, .r11])
    let stale = emitStaleExit(original, emission)
    var offset = 0
    while offset < length {
      // Whole words, the last one overlapping; short blocks by their powers of two.
      let size = [8, 4, 2, 1].first { $0 <= length - offset || ($0 <= length && offset > 0) }!
      let at = min(offset, length - size)
      emitLoadCode(size: size, original &+ UInt64(at), &emission)
      var value: UInt64 = 0
      for byte in 0..<size {
        value |= UInt64(expected.load(fromByteOffset: at + byte, as: UInt8.self)) << UInt64(byte * 8)
      }
      emission.hot.u16(0xbb49)  // mov r11, imm64
      emission.hot.u64(0 &- value)
      emission.hot.bytes(0x19_0c_8d_4a, count: 4)  // lea rcx, [rcx+r11]
      emission.hot.u16(0x05e3)  // jrcxz over the jump
      emission.hot.jump(to: stale)
      offset = at + size
    }
    emission.hot.load(Register.rcx, slot: ContextLayout.spilledRCX)
    recover(&emission, original, spilled: [.r11])
    emission.hot.load(Register.r11, slot: ContextLayout.spilledR11)
  }

  /// rcx = the code's bytes, zero-extended, rip-relative.
  private func emitLoadCode(size: Int, _ address: UInt64, _ emission: inout UnitEmission) {
    switch size {
    case 8: emission.hot.bytes(0x0d_8b_48, count: 3)  // mov rcx, [rip+code]
    case 4: emission.hot.bytes(0x0d_8b, count: 2)  // mov ecx, [rip+code]
    case 2: emission.hot.bytes(0x0d_b7_0f, count: 3)  // movzx ecx, word [rip+code]
    default: emission.hot.bytes(0x0d_b6_0f, count: 3)  // movzx ecx, byte [rip+code]
    }
    emission.hot.relative32(to: address)
  }

  private mutating func emitStaleExit(_ original: UInt64, _ emission: UnitEmission) -> UInt64 {
    let index = emission.arena
    let exit = addExit(
      Exit(kind: .stale, arena: UInt8(index), target: original, origin: original))
    var cold = arenas[index].emitter(at: arenas[index].cold)
    let start = cold.address
    appendCold(index, cold, original, spilled: [.rcx, .r11])
    cold.load(Register.rcx, slot: ContextLayout.spilledRCX)
    appendCold(index, cold, original, spilled: [.r11])
    cold.load(Register.r11, slot: ContextLayout.spilledR11)
    appendCold(index, cold, original)
    cold.storeImmediate32(UInt32(bitPattern: exit), slot: ContextLayout.exit)
    cold.jump(slot: ContextLayout.gateMiss)
    arenas[index].cold += Int(cold.address &- start)
    return start
  }

  /// One 8-byte store: two 4-byte stores cannot be forwarded to the load at the return.
  private mutating func emitPushReturnAddress(_ address: UInt64, _ emission: inout UnitEmission) {
    if address < 0x8000_0000 {
      emission.hot.byte(0x68)  // push imm32, sign-extended
      emission.hot.u32(UInt32(address))
    } else {
      let literal = arenas[emission.arena].addLiteral(address)
      emission.hot.u16(0x35ff)  // push [rip+literal]
      emission.hot.relative32(to: literal)
    }
  }

  private mutating func emitReturn(
    _ instruction: Instruction, valid: SpillSet, _ emission: inout UnitEmission
  ) {
    let dirty = SpillSet.all.subtracting(valid)
    Translator.emitStores(dirty.intersection(.rcx), &emission.hot)
    emission.hot.bytes(0x24_0c_8b_48, count: 4)  // mov rcx, [rsp]
    recover(&emission, instruction.address, spilled: .rcx)
    if instruction.immediate == 0 {
      let routine = arenas[emission.arena].returnRoutine
      // A register that is valid in its slot may hold anything else: it must not be stored again.
      let entry: UInt64 =
        switch (dirty.contains(.rdx), dirty.contains(.r11)) {
        case (true, false): 0
        case (true, true): 11
        case (false, true): 20
        case (false, false): 29
        }
      emission.hot.jump(to: routine + entry)
      return
    }
    Translator.emitStores(dirty.subtracting(.rcx), &emission.hot)
    recover(&emission, instruction.address, spilled: .all)
    emitLookup(table: ContextLayout.returnTable, gate: ContextLayout.gateReturnLookup, &emission)
    emission.hot.bytes(0x24_0c_89_48, count: 4)  // mov [rsp], rcx
    recover(
      &emission, instruction.address, spilled: .all, form: .restoreReturnAddress)
    emission.hot.byte(0xc2)  // ret imm16
    emission.hot.u16(instruction.immediate)
  }

  private mutating func emitIndirect(
    _ instruction: Instruction, _ bytes: UnsafePointer<UInt8>, valid: SpillSet,
    _ emission: inout UnitEmission
  ) {
    let isCall = instruction.kind == .indirectCall
    if instruction.prefix.contains(.gs) {
      emitParking(.rare, target: instruction.address, origin: instruction.address, &emission)
      return
    }
    if isCall {
      lastCallSite = emission.offset
      lastCallValid = valid
    }
    Translator.emitStores(SpillSet.all.subtracting(valid), &emission.hot)
    emitTargetLoad(instruction, bytes, &emission)
    if isCall {
      recover(&emission, instruction.address, spilled: .rcx)
      emitPushReturnAddress(instruction.end, &emission)
    }
    let adjust: UInt8 = isCall ? 8 : 0
    recover(&emission, instruction.address, spilled: .all, adjust: adjust)
    emitLookup(
      table: ContextLayout.jumpTable, gate: ContextLayout.gateJumpLookup, &emission,
      original: instruction.address, adjust: adjust)
    if isCall {
      emission.hot.bytes(0xfb_51_8d_48, count: 4)  // lea rdx, [rcx-5]
      emission.hot.u16(0xd2ff)  // call rdx
    } else {
      emission.hot.u16(0xe1ff)  // jmp rcx
    }
  }

  /// mov rcx, operand: the transfer's own operand, as a load.
  private mutating func emitTargetLoad(
    _ instruction: Instruction, _ bytes: UnsafePointer<UInt8>, _ emission: inout UnitEmission
  ) {
    let prefix = instruction.prefix
    if prefix.contains(.ripRelative), !arenas[emission.arena].reaches(instruction.target) {
      emission.hot.move(Register.rcx, immediate: instruction.target)
      emission.hot.bytes(0x09_8b_48, count: 3)  // mov rcx, [rcx]
      return
    }
    if prefix.contains(.fs) { emission.hot.byte(0x64) }
    if prefix.contains(.address32) { emission.hot.byte(0x67) }
    emission.hot.byte(
      0x48 | (prefix.contains(.rexX) ? 2 : 0) | (prefix.contains(.rexB) ? 1 : 0))
    emission.hot.byte(0x8b)
    let modrmOffset = Int(instruction.modrmOffset)
    emission.hot.byte(bytes[modrmOffset] & 0xc7 | UInt8(Register.rcx) << 3)
    if prefix.contains(.ripRelative) {
      emission.hot.relative32(to: instruction.target)
    } else {
      emission.hot.copy(
        bytes + modrmOffset + 1, count: Int(instruction.length) - modrmOffset - 1)
    }
  }

  /// The inline lookup: rcx = original target in, rcx = rdx = cache address out; else to the gate,
  /// which comes back to the lookup when it has filled the table.
  mutating func emitLookup(
    table: Int, gate: Int, _ emission: inout UnitEmission, original: UInt64 = 0, adjust: UInt8 = 0
  ) {
    let retry = emission.hot.address
    emission.hot.bytes(0xd1_b7_0f, count: 3)  // movzx edx, cx
    emission.hot.bytes(0x12_14_8d, count: 3)  // lea edx, [rdx+rdx]
    emission.hot.bytes(0xd5_1c_8b_4c_65, count: 5)  // mov r11, gs:[rdx*8+table]: minus the tag
    emission.hot.u32(UInt32(table))
    emission.hot.bytes(0x19_0c_8d_4a, count: 4)  // lea rcx, [rcx+r11]
    emission.hot.u16(0x05e3)  // jrcxz over the jump
    let cold = beginLookupMiss(emission, original: original, adjust: adjust, retry: retry, gate: gate)
    emission.hot.jump(to: cold)
    emission.hot.bytes(0xd5_0c_8b_48_65, count: 5)  // mov rcx, gs:[rdx*8+table+8]
    emission.hot.u32(UInt32(table + 8))
    emission.hot.bytes(0xca_89_48, count: 3)  // mov rdx, rcx
  }

  /// The cold half of a lookup: makes the target again from the failed comparison.
  private mutating func beginLookupMiss(
    _ emission: UnitEmission, original: UInt64, adjust: UInt8, retry: UInt64, gate: Int
  ) -> UInt64 {
    let index = emission.arena
    var cold = arenas[index].emitter(at: arenas[index].cold)
    let start = cold.address
    // Whatever the hot side's recovery says at the retry point holds here as well.
    let hot = arenas[index].hotRecovery.entry(
      covering: UInt32(retry &- arenas[index].guest))
    if var entry = hot {
      entry.offset = UInt32(arenas[index].cold)
      arenas[index].coldRecovery.append(entry)
    }
    cold.bytes(0xd3_f7_49, count: 3)  // not r11
    cold.bytes(0x01_19_4c_8d_4a, count: 5)  // lea rcx, [rcx+r11+1]
    cold.bytes(0x15_8d_48, count: 3)  // lea rdx, [rip+retry]
    cold.relative32(to: retry)
    cold.store(Register.rdx, slot: ContextLayout.retry)
    cold.jump(slot: gate)
    arenas[index].cold += Int(cold.address &- start)
    return start
  }

  /// Code that does nothing but stop a thread at `original`.
  mutating func stopFragment(at original: UInt64, arena: Int) -> CacheAddress {
    var emission = UnitEmission(
      hot: arenas[arena].emitter(at: arenas[arena].hot), arena: arena, unit: -1, mode: .step,
      hotBase: arenas[arena].server)
    let start = emission.offset
    emitParking(.stepped, target: original, origin: original, &emission)
    arenas[arena].hot = Int(emission.offset)
    return arenas[arena].address(Int(start))
  }

  /// Emitted once at the start of an arena: every plain return ends here. The return predictor does
  /// not care where the `ret` stands, and the code of a return shrinks from 75 bytes to 18.
  mutating func emitReturnRoutine(_ index: Int) {
    var emission = UnitEmission(
      hot: arenas[index].emitter(at: 64), arena: index, unit: -1, mode: .normal,
      hotBase: arenas[index].server)
    arenas[index].returnRoutine = emission.hot.address
    // Four ways in: rdx to be stored (0), rdx and r11 (11), r11 (20), none (29).
    recover(&emission, 0, spilled: .rcx, form: .returnFromStack)
    emission.hot.store(Register.rdx, slot: ContextLayout.spilledRDX)
    recover(&emission, 0, spilled: [.rcx, .rdx], form: .returnFromStack)
    emission.hot.u16(0x12eb)  // jmp over the two stores
    recover(&emission, 0, spilled: .rcx, form: .returnFromStack)
    emission.hot.store(Register.rdx, slot: ContextLayout.spilledRDX)
    recover(&emission, 0, spilled: [.rcx, .rdx], form: .returnFromStack)
    emission.hot.store(Register.r11, slot: ContextLayout.spilledR11)
    recover(&emission, 0, spilled: .all, form: .returnFromStack)
    emitLookup(table: ContextLayout.returnTable, gate: ContextLayout.gateReturnLookup, &emission)
    emission.hot.bytes(0x24_0c_89_48, count: 4)  // mov [rsp], rcx
    recover(&emission, 0, spilled: .all, form: .returnFromTag)
    emission.hot.byte(0xc3)
    arenas[index].hot = Int(emission.offset)
  }

  private mutating func emitSystemCall(
    _ instruction: Instruction, number: Int32, _ emission: inout UnitEmission
  ) {
    let origin = instruction.address
    let next = instruction.end
    if number >= 0, InterceptedCall.isIntercepted(number) {
      emitParking(.systemCall, target: next, origin: origin, &emission)
      return
    }
    if number < 0 {
      emission.hot.store(Register.rcx, slot: ContextLayout.spilledRCX)
      emission.hot.bytes(0xc8_b7_0f, count: 3)  // movzx ecx, ax
      recover(&emission, origin, spilled: .rcx)
      emission.hot.bytes(0x89_b6_0f_65, count: 4)  // movzx ecx, byte gs:[rcx+callMap]
      emission.hot.u32(UInt32(ContextLayout.callMap))
      emission.hot.u16(0x05e3)  // jrcxz over the jump
      emission.hot.jump(to: emitColdParking(origin: origin, next: next, emission))
    }
    // Both registers are the system call's to destroy, so nothing is lost in rcx here.
    emission.hot.u16(0x050f)
    recover(&emission, next, form: .afterSystemCall)
    emission.hot.move(Register.rcx, immediate: next)
  }

  /// Leaves for the server with all registers in the context: system calls, probes, steps.
  mutating func emitParking(
    _ kind: Exit.Kind, target: UInt64, origin: UInt64, _ emission: inout UnitEmission
  ) {
    // The stub puts the pc down before it leaves, so recovery is the same before and inside.
    let pc = kind == .stepped ? target : origin
    recover(&emission, pc)
    let exit = addExit(Exit(kind: kind, arena: UInt8(emission.arena), target: target, origin: origin))
    Translator.emitParking(&emission.hot, kind, exit: exit, pc: pc)
  }

  private static func emitParking(
    _ emitter: inout Emitter, _ kind: Exit.Kind, exit: Int32, pc: UInt64
  ) {
    emitter.storeImmediate32(UInt32(bitPattern: exit), slot: ContextLayout.exit)
    emitter.storeImmediate32(
      UInt32(truncatingIfNeeded: pc), slot: ContextLayout.originalPC)
    emitter.storeImmediate32(
      UInt32(truncatingIfNeeded: pc >> 32), slot: ContextLayout.originalPC + 4)
    emitter.jump(
      slot: kind == .systemCall ? ContextLayout.gateSystemCall : ContextLayout.gateProbe)
  }

  private mutating func emitColdParking(
    origin: UInt64, next: UInt64, _ emission: UnitEmission
  ) -> UInt64 {
    let index = emission.arena
    let exit = addExit(
      Exit(kind: .systemCall, arena: UInt8(index), target: next, origin: origin))
    var cold = arenas[index].emitter(at: arenas[index].cold)
    let start = cold.address
    appendCold(index, cold, origin, spilled: .rcx)
    cold.load(Register.rcx, slot: ContextLayout.spilledRCX)
    appendCold(index, cold, origin)
    Translator.emitParking(&cold, .systemCall, exit: exit, pc: origin)
    arenas[index].cold += Int(cold.address &- start)
    return start
  }

  // MARK: Recovery entries

  @inline(__always)
  func recover(
    _ emission: inout UnitEmission, _ original: UInt64, spilled: SpillSet = [], adjust: UInt8 = 0,
    form: Recovery.Form = .at
  ) {
    arenas[emission.arena].hotRecovery.append(
      Recovery(
        offset: emission.offset, form: form, spilled: spilled, stackAdjustment: adjust,
        original: original))
  }

  func appendCold(
    _ index: Int, _ cold: Emitter, _ original: UInt64, spilled: SpillSet = [], adjust: UInt8 = 0,
    form: Recovery.Form = .at
  ) {
    arenas[index].coldRecovery.append(
      Recovery(
        offset: UInt32(truncatingIfNeeded: cold.address &- arenas[index].guest), form: form,
        spilled: spilled, stackAdjustment: adjust, original: original))
  }
}
