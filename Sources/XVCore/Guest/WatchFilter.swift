// SPDX-License-Identifier: GPL-3.0-only

/// Tables in each thread's context by which translated code finds most accesses harmless: what it lets
/// through may still be, and the server decides.
///
/// The low 16 bits of an address lead to a byte of `starts`. It says how long an access has to be that
/// begins there to reach something watched: bit n for 2^n bytes. Bit 7: reads count, too. Which bits
/// matter to an access of one length and kind is a verdict, a table of its own. Bytes 2 and 3 of the
/// address then have to be those of something watched.
///
/// What is longer, the rounds of a string instruction, is compared with a few ranges.
struct WatchFilter {
  /// 1, 2, 4, 8, 16, 32 and 64 bytes.
  static let lengths = 7
  static let longest = 1 << (lengths - 1)
  private static let readBit: UInt8 = 0x80

  private(set) var starts = [UInt8](repeating: 0, count: 0x1_0000)
  /// For byte 2, and behind it for byte 3.
  private(set) var highBytes = [UInt8](repeating: 0, count: 0x200)

  /// In the order of their addresses: what is watched, and some of what lies between.
  private(set) var ranges: [Range<UInt64>] = []
  static let mostRanges = 3
  private static let addressSpace: UInt64 = 1 << 47

  static let none = WatchFilter([] as [Watchpoint])

  init(_ watchpoints: some Sequence<Watchpoint>) {
    for watchpoint in watchpoints { add(watchpoint) }
    setRanges(watchpoints)
  }

  /// The widest gaps lie between the ranges.
  private mutating func setRanges(_ watchpoints: some Sequence<Watchpoint>) {
    let end = WatchFilter.addressSpace
    for watchpoint in watchpoints.sorted(by: { $0.address.rawValue < $1.address.rawValue }) {
      let first = watchpoint.address.rawValue
      guard first < end else { continue }
      let range = first..<min(end, first + watchpoint.length)
      if let last = ranges.last, last.upperBound >= range.lowerBound {
        ranges[ranges.count - 1] = last.lowerBound..<max(last.upperBound, range.upperBound)
      } else {
        ranges.append(range)
      }
    }
    guard ranges.count > WatchFilter.mostRanges else { return }
    func gap(_ index: Int) -> UInt64 { ranges[index].lowerBound - ranges[index - 1].upperBound }
    let widest = (1..<ranges.count).sorted { gap($0) > gap($1) }.prefix(WatchFilter.mostRanges - 1)
    let starts = [0] + widest.sorted() + [ranges.count]
    ranges = zip(starts, starts.dropFirst()).map {
      ranges[$0].lowerBound..<ranges[$1 - 1].upperBound
    }
  }

  /// What is added to the lowest address of an access, and from what its end is taken away, for each range:
  /// where neither is negative the access lies above or below.
  var comparisons: [(UInt64, UInt64)] {
    let none: (UInt64, UInt64) = (1 << 55, 0)
    return (0..<WatchFilter.mostRanges).map {
      $0 < ranges.count ? (0 &- ranges[$0].upperBound, ranges[$0].lowerBound) : none
    }
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
    fillRanges(filter)
  }

  func fillRanges(_ filter: WatchFilter) {
    for (index, comparison) in filter.comparisons.enumerated() {
      store64(ContextLayout.watchRanges + index * 16, comparison.0)
      store64(ContextLayout.watchRanges + index * 16 + 8, comparison.1)
    }
  }

  private func put(_ bytes: [UInt8], _ offset: Int) {
    bytes.withUnsafeBytes { (base + offset).copyMemory(from: $0.baseAddress!, byteCount: $0.count) }
  }
}
