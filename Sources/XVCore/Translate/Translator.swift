// SPDX-License-Identifier: GPL-3.0-only

/// Turns original code into fragments and keeps account of them.
///
/// One value for each guest process, reached only with the engine's lock held. Its parts:
/// `Translator+Scan` (original bytes -> instructions), `+Emit` (instructions -> code), `+Link`
/// (exits), `+Invalidate`, `+Recover`.
struct Translator: ~Copyable {
  // What is translated from.
  var process: Int32
  var ranges = ExecutableRanges()
  var constants = ConstantMemory()
  var reader = CodeReader()
  var trusted = TrustedPages()
  var decoder = Decoder()
  /// Probes at original addresses: breakpoints.
  var breakpoints: Set<UInt64> = [] {
    didSet { hasBreakpoints = !breakpoints.isEmpty }
  }
  /// Asked at every instruction; a look into the set would cost as much as decoding.
  private(set) var hasBreakpoints = false
  /// Which system calls no fragment makes without asking.
  var askedCalls = AskedCalls.intercepted
  /// What fragments look at for watchpoints.
  var checks = AccessChecks.none
  /// Reads are watched by debug registers: those of return addresses and of slots have to be made, too.
  var makesEachRead = false

  /// Bytes of translated code that are kept at most, and a unit more.
  var cacheLimit = Int.max

  // What was made.
  let arenas: UnsafeMutablePointer<Arena>
  var arenaCount = 0
  var table = BlockTable()
  var starts = StartMap()
  var blocks = Pool<Block>(limit: 1 << 24)
  var exits = Pool<Exit>(limit: 1 << 25)
  var units = Pool<Unit>(limit: 1 << 23)
  /// Relocations of all units, one after the other.
  var unitRelocations = Pool<UInt32>(limit: 1 << 27)
  var pages = PageIndex()
  /// Bytes of units whose original code has changed.
  var deadBytes = 0
  var returns: MasterTable
  var jumps: MasterTable
  /// Single-instruction fragments, by original address.
  var stepFragments: [UInt64: CacheAddress] = [:]
  /// Single-instruction fragments by which threads leave breakpoints: where they begin, and what they
  /// span, by original address.
  var leavingFragments: [UInt64: (entry: UInt64, span: Range<UInt64>)] = [:]

  // Scratch of one translation.
  let scan = UnsafeMutablePointer<Instruction>.allocate(capacity: ScanLimit.instructions + 1)
  let copies = UnsafeMutablePointer<UInt8>.allocate(capacity: (ScanLimit.instructions + 1) * 16)
  let marks = UnsafeMutablePointer<ScanMark>.allocate(capacity: ScanLimit.instructions + 1)
  let states = UnsafeMutablePointer<ScratchState>.allocate(
    capacity: ScanLimit.instructions + 1)
  var seen = SeenAddresses()
  var request: UInt64 = 0
  /// The scanned code can change without a mapping call: its blocks check themselves.
  var scanIsVolatile = false
  /// The scanned code can be written through another mapping.
  var scanIsShared = false
  /// The scanned code is a file's: it changes by mapping calls alone.
  var scanIsStable = false
  /// Instructions scanned.
  var scanCount = 0
  /// The program goes on behind the last one.
  var scanContinues = false
  /// The scanned code uses memory below rsp: its calls may write the return address and no more.
  var scanUsesRedZone = false
  /// Blocks, not of the units being made, whose return entries these units hold.
  var detachedContinuations: [Int32] = []
  /// Targets of returns that have another entry now than the tables by address may know.
  var movedReturns: [UInt64] = []
  /// Where the translation of the last call begins, for the block that follows it.
  var lastCallSite: UInt32 = 0
  var lastCallValid: SpillSet = []
  /// The scanned code holds copies of functions, or goes where slots say.
  var scanHasCopies = false
  /// The scanned transfers that go where constant memory says.
  var followed: [FollowedTransfer] = []
  /// Jumps inside copies of called functions whose targets are not emitted yet: the target's index, the field.
  var inlinedJumps: [(to: Int, field: UnsafeMutableRawPointer)] = []
  /// What the code of the unit being emitted says about where it lies.
  var relocations = RelocationList()
  /// Behind the last scanned instruction.
  var exitState = ScratchState()

  /// What the last collection has kept.
  var survivors: Survivors? = nil

  /// What outlives the process; nil when nothing does.
  var persisted: PersistentCode? = nil
  /// Records of earlier runs are being put into the cache.
  var isInstalling = false

  var counters = Counters()
  /// How much there was at most of what grows.
  var most: [Bound] = []
  /// They are made again when they are asked for.
  static let mostStepFragments = 1 << 16

  init(process: Int32, returns: MasterTable, jumps: MasterTable) {
    self.process = process
    self.returns = returns
    self.jumps = jumps
    arenas = .allocate(capacity: RegionLayout.maximumArenas)
  }

  deinit {
    (0..<arenaCount).forEach { (arenas + $0).deinitialize(count: 1) }
    arenas.deallocate()
    scan.deallocate()
    copies.deallocate()
    marks.deallocate()
    states.deallocate()
  }

  /// The arena whose code can reach what code at `original` names.
  func arena(for original: UInt64) -> Int? {
    (0..<arenaCount).first { arenas[$0].serves(original) }
  }

  func arena(containing address: UInt64) -> Int? {
    (0..<arenaCount).first { arenas[$0].contains(address) }
  }

  func isCache(_ address: UInt64) -> Bool { arena(containing: address) != nil }

  mutating func addArena(server: UnsafeMutableRawPointer, guest: UInt64) {
    (arenas + arenaCount).initialize(to: Arena(server: server, guest: guest))
    arenaCount += 1
  }

  /// Finds or makes the record of a block.
  @inline(__always)
  mutating func record(_ original: UInt64) -> Int32 {
    let found = find(original)
    if found >= 0 { return found }
    let number = Int32(blocks.count)
    blocks.append(Block(original: original))
    let base = blocks.base
    table.insert(original, number) { base[Int($0)].original }
    return number
  }

  /// The record of a block that nobody looks for by its address.
  mutating func nameless(_ original: UInt64) -> Int32 {
    var block = Block(original: original)
    block.isInlined = true
    blocks.append(block)
    return Int32(blocks.count - 1)
  }

  /// The number of the record of a block, or -1.
  @inline(__always)
  func find(_ original: UInt64) -> Int32 {
    let base = blocks.base
    return table.find(original) { base[Int($0)].original }
  }

  /// As many blocks will be installed: their tables need not grow on the way.
  mutating func expect(blocks count: Int) {
    // Some more are named by exits only.
    let all = count + count / 2
    table.reserve(all)
    blocks.expect(all)
    exits.expect(all)
  }

  /// The live block at an address, or nil.
  @inline(__always)
  func liveBlock(_ original: UInt64) -> Int32? {
    let number = find(original)
    return number >= 0 && blocks[Int(number)].state == .live ? number : nil
  }

  /// Nothing is left of them in the guest.
  mutating func removeArenas() {
    (0..<arenaCount).forEach { (arenas + $0).deinitialize(count: 1) }
    arenaCount = 0
  }

  /// What all arenas hold, in bytes.
  var cacheBytes: Int { (0..<arenaCount).reduce(0) { $0 + arenas[$1].bytes } }

  /// Dead bytes from which on it pays to collect, if they are also half of all.
  private static let manyDeadBytes = 16 << 20

  /// Time to discard something: little is left somewhere, though some units still fit.
  var isFull: Bool {
    let bytes = cacheBytes
    return bytes > cacheLimit - Arena.unitReserve
      || deadBytes > Translator.manyDeadBytes && deadBytes > bytes / 2 || areTablesCrowded || (0..<arenaCount).contains { arenas[$0].isNearlyFull }
  }

  private var areTablesCrowded: Bool {
    returns.isCrowded || jumps.isCrowded || blocks.isCrowded || exits.isCrowded || units.isCrowded
      || pages.isCrowded || unitRelocations.isCrowded
  }

  /// Whether a unit can be made here without asking any further. Who translates must know.
  func hasRoom(in arena: Int) -> Bool {
    arenas[arena].hasRoom && blocks.hasRoom && exits.hasRoom && units.hasRoom && pages.hasRoom
      && unitRelocations.hasRoom
  }

  var hasFloatingPoint: Bool {
    (0..<arenaCount).contains { !arenas[$0].floatingPoint.isEmpty }
  }

  /// The notes about x87 instructions outlive a flush, unless the processors are asked for what they hold.
  var hasManyFloatingPoint: Bool {
    (0..<arenaCount).contains { arenas[$0].floatingPoint.count > 1 << 16 }
  }

  /// Discards every fragment. No thread may be inside the cache.
  mutating func flush(keepingFloatingPoint: Bool) {
    clear(keepingFloatingPoint: keepingFloatingPoint)
    survivors = nil
    counters.flushes += 1
  }

  mutating func clear(keepingFloatingPoint: Bool) {
    noteMost()
    for index in 0..<arenaCount {
      arenas[index].reset(keepingFloatingPoint: keepingFloatingPoint)
    }
    table.removeAll()
    starts.removeAll()
    blocks.removeAll()
    exits.removeAll()
    units.removeAll()
    unitRelocations.removeAll()
    deadBytes = 0
    pages.removeAll()
    stepFragments.removeAll()
    leavingFragments.removeAll()
    movedReturns.removeAll()
    returns.removeAll()
    jumps.removeAll()
    reader.forgetAll()
    persisted?.stop()
  }
}

/// Counters of the translator, printed by `--stats`.
struct Counters {
  var requests: UInt64 = 0
  var lookupMisses: UInt64 = 0
  var units: UInt64 = 0
  /// Units that an earlier run had made.
  var installed: UInt64 = 0
  var blocks: UInt64 = 0
  var instructions: UInt64 = 0
  /// Bytes of original code; what was translated again counts again.
  var originalBytes: UInt64 = 0
  var links: UInt64 = 0
  /// Entries of returns that were made apart from their calls, and stand behind them now.
  var movedReturns: UInt64 = 0
  var flushes: UInt64 = 0
  var collections: UInt64 = 0
  /// Units that collections have kept, and those of them that were copied back.
  var kept: UInt64 = 0
  var revived: UInt64 = 0
  var invalidations: UInt64 = 0
  var systemCalls: UInt64 = 0
  var signals: UInt64 = 0
  var translationCycles: UInt64 = 0

  static func += (sum: inout Counters, other: Counters) {
    sum.requests &+= other.requests
    sum.lookupMisses &+= other.lookupMisses
    sum.units &+= other.units
    sum.installed &+= other.installed
    sum.blocks &+= other.blocks
    sum.instructions &+= other.instructions
    sum.originalBytes &+= other.originalBytes
    sum.links &+= other.links
    sum.movedReturns &+= other.movedReturns
    sum.flushes &+= other.flushes
    sum.collections &+= other.collections
    sum.kept &+= other.kept
    sum.revived &+= other.revived
    sum.invalidations &+= other.invalidations
    sum.systemCalls &+= other.systemCalls
    sum.signals &+= other.signals
    sum.translationCycles &+= other.translationCycles
  }
}

/// Bounds of one translation.
enum ScanLimit {
  static let instructions = 256
  /// Blocks, and places where a block checks itself once more.
  static let blocks = 24
}

/// What the scan found about one instruction besides the instruction itself.
struct ScanMark: BitwiseCopyable {
  /// A block begins here.
  var startsBlock: Bool
  /// The instruction before, in the same block, may have written to this one.
  var isChecked = false
  /// The block follows a call (its entry is a return entry).
  var followsCall: Bool
  /// A jump of the unit itself leads here.
  var isJoin = false
  /// One of these jumps comes from further on.
  var isLoopHead = false
  /// The instruction is a called function's.
  var isInlined = false
  /// Where an inlined jump leads.
  var leadsTo: Int16 = -1
  /// Offset of the copied bytes.
  var bytes: UInt32
  /// eax is known when the instruction is a system call: its number, else -1.
  var callNumber: Int32
}

/// Addresses of the instructions of the unit being scanned: a small hash that is emptied by a stamp.
struct SeenAddresses: ~Copyable {
  private struct Slot: BitwiseCopyable {
    var address: UInt64
    var stamp: UInt32
    var index: Int32
  }
  private static let size = 1024
  private let slots = UnsafeMutablePointer<Slot>.allocate(capacity: size)
  private var stamp: UInt32 = 1

  init() {
    slots.initialize(
      repeating: Slot(address: 0, stamp: 0, index: 0), count: SeenAddresses.size)
  }

  deinit { slots.deallocate() }

  mutating func clear() {
    stamp &+= 1
    if stamp == 0 {
      slots.initialize(
        repeating: Slot(address: 0, stamp: 0, index: 0), count: SeenAddresses.size)
      stamp = 1
    }
  }

  @inline(__always)
  private func hash(_ address: UInt64) -> Int {
    Int(truncatingIfNeeded: address ^ (address >> 10)) & (SeenAddresses.size - 1)
  }

  @inline(__always)
  func find(_ address: UInt64) -> Int? {
    var slot = hash(address)
    while slots[slot].stamp == stamp {
      if slots[slot].address == address { return Int(slots[slot].index) }
      slot = (slot &+ 1) & (SeenAddresses.size - 1)
    }
    return nil
  }

  @inline(__always)
  mutating func insert(_ address: UInt64, _ index: Int) {
    var slot = hash(address)
    while slots[slot].stamp == stamp { slot = (slot &+ 1) & (SeenAddresses.size - 1) }
    slots[slot] = Slot(address: address, stamp: stamp, index: Int32(index))
  }
}
