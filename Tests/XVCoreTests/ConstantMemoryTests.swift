// SPDX-License-Identifier: GPL-3.0-only
import CLinux
import Glibc
import Testing

@testable import XVCore

/// What nobody may write to, as the test's own process has it.
@Suite struct ConstantMemoryTests {
  private static let page = 4096

  /// Three pages, readable and writable.
  private static func pages(shared: Bool) throws -> UnsafeMutableRawPointer {
    let kind = (shared ? MAP_SHARED : MAP_PRIVATE) | MAP_ANONYMOUS
    let memory = mmap(nil, 3 * page, PROT_READ | PROT_WRITE, kind, -1, 0)
    return try #require(memory != MAP_FAILED ? memory : nil)
  }

  private static func range(_ memory: UnsafeMutableRawPointer, _ pages: Range<Int>) -> Range<UInt64> {
    let start = UInt64(UInt(bitPattern: memory))
    return (start + UInt64(pages.lowerBound * page))..<(start + UInt64(pages.upperBound * page))
  }

  @Test func whatIsProtectedIsConstantUntilItIsNot() throws {
    let memory = try Self.pages(shared: false)
    defer { munmap(memory, 3 * Self.page) }
    mprotect(memory, 3 * Self.page, PROT_READ)
    var constants = ConstantMemory()
    constants.add(Self.range(memory, 0..<3), isSure: false)
    let address = Self.range(memory, 1..<2).lowerBound
    let whole = constants.range(containing: address, of: getpid())
    #expect(whole == Self.range(memory, 0..<3))
    let behind = constants.range(containing: Self.range(memory, 3..<4).lowerBound, of: getpid())
    #expect(behind == nil)
    let removed = [constants.remove(Self.range(memory, 1..<2)), constants.remove(Self.range(memory, 1..<2))]
    #expect(removed == [true, false])
    let gone = constants.range(containing: address, of: getpid())
    #expect(gone == nil)
    #expect(constants.ranges == [Self.range(memory, 0..<1), Self.range(memory, 2..<3)])
  }

  /// /proc/PID/maps has the last word: others may write to shared memory, and who was told wrongly is corrected.
  @Test(arguments: [(true, PROT_READ), (false, PROT_READ | PROT_WRITE), (false, PROT_NONE)])
  func whatOthersMayWriteToIsNot(shared: Bool, protection: Int32) throws {
    let memory = try Self.pages(shared: shared)
    defer { munmap(memory, 3 * Self.page) }
    mprotect(memory, 3 * Self.page, protection)
    var constants = ConstantMemory()
    constants.add(Self.range(memory, 0..<3), isSure: false)
    let found = constants.range(containing: Self.range(memory, 0..<3).lowerBound, of: getpid())
    #expect(found == nil)
    #expect(constants.ranges.isEmpty)
  }

  /// A program that protects page after page makes no list that grows; what code relies on stays.
  @Test func theListIsBounded() throws {
    let memory = try Self.pages(shared: false)
    defer { munmap(memory, 3 * Self.page) }
    mprotect(memory, Self.page, PROT_READ)
    var constants = ConstantMemory()
    let used = Self.range(memory, 0..<1)
    constants.add(used, isSure: false)
    let found = constants.range(containing: used.lowerBound, of: getpid())
    #expect(found == used)
    for number in 1...1000 as ClosedRange<UInt64> {
      constants.add((number << 20)..<(number << 20 + 4096), isSure: false)
    }
    #expect(constants.ranges.count <= 65)
    #expect(constants.ranges.contains(used))
    #expect(constants.ranges.contains { $0.lowerBound == 1000 << 20 })
  }
}
