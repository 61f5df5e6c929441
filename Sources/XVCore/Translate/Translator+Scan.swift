// SPDX-License-Identifier: GPL-3.0-only

/// How a scan ended.
enum ScanEnd {
  /// The last instruction transfers control for good (jump through a register, return).
  case transfer
  /// The program goes on at this address, in another unit or earlier in this one.
  case continues(at: UInt64)
}

struct Scanned {
  var count: Int
  var end: ScanEnd
}

extension Translator {
  /// Decodes the code that one unit will hold: blocks in fall-through order, followed across
  /// conditional jumps, calls and direct jumps until code that is translated already, a transfer
  /// that nobody can follow, or the bounds.
  ///
  /// Returns nil when there is no code at `start`.
  mutating func scanUnit(at start: UInt64, limit: Int, arena: Int) -> Scanned? {
    seen.clear()
    scanUsesRedZone = false
    followed.removeAll(keepingCapacity: true)
    scanHasCopies = false
    var count = 0
    var blockCount = 1
    var copied: UInt32 = 0
    var pc = start
    var startsBlock = true
    var isChecked = false
    var followsCall = false
    var area: ExecutableRanges.Area? = nil
    var code: UnsafePointer<UInt8>? = nil
    var codeStart: UInt64 = 0
    var available = 0

    while true {
      if count > 0 {
        if seen.find(pc) != nil || starts.contains(pc) {
          return Scanned(count: count, end: .continues(at: pc))
        }
        if count >= limit || blockCount > ScanLimit.blocks
          || (hasBreakpoints && limit > 1 && breakpoints.contains(pc))
        {
          return Scanned(count: count, end: .continues(at: pc))
        }
      }
      if area == nil || !area!.range.contains(pc) { area = ranges.area(containing: pc) }
      guard let area, arenas[arena].serves(pc) else {
        return count == 0 ? nil : Scanned(count: count, end: .continues(at: pc))
      }
      // The last instruction of an area may reach into the next one, which may be of another kind.
      let following = pc &+ 15 <= area.range.upperBound ? area : ranges.area(containing: area.range.upperBound) ?? area
      let isVolatile = (area.isVolatile || following.isVolatile) && !trusted.covers(pc)
      let isStable = area.isFile && following.isFile
      guard count == 0 || (isVolatile == scanIsVolatile && isStable == scanIsStable) else {
        return Scanned(count: count, end: .continues(at: pc))
      }
      scanIsVolatile = isVolatile
      scanIsStable = isStable
      scanIsShared = area.isShared || following.isShared
      // Bytes: the same page as before, or a new one.
      let offset = Int(truncatingIfNeeded: pc &- codeStart)
      if code == nil || pc < codeStart || offset >= 4096 || available &- offset < 1 {
        guard
          let (bytes, length) = reader.code(
            at: pc & ~0xfff, in: area.range, process: process,
            isVolatile: !isStable || area.isVolatile, request: request)
        else { return count == 0 ? nil : Scanned(count: count, end: .continues(at: pc)) }
        code = bytes
        codeStart = pc & ~0xfff
        available = length
      }
      let at = code! + Int(pc &- codeStart)
      let left = min(15, available - Int(pc &- codeStart))
      guard var instruction = decoder.decode(at, available: left, address: pc) else {
        if count > 0 { return Scanned(count: count, end: .continues(at: pc)) }
        // Cut short by a page that is not there: the fetch itself faults.
        return left < 15 ? nil : scanInvalid(pc)
      }

      (copies + Int(copied)).update(from: at, count: Int(instruction.length))
      if limit > 1, instruction.isFollowable {
        follow(&instruction, area, arena: arena)
        code = nil  // The reader may hold another page there now.
      }
      scan[count] = instruction
      marks[count] = ScanMark(
        startsBlock: startsBlock, isChecked: isChecked, followsCall: followsCall, bytes: copied, callNumber: -1)
      copied &+= UInt32(instruction.length)
      seen.insert(pc, count)
      if instruction.prefix.contains(.redZone) { scanUsesRedZone = true }
      startsBlock = false
      isChecked = false
      followsCall = false
      count &+= 1
      let next = instruction.end

      switch instruction.kind {
      case .plain, .ripRelative, .guestSegment, .guestSegmentBase:
        pc = next
        // It may have changed the code ahead.
        if isVolatile, decoder.writesMemory(at, length: Int(instruction.length)) {
          isChecked = true
          blockCount &+= 1
        }
      case .conditionalJump, .shortLoop, .transactionBegin:
        markTarget(instruction.target)
        pc = next
        startsBlock = true
        blockCount &+= 1
      case .jump:
        markTarget(instruction.target)
        pc = instruction.target
        if count >= limit { return Scanned(count: count, end: .continues(at: pc)) }
        startsBlock = true
        blockCount &+= 1
      case .call, .indirectCall:
        if instruction.kind == .call, limit > 1 {
          let inlined = inlineFunction(
            at: instruction.target, behind: count, limit: limit, area, arena: arena, copied: &copied)
          if inlined > 0 {
            scanHasCopies = true
            scan[count &- 1].kind = .inlinedCall
            count &+= inlined
            pc = next
            continue
          }
        }
        if limit > 1,
          shareCall(
            at: instruction.address, length: UInt16(instruction.length), end: instruction.end,
            arena: arena)
        {
          return Scanned(count: count &- 1, end: .continues(at: instruction.address))
        }
        pc = next
        startsBlock = true
        followsCall = true
        blockCount &+= 1
      case .systemCall:
        marks[count - 1].callNumber = knownCallNumber(count - 1)
        pc = next
        // The call may write to this very page: the way on must be one that can be taken away.
        if area.isVolatile { return Scanned(count: count, end: .continues(at: pc)) }
      case .indirectJump, .ret: return Scanned(count: count, end: .transfer)
      case .rare, .invalid: return Scanned(count: count, end: .transfer)
      case .inlinedCall, .inlinedConditionalJump, .inlinedJump, .inlinedReturn: break  // made by this scan alone
      }
    }
  }

  /// A call that another unit has translated already becomes a block of that unit: a second copy of
  /// the call would return to the first one's continuation and be mispredicted each time.
  mutating func shareCall(at address: UInt64, length: UInt16, end: UInt64, arena: Int) -> Bool {
    let continuation = find(end)
    guard continuation >= 0 else { return false }
    let after = blocks[Int(continuation)]
    guard after.state == .live, UInt64(after.callLength) == end &- address, after.callSite != 0,
      Int(after.arena) == arena
    else { return false }
    let number = record(address)
    guard blocks[Int(number)].state == .wanted else { return false }
    var block = blocks[Int(number)]
    block.state = .live
    starts.insert(address)
    block.arena = after.arena
    block.length = length
    block.body = after.callSite
    block.slots = after.callValid
    block.linked =
      after.callValid.isEmpty
      ? after.callSite
      : emitSlotStores(after.callValid, to: after.callSite, original: address, arena: arena)
    block.unit = after.unit
    block.nextInUnit = units[Int(after.unit)].firstBlock
    blocks[Int(number)] = block
    units[Int(after.unit)].firstBlock = number
    pages.add(number, original: address, length: block.length)
    linkIncoming(number)
    persistAddition(.sharedCall, address, aux: length)
    return true
  }

  /// Bytes that are no instruction: a unit that raises the processor's own fault at that address.
  private mutating func scanInvalid(_ pc: UInt64) -> Scanned {
    scan[0] = Instruction(
      address: pc, target: 0, length: 1, kind: .invalid, displacementOffset: 0, condition: 0,
      immediate: 0, prefix: [], modrmOffset: 0, uses: .scratch, defines: [],
      writes: .scratch)
    marks[0] = ScanMark(startsBlock: true, followsCall: false, bytes: 0, callNumber: -1)
    return Scanned(count: 1, end: .transfer)
  }

  /// A jump into the unit itself: a block begins at its target.
  @inline(__always)
  private mutating func markTarget(_ target: UInt64) {
    if let index = seen.find(target) { marks[index].startsBlock = true }
  }

  /// Every place in the unit that the unit itself jumps to begins a block: loops and joins stay inside.
  mutating func markJoins(_ scanned: Scanned) {
    let count = scanned.count
    // The last block may fall back into the unit as well.
    if let target = indexOfContinuation(scanned) {
      marks[target].startsBlock = true
      marks[target].isJoin = true
      marks[target].isLoopHead = true
    }
    for index in 0..<count {
      switch scan[index].kind {
      case .conditionalJump, .shortLoop, .jump:
        if let target = seen.find(scan[index].target), target < count {
          marks[target].startsBlock = true
          marks[target].isJoin = true
          if target <= index { marks[target].isLoopHead = true }
        }
      default: break
      }
    }
  }

  /// Which instruction of the unit the program goes on at behind its last one, if it is one of them.
  @inline(__always)
  func indexOfContinuation(_ scanned: Scanned) -> Int? {
    guard case .continues(let at) = scanned.end, let index = seen.find(at), index < scanned.count
    else { return nil }
    return index
  }

  /// The number in eax when the instruction before a system call is `mov eax, imm32`.
  private func knownCallNumber(_ index: Int) -> Int32 {
    guard index > 0, !marks[index].startsBlock, scan[index - 1].end == scan[index].address,
      scan[index - 1].length == 5, copies[Int(marks[index - 1].bytes)] == 0xb8
    else { return -1 }
    let immediate = copies + Int(marks[index - 1].bytes) + 1
    return (0..<4).reduce(Int32(0)) { $0 | Int32(immediate[$1]) << Int32($1 * 8) }
  }

  /// What must be in registers at an exit to `address` where the slots `valid` are.
  @inline(__always)
  func liveIn(_ address: UInt64, _ valid: SpillSet) -> SpillSet {
    let number = find(address)
    // Code that can be replaced may need more tomorrow than it does today.
    guard number >= 0, blocks[Int(number)].state == .live, blocks[Int(number)].isStable else {
      return valid == .all ? [] : .all
    }
    // Made anew, after a breakpoint was there, it may store what it does not store today.
    return valid == .all ? blocks[Int(number)].bodyLive : blocks[Int(number)].live.union(valid)
  }
}

extension SpillSet {
  @inline(__always)
  init(_ registers: RegisterSet) {
    // rcx and rdx are bits 1 and 2 of the register set.
    self.init(rawValue: UInt8(truncatingIfNeeded: (registers.rawValue >> 1) & 3))
  }
}
