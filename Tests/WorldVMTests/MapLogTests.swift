// SPDX-License-Identifier: GPL-3.0-only
import Testing
import WorldVM

@Suite struct MapLogTests {
  private func mapping(_ start: UInt64, _ end: UInt64, _ protection: Int32 = 3, _ path: String = "") -> MemoryMapping {
    MemoryMapping(range: Address(start)..<Address(end), protection: protection, isShared: false, path: path)
  }

  private func log(_ looks: [MemoryMapping]...) -> [String] {
    var log = MapLog()
    var incarnation = Incarnation.first
    for look in looks {
      log.look(at: look, in: incarnation)
      incarnation = incarnation.next
    }
    return log.entries.map(\.description)
  }

  @Test func theFirstLookChangesNothing() {
    #expect(log([mapping(0x1000, 0x3000)]) == [])
    #expect(log([mapping(0x1000, 0x3000)], [mapping(0x1000, 0x3000)]) == [])
  }

  @Test func whatComesAndGoesIsTold() {
    #expect(log([], [mapping(0x1000, 0x3000)], []) == ["2 map     rw- 0x1000-0x3000", "3 unmap   rw- 0x1000-0x3000"])
    // A hole in the middle.
    #expect(
      log([mapping(0x1000, 0x5000)], [mapping(0x1000, 0x2000), mapping(0x3000, 0x5000)])
        == ["2 unmap   rw- 0x2000-0x3000"])
    // It grows at both ends.
    #expect(
      log([mapping(0x2000, 0x3000)], [mapping(0x1000, 0x4000)])
        == ["2 map     rw- 0x1000-0x2000", "2 map     rw- 0x3000-0x4000"])
  }

  @Test func anotherProtectionIsTold() {
    #expect(
      log(
        [mapping(0x1000, 0x4000, 1, "/lib/x")],
        [mapping(0x1000, 0x2000, 1, "/lib/x"), mapping(0x2000, 0x3000, 5, "/lib/x"), mapping(0x3000, 0x4000, 1, "/lib/x")])
        == ["2 protect r-x (was r--) 0x2000-0x3000 /lib/x"])
  }

  @Test func anotherFileAtTheSamePlaceIsAMapping() {
    #expect(
      log([mapping(0x1000, 0x2000, 1, "/one")], [mapping(0x1000, 0x2000, 1, "/two")]) == ["2 map     r-- 0x1000-0x2000 /two"])
  }

  @Test func theLogIsBounded() {
    var log = MapLog()
    for round in 0..<5000 {
      log.look(at: round % 2 == 0 ? [mapping(0x1000, 0x2000)] : [], in: .first)
    }
    #expect(log.entries.count == 4096)
  }
}
