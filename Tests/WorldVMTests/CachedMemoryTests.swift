// SPDX-License-Identifier: GPL-3.0-only
import Testing
import WorldVM
import XVCore

@Suite(.timeLimit(.minutes(1))) struct CachedMemoryTests {
  let source: FakeMemory
  let state: RunState
  let memory: CachedMemory<FakeMemory>

  init() throws {
    source = FakeMemory(pages: [0x10, 0x11, 0x12, 0x20, 0xF_FFFF_FFFF_FFFF])
    state = try RunState()
    memory = CachedMemory(source: source, state: state)
  }

  @Test(
    arguments: [
      0x10000..<0x10001, 0x10FFF..<0x11001, 0x10000..<0x13000, 0x10123..<0x12FFF,
      0x20FF8..<0x21000, 0xFFFF_FFFF_FFFF_FFF0..<0xFFFF_FFFF_FFFF_FFFF,
    ] as [Range<UInt64>])
  func readsAcrossPages(range: Range<UInt64>) throws {
    for _ in 0..<2 {
      #expect(
        try memory.read(from: Address(range.lowerBound), count: range.count)
          == FakeMemory.bytes(range))
    }
    #expect(source.fetches.values.allSatisfy { $0 == 1 })
  }

  @Test func fetchesEachPageOnceAndNothingElse() throws {
    _ = try memory.read(from: Address(0x11800), count: 1)
    #expect(source.fetches == [0x11: 1])
    _ = try memory.read(from: Address(0x10000), count: 0x3000)
    _ = try memory.read(from: Address(0x11000), count: 0x1000)
    #expect(source.fetches == [0x10: 1, 0x11: 1, 0x12: 1])
    #expect(memory.counters.fetchedPages == 3)
  }

  @Test func neighbouringPagesComeWithOneFetch() throws {
    _ = try memory.read(from: Address(0x10FFF), count: 0x1002)
    #expect(source.calls == 1)
    #expect(source.fetches == [0x10: 1, 0x11: 1, 0x12: 1])
  }

  @Test func faultNamesTheFirstUnreadableByte() throws {
    #expect(throws: WorldError.addressFault(Address(0x13000))) {
      try memory.read(from: Address(0x11FFF), count: 0x2000)
    }
    #expect(throws: WorldError.addressFault(Address(0x30010))) {
      try memory.read(from: Address(0x30010), count: 8)
    }
    #expect(
      try memory.readAvailable(from: Address(0x12FFE), count: 8)
        == FakeMemory.bytes(0x12FFE..<0x13000))
    #expect(try memory.readAvailable(from: Address(0x30000), count: 8) == [])
    // That a page cannot be read is known after one attempt.
    #expect(source.fetches == [0x11: 1, 0x12: 1, 0x13: 1, 0x30: 1])
  }

  @Test func nothingIsConcludedAboutPagesBehindAHole() throws {
    #expect(try memory.readAvailable(from: Address(0x12000), count: 0xF000).count == 0x1000)
    #expect(
      try memory.read(from: Address(0x20000), count: 8) == FakeMemory.bytes(0x20000..<0x20008))
    #expect(source.fetches == [0x12: 1, 0x13: 1, 0x20: 1])
  }

  @Test func readsEndWithTheAddressSpace() throws {
    let last = Address(UInt64.max - 7)
    #expect(try memory.readAvailable(from: last, count: 100).count == 8)
    #expect(source.fetches == [0xF_FFFF_FFFF_FFFF: 1])
  }

  @Test func writesGoThrough() throws {
    _ = try memory.read(from: Address(0x10000), count: 0x2000)
    try memory.write([1, 2, 3, 4], to: Address(0x10FFE))
    #expect(source.peek(0x10FFE) == 1)
    #expect(source.peek(0x11001) == 4)
    #expect(try memory.read(from: Address(0x10FFD), count: 6)[1...4] == [1, 2, 3, 4])
    #expect(source.fetches == [0x10: 1, 0x11: 1])
    // Into a page that was never read: written, not fetched.
    try memory.write([9], to: Address(0x20000))
    #expect(source.fetches[0x20] == nil)
    #expect(try memory.read(from: Address(0x20000), count: 1) == [9])
  }

  @Test func writeFaultNamesTheFirstByteNotWritten() throws {
    _ = try memory.read(from: Address(0x12FFE), count: 2)
    #expect(throws: WorldError.addressFault(Address(0x13000))) {
      try memory.write([7, 8, 9], to: Address(0x12FFE))
    }
    #expect(try memory.read(from: Address(0x12FFE), count: 2) == [7, 8])
    #expect(source.peek(0x12FFF) == 8)
  }

  @Test func aPageThatBecameWritableIsReadAgain() throws {
    #expect(try memory.readAvailable(from: Address(0x13000), count: 1) == [])
    source.map(0x13)
    try memory.write([5], to: Address(0x13004))
    #expect(try memory.read(from: Address(0x13003), count: 3) == [0, 5, 0])
  }

  @Test func goMakesPagesStale() throws {
    let before = try memory.read(from: Address(0x10000), count: 1)[0]
    let incarnation = state.incarnation
    #expect(incarnation == .first)
    try memory.go {}
    #expect(state.incarnation == incarnation.next)
    source.poke(before &+ 1, at: 0x10000)
    state.post(StopEvent(thread: ThreadID(1), reason: .stepped))
    #expect(try memory.read(from: Address(0x10000), count: 1) == [before &+ 1])
    #expect(source.fetches == [0x10: 2])
  }

  @Test func nothingIsCachedWhileTheWorldRuns() throws {
    try memory.go {}
    for value in 1...3 as ClosedRange<UInt8> {
      source.poke(value, at: 0x10000)
      #expect(try memory.read(from: Address(0x10000), count: 1) == [value])
    }
    try memory.write([77], to: Address(0x10001))
    #expect(source.peek(0x10001) == 77)
    source.poke(4, at: 0x10000)
    state.post(StopEvent(thread: ThreadID(1), reason: .stepped))
    #expect(try memory.read(from: Address(0x10000), count: 2) == [4, 77])
  }

  @Test func forgottenPagesAreFetchedAgain() throws {
    _ = try memory.read(from: Address(0x10000), count: 1)
    source.unmap(0x10)
    memory.forget()
    #expect(throws: WorldError.addressFault(Address(0x10000))) {
      try memory.read(from: Address(0x10000), count: 1)
    }
  }

  @Test func aFullCacheStillReads() throws {
    let small = CachedMemory(source: source, state: state, capacity: 1)
    for _ in 0..<2 {
      #expect(
        try small.read(from: Address(0x10000), count: 0x3000)
          == FakeMemory.bytes(0x10000..<0x13000))
    }
    #expect(source.fetches == [0x10: 1, 0x11: 2, 0x12: 2])
  }

  @Test func readersOnManyThreadsFetchOnce() async throws {
    await withTaskGroup(of: Bool.self) { group in
      for start in 0..<8 as Range<UInt64> {
        group.addTask { [memory] in
          let range = 0x10000 + start * 512..<0x13000
          let bytes = try? memory.read(from: Address(range.lowerBound), count: range.count)
          return bytes == FakeMemory.bytes(range)
        }
      }
      for await isRight in group { #expect(isRight) }
    }
    #expect(source.fetches == [0x10: 1, 0x11: 1, 0x12: 1])
  }

  @Test func aGoThatFailsLeavesTheWorldStanding() throws {
    #expect(throws: WorldError.failed(call: "resume", errno: 3)) {
      try memory.go { () throws(WorldError) in throw .failed(call: "resume", errno: 3) }
    }
    #expect(!state.isRunning)
    try memory.go {}
    #expect(throws: WorldError.running) { try memory.go {} }
  }

  @Test func anInvalidWorldRaisesBadWorld() throws {
    state.invalidate(because: "gone")
    #expect(throws: WorldError.badWorld("gone")) {
      try memory.read(from: Address(0x10000), count: 1)
    }
    #expect(throws: WorldError.badWorld("gone")) { try memory.write([1], to: Address(0x10000)) }
    #expect(throws: WorldError.badWorld("gone")) { try memory.go {} }
    #expect(source.calls == 0)
  }
}
