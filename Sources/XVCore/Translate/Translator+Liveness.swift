// SPDX-License-Identifier: GPL-3.0-only

/// Where the scratch registers' values are, before one instruction of a unit.
///
/// After an indirect branch the values of rcx, rdx and r11 stand in the spill slots. A register that is
/// not changed until the next indirect branch need not be stored again, and one that is not used
/// until then need not even be reloaded: what costs at an indirect branch is not the lookup but
/// storing a register and loading it back.
struct ScratchState: BitwiseCopyable {
  /// Their slots hold their values, on every way that leads here inside the unit.
  var valid: SpillSet = []
  /// They must be in their registers when the body runs from here.
  var live: SpillSet = .all
}

extension Translator {
  /// Fills in `states` for the scanned instructions: `valid` by one pass forward, `live` by one back.
  mutating func computeScratchStates(
    _ scanned: Scanned, entry: EntryKind, into states: UnsafeMutablePointer<ScratchState>
  ) {
    if scanIsVolatile {
      // What was proved about code that may change would not hold; and self-checks use the slots.
      for index in 0..<scanned.count { states[index] = ScratchState() }
      return
    }
    computeValid(scanned.count, entry, states)
    computeLive(scanned, states)
  }

  private func computeValid(
    _ count: Int, _ entry: EntryKind, _ states: UnsafeMutablePointer<ScratchState>
  ) {
    var valid: SpillSet = entry == .jump || entry == .ret ? .all : []
    for index in 0..<count {
      let mark = marks[index]
      if mark.followsCall { valid = .all }
      if mark.isJoin { valid = [] }
      states[index].valid = valid
      let kind = scan[index].kind
      if kind == .plain || kind == .ripRelative || kind == .conditionalJump || kind == .jump {
        valid.subtract(SpillSet(scan[index].writes))
      } else {
        valid = []
      }
    }
  }

  private func computeLive(
    _ scanned: Scanned, _ states: UnsafeMutablePointer<ScratchState>
  ) {
    var live: SpillSet = .all
    if case .continues(let at) = scanned.end { live = liveAtTarget(at, scanned.count, states, from: scanned.count) }
    var index = scanned.count
    while index > 0 {
      index &-= 1
      let instruction = scan[index]
      switch instruction.kind {
      case .plain, .ripRelative, .systemCall:
        live.subtract(SpillSet(instruction.defines))
        live.formUnion(SpillSet(instruction.uses))
      case .conditionalJump:
        live.formUnion(liveAtTarget(instruction.target, scanned.count, states, from: index))
      case .jump: break
      case .call: live = liveIn(instruction.target)
      case .ret: live = SpillSet.all.subtracting(states[index].valid)
      case .indirectJump, .indirectCall:
        live = SpillSet.all.subtracting(states[index].valid).union(SpillSet(instruction.uses))
      default: live = .all
      }
      states[index].live = live
    }
  }

  /// What a jump to `target` must have in registers.
  @inline(__always)
  private func liveAtTarget(
    _ target: UInt64, _ count: Int, _ states: UnsafeMutablePointer<ScratchState>, from index: Int
  ) -> SpillSet {
    guard let inside = seen.find(target), inside < count else { return liveIn(target) }
    // Backward jumps lead to states that are not computed yet.
    return inside > index ? states[inside].live.union(states[inside].valid) : .all
  }
}
