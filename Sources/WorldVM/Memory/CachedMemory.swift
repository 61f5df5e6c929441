// SPDX-License-Identifier: GPL-3.0-only
internal import XVCore

/// A world's memory as its callers see it: typed faults, through the page cache while it stands still.
///
/// Safe from any thread. The lock is held across a fetch, so that two readers of one page fetch it
/// once and a `go` waits for both; it is always taken before `RunState`'s.
package final class CachedMemory<Source: MemorySource>: Sendable {
  private let source: Source
  private let state: RunState
  private let cache: PatientLock<PageCache>

  package init(source: Source, state: RunState, capacity: Int = 65536, readAhead: Int = 0) {
    self.source = source
    self.state = state
    cache = PatientLock(PageCache(capacity: capacity, readAhead: readAhead))
  }

  package var counters: PageCache.Counters { cache.withLockAlways { $0.counters } }

  /// The readable bytes from `address` on, at most `count`.
  package func readAvailable(from address: Address, count: Int) throws(WorldError) -> [UInt8] {
    try state.requireValid()
    return try cache.withLock { (cache: inout PageCache) throws(WorldError) -> [UInt8] in
      cache.enter(state.incarnation)
      // What is read while the world runs is out of date at once.
      return try state.isRunning
        ? source.readMemory(at: address, count: count)
        : cache.read(from: address, count: count, through: source)
    }
  }

  /// All of `count` bytes, or `.addressFault` with the first address that cannot be read.
  package func read(from address: Address, count: Int) throws(WorldError) -> [UInt8] {
    let bytes = try readAvailable(from: address, count: count)
    guard bytes.count == count else { throw .addressFault(address + UInt64(bytes.count)) }
    return bytes
  }

  /// Writes through the cache; `.addressFault` names the first byte that was not written.
  package func write(_ bytes: [UInt8], to address: Address) throws(WorldError) {
    try state.requireValid()
    let written = try cache.withLock { (cache: inout PageCache) throws(WorldError) -> Int in
      cache.enter(state.incarnation)
      return try state.isRunning
        ? source.writeMemory(bytes, at: address)
        : cache.write(bytes, to: address, through: source)
    }
    guard written == bytes.count else { throw .addressFault(address + UInt64(written)) }
  }

  /// Forgets what was read: the memory is gone.
  package func forget() { cache.withLockAlways { $0.drop() } }

  /// Starts the world by `resume` in its next incarnation, as soon as nobody holds a lock on it.
  package func go(_ resume: () throws(WorldError) -> Void) throws(WorldError) {
    while try !tryGo(resume) { try state.waitUntilUnlocked() }
  }

  /// Returns when no `go` is on its way: what is marked as running was let run.
  package func awaitStart() { cache.withLockAlways { _ in } }

  /// No reader is inside the cache while the incarnation changes, so none can keep an old page.
  private func tryGo(_ resume: () throws(WorldError) -> Void) throws(WorldError) -> Bool {
    try cache.withLock { (cache: inout PageCache) throws(WorldError) -> Bool in
      guard try state.tryGo() else { return false }
      cache.drop()
      do throws(WorldError) {
        try resume()
      } catch {
        state.failToGo()
        throw error
      }
      return true
    }
  }
}
