// SPDX-License-Identifier: GPL-3.0-only

extension Range where Bound == UInt64 {
  /// `count` bytes from an address that somebody else names: what lies beyond the last page is left out.
  /// Nothing can be mapped there.
  init(at address: UInt64, count: UInt64) {
    let end = address.addingReportingOverflow(count)
    let last = ~UInt64(0xfff)
    self = Swift.min(address, last)..<(end.overflow ? last : Swift.min(end.partialValue, last))
  }
}
