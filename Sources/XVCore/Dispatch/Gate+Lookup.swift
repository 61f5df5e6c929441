// SPDX-License-Identifier: GPL-3.0-only

/// The gate's part of indirect branches: what a lookup in a fragment does not find
/// (docs/architecture.md, "The life of an indirect lookup").
extension Gate {
  /// The second level of an indirect branch lookup: the process's master table, then the server.
  ///
  /// In: rcx = original target, `retry` = the place in the fragment to go on at; rcx and rdx of the guest
  /// are in their spill slots. Out: rcx = rdx = cache address.
  mutating func buildLookup(_ kind: RequestKind, windows: Int, master: Int) -> UInt64 {
    mark(.lookup, file: [], spilled: .all, flags: .live)
    let entry = emitter.address
    emitter.store(Register.rcx, slot: ContextLayout.target)
    save(Register.r11)
    save(Register.rbx)
    save(Register.rax)
    emitter.byte(0x9f)  // lahf
    emitter.bytes(0xc0_90_0f, count: 3)  // seto al
    mark(flags: .lahf)
    let saved = current
    emitter.bytes(0x25_04_83_48_65, count: 5)  // add qword gs:[lookups], 1
    emitter.u32(UInt32(ContextLayout.lookups))
    emitter.byte(1)
    // Neither 0, which is an empty entry's key, nor what no program can have, as a removed one's, is looked up.
    emitter.bytes(0xff_59_8d_4c, count: 4)  // lea r11, [rcx-1]
    emitter.bytes(0x2f_eb_c1_49, count: 4)  // shr r11, 47
    let impossible = emitter.farJump(0x85)  // jne
    emitter.bytes(0xca_89_48, count: 3)  // mov rdx, rcx: the hash is the server's `MasterTable.hash`
    emitter.move(Register.r11, immediate: MasterTable.multiplier)
    emitter.bytes(0xea_c1_48, count: 3)  // shr rdx, bits of code that own a group
    emitter.byte(UInt8(MasterTable.codeBits))
    emitter.bytes(0xd3_af_0f_49, count: 4)  // imul rdx, r11
    emitter.bytes(0xea_c1_48, count: 3)  // shr rdx, 64 - bits of the group's number
    emitter.byte(UInt8(64 - (RegionLayout.masterBits - MasterTable.groupBits)))
    emitter.bytes(0xe2_c1_48, count: 3)  // shl rdx, bits inside a group
    emitter.byte(UInt8(MasterTable.groupBits))
    emitter.bytes(0xcb_89_49, count: 3)  // mov r11, rcx
    emitter.bytes(0xeb_c1_49, count: 3)  // shr r11, bits of code that share an entry
    emitter.byte(UInt8(MasterTable.sharedBits))
    emitter.bytes(0xe3_81_41, count: 3)  // and r11d, entries of a group - 1
    emitter.u32(1 << UInt32(MasterTable.groupBits) - 1)
    emitter.bytes(0xda_09_4c, count: 3)  // or rdx, r11
    emitter.bytes(0x04_e2_c1_48, count: 4)  // shl rdx, 4
    emitter.bytes(0x25_14_03_48_65, count: 5)  // add rdx, gs:[master]
    emitter.u32(UInt32(master))
    let probe = emitter.address
    emitter.bytes(0x1a_8b_4c, count: 3)  // mov r11, [rdx]
    emitter.bytes(0xcb_39_49, count: 3)  // cmp r11, rcx
    let found = emitter.shortJump(0x74)  // je
    emitter.bytes(0xdb_85_4d, count: 3)  // test r11, r11
    let absent = emitter.farJump(0x84)
    emitter.bytes(0x10_c2_83_48, count: 4)  // add rdx, 16
    emitter.shortJumpBack(to: probe)

    emitter.land(found)
    // A target's second lookup fills the table: what is used once, as much is while a program starts, takes
    // no number and no page of it.
    emitter.bytes(0x0e_42_ff_66, count: 4)  // inc word [rdx+14]: the count in the value
    emitter.bytes(0x01_0e_42_f6, count: 4)  // test byte [rdx+14], 1
    let seldom = emitter.farJump(0x85)  // jne
    emitter.bytes(0xcb_89_49, count: 3)  // mov r11, rcx
    emitter.bytes(0x20_eb_c1_49, count: 4)  // shr r11, 32
    emitter.bytes(0xdd_1c_8b_4e_65, count: 5)  // mov r11, gs:[r11*8+windows]
    emitter.u32(UInt32(windows))
    emitter.bytes(0xdb_85_4d, count: 3)  // test r11, r11
    let tableless = emitter.farJump(0x84)
    save(Register.rsi)
    let removed = buildFill()
    restore(Register.rsi)
    for jump in [seldom, tableless] { emitter.landFar(jump) }
    emitter.bytes(0x08_52_8b_48, count: 4)  // mov rdx, [rdx+8]
    emitter.bytes(0x10_e2_c1_48, count: 4)  // shl rdx, 16
    emitter.bytes(0x10_ea_c1_48, count: 4)  // shr rdx, 16
    restoreFlags()
    restore(Register.rax)
    restore(Register.rbx)
    restore(Register.r11)
    emitter.bytes(0xd1_89_48, count: 3)  // mov rcx, rdx
    emitter.jump(slot: ContextLayout.retry)

    current = saved
    mark(file: saved.file.union(RegisterSet(Register.rsi)))
    emitter.land(removed)
    restore(Register.rsi)
    for jump in [impossible, absent] { emitter.landFar(jump) }
    restoreFlags()
    restore(Register.rax)
    restore(Register.rbx)
    emitter.storeImmediate32(kind.rawValue, slot: ContextLayout.kind)
    post()
    wait(light: true)
    return entry
  }

  /// With what the server has found, back to the fragment. All lookups end here.
  mutating func buildFinishLookup() -> UInt64 {
    mark()
    let start = emitter.address
    restore(Register.r11)
    emitter.load(Register.rcx, slot: ContextLayout.resume)
    emitter.bytes(0xca_89_48, count: 3)  // mov rdx, rcx
    emitter.jump(slot: ContextLayout.retry)
    return start
  }

  /// Puts the master table's entry at rdx into the table by address that r11 leads to. rcx, rsi, r11 and rbx
  /// are free. Returns the jump that is taken when the target is gone meanwhile.
  private mutating func buildFill() -> UnsafeMutableRawPointer {
    emitter.u16(0xcb89)  // mov ebx, ecx
    emitter.bytes(0x5b_9c_8d_49, count: 4)  // lea rbx, [r11+rbx*2+tables]: the number
    emitter.u32(UInt32(ContextLayout.tables))
    emitter.bytes(0x0b_b7_0f_65, count: 4)  // movzx ecx, word gs:[rbx]
    emitter.u16(0xc985)  // test ecx, ecx
    let numbered = emitter.shortJump(0x75)  // jne
    // The second half of the numbers is for what is looked up more often.
    let most = UInt32(RegionLayout.tableTargets - 1)
    compareCount(with: most / 2)
    let plenty = emitter.shortJump(0x72)  // jb
    emitter.bytes(0x0f_0e_42_f6, count: 4)  // test byte [rdx+14], 15
    let rare = emitter.shortJump(0x75)  // jne
    compareCount(with: most)
    let spent = emitter.shortJump(0x73)  // jae
    emitter.land(plenty)
    emitter.byte(0xb9)  // mov ecx, 1
    emitter.u32(1)
    emitter.bytes(0x8b_c1_0f_41_f0_65, count: 6)  // lock xadd gs:[r11+count], ecx
    emitter.u32(UInt32(ContextLayout.tableCount))
    emitter.u16(0xc1ff)  // inc ecx
    emitter.u16(0xf981)  // cmp ecx, highest number
    emitter.u32(most)
    let full = emitter.shortJump(0x77)  // ja
    emitter.land(numbered)
    emitter.bytes(0xcb_9c_8d_4d, count: 4)  // lea r11, [r11+rcx*8+targets]
    emitter.u32(UInt32(ContextLayout.tableTargets))
    emitter.bytes(0x08_72_8b_48, count: 4)  // mov rsi, [rdx+8]
    emitter.bytes(0x10_e6_c1_48, count: 4)  // shl rsi, 16
    emitter.bytes(0x10_ee_c1_48, count: 4)  // shr rsi, 16
    emitter.bytes(0x33_89_49_65, count: 4)  // mov gs:[r11], rsi
    // The server removes a target from the master table first and from this table then. The exchange is a
    // full barrier: either this sees that it is gone there, or the server sees the number.
    emitter.bytes(0x0b_87_66_65, count: 4)  // xchg gs:[rbx], cx
    emitter.load(Register.rcx, slot: ContextLayout.target)
    emitter.bytes(0x0a_39_48, count: 3)  // cmp [rdx], rcx
    let valid = emitter.shortJump(0x74)
    emitter.bytes(0x03_c7_49_65, count: 4)  // mov qword gs:[r11], 0
    emitter.u32(0)
    let removed = emitter.shortJump(0xeb)
    for jump in [rare, spent, full, valid] { emitter.land(jump) }
    return removed
  }

  /// cmp dword gs:[r11+count], bound
  private mutating func compareCount(with bound: UInt32) {
    emitter.bytes(0xbb_81_41_65, count: 4)
    emitter.u32(UInt32(ContextLayout.tableCount))
    emitter.u32(bound)
  }

  /// The flags that lahf and seto have put into rax.
  private mutating func restoreFlags() {
    emitter.u16(0x7f04)  // add al, 0x7f: sets OF again
    mark(flags: .overflowLive)
    emitter.byte(0x9e)  // sahf
    mark(flags: .live)
  }

  /// Completes an indirect call, which has pushed nothing yet. Until it has, which may fault, it stands at its
  /// instruction.
  mutating func buildFinishCall() -> UInt64 {
    current = Mark(
      offset: 0, phase: .lookup, file: RegisterSet(Register.r11), spilled: .all, flags: .live)
    mark()
    let start = emitter.address
    emitter.bytes(0x25_34_ff_65, count: 4)  // push gs:[returnAddress]
    emitter.u32(UInt32(ContextLayout.returnAddress))
    mark(.called)
    leaveLookup()
    return start
  }

  mutating func buildFinishTransfer() -> UInt64 {
    current = Mark(
      offset: 0, phase: .leaving, file: RegisterSet(Register.r11), spilled: .all, flags: .live,
      isAdjustmentDue: true)
    mark()
    let start = emitter.address
    emitter.load(Register.rcx, slot: ContextLayout.adjustment)
    emitter.bytes(0x0c_24_8d_48, count: 4)  // lea rsp, [rsp+rcx]
    current.isAdjustmentDue = false
    mark()
    leaveLookup()
    return start
  }

  private mutating func leaveLookup() {
    restore(Register.r11)
    emitter.load(Register.rcx, slot: ContextLayout.spilledRCX)
    emitter.load(Register.rdx, slot: ContextLayout.spilledRDX)
    emitter.jump(slot: ContextLayout.resume)
  }
}
