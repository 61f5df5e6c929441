// SPDX-License-Identifier: GPL-3.0-only

/// Blocks of code that can change without a mapping call compare it before they run.
extension Translator {
  /// Compares the original bytes with those that were translated, up to where the block ends or checks itself again,
  /// without touching flags.
  ///
  ///     rcx, rdx -> slots
  ///     mov ecx, [count] ; lea ecx, [rcx+1] ; mov [count], ecx        where the page may come to be trusted
  ///     lea ecx, [rcx-demand] ; jecxz hot
  ///     mov rcx, [code] ; mov rdx, -expected ; lea rcx, [rcx+rdx] ; jrcxz +5 ; jmp stale
  ///     mov ecx, [code] ; lea ecx, [rcx-expected] ; jrcxz +5 ; jmp stale
  ///     ...
  ///     rcx, rdx <- slots
  ///
  /// Executions are counted where blocks begin: whatever runs often comes by a jump.
  mutating func emitSelfCheck(_ index: Int, countedAs block: Int32?, _ emission: inout UnitEmission) {
    var last = index
    while last + 1 < scanCount, !marks[last + 1].startsBlock, !marks[last + 1].isChecked { last += 1 }
    let original = scan[index].address
    let end = scan[last].end
    guard arenas[emission.arena].reaches(original) else { return }
    // Eight bytes at once take rdx too, and more code than two times four.
    let usesBoth = ((original &+ 7) & ~7) &+ 24 <= end
    let used: SpillSet = usesBoth ? .all : .rcx
    recover(&emission, original)
    Translator.emitStores(used, &emission.hot)
    recover(&emission, original, spilled: used)
    if let block, !scanIsShared, let demand = trusted.demand(at: original) {
      emitCount(block, demand, original, spilled: used, &emission)
    }
    let stale = emitCheckExit(.stale, original, spilled: used, emission)
    var place = original
    while place < end {
      // Aligned pieces: where the program has set the flag AC, others would fault.
      let size = [8, 4, 2, 1].first {
        UInt64($0) <= end &- place && place % UInt64($0) == 0 && ($0 < 8 || usesBoth)
      }!
      emitLoadCode(size: size, place, &emission)
      var value: UInt64 = 0
      let expected = UnsafeRawPointer(copies + Int(marks[index].bytes)) + Int(place &- original)
      for byte in 0..<size {
        value |= UInt64(expected.load(fromByteOffset: byte, as: UInt8.self)) << UInt64(byte * 8)
      }
      if size == 8 {
        emission.hot.u16(0xba48)  // mov rdx, imm64
        emission.hot.u64(0 &- value)
        emission.hot.bytes(0x11_0c_8d_48, count: 4)  // lea rcx, [rcx+rdx]
      } else {
        emission.hot.u16(0x898d)  // lea ecx, [rcx-expected]
        emission.hot.u32(0 &- UInt32(value))
      }
      emission.hot.u16(0x05e3)  // jrcxz over the jump
      relocations.append(.hotToCold, emission.offset &+ 1)
      emission.hot.jump(to: stale)
      place &+= UInt64(size)
    }
    emission.hot.load(Register.rcx, slot: ContextLayout.spilledRCX)
    guard usesBoth else { return }
    recover(&emission, original, spilled: .rdx)
    emission.hot.load(Register.rdx, slot: ContextLayout.spilledRDX)
  }

  /// rcx = the code's bytes, zero-extended, rip-relative.
  private mutating func emitLoadCode(size: Int, _ address: UInt64, _ emission: inout UnitEmission) {
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
    _ block: Int32, _ demand: Int32, _ original: UInt64, spilled: SpillSet, _ emission: inout UnitEmission
  ) {
    let hot = emitCheckExit(.hot, original, spilled: spilled, emission)
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

  private mutating func emitCheckExit(
    _ kind: Exit.Kind, _ original: UInt64, spilled: SpillSet, _ emission: UnitEmission
  ) -> UInt64 {
    let index = emission.arena
    let exit = addExit(
      Exit(kind: kind, arena: UInt8(index), target: original))
    var cold = arenas[index].emitter(at: arenas[index].cold)
    let start = cold.address
    appendCold(index, cold, original, spilled: spilled)
    cold.load(Register.rcx, slot: ContextLayout.spilledRCX)
    if spilled.contains(.rdx) {
      appendCold(index, cold, original, spilled: .rdx)
      cold.load(Register.rdx, slot: ContextLayout.spilledRDX)
    }
    appendCold(index, cold, original)
    relocations.append(
      .exitNumber, UInt32(truncatingIfNeeded: cold.address &- arenas[index].guest) &+ 8)
    cold.storeImmediate32(UInt32(bitPattern: exit), slot: ContextLayout.exit)
    cold.jump(slot: ContextLayout.gateMiss)
    arenas[index].cold += Int(cold.address &- start)
    return start
  }
}
