// SPDX-License-Identifier: GPL-3.0-only
internal import Glibc
internal import WorldVM
internal import XVCore

/// What a fault's siginfo says, in the words in which lldb tells it.
struct FaultDescription {
  /// Words for si_code (sigaction(2)); those from 1 up.
  private static let words: [Int32: (name: String, codes: [String])] = [
    SIGILL: (
      "SIGILL",
      [
        "illegal opcode", "illegal operand", "illegal addressing mode", "illegal trap",
        "privileged opcode", "privileged register", "coprocessor error", "internal stack error",
      ]
    ),
    SIGBUS: ("SIGBUS", ["illegal alignment", "illegal address", "hardware error"]),
    SIGFPE: (
      "SIGFPE",
      [
        "integer divide by zero", "integer overflow", "floating point divide by zero",
        "floating point overflow", "floating point underflow", "floating point inexact result",
        "floating point invalid operation", "subscript out of range",
      ]
    ),
    SIGSEGV: (
      "SIGSEGV", ["address not mapped to object", "invalid permissions for mapped object"]
    ),
  ]
  /// The kernel does not say which address: an address that is not canonical, say.
  private static let kernelCode: Int32 = 0x80

  let text: String

  /// Nil when the signal is not a fault's, or was sent by somebody.
  init?(signal: Int32, information: [UInt8]) {
    guard let (name, codes) = Self.words[signal], information.count >= 24 else { return nil }
    let code: Int32 = information.load(at: 8)
    let address: UInt64 = information.load(at: 16)
    let reason: String
    if code == Self.kernelCode, signal == SIGSEGV {
      reason = "invalid address"
    } else if code >= 1, code <= codes.count {
      reason = codes[Int(code) - 1]
    } else {
      return nil
    }
    let place = signal == SIGSEGV ? " (fault address: 0x\(String(address, radix: 16)))" : ""
    text = "signal \(name): \(reason)\(place)"
  }
}
