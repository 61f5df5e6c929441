// SPDX-License-Identifier: GPL-3.0-only
import Glibc

/// One piece of the code cache: fragments near the original code that they translate.
///
///     hot       fragments
///     cold      exit stubs and misses of lookups, entered at most a few times each; ways into other
///               arenas
///     literals  return addresses that calls push; apart from the code, because a write near
///               executing lines costs the guest's processor a machine clear
///
/// A translation needs its rip-relative operands within 2 GiB, hence an arena per neighbourhood.
struct Arena: ~Copyable {
  /// Offset 0 means "none" everywhere.
  static let hotStart = 64
  static let hotEnd = 0x800_0000
  static let coldEnd = 0xe00_0000
  static let size = RegionLayout.arenaSize
  /// What fragments, stubs and literals may take of it.
  static let usableBytes = size - hotStart
  /// Largest distance between any byte of an arena and an operand.
  static let reach: UInt64 = 0x7fff_0000
  /// Room that one unit, its stubs and its literals may need at most.
  static let unitReserve = 0x1_0000

  let server: UnsafeMutableRawPointer
  let guest: UInt64
  /// Offsets of the next free byte.
  var hot = Arena.hotStart
  var cold = Arena.hotEnd
  var literal = Arena.coldEnd
  /// Up to where memory was taken ahead.
  private var hotReady = 0
  private var coldReady = Arena.hotEnd
  var hotRecovery = RecoveryTable()
  var coldRecovery = RecoveryTable()
  /// Offset -> original address of x87 instructions. The processor remembers the last one however long
  /// ago it ran, so that this may outlive `reset`.
  var floatingPoint: [UInt32: UInt64] = [:]

  init(server: UnsafeMutableRawPointer, guest: UInt64) {
    self.server = server
    self.guest = guest
  }

  /// Bytes in use.
  var bytes: Int {
    (hot - Arena.hotStart) + (cold - Arena.hotEnd) + (literal - Arena.coldEnd)
  }

  var hasRoom: Bool { hasRoom(units: 1) }

  /// Where no discard is possible just now, some units more may have to be made.
  var isNearlyFull: Bool { !hasRoom(units: 16) }

  private func hasRoom(units: Int) -> Bool {
    hot + units * Arena.unitReserve < Arena.hotEnd && cold + units * Arena.unitReserve < Arena.coldEnd
      && literal + units * 0x1000 < Arena.size && hotRecovery.hasRoom && coldRecovery.hasRoom
  }

  /// Takes memory for what is written next, several pages at once: a page fault for each costs twice as much.
  @inline(__always)
  mutating func prepare() {
    if hot &+ 4096 > hotReady { hotReady = take(max(hotReady, hot & ~4095)) }
    if cold &+ 4096 > coldReady { coldReady = take(max(coldReady, cold & ~4095)) }
  }

  /// Takes memory from `start` on; up to where.
  @inline(never)
  private func take(_ start: Int) -> Int {
    // MADV_POPULATE_WRITE (madvise(2), Linux 5.14); without it the pages fault one by one.
    madvise(server + start, Arena.step, 23)
    return start + Arena.step
  }
  private static let step = 0x1_0000

  @inline(__always)
  var guestDelta: UInt64 { guest &- UInt64(UInt(bitPattern: server)) }

  @inline(__always)
  func emitter(at offset: Int) -> Emitter { Emitter(at: server + offset, guestDelta: guestDelta) }

  @inline(__always)
  func address(_ offset: Int) -> CacheAddress { CacheAddress(guest &+ UInt64(offset)) }

  func contains(_ address: UInt64) -> Bool {
    address >= guest && address < guest + UInt64(Arena.size)
  }

  /// Whether code at `original` can live here: all that such code names lies within reach, or nearly.
  @inline(__always)
  func serves(_ original: UInt64) -> Bool { Arena.serves(original, at: guest) }

  @inline(__always)
  static func serves(_ original: UInt64, at guest: UInt64) -> Bool {
    let margin: UInt64 = 0x400_0000
    let lowest = guest &+ UInt64(Arena.size) > Arena.reach ? guest &+ UInt64(Arena.size) &- Arena.reach &+ margin : 0
    return original >= lowest && original < guest &+ Arena.reach &- margin
  }

  @inline(__always)
  func reaches(_ target: UInt64) -> Bool {
    let lowest = guest &+ UInt64(Arena.size) > Arena.reach ? guest &+ UInt64(Arena.size) &- Arena.reach : 0
    return target >= lowest && target < guest &+ Arena.reach
  }

  /// Puts an 8-byte literal down and returns its guest address.
  @inline(__always)
  mutating func addLiteral(_ value: UInt64) -> UInt64 {
    let offset = literal
    (server + offset).storeBytes(of: value, as: UInt64.self)
    literal += 8
    return guest &+ UInt64(offset)
  }

  func recovery(at offset: UInt32) -> Recovery? {
    offset < UInt32(Arena.hotEnd)
      ? hotRecovery.entry(covering: offset) : coldRecovery.entry(covering: offset)
  }

  /// Whether lookups lead to this offset.
  func isLookupEntry(_ offset: UInt32) -> Bool {
    offset < UInt32(Arena.hotEnd) ? hotRecovery.isLookupEntry(offset) : coldRecovery.isLookupEntry(offset)
  }

  mutating func reset(keepingFloatingPoint: Bool) {
    if !keepingFloatingPoint { floatingPoint.removeAll() }
    hot = Arena.hotStart
    cold = Arena.hotEnd
    literal = Arena.coldEnd
    hotRecovery.removeAll()
    coldRecovery.removeAll()
  }
}
