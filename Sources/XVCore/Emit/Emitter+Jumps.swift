// SPDX-License-Identifier: GPL-3.0-only

/// Jumps to places that come later, for code with ways of its own. Each returns where it ends, for `land` or
/// `landFar` to point it at the place that the emitter has come to.
extension Emitter {
  /// jrcxz with a reach of 32 bits: jrcxz +2 ; jmp +5 ; jmp rel32.
  mutating func jumpIfZero() -> UnsafeMutableRawPointer {
    bytes(0xe9_05_eb_02_e3, count: 5)
    u32(0)
    return cursor
  }

  func landFar(_ jump: UnsafeMutableRawPointer) {
    (jump - 4).storeBytes(of: UInt32(jump.distance(to: cursor)), as: UInt32.self)
  }

  /// A conditional jump with a reach of 32 bits; its second opcode byte.
  mutating func farJump(_ opcode: UInt8) -> UnsafeMutableRawPointer {
    byte(0x0f)
    byte(opcode)
    u32(0)
    return cursor
  }

  mutating func farJump() -> UnsafeMutableRawPointer {
    byte(0xe9)
    u32(0)
    return cursor
  }

  mutating func shortJump(_ opcode: UInt8) -> UnsafeMutableRawPointer {
    byte(opcode)
    byte(0)
    return cursor
  }

  func land(_ jump: UnsafeMutableRawPointer) {
    let distance = jump.distance(to: cursor)
    precondition(distance < 128)
    (jump - 1).storeBytes(of: UInt8(distance), as: UInt8.self)
  }

  mutating func shortJumpBack(to target: UInt64) {
    byte(0xeb)
    let distance = Int64(bitPattern: target &- (address &+ 1))
    precondition(distance >= -128)
    byte(UInt8(bitPattern: Int8(distance)))
  }
}
