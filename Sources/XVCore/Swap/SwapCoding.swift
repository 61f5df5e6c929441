// SPDX-License-Identifier: GPL-3.0-only

/// Words, texts and lists, one behind the other: what the notes of an image are made of.
struct SwapWriter {
  private(set) var bytes: [UInt8] = []

  mutating func word(_ value: UInt64) {
    withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
  }

  /// A length and as many bytes.
  mutating func block(_ block: [UInt8]) {
    word(UInt64(block.count))
    bytes += block
  }

  mutating func text(_ text: String) { block(Array(text.utf8)) }

  mutating func list<Element: SwapCodable>(_ elements: [Element]) {
    word(UInt64(elements.count))
    for element in elements { element.write(to: &self) }
  }
}

/// What `SwapWriter` wrote, read in the same order. Nothing of it is trusted.
struct SwapReader {
  private let bytes: [UInt8]
  private var position = 0

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  mutating func word() throws(SwapDamage) -> UInt64 {
    guard bytes.count - position >= 8 else { throw SwapDamage("its notes end early") }
    defer { position += 8 }
    return bytes.withUnsafeBytes {
      UInt64(littleEndian: $0.loadUnaligned(fromByteOffset: position, as: UInt64.self))
    }
  }

  mutating func block() throws(SwapDamage) -> [UInt8] {
    let count = try count(ofAtLeast: 1)
    defer { position += count }
    return Array(bytes[position..<position + count])
  }

  mutating func text() throws(SwapDamage) -> String { String(decoding: try block(), as: UTF8.self) }

  mutating func list<Element: SwapCodable>() throws(SwapDamage) -> [Element] {
    let count = try count(ofAtLeast: 8)
    var elements: [Element] = []
    for _ in 0..<count { elements.append(try Element(from: &self)) }
    return elements
  }

  /// A count of things of some size each, of which there is room for so many.
  private mutating func count(ofAtLeast size: Int) throws(SwapDamage) -> Int {
    let value = try word()
    guard let count = Int(exactly: value), count <= (bytes.count - position) / size else {
      throw SwapDamage("its notes end early")
    }
    return count
  }
}

protocol SwapCodable: Sendable {
  func write(to writer: inout SwapWriter)
  init(from reader: inout SwapReader) throws(SwapDamage)
}

extension UInt64: SwapCodable {
  func write(to writer: inout SwapWriter) { writer.word(self) }
  init(from reader: inout SwapReader) throws(SwapDamage) { self = try reader.word() }
}

extension String: SwapCodable {
  func write(to writer: inout SwapWriter) { writer.text(self) }
  init(from reader: inout SwapReader) throws(SwapDamage) { self = try reader.text() }
}

/// What is wrong with an image, in words.
struct SwapDamage: Error, Hashable, Sendable {
  var why: String
  init(_ why: String) { self.why = why }
}
