// SPDX-License-Identifier: GPL-3.0-only

internal import CLinux

/// Puts what earlier runs have made into the cache.
extension Translator {
  /// Installs the record that holds `target`'s block, and some that were asked for next once.
  mutating func installPersisted(for target: UInt64) -> Int32? {
    guard checks == .none, askedCalls == .intercepted, let persisted, let area = ranges.area(containing: target), area.module >= 0 else {
      return nil
    }
    let module = persisted.modules[Int(area.module)]
    guard module.seek(target) else { return nil }
    installRecords(module, atMost: module.atOnce) { false }
    return liveBlock(target)
  }

  /// Installs some records of any file ahead of their use, until somebody asks. Whether there were any.
  mutating func installAhead(until isAsked: () -> Bool) -> Bool {
    // Code has an arena within reach since its first request.
    guard checks == .none, askedCalls == .intercepted,
      let module = persisted?.modules.first(where: {
        $0.hasMore && $0.nextOriginal.map { arena(for: $0) != nil } ?? true
      })
    else { return false }
    installRecords(module, atMost: PersistedModule.atOnceAhead, until: isAsked)
    return true
  }

  private mutating func installRecords(_ module: PersistedModule, atMost most: Int, until isAsked: () -> Bool) {
    isInstalling = true
    defer { isInstalling = false }
    let first = units.count
    var additions: [UnitRecord] = []
    var left = most
    while left > 0, left == most || !isAsked(), let (record, header) = module.next() {
      left -= 1
      guard !isFull else {
        module.stop()
        break
      }
      if header.kind == .unit {
        if let parts = UnitParts(at: record, header), install(parts, at: record, slide: module.slide!, by: module.isThisFile ? .file : .bytes)
        {
          counters.installed &+= 1
        }
      } else {
        additions.append(header)
      }
    }
    publish(first..<units.count)
    for addition in additions { install(addition, module) }
  }

  private mutating func install(_ addition: UnitRecord, _ module: PersistedModule) {
    let original = addition.original &+ module.slide! &- addition.slide
    switch addition.kind {
    case .unit: break
    case .sharedCall:
      guard let arena = arena(for: original), liveBlock(original) == nil else { return }
      _ = shareCall(
        at: original, length: addition.aux, end: original &+ UInt64(addition.aux), arena: arena)
    case .jumpDoor:
      if let number = liveBlock(original) { _ = jumpEntry(number) }
    case .returnDoor:
      if let number = liveBlock(original) { _ = returnEntry(number) }
    }
  }

  /// How it is known that the original code is what was translated.
  enum Proof {
    /// Nothing else can have happened.
    case given
    /// It stands in pages of the very file.
    case file
    /// It is compared.
    case bytes
  }

  /// One unit: its code at the arena's end, its blocks and exits in the tables. It is not reachable
  /// before `publish`. False when it does not fit this process, and nothing has changed then.
  mutating func install(
    _ unit: UnitParts, at record: UnsafeRawPointer, slide: UInt64, by proof: Proof
  ) -> Bool {
    let header = unit.header
    let move = slide &- header.slide
    for block in unit.blocks { table.prefetch(block.original &+ move) }
    for exit in unit.exits { table.prefetch(exit.target &+ move) }
    for block in unit.blocks where !block.isInlined && starts.contains(block.original &+ move) { return false }
    guard move == 0 || !header.isAbsolute, let arena = arena(for: header.original &+ move),
      proof == .given || isCurrent(unit, move, by: proof)
    else { return false }

    arenas[arena].prepare()
    // Code begins where it began modulo 16, so its patched fields are as aligned as they were.
    let place = UnitStart(
      hot: UInt32(arenas[arena].hot + 15) & ~15, cold: UInt32(arenas[arena].cold),
      literal: UInt32(arenas[arena].literal), hotRecovery: 0, coldRecovery: 0,
      firstExit: Int32(exits.count))
    let server = arenas[arena].server
    (server + Int(place.hot)).copyMemory(from: unit.hot.baseAddress!, byteCount: unit.hot.count)
    (server + Int(place.cold)).copyMemory(from: unit.cold.baseAddress!, byteCount: unit.cold.count)
    guard relocate(unit, to: place, arena: arena, move: move) else { return false }
    for (index, literal) in unit.literals.enumerated() {
      (server + Int(place.literal) + index * 8).storeBytes(of: literal &+ move, as: UInt64.self)
    }
    arenas[arena].hot = Int(place.hot) + unit.hot.count
    arenas[arena].cold = Int(place.cold) + unit.cold.count
    arenas[arena].literal = Int(place.literal) + unit.literals.count * 8

    arenas[arena].hotRecovery.append(
      PersistedRecovery(entries: unit.hotRecovery, base: place.hot, slide: slide))
    arenas[arena].coldRecovery.append(
      PersistedRecovery(entries: unit.coldRecovery, base: place.cold, slide: slide))
    let number = Int32(units.count)
    let firstBlock = installBlocks(unit, number, at: place, arena: arena, move: move)
    installExits(unit, at: place, arena: arena, move: move)
    var made = Unit(
      firstBlock: firstBlock, arena: UInt8(arena), firstExit: place.firstExit,
      exitCount: Int32(unit.exits.count), hot: place.hot, hotEnd: place.hot &+ header.hotCount)
    made.cold = place.cold
    made.coldEnd = place.cold &+ header.coldCount
    made.record = record
    made.slide = slide
    units.append(made)
    return true
  }

  /// Whether the original code is, byte for byte, what was translated, and nobody wants to stop there.
  private mutating func isCurrent(_ unit: UnitParts, _ move: UInt64, by proof: Proof) -> Bool {
    for transfer in unit.followed where !isCurrent(transfer.moved(by: move)) { return false }
    var source = unit.source.baseAddress!
    for run in unit.runs {
      var at = run.original &+ move
      var left = Int(run.length)
      guard let area = ranges.area(containing: at), area.isFile, !area.isVolatile,
        area.range.contains(at &+ UInt64(left) &- 1)
      else { return false }
      if hasBreakpoints,
        breakpoints.contains(where: { $0 >= at && $0 < at &+ UInt64(left) })
      {
        return false
      }
      if proof == .file, reader.holdsFile(at..<at &+ UInt64(left), process: process) {
        source += left
        continue
      }
      while left > 0 {
        guard
          let (code, available) = reader.code(
            at: at, in: area.range, process: process, isVolatile: false, request: request)
        else { return false }
        let count = min(left, available)
        guard memcmp(code, source, count) == 0 else { return false }
        source += count
        at &+= UInt64(count)
        left -= count
      }
    }
    return true
  }

  private func relocate(
    _ unit: UnitParts, to place: UnitStart, arena: Int, move: UInt64
  ) -> Bool {
    let header = unit.header
    let arenaMove = arenas[arena].guest &- header.arenaGuest
    let hotMove = arenaMove &+ UInt64(place.hot) &- UInt64(header.hot)
    let coldMove = arenaMove &+ UInt64(place.cold) &- UInt64(header.cold)
    let literalMove = arenaMove &+ UInt64(place.literal) &- UInt64(header.literal)
    let exitMove = UInt32(bitPattern: place.firstExit &- header.firstExit)
    let hot = arenas[arena].server + (Int(place.hot) - Int(header.hot))
    let cold = arenas[arena].server + (Int(place.cold) - Int(header.cold))
    for word in unit.relocations {
      guard let (kind, offset) = Relocation.unpacked(word) else { return false }
      let isHot = offset < UInt32(Arena.hotEnd)
      guard
        isHot
          ? offset >= header.hot && offset &- header.hot < header.hotCount
          : offset >= header.cold && offset &- header.cold < header.coldCount
      else { return false }
      let field = (isHot ? hot : cold) + Int(offset)
      let isGood: Bool
      switch kind {
      case .hotToOriginal: isGood = Translator.adjust(field, by: move &- hotMove)
      case .hotToLiteral: isGood = Translator.adjust(field, by: literalMove &- hotMove)
      case .hotToCold: isGood = Translator.adjust(field, by: coldMove &- hotMove)
      case .coldToHot: isGood = Translator.adjust(field, by: hotMove &- coldMove)
      case .exitNumber:
        field.storeBytes(
          of: field.loadUnaligned(as: UInt32.self) &+ exitMove, as: UInt32.self)
        isGood = true
      case .originalHalves:
        let high = field + Relocation.halvesDistance
        let value =
          (UInt64(high.loadUnaligned(as: UInt32.self)) << 32
            | UInt64(field.loadUnaligned(as: UInt32.self))) &+ move
        field.storeBytes(of: UInt32(truncatingIfNeeded: value), as: UInt32.self)
        high.storeBytes(of: UInt32(value >> 32), as: UInt32.self)
        isGood = true
      case .original64:
        field.storeBytes(of: field.loadUnaligned(as: UInt64.self) &+ move, as: UInt64.self)
        isGood = true
      }
      if !isGood { return false }
    }
    return true
  }

  /// Adds to a disp32; false when the sum is none.
  @inline(__always)
  private static func adjust(_ field: UnsafeMutableRawPointer, by distance: UInt64) -> Bool {
    let sum = Int64(field.loadUnaligned(as: Int32.self)) &+ Int64(bitPattern: distance)
    guard let value = Int32(exactly: sum) else { return false }
    field.storeBytes(of: value, as: Int32.self)
    return true
  }

  private mutating func installBlocks(
    _ unit: UnitParts, _ number: Int32, at place: UnitStart, arena: Int, move: UInt64
  ) -> Int32 {
    let hotShift = place.hot &- unit.header.hot
    let coldShift = place.cold &- unit.header.cold
    func shifted(_ offset: UInt32) -> UInt32 {
      offset == 0 ? 0 : offset &+ (offset < UInt32(Arena.hotEnd) ? hotShift : coldShift)
    }
    var first: Int32 = -1
    var last: Int32 = -1
    for old in unit.blocks {
      let index = old.isInlined ? nameless(old.original &+ move) : record(old.original &+ move)
      let existing = blocks[Int(index)]
      var block = old
      block.original = existing.original
      block.arena = UInt8(arena)
      block.state = .wanted
      block.linked = shifted(old.linked)
      block.body = shifted(old.body)
      block.callEntry = shifted(old.callEntry)
      block.jumpEntry = shifted(old.jumpEntry)
      // A call elsewhere may have made the entry for its return before.
      if old.returnEntry != 0, old.returnsBehindCall || !existing.returnsBehindCall {
        block.returnEntry = shifted(old.returnEntry)
      } else {
        block.returnEntry = existing.returnEntry
        block.returnsBehindCall = existing.returnsBehindCall
      }
      block.callSite = shifted(old.callSite)
      block.incoming = existing.incoming
      block.unit = number
      block.nextInUnit = -1
      blocks[Int(index)] = block
      if last >= 0 { blocks[Int(last)].nextInUnit = index } else { first = index }
      last = index
    }
    if unit.header.detachedEntry != 0 {
      let index = record(unit.header.detachedOriginal &+ move)
      if takesReturns(blocks[Int(index)], behindCallIn: arena) {
        setReturnEntry(index, shifted(unit.header.detachedEntry), arena: arena)
      }
    }
    return first
  }

  private mutating func installExits(
    _ unit: UnitParts, at place: UnitStart, arena: Int, move: UInt64
  ) {
    for old in unit.exits {
      var exit = old
      exit.arena = UInt8(arena)
      exit.isLinked = false
      exit.stub = 0
      exit.target = old.target &+ move
      exit.next = -1
      if old.field != 0 {
        exit.field = old.field &+ place.hot &- unit.header.hot
        let block = Int(record(exit.target))
        exit.next = blocks[block].incoming
        blocks[block].incoming = addExit(exit)
      } else {
        _ = addExit(exit)
      }
    }
  }
}
