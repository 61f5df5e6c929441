// SPDX-License-Identifier: GPL-3.0-only

/// What the kernel knows of a thread besides its registers, which are in the notes that every core
/// file has.
struct SwapThread: SwapCodable {
  var id: Int32
  var name = ""
  var mask: UInt64 = 0
  /// stack_t: address, flags, size.
  var alternateStack: [UInt64] = []
  /// Head and size.
  var robustList: [UInt64] = []
  var tidAddress: UInt64 = 0
  /// Area, size, signature; empty where none is registered.
  var sequence: [UInt64] = []
  /// siginfo_t each, in the order of their delivery.
  var pending: [[UInt8]] = []

  init(id: Int32) { self.id = id }

  func write(to writer: inout SwapWriter) {
    writer.word(UInt64(id))
    writer.text(name)
    writer.word(mask)
    writer.list(alternateStack)
    writer.list(robustList)
    writer.word(tidAddress)
    writer.list(sequence)
    writer.list(pending.map(SwapBytes.init))
  }

  init(from reader: inout SwapReader) throws(SwapDamage) {
    id = Int32(truncatingIfNeeded: try reader.word())
    name = try reader.text()
    mask = try reader.word()
    alternateStack = try reader.list()
    robustList = try reader.list()
    tidAddress = try reader.word()
    sequence = try reader.list()
    let pending: [SwapBytes] = try reader.list()
    self.pending = pending.map(\.bytes)
    guard alternateStack.count == 3, robustList.count == 2, [0, 3].contains(sequence.count),
      self.pending.allSatisfy({ $0.count == 128 })
    else { throw SwapDamage("it tells too little of thread \(id)") }
  }
}

/// Bytes in a list.
struct SwapBytes: SwapCodable {
  var bytes: [UInt8]
  init(_ bytes: [UInt8]) { self.bytes = bytes }
  func write(to writer: inout SwapWriter) { writer.block(bytes) }
  init(from reader: inout SwapReader) throws(SwapDamage) { bytes = try reader.block() }
}

/// Words in a list.
struct SwapWords: SwapCodable {
  var words: [UInt64]
  init(_ words: [UInt64]) { self.words = words }
  func write(to writer: inout SwapWriter) { writer.list(words) }
  init(from reader: inout SwapReader) throws(SwapDamage) { words = try reader.list() }
}
