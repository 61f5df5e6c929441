// SPDX-License-Identifier: GPL-3.0-only
import RSP
import Testing

/// Agent expressions: each bytecode, and what has no value.
@Suite("Agent expressions") struct AgentTests {
  /// Registers are their numbers times 16; memory counts from 0x1000 to 0x1fff, with a text in it.
  final class Subject: AgentSubject {
    private(set) var output: [UInt8] = []

    func register(_ number: Int) -> UInt64? { number < 100 ? UInt64(number) * 16 : nil }

    func memory(at address: UInt64, count: Int) -> [UInt8]? {
      guard (0x1000..<0x2000).contains(address), address + UInt64(count) <= 0x2000 else { return nil }
      let text = Array("text\0".utf8)
      return (0..<UInt64(count)).map { index in
        let place = address + index
        let isText = (0x1800..<0x1805).contains(place)
        return isText ? text[Int(place - 0x1800)] : UInt8(truncatingIfNeeded: place | 0x80)
      }
    }

    func print(_ text: [UInt8]) { output += text }
  }

  private func value(_ bytes: [UInt8]) throws(AgentError) -> UInt64 {
    try AgentMachine.value(of: AgentExpression(bytes), about: Subject())
  }

  /// Two constants and an operation.
  private func value(_ left: UInt8, _ opcode: UInt8, _ right: UInt8) throws(AgentError) -> UInt64 {
    try value([0x22, left, 0x22, right, opcode, 0x27])
  }

  @Test(
    arguments: [
      (0x02, 9, 4, 13), (0x03, 9, 4, 5), (0x03, 4, 9, 0 &- 5), (0x04, 9, 4, 36), (0x05, 9, 4, 2),
      (0x06, 9, 4, 2), (0x07, 9, 4, 1), (0x08, 9, 4, 1), (0x09, 9, 4, 144), (0x09, 1, 64, 0),
      (0x0a, 9, 2, 2), (0x0b, 9, 2, 2), (0x0f, 9, 12, 8), (0x10, 9, 4, 13), (0x11, 9, 12, 5),
      (0x13, 9, 9, 1), (0x13, 9, 8, 0), (0x14, 4, 9, 1), (0x14, 9, 4, 0), (0x15, 4, 9, 1),
    ] as [(UInt8, UInt8, UInt8, UInt64)])
  func operations(opcode: UInt8, left: UInt8, right: UInt8, result: UInt64) throws {
    #expect(try value(left, opcode, right) == result)
  }

  @Test func signs() throws {
    // -8: 8 from 0.
    let negative: [UInt8] = [0x22, 0, 0x22, 8, 0x03]
    #expect(try value(negative + [0x22, 2, 0x05, 0x27]) == 0 &- 4)
    #expect(try value(negative + [0x22, 3, 0x07, 0x27]) == 0 &- 2)
    #expect(try value(negative + [0x22, 1, 0x0a, 0x27]) == 0 &- 4)
    #expect(try value(negative + [0x22, 60, 0x0b, 0x27]) == 15)
    #expect(try value(negative + [0x22, 1, 0x14, 0x27]) == 1)
    #expect(try value(negative + [0x22, 1, 0x15, 0x27]) == 0)
    #expect(try value([0x22, 0xf8, 0x16, 8, 0x27]) == 0 &- 8)
    #expect(try value([0x22, 0x78, 0x16, 8, 0x27]) == 0x78)
    #expect(try value(negative + [0x2a, 16, 0x27]) == 0xfff8)
    #expect(try value([0x22, 0, 0x0e, 0x27]) == 1)
    #expect(try value([0x22, 5, 0x0e, 0x27]) == 0)
    #expect(try value([0x22, 5, 0x12, 0x27]) == ~5)
    // The least number by -1 does not end the server.
    let least: [UInt8] = [0x25, 0x80, 0, 0, 0, 0, 0, 0, 0]
    let minusOne: [UInt8] = [0x22, 0, 0x12]
    #expect(try value(least + minusOne + [0x05, 0x27]) == 1 << 63)
    #expect(try value(least + minusOne + [0x07, 0x27]) == 0)
  }

  @Test func constantsRegistersAndMemory() throws {
    #expect(try value([0x23, 0x12, 0x34, 0x27]) == 0x1234)
    #expect(try value([0x24, 0x12, 0x34, 0x56, 0x78, 0x27]) == 0x1234_5678)
    #expect(try value([0x25, 1, 2, 3, 4, 5, 6, 7, 8, 0x27]) == 0x0102_0304_0506_0708)
    #expect(try value([0x26, 0, 16, 0x27]) == 256)
    #expect(try value([0x23, 0x10, 0x01, 0x17, 0x27]) == 0x81)
    #expect(try value([0x23, 0x10, 0x01, 0x18, 0x27]) == 0x8281)
    #expect(try value([0x23, 0x10, 0x01, 0x19, 0x27]) == 0x8483_8281)
    #expect(try value([0x23, 0x10, 0x01, 0x1a, 0x27]) == 0x8887_8685_8483_8281)
  }

  @Test func theStackAndJumps() throws {
    #expect(try value([0x22, 7, 0x28, 0x02, 0x27]) == 14)
    #expect(try value([0x22, 7, 0x22, 3, 0x29, 0x27]) == 7)
    #expect(try value([0x22, 7, 0x22, 3, 0x2b, 0x03, 0x27]) == 0 &- 4)
    #expect(try value([0x22, 7, 0x22, 3, 0x32, 1, 0x27]) == 7)
    // 1 2 3 becomes 3 1 2: 2 on top, 1 below it.
    #expect(try value([0x22, 1, 0x22, 2, 0x22, 3, 0x33, 0x27]) == 2)
    #expect(try value([0x22, 1, 0x22, 2, 0x22, 3, 0x33, 0x29, 0x27]) == 1)
    #expect(try value([0x22, 1, 0x20, 0, 8, 0x22, 9, 0x27, 0x22, 5, 0x27]) == 5)
    #expect(try value([0x22, 0, 0x20, 0, 8, 0x22, 9, 0x27, 0x22, 5, 0x27]) == 9)
    #expect(try value([0x21, 0, 5, 0x22, 9, 0x22, 5, 0x27]) == 5)
  }

  @Test(
    arguments: [
      ([0x27], .noValue), ([0x22], .damaged), ([0x22, 1], .damaged), ([0x02, 0x27], .stackUnderflow),
      ([0x22, 1, 0x02, 0x27], .stackUnderflow), ([0x22, 1, 0x22, 0, 0x05, 0x27], .divisionByZero),
      ([0x22, 1, 0x22, 0, 0x08, 0x27], .divisionByZero), ([0x32, 0, 0x27], .stackUnderflow),
      ([0x00], .unknown(0)), ([0x31], .unknown(0x31)), ([0xff], .unknown(0xff)),
      ([0x0c], .unsupported(.trace)), ([0x2c, 0, 1, 0x27], .unsupported(.getVariable)),
      ([0x01, 0x27], .unsupported(.float)), ([0x26, 1, 0, 0x27], .noRegister(256)),
      ([0x22, 5, 0x17, 0x27], .noMemory(5)), ([0x21, 0, 9], .damaged), ([0x21, 0, 0], .endless),
      ([0x22, 1, 0x21, 0, 0], .stackOverflow), ([0x34, 0, 0, 1, 65], .damaged),
      ([0x22, 0, 0x22, 0, 0x34, 0, 0, 3, 37, 100, 0, 0x27], .badFormat),
    ] as [([UInt8], AgentError)])
  func withoutAValue(bytes: [UInt8], error: AgentError) {
    #expect(throws: error) { try value(bytes) }
  }

  /// The arguments are pushed last first, then channel and function.
  private func printed(_ format: String, _ arguments: [UInt64]) throws(AgentError) -> String {
    var bytes: [UInt8] = []
    for argument in arguments.reversed() + [0, 0] {
      bytes.append(0x25)
      bytes += (0..<8).reversed().map { UInt8(truncatingIfNeeded: argument >> ($0 * 8)) }
    }
    let text = Array(format.utf8) + [0]
    bytes += [0x34, UInt8(arguments.count), UInt8(text.count >> 8), UInt8(text.count & 255)]
    bytes += text + [0x27]
    let subject = Subject()
    try AgentMachine.run(AgentExpression(bytes), about: subject)
    return String(decoding: subject.output, as: UTF8.self)
  }

  @Test func printing() throws {
    #expect(try printed(#"a\tb\n\"%%\101\e"#, []) == "a\tb\n\"%A\u{1b}")
    #expect(try printed("%d %ld %u", [0xffff_ffff, .max, .max]) == "-1 -1 4294967295")
    #expect(try printed("%hhx %hd %#x", [0x1ff, 0xffff, 255]) == "ff -1 0xff")
    #expect(try printed("[%5d][%-5d][%05d]", [7, 8, 9]) == "[    7][8    ][00009]")
    #expect(try printed("%c%c %p", [72, 105, 0x1234]) == "Hi 0x1234")
    #expect(try printed("<%s> <%6s> <%.2s>", [0x1800, 0x1800, 0x1800]) == "<text> <  text> <te>")
    #expect(throws: AgentError.noMemory(5)) { try printed("%s", [5]) }
    #expect(throws: AgentError.badFormat) { try printed("%f", [5]) }
    #expect(throws: AgentError.badFormat) { try printed("%n", [5]) }
  }
}
