// SPDX-License-Identifier: GPL-3.0-only

/// What `--stats` prints: of one engine, or the sum over many.
struct Statistics {
  /// Images that were translated: a process has another after each exec.
  var engines: UInt64 = 0
  var counters = Counters()
  var lookups: UInt64 = 0
  var arenas: UInt64 = 0
  var hotBytes: UInt64 = 0
  var coldBytes: UInt64 = 0
  var literalBytes: UInt64 = 0
  var trustedPages: UInt64 = 0
  var trustedWrites: UInt64 = 0
  var relocations: UInt64 = 0
  var bounds: [Bound] = []
  var regionBytes: UInt64 = 0

  static func += (sum: inout Statistics, other: Statistics) {
    sum.engines += other.engines
    sum.counters += other.counters
    sum.lookups += other.lookups
    sum.arenas += other.arenas
    sum.hotBytes += other.hotBytes
    sum.coldBytes += other.coldBytes
    sum.literalBytes += other.literalBytes
    sum.trustedPages += other.trustedPages
    sum.trustedWrites += other.trustedWrites
    sum.relocations += other.relocations
    sum.bounds.note(other.bounds)
    sum.regionBytes += other.regionBytes
  }

  var rows: [(name: String, value: UInt64)] {
    [
      ("processes and images", engines),
      ("units translated", counters.units),
      ("units of earlier runs installed", counters.installed),
      ("blocks (fragments)", counters.blocks),
      ("instructions translated", counters.instructions),
      ("requests", counters.requests),
      ("indirect lookups through the gate", lookups),
      ("indirect lookups missed", counters.lookupMisses),
      ("links", counters.links),
      ("returns moved behind their calls", counters.movedReturns),
      ("system calls seen", counters.systemCalls),
      ("signals", counters.signals),
      ("invalidations", counters.invalidations),
      ("pages of writable code trusted", trustedPages),
      ("writes to trusted pages", trustedWrites),
      ("flushes", counters.flushes),
      ("collections", counters.collections),
      ("units kept by collections", counters.kept),
      ("units copied back", counters.revived),
      ("relocations", relocations),
      ("arenas", arenas),
      ("bytes of fragments", hotBytes),
      ("bytes of exit stubs", coldBytes),
      ("bytes of literals", literalBytes),
      ("cycles spent translating", counters.translationCycles),
      ("nanoseconds translating per block", nanosecondsPerBlock),
    ]
      + bounds.flatMap {
        [("\($0.name), at most", $0.most), ("\($0.name), bound", $0.limit)]
      } + [
        ("bytes of original code translated", counters.originalBytes),
        ("bytes of memory in regions", regionBytes),
        ("bytes of the server in memory", ResidentSize.read("VmRSS")),
        ("bytes of the server in memory, at most", ResidentSize.read("VmHWM")),
      ]
  }

  private var nanosecondsPerBlock: UInt64 {
    guard counters.blocks > 0 else { return 0 }
    return UInt64(Double(counters.translationCycles) / Clock.cyclesPerNanosecond) / counters.blocks
  }
}
