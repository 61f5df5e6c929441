// SPDX-License-Identifier: GPL-3.0-only
import Testing

@testable import XVCore

/// The decoder against Capstone, linearly over all code of large programs, where Capstone can.
@Suite(.timeLimit(.minutes(1))) struct DecoderTests {
  private static let programs = ["/lib/x86_64-linux-gnu/libc.so.6", "/usr/bin/gdb"]

  /// Differences by their kind: how often, and the first.
  private struct Differences {
    private var found: [String: (count: Int, first: String)] = [:]

    mutating func add(_ what: String, _ capstone: CapstoneInstruction, at address: UInt64) {
      let key = what + " of " + capstone.mnemonic
      found[key, default: (0, String(address, radix: 16))].count += 1
    }

    var isEmpty: Bool { found.isEmpty }
    var text: String {
      found.sorted { $0.value.count > $1.value.count }.prefix(40)
        .map { "\($0.key): \($0.value.count) times, first at \($0.value.first)" }
        .joined(separator: "\n")
    }
  }

  @Test(arguments: programs) func agreesWithCapstone(_ path: String) throws {
    let text = try TextSection(of: path)
    let capstone = try CapstoneReader()
    var decoder = Decoder()
    var differences = Differences()
    var compared = 0
    var undecoded = 0
    try text.bytes.withUnsafeBufferPointer { bytes in
      let start = try #require(bytes.baseAddress)
      var offset = 0
      while offset < bytes.count {
        let available = min(15, bytes.count - offset)
        let address = text.address + UInt64(offset)
        let ours = decoder.decode(start + offset, available: available, address: address)
        if let theirs = capstone.read(start + offset, available: available, address: address) {
          compared += 1
          if let ours {
            compare(ours, theirs, &differences)
          } else {
            differences.add("existence", theirs, at: address)
          }
        }
        if ours == nil { undecoded += 1 }
        offset += ours.map { Int($0.length) } ?? 1
      }
    }
    #expect(differences.isEmpty, "\(differences.text)")
    #expect(compared > 100_000)
    #expect(undecoded * 10_000 < compared, "\(undecoded) places are no instructions to us")
  }

  /// What needs no full decode for "writes no memory" is told so by a full one.
  @Test(arguments: programs) func writesOfMemoryAreFound(_ path: String) throws {
    let text = try TextSection(of: path)
    var decoder = Decoder()
    var wrong: [String] = []
    var writing = 0
    try text.forEachInstruction(&decoder) { decoder, at, instruction in
      let length = Int(instruction.length)
      let writes = decoder.details(of: at, length: length).writesMemory
      if writes { writing += 1 }
      if decoder.writesMemory(at, length: length) != writes {
        wrong.append(String(instruction.address, radix: 16))
      }
    }
    #expect(wrong.isEmpty, "\(wrong.count) differences: \(wrong.prefix(20))")
    #expect(writing > 10_000)
  }

  private func compare(
    _ ours: Instruction, _ theirs: CapstoneInstruction, _ differences: inout Differences
  ) {
    func check(_ what: String, _ isEqual: Bool) {
      if !isEqual { differences.add(what, theirs, at: ours.address) }
    }
    check("length", Int(ours.length) == theirs.length)
    check("kind (\(ours.kind), not \(theirs.kind))", ours.kind == theirs.kind)
    switch theirs.kind {
    case .jump, .call, .shortLoop, .ripRelative, .transactionBegin:
      check("target", ours.target == theirs.target)
    case .conditionalJump:
      check("target", ours.target == theirs.target)
      check("condition", ours.condition == theirs.condition)
    case .ret: check("immediate", ours.immediate == theirs.immediate)
    default: break
    }
    // Liveness asks only these; all scratch registers count as used by the others.
    guard [.plain, .ripRelative].contains(ours.kind) else { return }
    let zeroed = theirs.isZeroing ? theirs.overwrites : []
    check("uses", ours.uses.isSuperset(of: theirs.reads.subtracting(zeroed)))
    check("writes", ours.writes.isSuperset(of: theirs.writes))
    check("defines", theirs.overwrites.isSuperset(of: ours.defines))
    check("defines what it reads", ours.defines.isDisjoint(with: theirs.reads.subtracting(zeroed)))
  }

  /// The short way and Zydis must not differ in anything the rewriter asks.
  @Test(arguments: programs) func bothWaysOfDecodingAgree(_ path: String) throws {
    let text = try TextSection(of: path)
    var decoder = Decoder()
    var differences: [UInt64] = []
    try text.bytes.withUnsafeBufferPointer { bytes in
      let start = try #require(bytes.baseAddress)
      var offset = 0
      while offset < bytes.count {
        let available = min(15, bytes.count - offset)
        let address = text.address + UInt64(offset)
        let fast = decoder.decode(start + offset, available: available, address: address)
        let zydis = decoder.decodeWithZydis(
          start + offset, available: available, address: address)
        if let fast, let zydis, !isSame(fast, zydis) { differences.append(address) }
        if fast == nil, zydis != nil { differences.append(address) }
        offset += zydis.map { Int($0.length) } ?? 1
      }
    }
    let shown = differences.prefix(20).map { String($0, radix: 16) }
    #expect(differences.isEmpty, "\(differences.count) instructions, the first at \(shown)")
  }

  private func isSame(_ left: Instruction, _ right: Instruction) -> Bool {
    left.length == right.length && left.kind == right.kind && left.target == right.target
      && left.displacementOffset == right.displacementOffset && left.condition == right.condition
      && left.immediate == right.immediate && left.prefix == right.prefix
      && left.modrmOffset == right.modrmOffset && left.uses == right.uses
      && left.defines == right.defines && left.writes == right.writes
  }
}
