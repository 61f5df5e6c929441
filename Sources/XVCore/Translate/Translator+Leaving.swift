// SPDX-License-Identifier: GPL-3.0-only

/// System calls, and the ways out that put all registers into the context: intercepted calls, probes,
/// steps.
extension Translator {
  mutating func emitSystemCall(
    _ instruction: Instruction, number: Int32, _ emission: inout UnitEmission
  ) {
    let origin = instruction.address
    let next = instruction.end
    if askedCalls == .all || number >= 0 && askedCalls.contains(number) {
      emitParking(.systemCall, target: next, origin: origin, &emission)
      return
    }
    if number < 0 {
      emission.hot.store(Register.rcx, slot: ContextLayout.spilledRCX)
      emission.hot.bytes(0xc8_b7_0f, count: 3)  // movzx ecx, ax
      recover(&emission, origin, spilled: .rcx)
      emission.hot.bytes(0x89_b6_0f_65, count: 4)  // movzx ecx, byte gs:[rcx+callMap]
      emission.hot.u32(UInt32(ContextLayout.callMap))
      emission.hot.u16(0x05e3)  // jrcxz over the jump
      let cold = emitColdCall(origin: origin, next: next, emission)
      relocations.append(.hotToCold, emission.offset &+ 1)
      emission.hot.jump(to: cold)
    } else if TimedCall.numbers.contains(number) {
      emission.hot.store(Register.rax, slot: ContextLayout.slot(Register.rax))
      emission.hot.store(Register.rdx, slot: ContextLayout.slot(Register.rdx))
      recover(&emission, origin, adjust: ClockRead.inFile, form: .inFile)
      ClockRead.emit(&emission.hot)
      recover(&emission, origin)
    }
    // Both registers are the system call's to destroy, so nothing is lost in rcx here.
    emission.hot.u16(0x050f)
    recover(&emission, next, form: .afterSystemCall)
    if next <= 0xffff_ffff {
      relocations.noteAbsolute()
    } else {
      relocations.append(.original64, emission.offset &+ 2)
    }
    emission.hot.move(Register.rcx, immediate: next)
  }

  /// Leaves for the server with all registers in the context: system calls, probes, steps.
  mutating func emitParking(
    _ kind: Exit.Kind, target: UInt64, origin: UInt64, _ emission: inout UnitEmission
  ) {
    // The stub puts the pc down before it leaves, so recovery is the same before and inside.
    let pc = kind == .stepped ? target : origin
    recover(&emission, pc)
    let exit = addExit(Exit(kind: kind, arena: UInt8(emission.arena), target: target))
    emitParking(&emission.hot, at: emission.offset, kind, exit: exit, pc: pc)
  }

  /// `offset` is the emitter's place in the arena.
  mutating func emitParking(
    _ emitter: inout Emitter, at offset: UInt32, _ kind: Exit.Kind, exit: Int32, pc: UInt64
  ) {
    // Each of the three stores is 12 bytes long and ends in its imm32.
    relocations.append(.exitNumber, offset &+ 8)
    relocations.append(.originalHalves, offset &+ 20)
    emitter.storeImmediate32(UInt32(bitPattern: exit), slot: ContextLayout.exit)
    emitter.storeImmediate32(
      UInt32(truncatingIfNeeded: pc), slot: ContextLayout.originalPC)
    emitter.storeImmediate32(
      UInt32(truncatingIfNeeded: pc >> 32), slot: ContextLayout.originalPC + 4)
    emitter.jump(
      slot: kind == .systemCall ? ContextLayout.gateSystemCall : ContextLayout.gateProbe)
  }

  /// For a call by whose number the map says that something is to be done before it: rcx holds what
  /// (`CallKind`), and its value is in its slot.
  private mutating func emitColdCall(
    origin: UInt64, next: UInt64, _ emission: UnitEmission
  ) -> UInt64 {
    let index = emission.arena
    let exit = addExit(
      Exit(kind: .systemCall, arena: UInt8(index), target: next))
    var cold = arenas[index].emitter(at: arenas[index].cold)
    let start = cold.address
    appendCold(index, cold, origin, spilled: .rcx)
    cold.bytes(0xff_49_8d, count: 3)  // lea ecx, [rcx-asked]
    let asked = cold.shortJump(0xe3)  // jrcxz
    cold.store(Register.rax, slot: ContextLayout.slot(Register.rax))
    cold.store(Register.rdx, slot: ContextLayout.slot(Register.rdx))
    appendCold(index, cold, origin, spilled: .rcx, adjust: ClockRead.inFile, form: .inFile)
    ClockRead.emit(&cold)
    appendCold(index, cold, origin, spilled: .rcx)
    relocations.append(.coldToHot, UInt32(truncatingIfNeeded: cold.address &- arenas[index].guest) &+ 1)
    cold.jump(to: emission.hot.address &+ 5)  // behind the jump that leads here
    cold.land(asked)
    cold.load(Register.rcx, slot: ContextLayout.spilledRCX)
    appendCold(index, cold, origin)
    emitParking(
      &cold, at: UInt32(truncatingIfNeeded: cold.address &- arenas[index].guest), .systemCall,
      exit: exit, pc: origin)
    arenas[index].cold += Int(cold.address &- start)
    return start
  }

  /// Code that does nothing but stop a thread at `original`. It begins with an instruction that does
  /// nothing, for the trap of a thread that comes with its trap flag set.
  mutating func stopFragment(at original: UInt64, arena: Int) -> CacheAddress {
    var emission = UnitEmission(
      hot: arenas[arena].emitter(at: arenas[arena].hot), arena: arena, unit: -1, mode: .step,
      hotBase: arenas[arena].server)
    let start = emission.offset
    recover(&emission, original)
    emission.hot.byte(0x90)
    emitParking(.stepped, target: original, origin: original, &emission)
    arenas[arena].hot = Int(emission.offset)
    return arenas[arena].address(Int(start))
  }
}

/// The code that notes when a timed call begins. rax and rdx are in the context's file before it.
enum ClockRead {
  /// The two registers, as `Recovery.Form.inFile` names them.
  static let inFile = UInt8(Register.rax) | UInt8(Register.rdx) << 4

  static func emit(_ emitter: inout Emitter) {
    emitter.u16(0x310f)  // rdtsc
    emitter.bytes(0x25_04_89_65, count: 4)  // mov gs:[callBegan], eax
    emitter.u32(UInt32(ContextLayout.callBegan))
    emitter.bytes(0x25_14_89_65, count: 4)  // mov gs:[callBegan+4], edx
    emitter.u32(UInt32(ContextLayout.callBegan + 4))
    emitter.load(Register.rdx, slot: ContextLayout.slot(Register.rdx))
    emitter.load(Register.rax, slot: ContextLayout.slot(Register.rax))
  }
}

extension Translator {
  /// Whether the translator's own `rdtsc` stands at an address, not one of the program's: what is behind it says so.
  func isClockRead(_ address: UInt64) -> Bool {
    guard let arena = arena(containing: address) else { return false }
    let code = arenas[arena].server + Int(address &- arenas[arena].guest)
    return code.loadUnaligned(as: UInt64.self) & 0xffff_ffff_ffff == 0x25_04_89_65_31_0f
      && code.loadUnaligned(fromByteOffset: 6, as: UInt32.self) == UInt32(ContextLayout.callBegan)
  }
}
