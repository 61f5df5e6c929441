// SPDX-License-Identifier: GPL-3.0-only
internal import CLinux

/// Collection by copy: what is live is written down, the cache is emptied, and each unit is copied back
/// and linked anew when its code is asked for. The rest is gone.
extension Translator {
  /// No thread may be inside the cache.
  mutating func collect(keepingFloatingPoint: Bool) {
    let kept = Survivors()
    for unit in 0..<units.count { capture(unit, in: kept) }
    counters.kept += UInt64(kept.count)
    clear(keepingFloatingPoint: keepingFloatingPoint)
    survivors = kept
    counters.collections += 1
  }

  /// Copies the unit that has a block at an address into the cache, if it was kept.
  mutating func revive(_ original: UInt64) -> Int32? {
    guard let survivors, let number = survivors.find(original), let parts = survivors.parts(number)
    else { return nil }
    // Its original code has not changed: whoever changes any makes it forgotten.
    let isCopied = install(
      parts, at: survivors.record(number), slide: survivors.slide(number), by: .given)
    survivors.take(number, isCopied: isCopied)
    guard isCopied else { return nil }
    publish((units.count - 1)..<units.count)
    counters.revived &+= 1
    return liveBlock(original)
  }

  private func capture(_ number: Int, in kept: Survivors) {
    let unit = units[number]
    guard !unit.isDead, unit.firstBlock >= 0, !unit.isUnmovable, kept.hasRoom else { return }
    if let record = unit.record {
      return kept.keep(record, slide: unit.slide, isInFile: survivors?.holds(record) != true)
    }
    let arena = Int(unit.arena)
    // The offsets of a record's original addresses have 32 bits.
    let guest = arenas[arena].guest
    let base = guest > 0x8000_0000 ? guest &- 0x8000_0000 : 0
    var header = UnitRecord(
      size: 0, kind: .unit, original: blocks[Int(unit.firstBlock)].original, slide: base)
    header.isAbsolute = unit.isAbsolute
    header.arenaGuest = guest
    header.hot = unit.hot
    header.cold = unit.cold
    header.literal = unit.literal
    header.firstExit = unit.firstExit
    header.exitCount = UInt16(unit.exitCount)
    header.relocationCount = unit.relocationCount
    header.hotCount = unit.hotEnd - unit.hot
    header.coldCount = unit.coldEnd - unit.cold
    header.literalCount = UInt16((unit.literalEnd - unit.literal) / 8)
    header.detachedEntry = unit.detachedEntry
    header.detachedOriginal = unit.detachedOriginal

    let place = kept.begin()
    kept.append(header)
    header.blockCount = captureBlocks(unit, in: kept)
    kept.pad()
    for index in 0..<unit.exitCount { kept.append(exits[Int(unit.firstExit + index)]) }
    kept.pad()
    header.hotRecoveryCount = kept.append(
      arenas[arena].hotRecovery.entries(in: unit.hot..<unit.hotEnd), base: unit.hot, slide: base)
    header.coldRecoveryCount = kept.append(
      arenas[arena].coldRecovery.entries(in: unit.cold..<unit.coldEnd), base: unit.cold, slide: base)
    kept.append(
      unitRelocations.base + Int(unit.firstRelocation), count: Int(unit.relocationCount) * 4)
    kept.pad()
    // No original bytes: they need not be compared.
    kept.append(arenas[arena].server + Int(unit.hot), count: Int(header.hotCount))
    kept.pad()
    kept.append(arenas[arena].server + Int(unit.cold), count: Int(header.coldCount))
    kept.pad()
    kept.append(
      arenas[arena].server + Int(unit.literal), count: Int(header.literalCount) * 8)
    kept.finish(place, header)
  }

  /// The blocks that the unit was made with, in their order. Calls that it shares with others stand
  /// before them (`shareCall`), and are found again when they are met.
  private func captureBlocks(_ unit: Unit, in kept: Survivors) -> UInt16 {
    var count = 0
    var number = unit.firstBlock
    while number >= 0 {
      count += 1
      number = blocks[Int(number)].nextInUnit
    }
    number = unit.firstBlock
    var skipped = count - Int(unit.blockCount)
    while number >= 0 {
      if skipped > 0 {
        skipped -= 1
      } else {
        kept.append(Translator.recorded(blocks[Int(number)], within: unit.hot..<unit.hotEnd))
      }
      number = blocks[Int(number)].nextInUnit
    }
    return unit.blockCount
  }

  /// Notes what a collection must know about the unit that is the last one, and not published yet.
  @inline(__always)
  mutating func describe(_ unit: inout Unit, since start: UnitStart, firstBlock: Int32) {
    let arena = Int(unit.arena)
    unit.cold = start.cold
    unit.coldEnd = UInt32(arenas[arena].cold)
    unit.literal = start.literal
    unit.literalEnd = UInt32(arenas[arena].literal)
    unit.isAbsolute = relocations.isAbsolute
    unit.isUnmovable = relocations.isUnmovable
    unit.firstRelocation = Int32(unitRelocations.count)
    unit.relocationCount = UInt16(relocations.count)
    for index in 0..<relocations.count { unitRelocations.append(relocations.words[index]) }
    if let detached = detachedContinuations.last {
      unit.detachedOriginal = blocks[Int(detached)].original
      unit.detachedEntry = blocks[Int(detached)].returnEntry
    }
    var number = firstBlock
    while number >= 0 {
      unit.blockCount += 1
      number = blocks[Int(number)].nextInUnit
    }
  }
}
