// SPDX-License-Identifier: GPL-3.0-only

/// Blocks of code that can change without a mapping call compare it before they run.
extension Translator {
  /// Compares the block's original bytes with those that were translated, without touching flags.
  ///
  ///     rcx, rdx -> slots
  ///     mov ecx, [count] ; lea ecx, [rcx+1] ; mov [count], ecx        where the page may come to be trusted
  ///     lea ecx, [rcx-demand] ; jecxz hot
  ///     mov rcx, [code] ; mov rdx, -expected ; lea rcx, [rcx+rdx] ; jrcxz +5 ; jmp stale
  ///     ...
  ///     rcx, rdx <- slots
  mutating func emitSelfCheck(_ index: Int, _ block: Int32, _ emission: inout UnitEmission) {
    var last = index
    while last + 1 < scanCount, !marks[last + 1].startsBlock { last += 1 }
    let original = scan[index].address
    let length = Int(scan[last].end &- original)
    let expected = UnsafeRawPointer(copies + Int(marks[index].bytes))
    guard arenas[emission.arena].reaches(original) else { return }
    recover(&emission, original)
    emission.hot.store(Register.rcx, slot: ContextLayout.spilledRCX)
    emission.hot.store(Register.rdx, slot: ContextLayout.spilledRDX)
    recover(&emission, original, spilled: .all)
    if !scanIsShared, let demand = trusted.demand(at: original) {
      emitCount(block, demand, original, &emission)
    }
    let stale = emitCheckExit(.stale, original, emission)
    var offset = 0
    while offset < length {
      // Aligned pieces: where the program has set the flag AC, others would fault.
      let place = original &+ UInt64(offset)
      let size = [8, 4, 2, 1].first { $0 <= length - offset && place % UInt64($0) == 0 }!
      emitLoadCode(size: size, place, &emission)
      var value: UInt64 = 0
      for byte in 0..<size {
        value |= UInt64(expected.load(fromByteOffset: offset + byte, as: UInt8.self)) << UInt64(byte * 8)
      }
      emission.hot.u16(0xba48)  // mov rdx, imm64
      emission.hot.u64(0 &- value)
      emission.hot.bytes(0x11_0c_8d_48, count: 4)  // lea rcx, [rcx+rdx]
      emission.hot.u16(0x05e3)  // jrcxz over the jump
      relocations.append(.hotToCold, emission.offset &+ 1)
      emission.hot.jump(to: stale)
      offset += size
    }
    emission.hot.load(Register.rcx, slot: ContextLayout.spilledRCX)
    recover(&emission, original, spilled: .rdx)
    emission.hot.load(Register.rdx, slot: ContextLayout.spilledRDX)
  }

  /// rcx = the code's bytes, zero-extended, rip-relative.
  mutating func emitLoadCode(size: Int, _ address: UInt64, _ emission: inout UnitEmission) {
    switch size {
    case 8: emission.hot.bytes(0x0d_8b_48, count: 3)  // mov rcx, [rip+code]
    case 4: emission.hot.bytes(0x0d_8b, count: 2)  // mov ecx, [rip+code]
    case 2: emission.hot.bytes(0x0d_b7_0f, count: 3)  // movzx ecx, word [rip+code]
    default: emission.hot.bytes(0x0d_b6_0f, count: 3)  // movzx ecx, byte [rip+code]
    }
    relocations.append(.hotToOriginal, emission.offset)
    emission.hot.relative32(to: address)
  }

  /// One more execution; at the `demand`-th it leaves to ask for trust. rcx is free.
  private mutating func emitCount(
    _ block: Int32, _ demand: Int32, _ original: UInt64, _ emission: inout UnitEmission
  ) {
    let hot = emitCheckExit(.hot, original, emission)
    let count = UInt32(ContextLayout.count(block))
    emission.hot.bytes(0x25_0c_8b_65, count: 4)  // mov ecx, gs:[count]
    emission.hot.u32(count)
    emission.hot.bytes(0x01_49_8d, count: 3)  // lea ecx, [rcx+1]
    emission.hot.bytes(0x25_0c_89_65, count: 4)  // mov gs:[count], ecx
    emission.hot.u32(count)
    emission.hot.u16(0x898d)  // lea ecx, [rcx-demand]
    emission.hot.u32(UInt32(bitPattern: -demand))
    emission.hot.bytes(0x05_eb_02_e3_67, count: 5)  // jecxz +2 ; jmp +5 ; jmp hot
    relocations.append(.hotToCold, emission.offset &+ 1)
    emission.hot.jump(to: hot)
  }

  mutating func emitCheckExit(_ kind: Exit.Kind, _ original: UInt64, _ emission: UnitEmission) -> UInt64 {
    let index = emission.arena
    let exit = addExit(
      Exit(kind: kind, arena: UInt8(index), target: original))
    var cold = arenas[index].emitter(at: arenas[index].cold)
    let start = cold.address
    appendCold(index, cold, original, spilled: .all)
    cold.load(Register.rcx, slot: ContextLayout.spilledRCX)
    appendCold(index, cold, original, spilled: .rdx)
    cold.load(Register.rdx, slot: ContextLayout.spilledRDX)
    appendCold(index, cold, original)
    relocations.append(
      .exitNumber, UInt32(truncatingIfNeeded: cold.address &- arenas[index].guest) &+ 8)
    cold.storeImmediate32(UInt32(bitPattern: exit), slot: ContextLayout.exit)
    cold.jump(slot: ContextLayout.gateMiss)
    arenas[index].cold += Int(cold.address &- start)
    return start
  }
}
