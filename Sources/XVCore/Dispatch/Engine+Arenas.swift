// SPDX-License-Identifier: GPL-3.0-only
internal import CLinux

/// Where arenas come to lie in the guest. The tracer maps them (`Tracer.mapArena`).
extension Engine {
  /// A hole for an arena that serves `target`, by what is mapped at this moment and by what threads are about
  /// to map at places of their choice.
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
    var above: [UInt64] = []
    var away = reach & ~(step - 1)
    while away > step {
      above.append(base &+ away)
      away -= step
    }
    // A stack grows down (ulimit -s): above it, or as far below as can be.
    let isOnStack = map.lines.contains { $0.path == "[stack]" && $0.range.contains(target) }
    candidates = isOnStack ? above + candidates.sorted() : candidates + above
    return map.firstFree(
      candidates.filter { $0 &+ size < 0x7fff_ffff_f000 && !isClaimed($0, size) },
      size: size)
  }

  /// Somebody is about to map something there.
  private func isClaimed(_ guest: UInt64, _ size: UInt64) -> Bool {
    claims.values.contains { guest < $0.upperBound && $0.lowerBound < guest &+ size }
  }

  /// Takes a hole in the guest, unless somebody else was first: fails with EEXIST then (mm/mmap.c, Linux 4.17).
  func reserveArenaCall(at guest: UInt64) -> InjectedCall {
    let fixedNoReplace: UInt64 = 0x10_0000
    let flags = UInt64(MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE) | fixedNoReplace
    return InjectedCall(number: 9, arguments: [guest, UInt64(Arena.size), 0, flags, .max, 0])
  }

  /// Shows an arena to the guest where it is wanted, in place of what is there: mremap with old size 0 makes a
  /// second mapping of shared pages (mm/mremap.c), so that no descriptor has to stay open.
  func mapArenaCall(_ number: Int, at guest: UInt64) -> InjectedCall {
    let source = guestCore &+ UInt64(RegionLayout.arenasOffset + number * Arena.size)
    let mayMoveFixed: UInt64 = 3
    return InjectedCall(number: 25, arguments: [source, 0, UInt64(Arena.size), mayMoveFixed, guest, 0])
  }

  /// The next arena is there.
  func addArena(at guest: UInt64) {
    let number = translator.pointee.arenaCount
    translator.pointee.addArena(
      server: server + RegionLayout.arenasOffset + number * Arena.size, guest: guest)
    trace("arena \(number) at \(CacheAddress(guest))")
  }
}
