// SPDX-License-Identifier: GPL-3.0-only
internal import CLinux

/// Moving xv's region in the guest. The sequence of events: docs/sequences/relocation.md.
extension Tracer {
  /// All threads stand in canonical state. Without an address any suitable one is taken.
  func relocate(to wanted: UInt64?) throws(GuestError) {
    guard let engine, let caller = caller() else { throw .gone }
    let map = AddressMap(process: caller.rawValue)
    if let wanted, let why = RegionPlace.refusal(wanted, map) {
      throw .cannotRelocate(to: wanted, why: why)
    }
    let place = if let wanted { wanted } else { try anyPlace(map) }
    mendFloatingPoint()
    try asCaller(caller) { registers throws(GuestError) in
      try moveRegion(caller, registers, to: place)
    }
    engine.lock.locked {
      engine.tortureClock.done(.relocate)
      engine.virtualization.relocate(to: place)
    }
    regionAddress = place
    trace("xv is at \(CacheAddress(place)) with \(threads.count) threads")
  }

  /// Takes the arenas' own mappings away: they are mapped again where code asks for them.
  func discardArenas() throws(GuestError) {
    guard let engine, let caller = caller() else { throw .gone }
    mendFloatingPoint()
    try asCaller(caller) { registers throws(GuestError) in
      try unmapArenas(caller, registers)
    }
    engine.lock.locked { engine.discard(.arenas) }
    trace("arenas discarded with \(threads.count) threads")
  }

  private func anyPlace(_ map: AddressMap) throws(GuestError) -> UInt64 {
    let claims = engine?.lock.locked { engine.map { Array($0.claims.values) } } ?? []
    guard let place = RegionPlace.any(map, avoiding: claims, by: &places) else {
      throw .cannotRelocate(to: nil, why: "no room for xv elsewhere in the program's address space")
    }
    return place
  }

  // MARK: The guest's half

  private func unmapArenas(_ caller: ThreadID, _ registers: user_regs_struct) throws(GuestError) {
    guard let engine else { throw .gone }
    for range in engine.lock.locked({ engine.virtualization.arenaRanges }) {
      _ = try inject(
        caller, registers, at: engine.gate.injectedCall, 11, [range.lowerBound, UInt64(Arena.size)])
    }
  }

  /// Moves the region's pieces; the gate, which makes the calls, comes last. Each call ends at a
  /// system-call stop, and what comes next is set there: nothing is executed where the gate was.
  private func moveRegion(
    _ caller: ThreadID, _ registers: user_regs_struct, to place: UInt64
  ) throws(GuestError) {
    guard let engine else { throw .gone }
    let old = engine.guestCore
    let instruction = engine.gate.injectedCall
    func move(_ piece: (offset: Int, size: Int, protection: UInt64), from: UInt64, to: UInt64)
      throws(GuestError) -> Bool
    {
      let size = UInt64(piece.size)
      let mayMoveFixed: UInt64 = 3
      let target = to &+ UInt64(piece.offset)
      return UInt64(
        bitPattern: try inject(
          caller, registers, at: instruction, 25,
          [from &+ UInt64(piece.offset), size, size, mayMoveFixed, target])) == target
    }
    var moved: [(offset: Int, size: Int, protection: UInt64)] = []
    for piece in VirtualizationState.pieces.reversed() {
      if try move(piece, from: old, to: place) {
        moved.append(piece)
        continue
      }
      for piece in moved where try !move(piece, from: place, to: old) {
        engine.say("the program's memory does not let xv move; the program is killed")
        killAndWait()
        throw .gone
      }
      throw .cannotRelocate(to: place, why: "the kernel refuses; are there too many mappings?")
    }
    // By the gate where it is now.
    for range in engine.lock.locked({ engine.virtualization.arenaRanges }) {
      _ = try inject(
        caller, registers, at: instruction &- old &+ place, 11,
        [range.lowerBound, UInt64(Arena.size)])
    }
  }

  /// A thread that waited for its vfork child while xv moved stands in the gate where that was: it is
  /// stopped in the kernel, and goes on in the gate where it is.
  func moveAlong(_ thread: ThreadID) {
    guard let engine, let context = engine.lock.locked({ engine.contexts[thread] }),
      var registers = try? control.registers(thread)
    else { return }
    let distance = context.guestAddress &- UInt64(registers.gs_base)
    guard distance != 0 else { return }
    registers.rip = numericCast(UInt64(registers.rip) &+ distance)
    registers.gs_base = numericCast(context.guestAddress)
    try? control.setRegisters(thread, registers)
  }

  // MARK: Who makes the calls

  /// A canonical thread, if possible one that stands before no signal and is in no call of its own.
  private func caller() -> ThreadID? {
    func cost(_ state: TracedThread) -> Int {
      let isInCall = Int64(bitPattern: UInt64(state.registers.general.orig_rax)) >= 0
      return (state.stoppedBySignal == 0 ? 0 : 2) + (isInCall ? 1 : 0)
    }
    return threads.filter { $0.value.state == .canonical && !$0.value.isExiting }
      .min { (cost($0.value), $0.key) < (cost($1.value), $1.key) }?.key
  }

  /// Lets a thread make calls. One that stood before the delivery of a signal stands there afterwards.
  private func asCaller(
    _ thread: ThreadID, _ body: (user_regs_struct) throws(GuestError) -> Void
  ) throws(GuestError) {
    guard let state = threads[thread] else { throw .gone }
    let signal = state.stoppedBySignal
    let information = signal == 0 ? nil : control.signalInformation(thread)
    defer { if signal != 0 { standAgain(thread, before: signal, information) } }
    try body(state.registers.general)
  }

  private func standAgain(_ thread: ThreadID, before signal: Int32, _ information: [UInt8]?) {
    guard let state = threads[thread], let mask = control.signalMask(thread) else { return }
    control.setSignalMask(thread, ~(1 << UInt64(signal - 1)))
    defer { control.setSignalMask(thread, mask) }
    _ = xv_tgkill(state.processID, thread.rawValue, signal)
    control.resume(thread, signal: 0)
    while let event = nextEvent(of: thread) {
      switch event {
      case .signal(signal):
        if let information { control.setSignalInformation(thread, information) }
        return
      case .exited, .killed, .exiting: return handle(thread, event)
      default: control.resume(thread, signal: 0)
      }
    }
  }
}
