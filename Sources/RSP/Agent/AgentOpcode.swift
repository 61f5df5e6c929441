// SPDX-License-Identifier: GPL-3.0-only

/// The bytecodes of agent expressions, by their numbers on the wire (gdb's manual, "The GDB Agent
/// Expression Mechanism").
package enum AgentOpcode: UInt8, Hashable, Sendable, CaseIterable {
  case float = 0x01
  case add = 0x02
  case subtract = 0x03
  case multiply = 0x04
  case divideSigned = 0x05
  case divideUnsigned = 0x06
  case remainderSigned = 0x07
  case remainderUnsigned = 0x08
  case shiftLeft = 0x09
  case shiftRightSigned = 0x0a
  case shiftRightUnsigned = 0x0b
  case trace = 0x0c
  case traceQuick = 0x0d
  case logicalNot = 0x0e
  case and = 0x0f
  case or = 0x10
  case exclusiveOr = 0x11
  case not = 0x12
  case equal = 0x13
  case lessSigned = 0x14
  case lessUnsigned = 0x15
  case signExtend = 0x16
  case load8 = 0x17
  case load16 = 0x18
  case load32 = 0x19
  case load64 = 0x1a
  case loadFloat = 0x1b
  case loadDouble = 0x1c
  case loadLongDouble = 0x1d
  case integerToDouble = 0x1e
  case doubleToInteger = 0x1f
  case goToIf = 0x20
  case goTo = 0x21
  case constant8 = 0x22
  case constant16 = 0x23
  case constant32 = 0x24
  case constant64 = 0x25
  case register = 0x26
  case end = 0x27
  case duplicate = 0x28
  case pop = 0x29
  case zeroExtend = 0x2a
  case swap = 0x2b
  case getVariable = 0x2c
  case setVariable = 0x2d
  case traceVariable = 0x2e
  case traceString = 0x2f
  case trace16 = 0x30
  case pick = 0x32
  case rotate = 0x33
  case print = 0x34
}
