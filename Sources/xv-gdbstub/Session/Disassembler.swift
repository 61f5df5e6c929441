// SPDX-License-Identifier: GPL-3.0-only
internal import CCapstone

/// Capstone in gdb's syntax (AT&T), for people; nothing that runs depends on it.
struct Disassembler: ~Copyable {
  private var handle: csh = 0

  /// Nil when the library refuses to start.
  init?() {
    guard cs_open(CS_ARCH_X86, CS_MODE_64, &handle) == CS_ERR_OK else { return nil }
    cs_option(handle, CS_OPT_SYNTAX, Int(CS_OPT_SYNTAX_ATT.rawValue))
  }

  deinit {
    var handle = handle
    cs_close(&handle)
  }

  /// One line an instruction.
  ///
  /// Capstone 4 does not know AVX-512's encodings: what it cannot decode is one line of bytes, and
  /// the rest of the piece with it.
  func lines(of bytes: ArraySlice<UInt8>, at address: UInt64) -> [String] {
    var lines: [String] = []
    var rest = bytes
    while !rest.isEmpty {
      let here = address &+ UInt64(rest.startIndex - bytes.startIndex)
      guard let (text, size) = instruction(rest, here) else {
        return lines + [
          line(here, ".byte " + rest.map { hex($0, digits: 2) }.joined(separator: ","))
        ]
      }
      lines.append(line(here, text))
      rest = rest.dropFirst(size)
    }
    return lines
  }

  private func instruction(_ bytes: ArraySlice<UInt8>, _ address: UInt64) -> (String, Int)? {
    var found: UnsafeMutablePointer<cs_insn>?
    let count = bytes.withUnsafeBufferPointer { buffer in
      cs_disasm(handle, buffer.baseAddress, buffer.count, address, 1, &found)
    }
    guard count == 1, let found else { return nil }
    defer { cs_free(found, count) }
    let mnemonic = text(of: found.pointee.mnemonic)
    let operands = text(of: found.pointee.op_str)
    let whole = operands.isEmpty ? mnemonic : mnemonic + " " + operands
    return (whole, Int(found.pointee.size))
  }

  private func line(_ address: UInt64, _ text: String) -> String {
    "0x" + String(address, radix: 16) + "  " + text
  }

  /// A C array, which is imported as a tuple, up to its zero byte.
  private func text<Characters>(of characters: Characters) -> String {
    withUnsafeBytes(of: characters) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
  }

  private func hex(_ value: UInt8, digits: Int) -> String {
    let text = String(value, radix: 16)
    return "0x" + String(repeating: "0", count: digits - text.count) + text
  }
}
