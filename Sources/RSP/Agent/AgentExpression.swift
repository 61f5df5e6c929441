// SPDX-License-Identifier: GPL-3.0-only

/// A program in gdb's agent expression bytecode: a breakpoint's condition, or one of its commands.
package struct AgentExpression: Hashable, Sendable {
  package let bytes: [UInt8]

  package init(_ bytes: [UInt8]) { self.bytes = bytes }
}

/// The thread whose state an expression is about.
package protocol AgentSubject {
  /// A register by its number in the target description, zero-extended; nil when there is none.
  func register(_ number: Int) -> UInt64?
  /// All bytes, or nil when one cannot be read.
  func memory(at address: UInt64, count: Int) -> [UInt8]?
  /// Takes the text of a `printf`.
  func print(_ text: [UInt8])
}

/// Why an expression has no value.
package enum AgentError: Error, Hashable, Sendable {
  /// It ended with nothing on the stack.
  case noValue
  case stackOverflow
  case stackUnderflow
  case divisionByZero
  /// It runs out of its own bytes, jumps out of them, or has a text without an end.
  case damaged
  /// It went on for longer than any expression has to.
  case endless
  /// A number that is no bytecode.
  case unknown(UInt8)
  /// Bytecodes of tracepoints and floating point: there is nothing here that they could mean.
  case unsupported(AgentOpcode)
  case noRegister(Int)
  case noMemory(UInt64)
  /// A directive of `printf` that is not known.
  case badFormat
}
