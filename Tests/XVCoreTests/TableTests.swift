// SPDX-License-Identifier: GPL-3.0-only
import Glibc
import Testing

@testable import XVCore

@Suite("Tables") struct TableTests {
  /// Dense pages of code, and some far apart.
  private let addresses: [UInt64]

  init() {
    let dense = (0..<40_000).map { (number: UInt64) in 0x40_0000 + number * 5 }
    let sparse = (0..<10_000).map { (number: UInt64) in 0x7f00_0000_0000 + number * 4099 }
    // With the same lower halves as others.
    let alike = (0..<1000).map { (number: UInt64) in 0x5500_0040_0000 + number * 5 }
    addresses = dense + sparse + alike
  }

  @Test func blocksAreFoundByTheirAddresses() {
    var table = BlockTable(bits: 8)
    var wrong = 0
    for (number, address) in addresses.enumerated() {
      if table.find(address, address: { addresses[Int($0)] }) != -1 { wrong += 1 }
      table.insert(address, Int32(number)) { addresses[Int($0)] }
    }
    for (number, address) in addresses.enumerated()
    where table.find(address, address: { addresses[Int($0)] }) != Int32(number) { wrong += 1 }
    #expect(wrong == 0)
    let absent = table.find(0x40_0001) { addresses[Int($0)] }
    table.removeAll()
    let removed = table.find(addresses[0]) { addresses[Int($0)] }
    #expect(absent == -1 && removed == -1)
  }

  @Test func targetsAreFoundUntilTheyAreRemoved() throws {
    let memory = try #require(
      mmap(nil, RegionLayout.masterTableSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0))
    defer { munmap(memory, RegionLayout.masterTableSize) }
    var table = MasterTable(at: memory)
    for address in addresses { table.insert(address, CacheAddress(address + 1)) }
    #expect(table.count == addresses.count && !table.isCrowded)
    #expect(addresses.allSatisfy { table.lookup($0) == CacheAddress($0 + 1) })
    #expect(table.remove(addresses[7]) && !table.remove(addresses[7]))
    #expect(table.lookup(addresses[7]) == nil && table.lookup(addresses[8]) != nil)
    // The gate counts in the uppermost bits.
    let words = memory.assumingMemoryBound(to: UInt64.self)
    for index in 0..<RegionLayout.masterTableSize / 16 where words[index * 2] != 0 { words[index * 2 + 1] |= 7 << 48 }
    #expect(table.lookup(addresses[8]) == CacheAddress(addresses[8] + 1))
  }

  @Test func aTableThatTheProgramHasFilledEndsSearches() throws {
    let memory = try #require(
      mmap(nil, RegionLayout.masterTableSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0))
    defer { munmap(memory, RegionLayout.masterTableSize) }
    var table = MasterTable(at: memory)
    memset(memory, 0xff, RegionLayout.masterTableSize)
    #expect(table.lookup(0x40_0000) == nil && !table.remove(0x40_0000))
    table.insert(0x40_0000, CacheAddress(1))
    #expect(table.isCrowded)
  }

  @Test func pagesThatWereWrittenToAreNotTheFiles() throws {
    let file = tmpfile()
    defer { fclose(file) }
    let bytes = [UInt8](repeating: 0x90, count: 3 * 4096)
    #expect(fwrite(bytes, 1, bytes.count, file) == bytes.count && fflush(file) == 0)
    let memory = try #require(mmap(nil, bytes.count, PROT_READ | PROT_WRITE, MAP_PRIVATE, fileno(file), 0))
    defer { munmap(memory, bytes.count) }
    let start = UInt64(UInt(bitPattern: memory))
    let reader = CodeReader()
    func holds(_ range: Range<UInt64>) -> Bool { reader.holdsFile(start + range.lowerBound..<start + range.upperBound, process: getpid()) }
    #expect(holds(0..<3 * 4096))
    memory.storeBytes(of: 0xc3, toByteOffset: 4096 + 5, as: UInt8.self)
    reader.forget(pages: start >> 12..<start >> 12 + 3)
    #expect(holds(0..<4096) && !holds(4090..<4100) && holds(2 * 4096..<2 * 4096 + 1))
  }
}
