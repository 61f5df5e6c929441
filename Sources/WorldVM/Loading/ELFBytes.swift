// SPDX-License-Identifier: GPL-3.0-only

/// Little-endian fields of ELF structures in bytes that were read from a world.
extension [UInt8] {
  func word(at offset: Int) -> UInt64 { field(at: offset) }
  func halfWord(at offset: Int) -> UInt32 { field(at: offset) }

  func field<Value: FixedWidthInteger>(at offset: Int) -> Value {
    withUnsafeBytes {
      Value(littleEndian: $0.loadUnaligned(fromByteOffset: offset, as: Value.self))
    }
  }
}
