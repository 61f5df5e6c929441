// SPDX-License-Identifier: GPL-3.0-only
internal import CLinux

/// Arenas on their way into the guest. Mapping one takes a call of the guest's, during which other
/// threads may come to need it too.
struct ArenaRequests {
  struct Suspended {
    /// What the thread that makes the call asked for before.
    var wanted: Engine.Wanted
    var guest: UInt64
    var slot: Int
  }

  /// Places in the region's file that no arena uses; the last is the next.
  var free = Array((0..<RegionLayout.maximumArenas).reversed())
  /// Where the guest is about to map a place, by place.
  var pending: [Int: UInt64] = [:]
  /// The thread, one at most, that maps an arena through the gate.
  var suspended: [ThreadID: Suspended] = [:]
  /// Threads that came to need an arena meanwhile, in their order; their requests stay posted.
  var waiting: [(thread: ThreadID, wanted: Engine.Wanted)] = []

  func isWaiting(_ thread: ThreadID) -> Bool {
    !waiting.isEmpty && waiting.contains { $0.thread == thread }
  }
}

extension Engine {
  func placeForArena(near target: UInt64) -> UInt64? {
    let map = AddressMap(process: memoryOwner)
    let size = UInt64(Arena.size)
    let step: UInt64 = 0x400_0000
    let reach = Arena.reach - size - 0x800_0000
    let base = target & ~(step - 1)
    // Below first: above lies what grows (brk over an executable). Half the reach away leaves room
    // for code on both sides.
    var candidates: [UInt64] = []
    for distance in stride(from: UInt64(0), to: reach / 2, by: Int(step)) {
      for away in [reach / 2 + distance, reach / 2 - distance] where base > away + 0x1_0000 {
        candidates.append(base - (away & ~(step - 1)))
      }
    }
    var away = reach & ~(step - 1)
    while away > step {
      candidates.append(base &+ away)
      away -= step
    }
    return map.firstFree(
      candidates.filter { $0 &+ size < 0x7fff_ffff_f000 && !isPromised($0) && !isClaimed($0, size) },
      size: size)
  }

  /// One that is being mapped for somebody else and will do: there may be room for no other.
  func promisedArena(for target: UInt64) -> UInt64? {
    arenaRequests.pending.values.first { Arena.serves(target, at: $0) }
  }

  private func isPromised(_ guest: UInt64) -> Bool {
    let size = UInt64(Arena.size)
    return arenaRequests.pending.values.contains {
      guest < $0 &+ size && $0 < guest &+ size
    }
  }

  /// Somebody is about to map something there.
  private func isClaimed(_ guest: UInt64, _ size: UInt64) -> Bool {
    claims.values.contains { guest < $0.upperBound && $0.lowerBound < guest &+ size }
  }

  /// Lets a thread map an arena through the gate, or wait until another has done so: it may be the one
  /// that both need, and two at one place would take it from each other.
  func requestArena(_ thread: ThreadID, _ context: Context, _ wanted: Wanted, guest: UInt64) {
    guard arenaRequests.suspended.isEmpty, let slot = reserveArena(at: guest) else {
      arenaRequests.waiting.append((thread, wanted))
      return
    }
    arenaRequests.suspended[thread] = ArenaRequests.Suspended(
      wanted: wanted, guest: guest, slot: slot)
    let call = mapArenaCall(slot: slot, guest: guest)
    setCall(context, call.number, call.arguments)
    switch wanted.kind {
    case .miss: context.answer(next: gate.serviceFromMiss)
    case .returnLookup, .jumpLookup: context.answer(next: gate.serviceFromLookup)
    default: context.answer(next: gate.serviceFromFull)
    }
  }

  /// A place in the region's file for an arena at an address; nil when somebody else has a claim there.
  func reserveArena(at guest: UInt64) -> Int? {
    let isTaken = (0..<translator.pointee.arenaCount).contains {
      translator.pointee.arenas[$0].guest == guest
    }
    guard !isTaken, !isPromised(guest), let slot = arenaRequests.free.popLast() else { return nil }
    arenaRequests.pending[slot] = guest
    // The program may have more than its limit allows, and xv has to map this nevertheless.
    for process in addressLimits.keys { AddressLimit.lift(process) }
    return slot
  }

  /// The call that shows an arena to the guest where it is wanted: mremap with old size 0 makes a
  /// second mapping of shared pages (mm/mremap.c), so that no descriptor has to stay open.
  func mapArenaCall(slot: Int, guest: UInt64) -> (number: UInt64, arguments: [UInt64]) {
    let source = guestCore &+ UInt64(RegionLayout.arenasOffset + slot * Arena.size)
    let mayMoveFixed: UInt64 = 3
    return (25, [source, 0, UInt64(Arena.size), mayMoveFixed, guest, 0])
  }

  /// What was promised is there.
  func addArena(slot: Int, at guest: UInt64) {
    arenaRequests.pending[slot] = nil
    translator.pointee.addArena(
      server: server + RegionLayout.arenasOffset + slot * Arena.size, guest: guest)
    imposeAddressLimits()
    trace("arena \(slot) at \(CacheAddress(guest))")
  }

  func finishService(_ thread: ThreadID, _ context: Context) {
    guard let request = arenaRequests.suspended.removeValue(forKey: thread) else {
      return die(context)
    }
    let result = context.load64(ContextLayout.callResult)
    guard result == request.guest else {
      trace("cannot map an arena: \(Int64(bitPattern: result))")
      die(context)
      return
    }
    addArena(slot: request.slot, at: request.guest)
    context.store32(ContextLayout.kind, request.wanted.kind.rawValue)
    answer(thread, context, request.wanted)
    answerWaiting()
  }

  private func answer(_ thread: ThreadID, _ context: Context, _ wanted: Wanted) {
    switch wanted.kind {
    case .miss, .returnLookup, .jumpLookup: answerTarget(thread, context, wanted)
    default: leave(thread, context, to: wanted.target)
    }
  }

  func answerWaiting() {
    let waiting = arenaRequests.waiting
    arenaRequests.waiting = []
    for (thread, wanted) in waiting {
      guard let context = contexts[thread] else { continue }
      answer(thread, context, wanted)
    }
  }

  /// A thread that was stopped or has ended maps no arena and waits for none. One that it has mapped
  /// is kept.
  func dropArenaRequest(_ thread: ThreadID) {
    arenaRequests.waiting.removeAll { $0.thread == thread }
    guard let request = arenaRequests.suspended.removeValue(forKey: thread) else { return }
    let arena = request.guest..<(request.guest &+ UInt64(Arena.size))
    let isMapped = AddressMap(process: memoryOwner).lines.contains {
      $0.isShared && $0.range.lowerBound <= arena.lowerBound
        && $0.range.upperBound >= arena.upperBound
    }
    guard isMapped else { return dropArena(slot: request.slot) }
    addArena(slot: request.slot, at: request.guest)
    answerWaiting()
  }

  /// It was promised, and nobody maps it.
  func dropArena(slot: Int) {
    arenaRequests.pending[slot] = nil
    arenaRequests.free.append(slot)
    imposeAddressLimits()
    answerWaiting()
  }
}
