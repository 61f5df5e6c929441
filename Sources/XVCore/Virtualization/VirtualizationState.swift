// SPDX-License-Identifier: GPL-3.0-only
internal import CLinux

/// All that xv keeps about the virtualization of one process, in one bounded structure: the region that
/// server and guest share (gate, master tables, contexts, arenas, target tables), and the translator's
/// tables about it.
///
/// Everything is found from here, so that all of it can be moved (`relocate`), collected, and bounded
/// (`bounds`). Reached with the engine's lock held.
struct VirtualizationState: ~Copyable {
  let region: Region
  /// Where the guest sees the region.
  private(set) var address: UInt64
  private(set) var gate: Gate
  let translator: UnsafeMutablePointer<Translator>
  private(set) var targets: TargetTables
  var contexts: [ThreadID: Context] = [:]
  /// In the order of the dispatcher's rounds.
  var active: [(thread: ThreadID, context: Context)] = []
  private var freeContexts = Array((0..<RegionLayout.maximumThreads).reversed())
  /// Where threads are about to map something: nothing of xv's may come there meanwhile.
  var claims: [ThreadID: Range<UInt64>] = [:]
  private(set) var relocations: UInt64 = 0
  private(set) var mostContexts = 0

  init(process: Int32, region: consuming Region, at address: UInt64) {
    let server = region.server
    targets = TargetTables(descriptor: region.descriptor)
    self.region = region
    self.address = address
    gate = Gate(at: server + RegionLayout.gateOffset, guest: address)
    let master = server + RegionLayout.masterOffset
    translator = .allocate(capacity: 1)
    translator.initialize(
      to: Translator(
        process: process, returns: MasterTable(at: master),
        jumps: MasterTable(at: master + RegionLayout.masterTableSize)))
  }

  deinit {
    translator.deinitialize(count: 1)
    translator.deallocate()
  }

  // MARK: Contexts

  /// Whether one more thread can be made, besides those that are being made.
  var hasRoomForThread: Bool { freeContexts.count > 16 }

  /// The number of a context that no thread has; nil when there are too many threads.
  mutating func makeContext(for thread: ThreadID) -> (index: Int, context: Context)? {
    guard let index = freeContexts.popLast() else { return nil }
    let context = context(index)
    context.initialize(pointers)
    for (number, window) in targets.windows.enumerated() { context.open(window, as: number) }
    contexts[thread] = context
    active.append((thread, context))
    mostContexts = max(mostContexts, active.count)
    return (index, context)
  }

  mutating func releaseContext(of thread: ThreadID) -> Context? {
    guard let context = contexts.removeValue(forKey: thread) else { return nil }
    active.removeAll { $0.thread == thread }
    freeContexts.append(context.index)
    return context
  }

  private func context(_ index: Int) -> Context {
    let offset = RegionLayout.contextsOffset + index * RegionLayout.contextStride
    return Context(
      index: index, base: region.server + offset, guestAddress: address &+ UInt64(offset))
  }

  private var pointers: Context.Pointers {
    let masters = address &+ UInt64(RegionLayout.masterOffset)
    return Context.Pointers(
      gate: gate, doorbell: address &+ UInt64(RegionLayout.sharedOffset), masterReturns: masters,
      masterJumps: masters &+ UInt64(RegionLayout.masterTableSize))
  }

  // MARK: Indirect targets

  /// Lookups of targets near `original` shall be answered by a table.
  mutating func openTables(near original: UInt64) {
    guard let number = targets.open(windowOf: original) else { return }
    for (_, context) in active { context.open(targets.windows[number], as: number) }
  }

  mutating func forgetTarget(_ original: UInt64, _ kind: TargetTables.Kind) {
    targets.forget(original, kind)
  }

  // MARK: Where the guest sees it

  /// The region's mappings in the guest, which differ in their protection: mremap(2) moves one at a time.
  static let pieces: [(offset: Int, size: Int, protection: UInt64)] = [
    (RegionLayout.gateOffset, RegionLayout.gateSize, 5),
    (RegionLayout.sharedOffset, RegionLayout.arenasOffset - RegionLayout.sharedOffset, 3),
    (RegionLayout.arenasOffset, RegionLayout.contextsOffset - RegionLayout.arenasOffset, 5),
    (RegionLayout.contextsOffset, RegionLayout.regionSize - RegionLayout.contextsOffset, 3),
  ]

  var range: Range<UInt64> { address..<(address &+ UInt64(RegionLayout.regionSize)) }

  /// Where arenas are shown to the guest besides, near the code that they serve.
  var arenaRanges: [Range<UInt64>] {
    (0..<translator.pointee.arenaCount).map {
      let guest = translator.pointee.arenas[$0].guest
      return guest..<(guest &+ UInt64(Arena.size))
    }
  }

  /// All of the guest's addresses that are xv's, in order.
  var ownRanges: [Range<UInt64>] {
    (arenaRanges + [range]).sorted { $0.lowerBound < $1.lowerBound }
  }

  // MARK: Discarding

  /// Discards every fragment. No thread is inside, and none owes the cache anything.
  mutating func flush(keepingFloatingPoint: Bool) {
    translator.pointee.flush(keepingFloatingPoint: keepingFloatingPoint)
    targets.removeAll()
  }

  /// As `flush`, but what is live is kept aside, to be copied back when it is asked for.
  mutating func collect(keepingFloatingPoint: Bool) {
    translator.pointee.collect(keepingFloatingPoint: keepingFloatingPoint)
    targets.removeAll()
  }

  /// As `collect`; the arenas' own mappings are gone from the guest.
  mutating func forgetArenas() {
    collect(keepingFloatingPoint: false)
    translator.pointee.removeArenas()
  }

  /// The guest sees the region at another place from now on. Nothing that was an address in it means
  /// anything any more: code is discarded, the gate is made for its new place, and each context points
  /// there. The %gs base of each thread is the tracer's to set.
  mutating func relocate(to address: UInt64) {
    forgetArenas()
    self.address = address
    relocations &+= 1
    gate = Gate(at: region.server + RegionLayout.gateOffset, guest: address)
    for place in active.indices {
      let moved = context(active[place].context.index)
      moved.point(pointers)
      active[place].context = moved
      contexts[active[place].thread] = moved
    }
  }
}
