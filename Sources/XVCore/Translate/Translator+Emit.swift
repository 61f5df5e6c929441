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
    let most = checks == .none ? ScanLimit.instructions : Translator.checkedInstructions
    let limit = mode == .normal ? most : 1
    guard let scanned = scanUnit(at: original, limit: limit, arena: arena) else { return nil }
    if scanned.count == 0, let block = liveBlock(original) {
      return (block, arenas[Int(blocks[Int(block)].arena)].address(Int(blocks[Int(block)].linked)))
    }
    scanCount = scanned.count
    if case .continues = scanned.end { scanContinues = true } else { scanContinues = false }
    counters.units &+= 1
    counters.instructions &+= UInt64(scanned.count)
    let last = scanned.count - 1
    counters.originalBytes &+= UInt64(marks[last].bytes) &+ UInt64(scan[last].length)

    if mode == .normal { markJoins(scanned) }
    let entry = entry == .call && !beginsWithPush ? .jump : entry
    computeScratchStates(scanned, entry: entry)
    return emitUnit(original, scanned, mode: mode, entry: entry, arena: arena)
  }

  private mutating func emitUnit(
    _ original: UInt64, _ scanned: Scanned, mode: UnitMode, entry: EntryKind, arena: Int
  ) -> (block: Int32, linked: CacheAddress) {
    // Function entries and loop heads decode best from an aligned address.
    arenas[arena].prepare()
    let aligned = (arenas[arena].hot + 15) & ~15
    var emission = UnitEmission(
      hot: arenas[arena].emitter(at: aligned), arena: arena, unit: Int32(units.count), mode: mode,
      hotBase: arenas[arena].server)
    let start = unitStart(arena, hot: emission.offset)
    relocations.removeAll()
    var firstBlock: Int32 = -1
    var lastBlock: Int32 = -1
    var linked = emission.offset

    if mode == .normal, hasBreakpoints, breakpoints.contains(original) {
      // Nothing but the probe: a thread leaves it by a fragment of its own (`UnitMode.stepOver`).
      states[0] = ScratchState(live: .all)
      firstBlock = beginBlock(0, original, entry, &emission, &lastBlock)
      linked = blocks[Int(firstBlock)].linked
      blocks[Int(firstBlock)].length = UInt16(scan[0].length)
      emitParking(.probe, target: original, origin: original, &emission)
    } else {
      for index in 0..<scanned.count {
        if !inlinedJumps.isEmpty { landInlinedJumps(at: index, emission) }
        if marks[index].startsBlock, mode == .normal {
          let block = beginBlock(
            index, scan[index].address, index == 0 ? entry : nil, &emission, &lastBlock)
          if index == 0 {
            firstBlock = block
            linked = blocks[Int(block)].linked
          }
        } else if marks[index].isChecked, mode == .normal {
          emitSelfCheck(index, countedAs: nil, &emission)
        }
        if index > 0 || !pushesAtCallEntry(entry, mode) { emitInstruction(index, &emission) }
        if lastBlock >= 0, !marks[index].isInlined {
          let block = Int(lastBlock)
          blocks[block].length = UInt16(
            truncatingIfNeeded: scan[index].end &- blocks[block].original)
        }
      }
      if !inlinedJumps.isEmpty { landInlinedJumps(at: scanned.count, emission) }
      addInlinedBlocks(scanned.count, behind: lastBlock, emission)
      let last = scan[scanned.count - 1]
      if case .continues(let at) = scanned.end, mode == .normal, last.isCall {
        emitDetachedContinuation(of: last, at: at, &emission)
      }
      emitEnd(scanned.end, from: last.address, &emission)
    }

    var unit = Unit(
      firstBlock: firstBlock, arena: UInt8(arena), firstExit: start.firstExit,
      exitCount: Int32(exits.count) - start.firstExit, hot: start.hot, hotEnd: emission.offset)
    if mode == .normal { describe(&unit, since: start, firstBlock: firstBlock) }
    units.append(unit)
    arenas[arena].hot = Int(emission.offset)
    if mode == .normal, persisted != nil {
      persist(
        original, scanned, since: start, hotEnd: emission.offset, firstBlock: firstBlock,
        arena: arena)
    }
    publish((units.count - 1)..<units.count)
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
    if Int(block.arena) != emission.arena {
      // Behind a call within another arena's reach.
      block.returnEntry = 0
      block.returnsBehindCall = false
    }
    block.arena = UInt8(emission.arena)
    let state = states[index]
    block.live = state.live.union(state.slots)
    block.bodyLive = state.live
    block.slots = state.slots
    block.unit = emission.unit
    // What a copy of a function, or of a slot, has told about registers does not hold of a call that is made.
    block.isStable = scanIsStable && !scanIsVolatile && !scanHasCopies
    block.nextInUnit = -1
    block.length = 0
    if let entry, index == 0, pushesAtCallEntry(entry, emission.mode) {
      emitPushingEntry(&block, &emission)
      blocks[Int(number)] = block
      lastBlock = number
      return number
    }
    if let entry {
      emitEntry(entry, &block, &emission)
    } else if marks[index].followsCall {
      block.callLength = scan[index - 1].length
      block.callSite = lastCallSite
      block.returnsBehindCall = true
      block.callValid = lastCallValid
      emitEntry(.ret, &block, &emission)
    }
    if !state.missing.isEmpty, entry != .linked {
      recover(&emission, original)
      Translator.emitStores(state.missing, &emission.hot)
    }
    block.body = emission.offset
    block.linked =
      state.slots.isEmpty
      ? emission.offset
      : emitSlotStores(
        state.slots, to: emission.offset, original: original, arena: emission.arena)
    blocks[Int(number)] = block
    if scanIsVolatile, !(hasBreakpoints && breakpoints.contains(original)) {
      emitSelfCheck(index, countedAs: number, &emission)
    }
    if lastBlock >= 0 { blocks[Int(lastBlock)].nextInUnit = number }
    lastBlock = number
    return number
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
        emitExit(.jump, target: at, state: exitState, &emission)
      }
    }
  }

  // MARK: Instructions

  private mutating func emitInstruction(_ index: Int, _ emission: inout UnitEmission) {
    let instruction = scan[index]
    let bytes = UnsafePointer(copies + Int(marks[index].bytes))
    recover(&emission, instruction.address, inPlace: states[index].live)
    let start = emission.offset
    if checks != .none, emission.mode == .normal {
      emitAccessChecks(instruction, bytes, &emission)
    }
    switch instruction.kind {
    case .plain:
      padForJump(behind: index, bytes, &emission)
      if instruction.isFloatingPoint(bytes) {
        arenas[emission.arena].floatingPoint[emission.offset] = instruction.address
        relocations.noteUnmovable()
      }
      emission.hot.copy(bytes, count: Int(instruction.length))
      if instruction.length <= 2, bytes[Int(instruction.length) - 1] == 0x9d {
        // popf may set the trap flag: the trap then comes before the next instruction begins.
        recover(&emission, instruction.end)
        emission.hot.byte(0x90)
      }
    case .ripRelative:
      padForJump(behind: index, bytes, &emission)
      emitRipRelative(instruction, bytes, &emission)
    case .jump:
      if emission.mode != .normal { break }
    case .conditionalJump:
      emission.hot.alignField(distance: 2)
      emission.hot.byte(0x0f)
      emission.hot.byte(0x80 | instruction.condition)
      emitExit(
        .jump, target: instruction.target, state: states[index], &emission)
    case .shortLoop: emitShortLoop(instruction, bytes, &emission)
    case .transactionBegin:
      emission.hot.alignField(distance: 2)
      emission.hot.u16(0xf8c7)
      emitExit(.jump, target: instruction.target, &emission)
    case .call: emitCall(instruction, states[index], &emission)
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
    case .inlinedCall: emitPushReturnAddress(instruction.end, &emission)
    case .inlinedConditionalJump, .inlinedJump, .inlinedReturn: emitInlined(index, &emission)
    case .invalid: emission.hot.u16(0x0b0f)  // ud2
    }
    // Others come to a call by its check.
    if checks != .none { lastCallSite = start }
  }

  // MARK: Recovery entries

  @inline(__always)
  func recover(
    _ emission: inout UnitEmission, _ original: UInt64, spilled: SpillSet = [], inPlace: SpillSet = [],
    adjust: UInt8 = 0, form: Recovery.Form = .at
  ) {
    arenas[emission.arena].hotRecovery.append(
      Recovery(
        offset: emission.offset, form: form, spilled: spilled, inPlace: inPlace, stackAdjustment: adjust,
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
