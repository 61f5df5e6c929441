// SPDX-License-Identifier: GPL-3.0-only
package import XVCore

/// Memory behind the page cache, asked without any caching: a guest's, or a test's.
package protocol MemorySource: Sendable {
  /// Reads up to `count` bytes; shorter at the first unreadable byte, empty when that is the first.
  /// Throws when it cannot be asked, which says nothing about the memory.
  func readMemory(at address: Address, count: Int) throws(WorldError) -> [UInt8]
  /// Writes from the front and returns how many bytes were written.
  func writeMemory(_ bytes: [UInt8], at address: Address) throws(WorldError) -> Int
}

extension Guest: MemorySource {}
