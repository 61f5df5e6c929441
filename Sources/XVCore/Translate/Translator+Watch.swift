// SPDX-License-Identifier: GPL-3.0-only
internal import CLinux

/// Which accesses translations look at before they make them, for watchpoints that no debug register
/// holds.
enum AccessChecks: UInt8, Comparable {
  case none
  case writes
  case all

  static func < (first: AccessChecks, second: AccessChecks) -> Bool { first.rawValue < second.rawValue }
}

/// Looking at an access without touching flags; the tables are those of `WatchFilter`.
///
///     rcx -> context
///     lea rcx, operand ; movzx ecx, cx ; movzx ecx, byte gs:[rcx+starts] ; jrcxz +5 ; jmp cold
///     rcx <- context
///     the instruction
///
/// The cold side looks at the length, the kind and two bytes more, and comes back or leaves for the
/// server, with the instruction still to be done.
extension Translator {
  /// As many as `Arena.unitReserve` has room for, whichever they are.
  static let checkedInstructions = 100

  private static let canReadSegmentBase = xv_has_fsgsbase() != 0

  mutating func emitAccessChecks(
    _ instruction: Instruction, _ bytes: UnsafePointer<UInt8>, _ emission: inout UnitEmission
  ) {
    switch instruction.kind {
    case .plain, .ripRelative, .guestSegment, .call, .indirectCall, .indirectJump, .ret: break
    case .jump, .conditionalJump, .shortLoop, .systemCall, .guestSegmentBase, .transactionBegin, .rare,
      .inlinedCall, .inlinedConditionalJump, .inlinedJump, .inlinedReturn, .invalid:
      return
    }
    let accesses = decoder.accesses(of: bytes, length: Int(instruction.length))
    let concerned = accesses.operands.filter { $0.isWritten || (checks == .all && $0.isRead) }
    guard !concerned.isEmpty else { return }
    relocations.noteUnmovable()
    let origin = instruction.address
    if case .repeated = accesses.form, concerned.allSatisfy(Translator.canCheckRounds) {
      return emitRoundsCheck(concerned, origin, &emission)
    }
    guard case .plain = accesses.form, concerned.allSatisfy({ Translator.canCheck($0, instruction) })
    else {
      // Transfers through %gs are the server's anyway.
      if instruction.kind == .indirectCall || instruction.kind == .indirectJump,
        instruction.prefix.contains(.gs)
      {
        return
      }
      emitParking(.watched, target: origin, origin: origin, &emission)
      return recover(&emission, origin)
    }
    let exit = addExit(
      Exit(kind: .watched, arena: UInt8(emission.arena), target: origin))
    for access in concerned { emitCheck(access, instruction, exit, &emission) }
  }

  private static func canCheck(_ access: OperandAccess, _ instruction: Instruction) -> Bool {
    guard WatchFilter.lengthIndex(access.size) != nil else { return false }
    switch access.segment {
    case .flat: break
    case .fs: guard canReadSegmentBase else { return false }
    case .gs: return false
    }
    if access.memory.isRipRelative { return !access.memory.is32Bit }
    return Int64(Int32(truncatingIfNeeded: access.memory.displacement)) == access.memory.displacement
  }

  private mutating func emitCheck(
    _ access: OperandAccess, _ instruction: Instruction, _ exit: Int32,
    _ emission: inout UnitEmission
  ) {
    let origin = instruction.address
    // Which registers are in the context's file: rcx twice, or rcx and rdx.
    var file: UInt8 = 0x11
    emission.hot.store(Register.rcx, slot: ContextLayout.slot(Register.rcx))
    recover(&emission, origin, adjust: file, form: .inFile)
    if access.segment == .fs {
      file = 0x21
      emission.hot.store(Register.rdx, slot: ContextLayout.slot(Register.rdx))
      recover(&emission, origin, adjust: file, form: .inFile)
    }
    emitAddress(access, instruction, emission.arena, &emission.hot)
    emission.hot.bytes(0xc9_b7_0f, count: 3)  // movzx ecx, cx
    emission.hot.loadByte(Register.rcx, base: Register.rcx, slot: ContextLayout.watchStarts)
    emission.hot.u16(0x05e3)  // jrcxz over the jump
    let back = emission.hot.address &+ 5
    emission.hot.jump(to: emitColdCheck(access, instruction, exit, file, back: back, emission.arena))
    emission.hot.load(Register.rcx, slot: ContextLayout.slot(Register.rcx))
    recover(&emission, origin)
  }

  private mutating func emitColdCheck(
    _ access: OperandAccess, _ instruction: Instruction, _ exit: Int32, _ file: UInt8, back: UInt64,
    _ arena: Int
  ) -> UInt64 {
    let origin = instruction.address
    let rcx = Register.rcx
    var cold = arenas[arena].emitter(at: arenas[arena].cold)
    let start = cold.address
    appendCold(arena, cold, origin, adjust: file, form: .inFile)
    cold.load(rcx, slot: ContextLayout.slot(rcx))
    emitAddress(access, instruction, arena, &cold)
    cold.store(rcx, slot: ContextLayout.watchedAddress)
    var harmless: [UnsafeMutableRawPointer] = []
    func goBackIfZero(_ cold: inout Emitter) {
      cold.u16(0x00e3)  // jrcxz
      harmless.append(cold.cursor)
    }
    cold.bytes(0xc9_b7_0f, count: 3)  // movzx ecx, cx
    cold.loadByte(rcx, base: rcx, slot: ContextLayout.watchStarts)
    let length = WatchFilter.lengthIndex(access.size)!
    // What is read and written counts as written: a debugger compares.
    cold.loadByte(
      rcx, base: rcx,
      slot: ContextLayout.watchVerdict(length: length, isWrite: access.isWritten))
    goBackIfZero(&cold)
    for byte in 2...3 {
      cold.loadByte(rcx, slot: ContextLayout.watchedAddress + byte)
      cold.loadByte(rcx, base: rcx, slot: ContextLayout.watchHighBytes + (byte - 2) * 0x100)
      goBackIfZero(&cold)
    }
    cold.load(rcx, slot: ContextLayout.slot(rcx))
    appendCold(arena, cold, origin)
    let offset = UInt32(truncatingIfNeeded: cold.address &- arenas[arena].guest)
    emitParking(&cold, at: offset, .watched, exit: exit, pc: origin)
    appendCold(arena, cold, origin, adjust: file, form: .inFile)
    for jump in harmless {
      let distance = jump.distance(to: cold.cursor)
      precondition(distance < 128)
      (jump - 1).storeBytes(of: UInt8(distance), as: UInt8.self)
    }
    cold.jump(to: back)
    arenas[arena].cold += Int(cold.address &- start)
    return start
  }

  /// rcx = the operand's address. rdx is in the context when %fs is needed, and comes back from there.
  private func emitAddress(
    _ access: OperandAccess, _ instruction: Instruction, _ arena: Int, _ emitter: inout Emitter
  ) {
    let rcx = Register.rcx
    if access.memory.isRipRelative {
      let target = instruction.end &+ UInt64(bitPattern: access.memory.displacement)
      if arenas[arena].reaches(target) {
        emitter.bytes(0x0d_8d_48, count: 3)  // lea rcx, [rip+target]
        emitter.relative32(to: target)
      } else {
        emitter.move(rcx, immediate: target)
      }
    } else {
      emitter.loadAddress(rcx, access.memory)
    }
    guard access.segment == .fs else { return }
    emitter.bytes(0xc2_ae_0f_48_f3, count: 5)  // rdfsbase rdx
    emitter.bytes(0x11_0c_8d_48, count: 4)  // lea rcx, [rcx+rdx]
    emitter.load(Register.rdx, slot: ContextLayout.slot(Register.rdx))
  }
}
