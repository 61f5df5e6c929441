// SPDX-License-Identifier: GPL-3.0-only

/// Small functions that only compute stand in the fragments of their callers.
///
/// A return costs more than anything else that a fragment does: the lookup reads three tables. A function that
/// writes no memory and leaves rsp alone returns to where it was called from, because nothing can have changed the
/// return address between the call and the return but another thread, and that might have come a moment later as
/// well: the way is short and has no loop. So its call pushes the return address, its instructions follow, and its
/// return adds 8 to rsp. No register is touched that the program would not touch, and wherever a thread is stopped
/// it stands in the function, with its return address on the stack.
///
/// The copies are no blocks that anybody could enter; `Block.isInlined` says of which code they are, for whoever
/// changes that code or sets a breakpoint there.
extension Translator {
  /// The longest function, in instructions.
  private static let mostInlined = 24
  /// From its first byte to where its jumps lead.
  private static let longestInlined: UInt64 = 1024

  /// Appends the function at `target` to the scan, behind the call that is its last instruction. Returns how many
  /// instructions that were; 0 when this function cannot stand here, and nothing has changed then.
  mutating func inlineFunction(
    at target: UInt64, behind count: Int, limit: Int, _ area: ExecutableRanges.Area, arena: Int, copied: inout UInt32
  ) -> Int {
    // A trusted page may call one that is not.
    guard scanIsStable, !area.isVolatile, checks == .none, !makesEachRead else { return 0 }
    var bytes = copied
    var index = count
    var pc = target
    // Where jumps of the function lead that were not met yet, and whence: all lead ahead.
    var waiting: [(target: UInt64, from: Int)] = []
    while true {
      guard index < min(limit, count + Translator.mostInlined), area.range.contains(pc), arenas[arena].serves(pc),
        !(hasBreakpoints && breakpoints.contains(pc)),
        let (at, available) = reader.code(
          at: pc, in: area.range, process: process, isVolatile: false, request: request),
        let raw = decoder.fast.decode(at, available: min(15, available)), raw.onlyComputes || raw.isJumpOrReturn,
        var instruction = decoder.decode(at, available: min(15, available), address: pc),
        instruction.end <= area.range.upperBound
      else { return 0 }
      var mark = ScanMark(startsBlock: false, followsCall: false, bytes: bytes, callNumber: -1)
      mark.isInlined = true
      waiting.removeAll {
        guard $0.target == pc else { return false }
        marks[$0.from].leadsTo = Int16(index)
        mark.isJoin = true
        return true
      }
      var falls = true
      switch instruction.kind {
      case .plain where raw.onlyComputes, .ripRelative where raw.onlyComputes: break
      case .conditionalJump, .jump:
        guard instruction.target >= instruction.end, instruction.target < target &+ Translator.longestInlined else { return 0 }
        falls = instruction.kind == .conditionalJump
        waiting.append((instruction.target, index))
        instruction.kind = falls ? .inlinedConditionalJump : .inlinedJump
      case .ret where instruction.immediate == 0:
        falls = false
        instruction.kind = .inlinedReturn
      default: return 0
      }
      scan[index] = instruction
      marks[index] = mark
      (copies + Int(bytes)).update(from: at, count: Int(instruction.length))
      bytes &+= UInt32(instruction.length)
      index += 1
      if falls {
        pc = instruction.end
      } else if let next = waiting.lazy.map(\.target).min() {
        // Behind a jump or a return only what jumps lead to can run.
        guard next >= instruction.end else { return 0 }
        pc = next
      } else {
        break
      }
    }
    guard scan[index - 1].kind == .inlinedReturn else { return 0 }
    for earlier in count..<(index - 1) where scan[earlier].kind == .inlinedReturn {
      marks[earlier].leadsTo = Int16(index)
    }
    copied = bytes
    return index - count
  }

  // MARK: Emission

  /// Transfers of control inside the copy of a function. They lead ahead, and nobody changes them later.
  mutating func emitInlined(_ index: Int, _ emission: inout UnitEmission) {
    switch scan[index].kind {
    case .inlinedReturn:
      emission.hot.dropReturnAddress()
      guard marks[index].leadsTo >= 0 else { return }
      recover(&emission, scan[inlinedCall(of: index)].end)
      inlinedJumps.append((Int(marks[index].leadsTo), emission.hot.farJump()))
    case .inlinedJump: inlinedJumps.append((Int(marks[index].leadsTo), emission.hot.farJump()))
    default:
      inlinedJumps.append((Int(marks[index].leadsTo), emission.hot.farJump(0x80 | scan[index].condition)))
    }
  }

  /// The call that brought an inlined instruction.
  private func inlinedCall(of index: Int) -> Int {
    var index = index
    while marks[index].isInlined { index -= 1 }
    return index
  }

  /// Points what leads to the instruction that is emitted next there.
  mutating func landInlinedJumps(at index: Int, _ emission: UnitEmission) {
    inlinedJumps.removeAll {
      guard $0.to == index else { return false }
      emission.hot.landFar($0.field)
      return true
    }
  }

  /// Says of what code and data elsewhere the unit holds copies.
  mutating func addInlinedBlocks(_ count: Int, behind last: Int32, _ emission: UnitEmission) {
    guard last >= 0 else { return }
    var last = last
    func add(_ original: UInt64, _ length: UInt64) {
      let number = nameless(original)
      blocks[Int(number)].length = UInt16(length)
      blocks[Int(number)].arena = UInt8(emission.arena)
      blocks[Int(number)].unit = emission.unit
      blocks[Int(last)].nextInUnit = number
      last = number
    }
    var index = 0
    while index < count {
      defer { index += 1 }
      guard marks[index].isInlined else { continue }
      let start = scan[index].address
      while index + 1 < count, marks[index + 1].isInlined { index += 1 }
      add(start, scan[index].end &- start)
    }
    for transfer in followed {
      if transfer.stubLength > 0 { add(transfer.stub, UInt64(transfer.stubLength)) }
      add(transfer.slot, 8)
    }
  }
}
