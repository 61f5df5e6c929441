// SPDX-License-Identifier: GPL-3.0-only

/// Calls, returns and indirect branches: what replaces them in a fragment.
extension Translator {
  mutating func emitShortLoop(
    _ instruction: Instruction, _ bytes: UnsafePointer<UInt8>, _ emission: inout UnitEmission
  ) {
    let length = Int(instruction.length)
    emission.hot.alignField(distance: length + 3)
    emission.hot.copy(bytes, count: length - 1)
    emission.hot.byte(2)  // taken: over the next jump
    // The counter has been decremented: the instruction is done, taken or not.
    recover(&emission, instruction.end)
    emission.hot.u16(0x05eb)  // not taken: over the exit
    recover(&emission, instruction.target)
    emission.hot.byte(0xe9)
    emitExit(.jump, target: instruction.target, &emission)
  }

  mutating func emitCall(
    _ instruction: Instruction, _ state: ScratchState, _ emission: inout UnitEmission
  ) {
    lastCallSite = emission.offset
    lastCallValid = state.valid
    if scanUsesRedZone { return emitNarrowCall(instruction, state, &emission) }
    padPush(of: instruction.end, &emission)
    emitPushReturnAddress(instruction.end, &emission)
    recover(&emission, instruction.address, adjust: 8)
    emission.hot.byte(0xe8)
    emitExit(
      .call, target: instruction.target, state: state, &emission)
  }

  /// A call that writes nothing but its return address, for code with data in the red zone: the call
  /// instruction goes to a thunk that replaces the cache address by the original one.
  ///
  ///     jmp 2f
  ///     1: lea rsp, [rsp+8] ; push original ; jmp target
  ///     2: call 1b
  private mutating func emitNarrowCall(
    _ instruction: Instruction, _ state: ScratchState, _ emission: inout UnitEmission
  ) {
    emission.hot.byte(0xeb)
    emission.hot.byte(0)
    let thunk = emission.hot.cursor
    recover(&emission, instruction.address, adjust: 8)
    emission.hot.dropReturnAddress()
    recover(&emission, instruction.address)
    emitPushReturnAddress(instruction.end, &emission)
    recover(&emission, instruction.address, adjust: 8)
    emission.hot.alignField(distance: 1)
    emission.hot.byte(0xe9)
    emitExit(
      .jump, target: instruction.target, state: state, &emission)
    (thunk - 1).storeBytes(
      of: UInt8(thunk.distance(to: emission.hot.cursor)), as: UInt8.self)
    recover(&emission, instruction.address)
    let start = emission.hot.address &- UInt64(thunk.distance(to: emission.hot.cursor))
    emission.hot.byte(0xe8)
    emission.hot.relative32(to: start)
  }

  /// Prefixes without a meaning, so that the field of the call that follows the push is aligned.
  private func padPush(of address: UInt64, _ emission: inout UnitEmission) {
    let length = Translator.isPushedAtOnce(address) ? 5 : 6
    emission.hot.bytes(0x3e_3e_3e, count: emission.hot.padding(distance: length + 1))
  }

  @inline(__always)
  private static func isPushedAtOnce(_ address: UInt64) -> Bool { address < 0x8000_0000 }

  /// One 8-byte store: two 4-byte stores cannot be forwarded to the load at the return.
  mutating func emitPushReturnAddress(_ address: UInt64, _ emission: inout UnitEmission) {
    if Translator.isPushedAtOnce(address) {
      emission.hot.byte(0x68)  // push imm32, sign-extended
      emission.hot.u32(UInt32(address))
      relocations.noteAbsolute()
    } else {
      let literal = arenas[emission.arena].addLiteral(address)
      emission.hot.u16(0x35ff)  // push [rip+literal]
      relocations.append(.hotToLiteral, emission.offset)
      emission.hot.relative32(to: literal)
    }
  }

  /// Looks [rsp] up, puts the cache address there and returns, so that the return predictor stays right.
  ///
  ///     mov ecx, [rsp] ; mov edx, [rsp+4] ; lookup ; jrcxz 1f ; mov [rsp], rcx ; ret
  ///     1: jmp miss
  ///
  /// The whole sequence stands at each return: one routine that all returns jump to was measured 10 to
  /// 25 % slower on lua, perl and virtual calls (docs/tried.md).
  mutating func emitReturn(
    _ instruction: Instruction, valid: SpillSet, _ emission: inout UnitEmission
  ) {
    Translator.emitStores(SpillSet.all.subtracting(valid), &emission.hot)
    recover(&emission, instruction.address, spilled: .all)
    // The lower half first: a fault names the address that the original instruction's would.
    emission.hot.bytes(0x24_0c_8b, count: 3)  // mov ecx, [rsp]
    emission.hot.bytes(0x04_24_54_8b, count: 4)  // mov edx, [rsp+4]
    emitLookup(windows: ContextLayout.returnWindows, &emission)
    let resumption = emission.hot.address &+ 2
    let miss = emitLookupMiss(
      emission, original: instruction.address, of: .top, resumption: resumption)
    emission.hot.u16(instruction.immediate == 0 ? 0x05e3 : 0x07e3)  // jrcxz over the return
    emission.hot.bytes(0x24_0c_89_48, count: 4)  // mov [rsp], rcx
    recover(
      &emission, instruction.address, spilled: .all, form: .restoreReturnAddress)
    if instruction.immediate == 0 {
      emission.hot.byte(0xc3)
    } else {
      emission.hot.byte(0xc2)  // ret imm16
      emission.hot.u16(instruction.immediate)
    }
    recover(&emission, instruction.address, spilled: .all)
    emitJump(toMiss: miss, &emission)
  }

  mutating func emitIndirect(
    _ instruction: Instruction, _ bytes: UnsafePointer<UInt8>, valid: SpillSet,
    _ emission: inout UnitEmission
  ) {
    let isCall = instruction.kind == .indirectCall
    if isCall {
      lastCallSite = emission.offset
      lastCallValid = valid
    }
    if instruction.prefix.contains(.gs) {
      lastCallValid = []
      emitParking(.rare, target: instruction.address, origin: instruction.address, &emission)
      return
    }
    Translator.emitStores(SpillSet.all.subtracting(valid), &emission.hot)
    recover(&emission, instruction.address, spilled: .all)
    let target = emitTarget(instruction, bytes, &emission)
    emitLookup(windows: ContextLayout.jumpWindows, &emission)
    let resumption = emission.hot.address &+ (isCall ? 10 : 2)
    let miss = emitLookupMiss(
      emission, original: instruction.address, of: target, resumption: resumption)
    if isCall {
      // The return comes back right behind the call. The jump to the miss is the tail of a nop that
      // stands before: nop [rcx+rbp*8+disp32], whose SIB byte is the opcode of jmp rel32.
      emission.hot.bytes(0x84_1f_0f, count: 3)
      emitJump(toMiss: miss, &emission)
      emission.hot.u16(0xf9e3)  // jrcxz into the nop
      emitPushReturnAddress(instruction.end, &emission)
      recover(&emission, instruction.address, spilled: .all, adjust: 8)
      emission.hot.bytes(0xfb_51_8d_48, count: 4)  // lea rdx, [rcx-5]
      emission.hot.u16(0xd2ff)  // call rdx
    } else {
      emission.hot.u16(0x02e3)  // jrcxz over the jump
      emission.hot.u16(0xe1ff)  // jmp rcx
      emitJump(toMiss: miss, &emission)
    }
  }

  /// Where the cold half of a lookup finds the target.
  private enum LookupTarget {
    /// At the top of the stack, for a return.
    case top
    /// In the slot `jumpTarget`.
    case slot
    /// In the register that the instruction names, or in that register's spill slot.
    case register(Int)
    /// In the instruction's operand in memory.
    case memory(Instruction, UnsafePointer<UInt8>)
  }

  /// Puts the halves of the target into edx and ecx. An operand in memory is read once; when nothing is known
  /// about the target, once more, as if it had not been read before.
  private mutating func emitTarget(
    _ instruction: Instruction, _ bytes: UnsafePointer<UInt8>, _ emission: inout UnitEmission
  ) -> LookupTarget {
    let modrm = bytes[Int(instruction.modrmOffset)]
    guard modrm >> 6 == 3 else {
      emitTargetLoad(instruction, bytes, &emission)
      let needsSlot = !ProcessorFeatures.hasRotate
      if needsSlot { emission.hot.store(Register.rcx, slot: ContextLayout.jumpTarget) }
      emitUpperHalf(of: Register.rcx, &emission)
      emission.hot.u16(0xc989)  // mov ecx, ecx
      return needsSlot ? .slot : .memory(instruction, bytes)
    }
    let isHigh = instruction.prefix.contains(.rexB)
    let register = Int(modrm & 7) | (isHigh ? 8 : 0)
    let needsSlot = !ProcessorFeatures.hasRotate
    if needsSlot { emission.hot.store(register, slot: ContextLayout.jumpTarget) }
    if register != Register.rdx { emitUpperHalf(of: register, &emission) }
    if isHigh { emission.hot.byte(0x41) }
    emission.hot.byte(0x8b)  // mov ecx, register
    emission.hot.byte(0xc0 | UInt8(Register.rcx) << 3 | modrm & 7)
    if register == Register.rdx { emitUpperHalf(of: register, &emission) }
    return needsSlot ? .slot : .register(register)
  }

  /// The upper half of the target into edx, without touching flags: rorx rdx, register, 32 ; mov edx, edx.
  ///
  /// Where the processor has no rorx, it is loaded from the slot. That takes some seven cycles longer, which a
  /// program waits for whenever such a jump was predicted wrongly.
  private func emitUpperHalf(of register: Int, _ emission: inout UnitEmission) {
    guard ProcessorFeatures.hasRotate else {
      emission.hot.bytes(0x25_14_8b_65, count: 4)  // mov edx, gs:[jumpTarget+4]
      emission.hot.u32(UInt32(ContextLayout.jumpTarget + 4))
      return
    }
    emission.hot.u16(register >= 8 ? 0xc3c4 : 0xe3c4)
    emission.hot.u16(0xf0fb)
    emission.hot.byte(0xc0 | UInt8(Register.rdx) << 3 | UInt8(register & 7))
    emission.hot.byte(32)
    emission.hot.u16(0xd289)
  }

  /// mov rcx, operand: the transfer's own operand, as a load.
  mutating func emitTargetLoad(
    _ instruction: Instruction, _ bytes: UnsafePointer<UInt8>, _ emission: inout UnitEmission
  ) {
    guard instruction.prefix.contains(.ripRelative) else {
      return Translator.emitOperandLoad(instruction, bytes, &emission.hot)
    }
    guard arenas[emission.arena].reaches(instruction.target) else {
      emission.hot.move(Register.rcx, immediate: instruction.target)
      relocations.noteAbsolute()
      Translator.emitPrefixes(instruction, &emission.hot)
      emission.hot.bytes(0x09_8b_48, count: 3)  // mov rcx, [rcx]
      return
    }
    Translator.emitPrefixes(instruction, &emission.hot)
    emission.hot.bytes(0x0d_8b_48, count: 3)  // mov rcx, [rip+...]
    relocations.append(.hotToOriginal, emission.offset)
    emission.hot.relative32(to: instruction.target)
  }

  /// mov rcx, operand, for operands that are not relative to rip.
  private static func emitOperandLoad(
    _ instruction: Instruction, _ bytes: UnsafePointer<UInt8>, _ emitter: inout Emitter
  ) {
    let prefix = instruction.prefix
    emitPrefixes(instruction, &emitter)
    emitter.byte(0x48 | (prefix.contains(.rexX) ? 2 : 0) | (prefix.contains(.rexB) ? 1 : 0))
    emitter.byte(0x8b)
    let modrmOffset = Int(instruction.modrmOffset)
    emitter.byte(bytes[modrmOffset] & 0xc7 | UInt8(Register.rcx) << 3)
    emitter.copy(bytes + modrmOffset + 1, count: Int(instruction.length) - modrmOffset - 1)
  }

  private static func emitPrefixes(_ instruction: Instruction, _ emitter: inout Emitter) {
    if instruction.prefix.contains(.fs) { emitter.byte(0x64) }
    if instruction.prefix.contains(.address32) { emitter.byte(0x67) }
  }

  /// The inline lookup: ecx and edx = the halves of the original target in, rcx = cache address out, or 0
  /// (`TargetTables`).
  ///
  /// An upper half that no user address has reads from the default, or, with many threads, from another
  /// thread's windows: of the numbers that do not lead to the fault that they should, there are two for
  /// each thread and window.
  @inline(__always)
  private func emitLookup(windows: Int, _ emission: inout UnitEmission) {
    emission.hot.bytes(0xd5_14_8b_48_65, count: 5)  // mov rdx, gs:[rdx*8+windows]
    emission.hot.u32(UInt32(windows))
    emission.hot.bytes(0x4a_8c_b7_0f_65, count: 5)  // movzx ecx, word gs:[rdx+rcx*2+tables]
    emission.hot.u32(UInt32(ContextLayout.tables))
    emission.hot.bytes(0xca_8c_8b_48_65, count: 5)  // mov rcx, gs:[rdx+rcx*8+targets]
    emission.hot.u32(UInt32(ContextLayout.tableTargets))
  }

  private mutating func emitJump(toMiss miss: UInt64, _ emission: inout UnitEmission) {
    relocations.append(.hotToCold, emission.offset &+ 1)
    emission.hot.jump(to: miss)
  }

  /// The cold half of a lookup: asks the gate, which comes back to `resumption` with rcx = cache address.
  private mutating func emitLookupMiss(
    _ emission: UnitEmission, original: UInt64, of target: LookupTarget, resumption: UInt64
  ) -> UInt64 {
    let index = emission.arena
    var cold = arenas[index].emitter(at: arenas[index].cold)
    let start = cold.address
    appendCold(index, cold, original, spilled: .all)
    var gate = ContextLayout.gateJumpLookup
    switch target {
    case .top:
      cold.bytes(0x24_0c_8b_48, count: 4)  // mov rcx, [rsp]
      gate = ContextLayout.gateReturnLookup
    case .slot: cold.load(Register.rcx, slot: ContextLayout.jumpTarget)
    case .register(Register.rcx): cold.load(Register.rcx, slot: ContextLayout.spilledRCX)
    case .register(Register.rdx): cold.load(Register.rcx, slot: ContextLayout.spilledRDX)
    case .register(let register):
      cold.u16(register >= 8 ? 0x894c : 0x8948)  // mov rcx, register
      cold.byte(0xc0 | UInt8(register & 7) << 3 | UInt8(Register.rcx))
    case .memory(let instruction, let bytes):
      Translator.emitLoads(.all, &cold)
      if instruction.prefix.contains(.ripRelative) {
        cold.u16(0xb948)  // mov rcx, imm64
        relocations.append(.original64, UInt32(truncatingIfNeeded: cold.address &- arenas[index].guest))
        cold.u64(instruction.target)
        Translator.emitPrefixes(instruction, &cold)
        cold.bytes(0x09_8b_48, count: 3)  // mov rcx, [rcx]
      } else {
        Translator.emitOperandLoad(instruction, bytes, &cold)
      }
    }
    cold.bytes(0x15_8d_48, count: 3)  // lea rdx, [rip+resumption]
    relocations.append(.coldToHot, UInt32(truncatingIfNeeded: cold.address &- arenas[index].guest))
    cold.relative32(to: resumption)
    cold.store(Register.rdx, slot: ContextLayout.retry)
    cold.jump(slot: gate)
    arenas[index].cold += Int(cold.address &- start)
    return start
  }
}
