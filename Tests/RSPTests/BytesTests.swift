// SPDX-License-Identifier: GPL-3.0-only
import RSP
import Testing

@Suite("Bytes on the wire") struct BytesTests {
  @Test func hexOfBytes() {
    #expect(Hex.encode([0x00, 0x9f, 0xff]) == Array("009fff".utf8))
    #expect(Hex.decode(Array("009FfF".utf8)) == [0x00, 0x9f, 0xff])
  }

  @Test(arguments: ["0", "0g", "g0", "123", " 1"]) func badHex(digits: String) {
    #expect(Hex.decode(Array(digits.utf8)) == nil)
  }

  @Test(
    arguments: [
      (0, "0"), (1, "1"), (0xf, "f"), (0x10, "10"), (0xabc, "abc"),
      (UInt64.max, "ffffffffffffffff"),
    ] as [(UInt64, String)])
  func hexOfNumbers(value: UInt64, text: String) {
    #expect(Hex.number(value) == Array(text.utf8))
  }

  @Test func checksumWraps() {
    #expect(Checksum.of(Array("OK".utf8)) == 0x9a)
    #expect(Checksum.of([0xff, 0x02]) == 1)
  }

  @Test func escapeRoundTrip() {
    let all = (UInt8.min...UInt8.max).map { $0 }
    let escaped = Escape.encode(all)
    #expect(escaped.count == 256 + 4)
    #expect(!escaped.contains(UInt8(ascii: "#")) && !escaped.contains(UInt8(ascii: "$")))
    #expect(!escaped.contains(UInt8(ascii: "*")))
    #expect(Escape.decode(escaped) == all)
    #expect(Escape.decode([UInt8(ascii: "}")]) == nil)
  }

  @Test func runLengthOfTheManual() {
    // "0* " is four zeros: a space is 29 + 3.
    #expect(RunLength.decode(Array("0* ".utf8)) == Array("0000".utf8))
    #expect(RunLength.encode(Array("0000".utf8)) == Array("0* ".utf8))
    #expect(RunLength.encode(Array("000".utf8)) == Array("000".utf8))
  }

  @Test(arguments: ["*!", "0*", "0*\u{1f}", "0*\u{7f}"]) func badRuns(text: String) {
    #expect(RunLength.decode(Array(text.utf8)) == nil)
  }

  @Test(arguments: 1...400) func runsOfAnyLength(count: Int) {
    let plain = [UInt8(ascii: "x")] + Array(repeating: UInt8(ascii: "0"), count: count) + [7]
    let encoded = RunLength.encode(plain)
    #expect(RunLength.decode(encoded) == plain)
    #expect(encoded.count <= plain.count)
    // Neither the end of a packet nor an acknowledgement may appear as a count.
    #expect(!encoded.contains { "#$+-".utf8.contains($0) })
    #expect(encoded.allSatisfy { $0 <= 126 })
  }
}
