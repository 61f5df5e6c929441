// SPDX-License-Identifier: GPL-3.0-only

/// Where the cursors of an arena stood when a unit was begun.
struct UnitStart {
  var hot: UInt32
  var cold: UInt32
  var literal: UInt32
  var hotRecovery: Int
  var coldRecovery: Int
  var firstExit: Int32
}

/// Writes down what was made, for later runs.
extension Translator {
  func unitStart(_ arena: Int, hot: UInt32) -> UnitStart {
    UnitStart(
      hot: hot, cold: UInt32(arenas[arena].cold), literal: UInt32(arenas[arena].literal),
      hotRecovery: arenas[arena].hotRecovery.count, coldRecovery: arenas[arena].coldRecovery.count,
      firstExit: Int32(exits.count))
  }

  /// Records the unit that was just emitted and is not published yet: its exits lead nowhere.
  mutating func persist(
    _ original: UInt64, _ scanned: Scanned, since start: UnitStart, hotEnd: UInt32,
    firstBlock: Int32, arena: Int
  ) {
    guard let persisted, !hasBreakpoints, askedCalls == .intercepted, checks == .none, scanIsStable, !scanIsVolatile, !relocations.isUnmovable,
      let area = ranges.area(containing: original), area.module >= 0, scan[0].kind != .invalid
    else { return }
    let module = persisted.modules[Int(area.module)]
    guard let slide = module.slide, module.isRecording, module.isThisFile, module.new.count < PersistedModule.mostAdded else { return }
    // Where the slots say one thing in one environment and another in the next, one record is enough.
    guard followed.isEmpty || !module.hasRecord(of: original) else { return }
    // All that it names moves with its file, in whichever of the file's areas it lies.
    func isInside(_ address: UInt64) -> Bool {
      area.range.contains(address) || ranges.area(containing: address)?.module == area.module
    }
    for index in 0..<scanned.count where !isInside(scan[index].address) { return }
    for index in Int(start.firstExit)..<exits.count where !isInside(exits[index].target) { return }
    // What the process itself has written is not the file's.
    for index in 0..<scanned.count
    where !reader.holdsFile(scan[index].address..<scan[index].end, process: process) { return }
    let last = scanned.count - 1
    var header = UnitRecord(size: 0, kind: .unit, original: original, slide: slide)
    header.isAbsolute = relocations.isAbsolute
    header.arenaGuest = arenas[arena].guest
    header.hot = start.hot
    header.cold = start.cold
    header.literal = start.literal
    header.firstExit = start.firstExit
    header.exitCount = UInt16(exits.count - Int(start.firstExit))
    header.hotRecoveryCount = UInt16(arenas[arena].hotRecovery.count - start.hotRecovery)
    header.coldRecoveryCount = UInt16(arenas[arena].coldRecovery.count - start.coldRecovery)
    header.relocationCount = UInt16(relocations.count)
    header.sourceCount = UInt16(marks[last].bytes) + UInt16(scan[last].length)
    header.hotCount = hotEnd - start.hot
    header.coldCount = UInt32(arenas[arena].cold) - start.cold
    header.literalCount = UInt16((UInt32(arenas[arena].literal) - start.literal) / 8)
    if let detached = detachedContinuations.last {
      header.detachedOriginal = blocks[Int(detached)].original
      header.detachedEntry = blocks[Int(detached)].returnEntry
    }

    let place = module.new.count
    module.new.append(header)
    let unit = start.hot..<hotEnd
    var number = firstBlock
    while number >= 0 {
      module.new.append(Translator.recorded(blocks[Int(number)], within: unit))
      header.blockCount += 1
      number = blocks[Int(number)].nextInUnit
    }
    module.new.pad(to: 8)
    for index in Int(start.firstExit)..<exits.count { module.new.append(exits[index]) }
    module.new.pad(to: 8)
    for index in start.hotRecovery..<arenas[arena].hotRecovery.count {
      module.new.append(
        PackedRecovery(arenas[arena].hotRecovery[index], base: start.hot, slide: slide))
    }
    for index in start.coldRecovery..<arenas[arena].coldRecovery.count {
      module.new.append(
        PackedRecovery(arenas[arena].coldRecovery[index], base: start.cold, slide: slide))
    }
    module.new.append(relocations.words, count: relocations.count * 4)
    module.new.pad(to: 8)
    header.followedCount = UInt16(followed.count)
    for transfer in followed { module.new.append(transfer) }
    module.new.pad(to: 8)
    header.runCount = appendRuns(scanned.count, to: module)
    module.new.append(copies, count: Int(header.sourceCount))
    module.new.pad(to: 8)
    module.new.append(arenas[arena].server + Int(start.hot), count: Int(header.hotCount))
    module.new.pad(to: 8)
    module.new.append(arenas[arena].server + Int(start.cold), count: Int(header.coldCount))
    module.new.pad(to: 8)
    module.new.append(
      arenas[arena].server + Int(start.literal), count: Int(header.literalCount) * 8)
    header.size = UInt32(module.new.count - place)
    (module.new.base + place).storeBytes(of: header, as: UnitRecord.self)
    module.newRecords += 1
  }

  /// A block as its own unit made it: entries that stand elsewhere are left out.
  static func recorded(_ block: Block, within unit: Range<UInt32>) -> Block {
    var block = block
    if !unit.contains(block.callEntry) { block.callEntry = 0 }
    if !unit.contains(block.jumpEntry) { block.jumpEntry = 0 }
    if !unit.contains(block.returnEntry) {
      block.returnEntry = 0
      block.returnsBehindCall = false
    }
    return block
  }

  /// The scanned code as pieces of consecutive bytes.
  private func appendRuns(_ count: Int, to module: PersistedModule) -> UInt16 {
    var runs: UInt16 = 0
    var run = CodeRun(original: scan[0].address, length: 0)
    for index in 0..<count {
      if scan[index].address != run.original &+ UInt64(run.length) {
        module.new.append(run)
        runs += 1
        run = CodeRun(original: scan[index].address, length: 0)
      }
      run.length += UInt32(scan[index].length)
    }
    module.new.append(run)
    return runs + 1
  }

  /// Records something that was added to a unit after it was made.
  func persistAddition(_ kind: UnitRecord.Kind, _ original: UInt64, aux: UInt16 = 0) {
    guard let persisted, !hasBreakpoints, askedCalls == .intercepted, checks == .none, let area = ranges.area(containing: original),
      area.module >= 0
    else { return }
    let module = persisted.modules[Int(area.module)]
    guard let slide = module.slide, module.isRecording, module.isThisFile, !isInstalling else { return }
    var header = UnitRecord(
      size: UInt32(MemoryLayout<UnitRecord>.stride), kind: kind, original: original, slide: slide)
    header.aux = aux
    module.new.append(header)
    module.newRecords += 1
  }
}
