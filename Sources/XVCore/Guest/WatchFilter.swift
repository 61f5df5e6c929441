// SPDX-License-Identifier: GPL-3.0-only

/// Tables in each thread's context by which translated code finds most accesses harmless: what it lets
/// through may still be, and the server decides.
///
/// The low 16 bits of an address lead to a byte of `starts`. It says how long an access has to be that
/// begins there to reach something watched: bit n for 2^n bytes. Bit 7: reads count, too. Which bits
/// matter to an access of one length and kind is a verdict, a table of its own. Bytes 2 and 3 of the
/// address then have to be those of something watched.
struct WatchFilter {
  /// 1, 2, 4, 8, 16, 32 and 64 bytes.
  static let lengths = 7
  static let longest = 1 << (lengths - 1)
  private static let readBit: UInt8 = 0x80

  private(set) var starts = [UInt8](repeating: 0, count: 0x1_0000)
  /// For byte 2, and behind it for byte 3.
  private(set) var highBytes = [UInt8](repeating: 0, count: 0x200)

  init(_ watchpoints: some Sequence<Watchpoint>) {
    for watchpoint in watchpoints { add(watchpoint) }
  }

  private mutating func add(_ watchpoint: Watchpoint) {
    let first = watchpoint.address.rawValue
    let kind = watchpoint.kind == .write ? 0 : WatchFilter.readBit
    let inside = min(watchpoint.length, 0x1_0000)
    for offset in 0..<inside { starts[Int((first &+ offset) & 0xffff)] |= 1 | kind }
    for distance in 1..<UInt64(WatchFilter.longest) {
      let length = 64 - distance.leadingZeroBitCount  // of `distance` + 1 bytes at least
      starts[Int((first &- distance) & 0xffff)] |= 1 << UInt8(length) | kind
    }
    var block = (first &- UInt64(WatchFilter.longest)) >> 16
    let last = (first &+ (watchpoint.length - 1)) >> 16
    // An access that begins below address 0 does not exist, and neither do its bytes.
    if block > last { block = first >> 16 }
    for _ in 0..<0x1_0000 {
      highBytes[Int(block & 0xff)] = 1
      highBytes[0x100 + Int(block >> 8 & 0xff)] = 1
      if block == last { break }
      block += 1
    }
  }

  /// What `starts` has to say for an access to be looked at: one byte for each of its values.
  static func verdict(length: Int, isWrite: Bool) -> [UInt8] {
    let bits = UInt8(truncatingIfNeeded: (2 << length) - 1)
    return (0...UInt8.max).map { $0 & bits != 0 && (isWrite || $0 & readBit != 0) ? 1 : 0 }
  }

  static let verdicts: [UInt8] =
    (0..<lengths).flatMap { verdict(length: $0, isWrite: true) }
    + (0..<lengths).flatMap { verdict(length: $0, isWrite: false) }

  /// The number of the length that `size` bytes take; nil for more than are looked at.
  static func lengthIndex(_ size: Int) -> Int? {
    guard 1...longest ~= size else { return nil }
    return size == 1 ? 0 : Int.bitWidth - (size - 1).leadingZeroBitCount
  }
}

extension ContextLayout {
  static func watchVerdict(length: Int, isWrite: Bool) -> Int {
    watchVerdicts + ((isWrite ? 0 : WatchFilter.lengths) + length) * 0x100
  }
}

extension Context {
  func fill(_ filter: WatchFilter) {
    put(filter.starts, ContextLayout.watchStarts)
    put(filter.highBytes, ContextLayout.watchHighBytes)
    put(WatchFilter.verdicts, ContextLayout.watchVerdicts)
  }

  private func put(_ bytes: [UInt8], _ offset: Int) {
    bytes.withUnsafeBytes { (base + offset).copyMemory(from: $0.baseAddress!, byteCount: $0.count) }
  }
}
