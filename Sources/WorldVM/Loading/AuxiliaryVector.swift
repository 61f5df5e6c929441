// SPDX-License-Identifier: GPL-3.0-only
internal import XVCore

/// What the kernel told a program at its start (AT_* of <elf.h>).
package struct AuxiliaryVector: Sendable {
  private var values: [UInt64: UInt64] = [:]

  /// Pairs of tag and value, 8 bytes each; what follows AT_NULL does not count.
  package init(_ bytes: [UInt8]) {
    for start in stride(from: 0, through: bytes.count - 16, by: 16) {
      let tag = bytes.word(at: start)
      if tag == 0 { break }
      values[tag] = bytes.word(at: start + 8)
    }
  }

  private func address(_ tag: UInt64) -> Address? { values[tag].map { Address($0) } }

  /// AT_PHDR: the main program's headers in memory.
  var programHeaders: Address? { address(3) }
  /// AT_PHNUM.
  var programHeaderCount: Int { Int(truncatingIfNeeded: values[5] ?? 0) }
  /// AT_BASE: where the dynamic linker was mapped; nil when there is none.
  var interpreterBase: Address? { address(7).flatMap { $0.rawValue == 0 ? nil : $0 } }
  /// AT_ENTRY: the main program's entry point.
  var entry: Address? { address(9) }
}
