// SPDX-License-Identifier: GPL-3.0-only
import Testing

@testable import XVCore

/// How watchpoints are spread over the processor's four debug registers.
@Suite(.timeLimit(.minutes(1))) struct DebugRegistersTests {
  private func watch(
    _ address: UInt64, _ length: UInt64, _ kind: Watchpoint.Kind = .write
  ) -> Watchpoint {
    Watchpoint(kind, at: OriginalAddress(address), length: length)
  }

  private func pieces(_ address: UInt64, _ length: UInt64) -> [[UInt64]]? {
    DebugRegisters.pieces(of: watch(address, length))?.map { [$0.address, $0.length] }
  }

  @Test func memoryIsSplitIntoAlignedPieces() {
    #expect(pieces(0x1000, 8) == [[0x1000, 8]])
    #expect(pieces(0x1004, 4) == [[0x1004, 4]])
    #expect(pieces(0x1001, 4) == [[0x1001, 1], [0x1002, 2], [0x1004, 1]])
    #expect(pieces(0x1000, 32)?.count == 4)
    #expect(pieces(0x1000, 33) == nil)
    #expect(pieces(0x1001, 16) == nil)
    #expect(pieces(0x1000, 0) == nil)
    #expect(pieces(0x1000, .max) == nil)
  }

  @Test func controlAsTheManualSays() {
    let set = WatchpointBox()
    #expect(set.value.registers.control == 0)
    #expect(set.insert(watch(0x1000, 4)))
    // L0; R/W0 01 (writes); LEN0 11 (four bytes).
    #expect(set.value.registers.control == 0x000d_0001)
    #expect(set.insert(watch(0x2000, 8, .access)))
    // L1; R/W1 11 (reads and writes); LEN1 10 (eight bytes).
    #expect(set.value.registers.control == 0x00bd_0005)
    #expect(set.insert(watch(0x3000, 2)))
    #expect(set.insert(watch(0x3002, 1, .read)))
    #expect(set.value.registers.control == 0x35bd_0055)
  }

  @Test func whatDoesNotFitIsChecked() {
    let set = WatchpointBox()
    #expect(set.insert(watch(0x1000, 24)))
    let before = set.value.registers
    #expect(set.insert(watch(0x2000, 16)))
    #expect(set.value.registers == before && set.value.checked == [watch(0x2000, 16)])
    #expect(set.insert(watch(0x2000, 16)))
    #expect(set.insert(watch(0x2000, 8)))
    #expect(set.insert(watch(0x3000, 1)))
    #expect(set.value.checked == [watch(0x2000, 16), watch(0x3000, 1)])
    #expect(set.remove(watch(0x1000, 24)))
    #expect(!set.remove(watch(0x1000, 24)))
    #expect(set.remove(watch(0x3000, 1)) && set.remove(watch(0x2000, 16)))
    #expect(set.value.checked.isEmpty)
    #expect(set.insert(watch(0x3000, 1)))
    #expect(set.value.checked.isEmpty)
    // The register of 0x2000 has stayed where it was.
    #expect(set.value.registers[3]?.address == 0x2000)
  }

  @Test func equalPiecesShareARegister() {
    let set = WatchpointBox()
    #expect(set.insert(watch(0x1000, 16)))
    #expect(set.insert(watch(0x1008, 8)))
    #expect(set.value.registers[2] == nil)
    #expect(set.remove(watch(0x1000, 16)))
    #expect(set.value.registers[0] == nil && set.value.registers[1]?.address == 0x1008)
    #expect(set.value.watches(WatchHit(.write, at: OriginalAddress(0x1008))))
    #expect(!set.value.watches(WatchHit(.write, at: OriginalAddress(0x1000))))
  }

  @Test func whatIsNoMemoryIsRefused() {
    let set = WatchpointBox()
    #expect(!set.insert(watch(0x1000, 0)))
    #expect(!set.insert(watch(.max, 2)))
    #expect(set.insert(watch(.max, 1)) && set.insert(watch(0, .max)))
  }

  @Test func thereIsABound() {
    let set = WatchpointBox()
    for number in 0..<UInt64(Watchpoint.most) where !set.insert(watch(0x1000 + number * 8, 8)) {
      Issue.record("\(number)")
    }
    #expect(!set.insert(watch(0x10, 8)))
    #expect(set.remove(watch(0x1000, 8)))
    #expect(set.insert(watch(0x10, 8)))
  }

  @Test func accessesAreComparedByHand() {
    let set = WatchpointBox()
    #expect(set.insert(watch(0x1000, 8)) && set.insert(watch(0x1004, 4, .access)))
    func met(_ address: UInt64, _ length: UInt64, isWrite: Bool) -> UInt8 {
      set.value.registers.met(by: MemoryAccess(address: address, length: length, isWrite: isWrite))
    }
    #expect(met(0x1000, 4, isWrite: true) == 1)
    #expect(met(0x1000, 4, isWrite: false) == 0)
    #expect(met(0x1003, 2, isWrite: false) == 2)
    #expect(met(0x0ff9, 8, isWrite: true) == 1)
    #expect(met(0x0ff8, 8, isWrite: true) == 0)
    #expect(met(0x1008, 8, isWrite: true) == 0)
    // Of several the last one is told.
    #expect(set.value.hit(3) { _ in false }?.kind == .access)
    #expect(set.value.hit(3) { _ in false }?.address == OriginalAddress(0x1004))
    #expect(set.value.hit(1) { _ in false } == WatchHit(.write, at: OriginalAddress(0x1000)))
    #expect(set.value.hit(0) { _ in true } == nil && set.value.hit(8) { _ in true } == nil)
  }

  @Test func readsAreToldApart() {
    let set = WatchpointBox()
    let place = OriginalAddress(0x1000)
    #expect(set.insert(watch(0x1000, 8, .read)))
    #expect(set.value.hit(1) { _ in false } == nil)
    #expect(set.value.hit(1) { _ in true } == WatchHit(.read, at: place))
    // One register for writes, one for reads and writes: a write meets both.
    #expect(set.insert(watch(0x1000, 8)))
    #expect(set.value.hit(3) { _ in false } == WatchHit(.write, at: place))
    // A debugger looks at both: the place is one.
    #expect(set.value.hit(3) { _ in true } == WatchHit(.write, at: place))
    #expect(set.value.hit(1) { _ in false } == nil)
    // Who watches for accesses shares the register of who watches for reads.
    #expect(set.insert(watch(0x1000, 8, .access)))
    #expect(set.value.registers[2] == nil)
    #expect(set.value.hit(1) { _ in false } == WatchHit(.access, at: place))
  }

  @Test func allThatAnAccessMetIsTold() {
    func places(_ hit: WatchHit?) -> [UInt64] {
      hit.map { [$0.address.rawValue] + $0.others.map(\.address.rawValue) } ?? []
    }
    let set = WatchpointBox()
    #expect(set.insert(watch(0x1000, 4)) && set.insert(watch(0x1004, 4)))
    #expect(places(set.value.hit(3) { _ in false }) == [0x1004, 0x1000])
    #expect(set.value.hit(3) { _ in false }?.next == WatchHit(.write, at: OriginalAddress(0x1000)))
    // Two pieces of one watchpoint are one hit.
    #expect(set.insert(watch(0x2000, 16)))
    #expect(places(set.value.hit(0xc) { _ in false }) == [0x2008])
    var checked = WatchpointSet()
    for address in [UInt64(0x1000), 0x1004, 0x1008] {
      let isInserted = checked.insert(watch(address, 4), mayUseRegisters: false)
      #expect(isInserted)
    }
    let write = MemoryAccess(address: 0x1002, length: 8, isWrite: true)
    #expect(places(checked.hit([write])) == [0x1002, 0x1004, 0x1008])
  }

  @Test func checkedAccessesCountByTheirKind() {
    var set = WatchpointSet()
    let inserted = set.insert(watch(0x1000, 8, .read), mayUseRegisters: false)
    let write = MemoryAccess(address: 0x1000, length: 4, isWrite: true)
    let both = MemoryAccess(address: 0x1000, length: 4, isWrite: true, isRead: true)
    let told = WatchHit(.read, at: OriginalAddress(0x1000))
    #expect(inserted && set.hit([write]) == nil)
    #expect(set.hit([both]) == told && set.hit([write, both]) == told)
  }
}

/// `#expect` calls no mutating method.
private final class WatchpointBox {
  var value = WatchpointSet()

  func insert(_ watchpoint: Watchpoint) -> Bool { value.insert(watchpoint) }
  func remove(_ watchpoint: Watchpoint) -> Bool { value.remove(watchpoint) }
}
