// SPDX-License-Identifier: GPL-3.0-only
internal import CLinux

/// Collection by copy: what is live is written down, the cache is emptied, and each unit is copied back
/// and linked anew when its code is asked for. The rest is gone.
extension Translator {
  /// No thread may be inside the cache.
  mutating func collect(keepingFloatingPoint: Bool) {
    for unit in 0..<units.count { capture(unit) }
    counters.kept += UInt64(spare.count)
    clear(keepingFloatingPoint: keepingFloatingPoint)
    swap(&survivors, &spare)
    spare.removeAll()
    counters.collections += 1
  }

  /// Copies the unit that has a block at an address into the cache, if it was kept.
  mutating func revive(_ original: UInt64) -> Int32? {
    guard let number = survivors.find(original), let parts = survivors.parts(number) else { return nil }
    // Its original code has not changed: whoever changes any makes it forgotten.
    let isCopied = install(
      parts, at: survivors.record(number), slide: survivors.slide(number), isCurrent: true)
    survivors.take(number, isCopied: isCopied)
    guard isCopied else { return nil }
    publish((units.count - 1)..<units.count)
    counters.revived &+= 1
    return liveBlock(original)
  }

  private mutating func capture(_ number: Int) {
    let unit = units[number]
    guard !unit.isDead, unit.firstBlock >= 0, !unit.isUnmovable, spare.hasRoom else { return }
    if let record = unit.record {
      return spare.keep(record, slide: unit.slide, isInFile: !survivors.holds(record))
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

    let place = spare.begin()
    spare.append(header)
    header.blockCount = captureBlocks(unit)
    spare.pad()
    for index in 0..<unit.exitCount { spare.append(exits[Int(unit.firstExit + index)]) }
    spare.pad()
    header.hotRecoveryCount = capture(arenas[arena].hotRecovery.entries(in: unit.hot..<unit.hotEnd), unit.hot, base)
    header.coldRecoveryCount = capture(
      arenas[arena].coldRecovery.entries(in: unit.cold..<unit.coldEnd), unit.cold, base)
    spare.append(
      unitRelocations.base + Int(unit.firstRelocation), count: Int(unit.relocationCount) * 4)
    spare.pad()
    // No original bytes: they need not be compared.
    spare.append(arenas[arena].server + Int(unit.hot), count: Int(header.hotCount))
    spare.pad()
    spare.append(arenas[arena].server + Int(unit.cold), count: Int(header.coldCount))
    spare.pad()
    spare.append(
      arenas[arena].server + Int(unit.literal), count: Int(header.literalCount) * 8)
    spare.finish(place, header)
  }

  /// The blocks that the unit was made with, in their order. Calls that it shares with others stand
  /// before them (`shareCall`), and are found again when they are met.
  private mutating func captureBlocks(_ unit: Unit) -> UInt16 {
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
        spare.append(Translator.recorded(blocks[Int(number)], within: unit.hot..<unit.hotEnd))
      }
      number = blocks[Int(number)].nextInUnit
    }
    return unit.blockCount
  }

  private mutating func capture(_ entries: [Recovery], _ base: UInt32, _ slide: UInt64) -> UInt16 {
    for entry in entries { spare.append(PackedRecovery(entry, base: base, slide: slide)) }
    spare.pad()
    return UInt16(entries.count)
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
