// SPDX-License-Identifier: GPL-3.0-only
import CLinux
import Glibc
import Testing

@testable import XVCore

/// An image of a program that never was: one mapping of four pages, of which the third was never touched.
private struct SmallImage: ~Copyable {
  static let start: UInt64 = 0x10_0000
  static let runs = [start..<start + 0x2000, start + 0x3000..<start + 0x4000]
  static let range = start..<start + 0x4000

  let path: String
  /// The first page is noise, the second hardly is, the last one is words.
  let memory: [UInt8]

  init(isCompressed: Bool) throws {
    path = "/tmp/xv-image-\(getpid())-\(UInt32.random(in: 0 ... .max))"
    var numbers = SystemRandomNumberGenerator()
    memory =
      (0..<4096).map { _ in UInt8.random(in: 0 ... .max, using: &numbers) }
      + [UInt8](repeating: 0, count: 4000) + [UInt8](repeating: 7, count: 96)
      + [UInt8](repeating: 0, count: 4096)
      + (0..<1024).flatMap { number in withUnsafeBytes(of: UInt32(number)) { Array($0) } }
    var record = SwapRecord(process: 4711)
    record.identity = [UInt64](repeating: 0, count: 8)
    record.layout = [UInt64](repeating: 0, count: 11)
    record.actions = [UInt64](repeating: 0, count: 256)
    record.intervalTimers = [UInt64](repeating: 0, count: 12)
    var thread = SwapThread(id: 4711)
    thread.alternateStack = [0, 2, 0]
    thread.robustList = [0, 0]
    record.threads = [thread]
    record.mappings = [SwapMapping(range: Self.range, protection: 3, kind: .anonymous, flags: [])]
    var notes = SwapNotes(record: record)
    notes.registers[4711] = Registers(general: user_regs_struct(), extended: [UInt8](repeating: 1, count: 832))
    let memory = memory
    _ = try ImageWriter(path: path, isCompressed: isCompressed).write(notes, [Self.runs]) { range in
      Array(memory[Int(range.lowerBound - Self.start)..<Int(range.upperBound - Self.start)])
    }
  }

  deinit { unlink(path) }

  /// All of its memory, each block of it checked.
  static func read(_ path: String) throws -> [UInt8] {
    try SwapImage(path).readMemory(at: start, count: range.count)
  }
}

private func contents(of path: String) throws -> [UInt8] {
  let descriptor = open(path, O_RDONLY | O_CLOEXEC)
  try #require(descriptor >= 0)
  defer { close(descriptor) }
  return SwapImage.bytes(descriptor, 0, 1 << 20)
}

@Suite(.timeLimit(.minutes(1))) struct SwapImageTests {
  /// Headers, notes, memory, and what lies between and behind them.
  @Test(arguments: [false, true])
  func eachByteOfAnImageIsKnown(isCompressed: Bool) throws {
    let image = try SmallImage(isCompressed: isCompressed)
    #expect(try SmallImage.read(image.path) == image.memory)
    let bytes = try contents(of: image.path)
    let descriptor = open(image.path, O_RDWR | O_CLOEXEC)
    try #require(descriptor >= 0)
    defer { close(descriptor) }
    var unnoticed: [Int] = []
    for (place, byte) in bytes.enumerated() {
      #expect(SwapImage.put(descriptor, [byte ^ 1 << UInt8(place % 8)], UInt64(place)) == 0)
      do {
        _ = try SmallImage.read(image.path)
        unnoticed.append(place)
      } catch {}
      #expect(SwapImage.put(descriptor, [byte], UInt64(place)) == 0)
    }
    #expect(unnoticed == [], "of \(bytes.count) bytes")
    #expect(try SmallImage.read(image.path) == image.memory)
    // One byte more.
    #expect(SwapImage.put(descriptor, [0], UInt64(bytes.count)) == 0)
    #expect(throws: GuestError.self) { try SmallImage.read(image.path) }
  }

  /// Blocks that grow, shrink and come to be are found again, and nothing is left of where they were.
  @Test(arguments: [false, true])
  func aChangedImageIsWhole(isCompressed: Bool) throws {
    let small = try SmallImage(isCompressed: isCompressed)
    var memory = small.memory
    let noise = (0..<12000).map { _ in UInt8.random(in: 0 ... .max) }
    let zeros = [UInt8](repeating: 0, count: 8192)
    for (offset, bytes) in [(0x1000, noise), (0, zeros), (0x3000, zeros), (0x10, noise), (5, [1, 2, 3])] {
      let image = try SwapImage(small.path)
      let written = Array(bytes.prefix(0x4000 - offset))
      #expect(try image.writeMemory(written, at: SmallImage.start + UInt64(offset)) == written.count)
      memory.replaceSubrange(offset..<offset + written.count, with: written)
      #expect(try SmallImage.read(small.path) == memory)
    }
    let plain = small.path + ".plain"
    defer { unlink(plain) }
    _ = try SwapImage(small.path).expand(to: plain)
    #expect(try SmallImage.read(plain) == memory)
  }

  /// There is no room for a block that grows: the image is as it was.
  @Test func aWriteThatFailsChangesNothing() throws {
    let small = try SmallImage(isCompressed: true)
    let bytes = try contents(of: small.path)
    let descriptor = memfd_create("image", UInt32(MFD_CLOEXEC) | 2 /* MFD_ALLOW_SEALING */)
    try #require(descriptor >= 0)
    defer { close(descriptor) }
    #expect(SwapImage.put(descriptor, bytes, 0) == 0)
    #expect(fcntl(descriptor, 1033 /* F_ADD_SEALS */, 4 /* F_SEAL_GROW */) == 0)
    let path = "/proc/self/fd/\(descriptor)"
    let image = try SwapImage(path)
    let noise = (0..<4096).map { _ in UInt8.random(in: 0 ... .max) }
    let error = #expect(throws: GuestError.self) {
      try image.writeMemory(noise, at: SmallImage.start + 0x3000)
    }
    #expect(error?.description.contains("cannot be written to") == true)
    #expect(try contents(of: path) == bytes)
    #expect(try image.readMemory(at: SmallImage.start, count: 0x4000) == small.memory)
    #expect(try SmallImage.read(path) == small.memory)
    // What has room is written.
    #expect(try image.writeMemory([0, 0, 0, 0], at: SmallImage.start + 0x3000) == 4)
    #expect(try SmallImage.read(path).suffix(4096).starts(with: [0, 0, 0, 0, 1, 0, 0, 0]))
  }
}
