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
    emitExit(.jump, target: instruction.target, origin: instruction.address, &emission)
  }

  mutating func emitCall(_ instruction: Instruction, _ emission: inout UnitEmission) {
    lastCallSite = emission.offset
    lastCallValid = []
    if scanUsesRedZone { return emitNarrowCall(instruction, &emission) }
    emitPushReturnAddress(instruction.end, &emission)
    recover(&emission, instruction.address, adjust: 8)
    emission.hot.alignField(distance: 1)
    emission.hot.byte(0xe8)
    emitExit(.call, target: instruction.target, origin: instruction.address, &emission)
  }

  /// A call that writes nothing but its return address, for code with data in the red zone: the call
  /// instruction goes to a thunk that replaces the cache address by the original one.
  ///
  ///     jmp 2f
  ///     1: lea rsp, [rsp+8] ; push original ; jmp target
  ///     2: call 1b
  mutating func emitNarrowCall(
    _ instruction: Instruction, _ emission: inout UnitEmission
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
    emitExit(.jump, target: instruction.target, origin: instruction.address, &emission)
    (thunk - 1).storeBytes(
      of: UInt8(thunk.distance(to: emission.hot.cursor)), as: UInt8.self)
    recover(&emission, instruction.address)
    let start = emission.hot.address &- UInt64(thunk.distance(to: emission.hot.cursor))
    emission.hot.byte(0xe8)
    emission.hot.relative32(to: start)
  }

  /// One 8-byte store: two 4-byte stores cannot be forwarded to the load at the return.
  mutating func emitPushReturnAddress(_ address: UInt64, _ emission: inout UnitEmission) {
    if address < 0x8000_0000 {
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
  /// The whole sequence stands at each return: one routine that all returns jump to was measured 10 to
  /// 25 % slower on lua, perl and virtual calls (docs/measurements.md).
  mutating func emitReturn(
    _ instruction: Instruction, valid: SpillSet, _ emission: inout UnitEmission
  ) {
    let dirty = SpillSet.all.subtracting(valid)
    Translator.emitStores(dirty.intersection(.rcx), &emission.hot)
    emission.hot.bytes(0x24_0c_8b_48, count: 4)  // mov rcx, [rsp]
    recover(&emission, instruction.address, spilled: .rcx)
    Translator.emitStores(dirty.subtracting(.rcx), &emission.hot)
    recover(&emission, instruction.address, spilled: .all)
    emitLookup(table: ContextLayout.returnTable, gate: ContextLayout.gateReturnLookup, &emission)
    emission.hot.bytes(0x24_0c_89_48, count: 4)  // mov [rsp], rcx
    recover(
      &emission, instruction.address, spilled: .all, form: .restoreReturnAddress)
    if instruction.immediate == 0 {
      emission.hot.byte(0xc3)
    } else {
      emission.hot.byte(0xc2)  // ret imm16
      emission.hot.u16(instruction.immediate)
    }
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
    emitTargetLoad(instruction, bytes, &emission)
    if isCall {
      recover(&emission, instruction.address, spilled: .rcx)
      emitPushReturnAddress(instruction.end, &emission)
    }
    let adjust: UInt8 = isCall ? 8 : 0
    recover(&emission, instruction.address, spilled: .all, adjust: adjust)
    emitLookup(
      table: ContextLayout.jumpTable, gate: ContextLayout.gateJumpLookup, &emission,
      original: instruction.address, adjust: adjust)
    if isCall {
      emission.hot.bytes(0xfb_51_8d_48, count: 4)  // lea rdx, [rcx-5]
      emission.hot.u16(0xd2ff)  // call rdx
    } else {
      emission.hot.u16(0xe1ff)  // jmp rcx
    }
  }

  /// mov rcx, operand: the transfer's own operand, as a load.
  mutating func emitTargetLoad(
    _ instruction: Instruction, _ bytes: UnsafePointer<UInt8>, _ emission: inout UnitEmission
  ) {
    let prefix = instruction.prefix
    if prefix.contains(.ripRelative), !arenas[emission.arena].reaches(instruction.target) {
      emission.hot.move(Register.rcx, immediate: instruction.target)
      relocations.noteAbsolute()
      recover(&emission, instruction.address, spilled: .rcx)
      emission.hot.bytes(0x09_8b_48, count: 3)  // mov rcx, [rcx]
      return
    }
    if prefix.contains(.fs) { emission.hot.byte(0x64) }
    if prefix.contains(.address32) { emission.hot.byte(0x67) }
    emission.hot.byte(
      0x48 | (prefix.contains(.rexX) ? 2 : 0) | (prefix.contains(.rexB) ? 1 : 0))
    emission.hot.byte(0x8b)
    let modrmOffset = Int(instruction.modrmOffset)
    emission.hot.byte(bytes[modrmOffset] & 0xc7 | UInt8(Register.rcx) << 3)
    if prefix.contains(.ripRelative) {
      relocations.append(.hotToOriginal, emission.offset)
      emission.hot.relative32(to: instruction.target)
    } else {
      emission.hot.copy(
        bytes + modrmOffset + 1, count: Int(instruction.length) - modrmOffset - 1)
    }
  }

  /// The inline lookup: rcx = original target in, rcx = rdx = cache address out; else to the gate,
  /// which comes back to the lookup when it has filled the table.
  mutating func emitLookup(
    table: Int, gate: Int, _ emission: inout UnitEmission, original: UInt64 = 0, adjust: UInt8 = 0
  ) {
    let retry = emission.hot.address
    emission.hot.bytes(0xd1_b7_0f, count: 3)  // movzx edx, cx
    emission.hot.bytes(0x12_14_8d, count: 3)  // lea edx, [rdx+rdx]
    emission.hot.bytes(0xd5_1c_8b_4c_65, count: 5)  // mov r11, gs:[rdx*8+table]: minus the tag
    emission.hot.u32(UInt32(table))
    emission.hot.bytes(0x19_0c_8d_4a, count: 4)  // lea rcx, [rcx+r11]
    emission.hot.u16(0x05e3)  // jrcxz over the jump
    let cold = beginLookupMiss(emission, original: original, adjust: adjust, retry: retry, gate: gate)
    relocations.append(.hotToCold, emission.offset &+ 1)
    emission.hot.jump(to: cold)
    emission.hot.bytes(0xd5_0c_8b_48_65, count: 5)  // mov rcx, gs:[rdx*8+table+8]
    emission.hot.u32(UInt32(table + 8))
    emission.hot.bytes(0xca_89_48, count: 3)  // mov rdx, rcx
  }

  /// The cold half of a lookup: makes the target again from the failed comparison.
  mutating func beginLookupMiss(
    _ emission: UnitEmission, original: UInt64, adjust: UInt8, retry: UInt64, gate: Int
  ) -> UInt64 {
    let index = emission.arena
    var cold = arenas[index].emitter(at: arenas[index].cold)
    let start = cold.address
    // Whatever the hot side's recovery says at the retry point holds here as well.
    let hot = arenas[index].hotRecovery.entry(
      covering: UInt32(retry &- arenas[index].guest))
    if var entry = hot {
      entry.offset = UInt32(arenas[index].cold)
      arenas[index].coldRecovery.append(entry)
    }
    cold.bytes(0xd3_f7_49, count: 3)  // not r11
    cold.bytes(0x01_19_4c_8d_4a, count: 5)  // lea rcx, [rcx+r11+1]
    cold.bytes(0x15_8d_48, count: 3)  // lea rdx, [rip+retry]
    relocations.append(.coldToHot, UInt32(truncatingIfNeeded: cold.address &- arenas[index].guest))
    cold.relative32(to: retry)
    cold.store(Register.rdx, slot: ContextLayout.retry)
    cold.jump(slot: gate)
    arenas[index].cold += Int(cold.address &- start)
    return start
  }
}
