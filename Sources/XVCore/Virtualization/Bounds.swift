// SPDX-License-Identifier: GPL-3.0-only
internal import CLinux
import Glibc

/// Something of xv's that grows, how much of it there was at most, and from which on a collection
/// follows, or what is new is refused.
struct Bound {
  var name: String
  var most: UInt64
  var limit: UInt64

}

extension [Bound] {
  /// Adds what there is in another place or was at another time.
  mutating func note(_ other: [Bound]) {
    for bound in other {
      if let index = firstIndex(where: { $0.name == bound.name }) {
        self[index].most = Swift.max(self[index].most, bound.most)
        self[index].limit = Swift.max(self[index].limit, bound.limit)
      } else {
        append(bound)
      }
    }
  }
}

extension Translator {
  /// What grows until the next discard.
  var bounds: [Bound] {
    func pool(_ name: String, _ count: Int, _ capacity: Int) -> Bound {
      Bound(name: name, most: UInt64(count), limit: UInt64(capacity))
    }
    let space = (0..<arenaCount).reduce(0) { total, _ in total + Arena.usableBytes }
    return [
      pool("bytes of code cache", cacheBytes, min(cacheLimit, max(space, Arena.usableBytes))),
      pool("bytes of records kept by a collection", survivors?.bytes ?? 0, Survivors.limit),
      pool("blocks", blocks.count, blocks.capacity),
      pool("exits", exits.count, exits.capacity),
      pool("units", units.count, units.capacity),
      pool("relocations of units", unitRelocations.count, unitRelocations.capacity),
      pool("blocks on pages", pages.count, pages.capacity),
      pool("targets of returns", returns.count, RegionLayout.masterEntries),
      pool("targets of jumps", jumps.count, RegionLayout.masterEntries),
      pool(
        "fragments of one instruction", stepFragments.count + leavingFragments.count,
        2 * Translator.mostStepFragments),
    ]
  }

  /// Remembers how much there is: all of these only grow between two discards.
  mutating func noteMost() { most.note(bounds) }
}

extension VirtualizationState {
  /// All that grows, with the most that there ever was.
  mutating func bounds() -> [Bound] {
    translator.pointee.noteMost()
    return translator.pointee.most + [
      Bound(
        name: "threads", most: UInt64(mostContexts), limit: UInt64(RegionLayout.maximumThreads)),
      Bound(
        name: "arenas", most: UInt64(translator.pointee.arenaCount),
        limit: UInt64(RegionLayout.maximumArenas)),
    ]
  }

  /// Memory behind the region, in bytes.
  var regionBytes: UInt64 {
    var information = stat()
    return fstat(region.descriptor, &information) == 0 ? UInt64(information.st_blocks) * 512 : 0
  }
}

/// What this process has in memory, in bytes (proc_pid_status(5)).
enum ResidentSize {
  static func read(_ name: String) -> UInt64 {
    let text = ProcessStatus(of: getpid())?.text(name) ?? ""
    return (text.split(separator: " ").first.flatMap { UInt64($0) } ?? 0) * 1024
  }
}
