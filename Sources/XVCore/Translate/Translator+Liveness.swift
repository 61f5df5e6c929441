// SPDX-License-Identifier: GPL-3.0-only

/// Where the scratch registers' values are, before one instruction of a unit.
///
/// After an indirect branch the values of rcx and rdx stand in the spill slots. A register that is
/// not changed until the next indirect branch need not be stored again, and one that is not used
/// until then need not even be reloaded: what costs at an indirect branch is not the lookup but
/// storing a register and loading it back.
struct ScratchState: BitwiseCopyable {
  /// Their slots hold their values, on every way that leads here inside the unit.
  var valid: SpillSet = []
  /// The same, as it is on falling through from the instruction before; what `valid` has more is
  /// stored there.
  var fallThrough: SpillSet = []
  /// What jumps of the unit that lead here agree on.
  var joined: SpillSet = .all
  /// Slots that some way on from here makes use of.
  var useful: SpillSet = []
  /// They must be in their registers when the body runs from here.
  var live: SpillSet = []

  /// What a body that begins here relies on: stored by whoever comes without it. The way on can promise
  /// no more of `valid` to others.
  var slots: SpillSet { valid.intersection(useful) }
  /// Of these, what falling through has to store.
  var missing: SpillSet { slots.subtracting(fallThrough) }
}

extension Translator {
  /// Fills in `states` for the scanned instructions; `exitState` is what holds behind the last one.
  mutating func computeScratchStates(_ scanned: Scanned, entry: EntryKind) {
    exitState = ScratchState(live: .all)
    if scanIsVolatile {
      // What was proved about code that may change would not hold; and self-checks use the slots.
      for index in 0..<scanned.count { states[index] = ScratchState(live: .all) }
      return
    }
    for index in 0..<scanned.count { states[index] = ScratchState() }
    // A loop's head is assumed to be reached with all slots valid until a way back to it says less.
    var rounds = 0
    while computeValid(scanned, entry, final: rounds >= 4) { rounds += 1 }
    rounds = 0
    while computeUseful(scanned, final: rounds >= 4) { rounds += 1 }
    exitState.useful = indexOfContinuation(scanned).map { states[$0].useful } ?? .all
    rounds = 0
    while computeLive(scanned, final: rounds >= 6) { rounds += 1 }
  }

  /// One pass back. Whether a loop's head has more uses than its jumps knew.
  private mutating func computeUseful(_ scanned: Scanned, final: Bool) -> Bool {
    var hasChanged = false
    var useful: SpillSet = .all
    if let target = indexOfContinuation(scanned) { useful = final ? .all : states[target].useful }
    var behindReturn = useful
    for index in stride(from: scanned.count &- 1, through: 0, by: -1) {
      switch scan[index].kind {
      case .plain, .ripRelative: useful.subtract(SpillSet(scan[index].writes))
      case .jump, .inlinedCall: break
      case .inlinedReturn:
        if marks[index].leadsTo < 0 { behindReturn = useful } else { useful = behindReturn }
      case .inlinedJump: useful = states[Int(marks[index].leadsTo)].useful
      case .inlinedConditionalJump: useful.formUnion(states[Int(marks[index].leadsTo)].useful)
      case .conditionalJump:
        if let target = seen.find(scan[index].target), target < scanned.count, !final || target > index {
          useful.formUnion(states[target].useful)
        } else {
          useful = .all
        }
      case .call, .indirectCall, .indirectJump, .ret: useful = .all
      default: useful = []
      }
      guard useful != states[index].useful else { continue }
      states[index].useful = useful
      if marks[index].isLoopHead { hasChanged = true }
    }
    return hasChanged && !final
  }

  /// One pass forward. Whether a loop's head has to be looked at again.
  private mutating func computeValid(_ scanned: Scanned, _ entry: EntryKind, final: Bool) -> Bool {
    let count = scanned.count
    var valid: SpillSet = entry == .jump || entry == .ret ? .all : []
    var hasChanged = false
    // What the returns of an inlined function agree on.
    var returned: SpillSet = .all
    for index in 0..<count {
      let mark = marks[index]
      if mark.followsCall { valid = .all }
      states[index].fallThrough = valid
      if mark.isLoopHead {
        valid = final ? [] : states[index].joined
      } else if mark.isJoin {
        valid = valid.intersection(states[index].joined)
      }
      states[index].valid = valid
      switch scan[index].kind {
      case .plain, .ripRelative: valid.subtract(SpillSet(scan[index].writes))
      case .inlinedCall: returned = .all
      case .inlinedReturn:
        returned.formIntersection(valid)
        // Behind one in the middle only jumps lead on.
        valid = mark.leadsTo < 0 ? returned : .all
      case .inlinedConditionalJump, .inlinedJump:
        states[Int(mark.leadsTo)].joined.formIntersection(valid)
        if scan[index].kind == .inlinedJump { valid = .all }
      case .conditionalJump, .jump:
        guard let target = seen.find(scan[index].target), target < count else { continue }
        let agreed = states[target].joined.intersection(valid)
        if agreed != states[target].joined {
          states[target].joined = agreed
          if target <= index { hasChanged = true }
        }
      case .shortLoop:
        valid = []
        if let target = seen.find(scan[index].target), target < count {
          if target <= index, !states[target].joined.isEmpty { hasChanged = true }
          states[target].joined = []
        }
      default: valid = []
      }
    }
    // Behind a call nobody falls through; who returns comes from a lookup.
    if scan[count &- 1].isCall { valid = .all }
    exitState.valid = valid
    if let target = indexOfContinuation(scanned) {
      let agreed = states[target].joined.intersection(valid)
      if agreed != states[target].joined {
        states[target].joined = agreed
        hasChanged = true
      }
    }
    return hasChanged && !final
  }

  /// One pass back. Whether a loop's head needs more than its jumps knew.
  private mutating func computeLive(_ scanned: Scanned, final: Bool) -> Bool {
    let count = scanned.count
    var hasChanged = false
    var live: SpillSet = .all
    if case .continues(let at) = scanned.end {
      live = liveAtTarget(at, count, from: count, exitState, final)
    }
    exitState.live = live
    var behindReturn = live
    var index = count
    while index > 0 {
      index &-= 1
      let instruction = scan[index]
      let valid = states[index].valid
      switch instruction.kind {
      case .plain, .ripRelative, .systemCall:
        live.subtract(SpillSet(instruction.defines))
        live.formUnion(SpillSet(instruction.uses))
        // The test of an unknown number puts rcx into its slot: it must be there to be put.
        if instruction.kind == .systemCall, marks[index].callNumber < 0 { live.insert(.rcx) }
      case .conditionalJump:
        live.formUnion(
          liveAtTarget(instruction.target, count, from: index, states[index], final))
      case .jump, .inlinedCall: break
      case .inlinedReturn:
        if marks[index].leadsTo < 0 { behindReturn = live } else { live = behindReturn }
      case .inlinedJump: live = states[Int(marks[index].leadsTo)].live
      case .inlinedConditionalJump: live.formUnion(states[Int(marks[index].leadsTo)].live)
      case .call: live = liveIn(instruction.target, valid)
      case .ret: live = SpillSet.all.subtracting(valid)
      case .indirectJump, .indirectCall:
        live = SpillSet.all.subtracting(valid).union(SpillSet(instruction.uses))
      default: live = .all
      }
      if live != states[index].live {
        states[index].live = live
        if marks[index].isLoopHead { hasChanged = true }
      }
      // Falling into a block that wants more slots stores them from the registers.
      live.formUnion(states[index].missing)
    }
    return hasChanged && !final
  }

  /// What a jump must have in registers for `target`.
  @inline(__always)
  private func liveAtTarget(
    _ target: UInt64, _ count: Int, from index: Int, _ state: ScratchState, _ final: Bool
  ) -> SpillSet {
    guard let inside = seen.find(target), inside < count else { return liveIn(target, state.slots) }
    if final, inside <= index { return .all }
    // When the unit dies, this exit leads to another translation. With all slots it can reload what it
    // needs; else it may store the registers again.
    return state.slots == .all ? states[inside].live : states[inside].live.union(state.valid)
  }
}
