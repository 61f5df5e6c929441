// SPDX-License-Identifier: GPL-3.0-only

/// Writes machine code into an arena through the server's mapping.
///
/// A raw cursor: bounds are checked once for a whole unit (`Arena.hasRoom`), not for each byte.
struct Emitter {
  var cursor: UnsafeMutableRawPointer
  /// Guest address of a byte minus its server address.
  let guestDelta: UInt64

  @inline(__always)
  init(at cursor: UnsafeMutableRawPointer, guestDelta: UInt64) {
    self.cursor = cursor
    self.guestDelta = guestDelta
  }

  /// Where the next byte will stand in the guest.
  @inline(__always)
  var address: UInt64 { UInt64(UInt(bitPattern: cursor)) &+ guestDelta }

  @inline(__always)
  mutating func byte(_ value: UInt8) {
    cursor.storeBytes(of: value, as: UInt8.self)
    cursor += 1
  }
  @inline(__always)
  mutating func u16(_ value: UInt16) {
    cursor.storeBytes(of: value, as: UInt16.self)
    cursor += 2
  }
  @inline(__always)
  mutating func u32(_ value: UInt32) {
    cursor.storeBytes(of: value, as: UInt32.self)
    cursor += 4
  }
  @inline(__always)
  mutating func u64(_ value: UInt64) {
    cursor.storeBytes(of: value, as: UInt64.self)
    cursor += 8
  }
  /// Up to 8 bytes given as a little-endian number.
  @inline(__always)
  mutating func bytes(_ value: UInt64, count: Int) {
    cursor.storeBytes(of: value, as: UInt64.self)
    cursor += count
  }
  @inline(__always)
  mutating func copy(_ source: UnsafePointer<UInt8>, count: Int) {
    cursor.copyMemory(from: source, byteCount: count)
    cursor += count
  }

  /// disp32 from the end of the field to `target`.
  @inline(__always)
  mutating func relative32(to target: UInt64) {
    u32(UInt32(truncatingIfNeeded: target &- (address &+ 4)))
  }

  // MARK: %gs slots

  /// mov gs:[offset], register
  @inline(__always)
  mutating func store(_ register: Int, slot offset: Int) {
    slotOperand(opcode: 0x89, register: register, offset)
  }
  /// mov register, gs:[offset]
  @inline(__always)
  mutating func load(_ register: Int, slot offset: Int) {
    slotOperand(opcode: 0x8b, register: register, offset)
  }
  @inline(__always)
  private mutating func slotOperand(opcode: UInt8, register: Int, _ offset: Int) {
    byte(0x65)
    byte(register >= 8 ? 0x4c : 0x48)
    byte(opcode)
    byte(0x04 | UInt8(register & 7) << 3)
    byte(0x25)
    u32(UInt32(offset))
  }
  /// mov dword gs:[offset], value
  @inline(__always)
  mutating func storeImmediate32(_ value: UInt32, slot offset: Int) {
    bytes(0x25_04_c7_65, count: 4)
    u32(UInt32(offset))
    u32(value)
  }
  /// jmp gs:[offset]
  @inline(__always)
  mutating func jump(slot offset: Int) {
    bytes(0x25_24_ff_65, count: 4)
    u32(UInt32(offset))
  }

  /// movzx register, byte gs:[base+offset]
  @inline(__always)
  mutating func loadByte(_ register: Int, base: Int, slot offset: Int) {
    bytes(0xb6_0f_65, count: 3)
    byte(0x80 | UInt8(register) << 3 | UInt8(base))
    u32(UInt32(offset))
  }
  /// movzx register, byte gs:[offset]
  @inline(__always)
  mutating func loadByte(_ register: Int, slot offset: Int) {
    bytes(0xb6_0f_65, count: 3)
    byte(0x04 | UInt8(register) << 3)
    byte(0x25)
    u32(UInt32(offset))
  }

  // MARK: Branches

  /// jmp rel32
  @inline(__always)
  mutating func jump(to target: UInt64) {
    byte(0xe9)
    relative32(to: target)
  }
  /// lea rsp, [rsp+8]
  @inline(__always)
  mutating func dropReturnAddress() { bytes(0x08_24_64_8d_48, count: 5) }
  static let dropLength: UInt32 = 5

  /// mov register, imm64 (or its shorter zero-extended form)
  @inline(__always)
  mutating func move(_ register: Int, immediate value: UInt64) {
    if value <= 0xffff_ffff {
      if register >= 8 { byte(0x41) }
      byte(0xb8 | UInt8(register & 7))
      u32(UInt32(value))
    } else {
      byte(register >= 8 ? 0x49 : 0x48)
      byte(0xb8 | UInt8(register & 7))
      u64(value)
    }
  }

  /// Pads with one long nop so that a 4-byte field, `distance` bytes ahead, does not cross an 8-byte
  /// boundary: only then is patching it while other threads run a single store (AMD APM volume 2, 7.6.1).
  @inline(__always)
  mutating func alignField(distance: Int) {
    let padding = padding(distance: distance)
    if padding > 0 { nop(padding) }
  }

  /// How many bytes that takes.
  @inline(__always)
  func padding(distance: Int) -> Int {
    let within = (Int(truncatingIfNeeded: address) &+ distance) & 7
    return within > 4 ? 8 &- within : 0
  }

  /// One nop of 1 to 3 bytes.
  @inline(__always)
  mutating func nop(_ count: Int) {
    switch count {
    case 1: byte(0x90)
    case 2: u16(0x9066)
    default: bytes(0x00_1f_0f, count: 3)
    }
  }
}
