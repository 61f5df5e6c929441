// SPDX-License-Identifier: GPL-3.0-only

/// Executes agent expressions: a stack of 64-bit words.
package struct AgentMachine<Subject: AgentSubject> {
  /// As many as gdb's own interpreter has.
  private static var deepest: Int { 100 }
  /// Loops are possible; no condition is worth more than this.
  private static var mostSteps: Int { 1 << 20 }

  private let subject: Subject
  private let program: [UInt8]
  private var position = 0
  private var stack: [UInt64] = []

  private init(_ expression: AgentExpression, about subject: Subject) {
    self.subject = subject
    program = expression.bytes
    stack.reserveCapacity(16)
  }

  /// What stands on top of the stack at the end.
  package static func value(
    of expression: AgentExpression, about subject: Subject
  ) throws(AgentError) -> UInt64 {
    var machine = AgentMachine(expression, about: subject)
    try machine.execute()
    guard let value = machine.stack.last else { throw .noValue }
    return value
  }

  /// Executes what is wanted for its effect alone.
  package static func run(
    _ expression: AgentExpression, about subject: Subject
  ) throws(AgentError) {
    var machine = AgentMachine(expression, about: subject)
    try machine.execute()
  }

  private mutating func execute() throws(AgentError) {
    for _ in 0..<Self.mostSteps {
      let number = UInt8(truncatingIfNeeded: try operand(1))
      guard let opcode = AgentOpcode(rawValue: number) else { throw .unknown(number) }
      if opcode == .end { return }
      try execute(opcode)
    }
    throw .endless
  }

  private mutating func execute(_ opcode: AgentOpcode) throws(AgentError) {
    switch opcode {
    case .add: try combine { $0 &+ $1 }
    case .subtract: try combine { $0 &- $1 }
    case .multiply: try combine { $0 &* $1 }
    case .divideSigned, .divideUnsigned, .remainderSigned, .remainderUnsigned:
      try divide(opcode)
    case .shiftLeft: try combine { $0 << $1 }
    case .shiftRightSigned: try combine { UInt64(bitPattern: Int64(bitPattern: $0) >> $1) }
    case .shiftRightUnsigned: try combine { $0 >> $1 }
    case .and: try combine { $0 & $1 }
    case .or: try combine { $0 | $1 }
    case .exclusiveOr: try combine { $0 ^ $1 }
    case .equal: try combine { $0 == $1 ? 1 : 0 }
    case .lessSigned: try combine { Int64(bitPattern: $0) < Int64(bitPattern: $1) ? 1 : 0 }
    case .lessUnsigned: try combine { $0 < $1 ? 1 : 0 }
    case .logicalNot: try push(try pop() == 0 ? 1 : 0)
    case .not: try push(~(try pop()))
    case .signExtend, .zeroExtend: try extend(opcode)
    case .load8: try load(1)
    case .load16: try load(2)
    case .load32: try load(4)
    case .load64: try load(8)
    case .constant8: try push(try operand(1))
    case .constant16: try push(try operand(2))
    case .constant32: try push(try operand(4))
    case .constant64: try push(try operand(8))
    case .register:
      let number = Int(try operand(2))
      guard let value = subject.register(number) else { throw .noRegister(number) }
      try push(value)
    case .goTo: try jump(Int(try operand(2)))
    case .goToIf:
      let target = Int(try operand(2))
      if try pop() != 0 { try jump(target) }
    case .duplicate: try pick(0)
    case .pick: try pick(Int(try operand(1)))
    case .pop: _ = try pop()
    case .swap:
      let (top, next) = (try pop(), try pop())
      try push(top)
      try push(next)
    case .rotate:
      // a b c, the last on top, becomes c a b.
      let (c, b, a) = (try pop(), try pop(), try pop())
      try push(c)
      try push(a)
      try push(b)
    case .print: try printText()
    case .end: break
    case .float, .loadFloat, .loadDouble, .loadLongDouble, .integerToDouble, .doubleToInteger,
      .trace, .traceQuick, .trace16, .traceVariable, .traceString, .getVariable, .setVariable:
      throw .unsupported(opcode)
    }
  }

  // MARK: The stack
  private mutating func push(_ value: UInt64) throws(AgentError) {
    guard stack.count < Self.deepest else { throw .stackOverflow }
    stack.append(value)
  }

  private mutating func pop() throws(AgentError) -> UInt64 {
    guard let value = stack.popLast() else { throw .stackUnderflow }
    return value
  }

  /// Replaces the two topmost values; the upper one is the right-hand operand.
  private mutating func combine(_ operation: (UInt64, UInt64) -> UInt64) throws(AgentError) {
    let (right, left) = (try pop(), try pop())
    try push(operation(left, right))
  }

  private mutating func pick(_ depth: Int) throws(AgentError) {
    guard depth < stack.count else { throw .stackUnderflow }
    try push(stack[stack.count - 1 - depth])
  }

  private mutating func divide(_ opcode: AgentOpcode) throws(AgentError) {
    let (right, left) = (try pop(), try pop())
    if right == 0 { throw .divisionByZero }
    let (signedLeft, signedRight) = (Int64(bitPattern: left), Int64(bitPattern: right))
    switch opcode {
    case .divideUnsigned: try push(left / right)
    case .remainderUnsigned: try push(left % right)
    // The least number by -1 is itself, as the processor would have it if it did not trap.
    case .divideSigned:
      try push(UInt64(bitPattern: signedLeft.dividedReportingOverflow(by: signedRight).partialValue))
    default:
      try push(
        UInt64(bitPattern: signedLeft.remainderReportingOverflow(dividingBy: signedRight).partialValue))
    }
  }

  private mutating func extend(_ opcode: AgentOpcode) throws(AgentError) {
    let bits = try operand(1)
    let value = try pop()
    guard (1..<64).contains(bits) else { return try push(value) }
    let shift = 64 - bits
    let raised = value << shift
    try push(
      opcode == .signExtend
        ? UInt64(bitPattern: Int64(bitPattern: raised) >> Int64(shift)) : raised >> shift)
  }

  private mutating func load(_ count: Int) throws(AgentError) {
    let address = try pop()
    guard let bytes = subject.memory(at: address, count: count), bytes.count == count else {
      throw .noMemory(address)
    }
    try push(bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) })
  }

  // MARK: The program
  /// The next bytes as a number, the first the most significant.
  private mutating func operand(_ count: Int) throws(AgentError) -> UInt64 {
    guard position + count <= program.count else { throw .damaged }
    defer { position += count }
    return program[position..<position + count].reduce(0) { $0 << 8 | UInt64($1) }
  }

  private mutating func jump(_ target: Int) throws(AgentError) {
    guard target < program.count else { throw .damaged }
    position = target
  }

  private mutating func printText() throws(AgentError) {
    let argumentCount = Int(try operand(1))
    let length = Int(try operand(2))
    guard length > 0, position + length <= program.count, program[position + length - 1] == 0 else {
      throw .damaged
    }
    let format = program[position..<position + length - 1]
    position += length
    // A function and a channel, which gdb leaves 0: the text goes where the server's goes.
    _ = try pop()
    _ = try pop()
    var arguments: [UInt64] = []
    for _ in 0..<argumentCount { arguments.append(try pop()) }
    subject.print(try AgentFormat(format).text(arguments, about: subject))
  }
}
