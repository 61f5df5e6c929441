// SPDX-License-Identifier: GPL-3.0-only
internal import CLinux

/// What recovery found about a stopped thread besides its registers.
struct RecoveredPlace {
  /// The thread stands behind a `syscall` instruction: inside the call, or just returned.
  var isInSystemCall = false
  /// The gate was looking a target up, and begins again.
  var isInLookup = false
  /// The call was made by the gate and its result has not been looked at.
  var gateCallResult: Int64? = nil
}

extension Translator {
  /// Turns the processor's state of a stopped thread into the original state.
  ///
  /// A scratch register that its target did not need was never reloaded after an indirect branch: it
  /// still holds what the lookup left there: rcx the address of an entry, rdx the same, 5 bytes less, or the
  /// distance of a table (`Context.isLeftover`). These say by themselves that the true value is in the
  /// spill slot. Where the register is certain to have been reloaded they are looked at no more: a
  /// program's own number may be the same, above all where arenas lie below 4 GiB.
  func recover(
    _ registers: inout user_regs_struct, context: Context, gate: Gate, gateBase: UInt64
  ) -> RecoveredPlace {
    var place = RecoveredPlace()
    var inPlace: SpillSet = []
    if let arena = arena(containing: registers.rip) {
      let offset = UInt32(registers.rip &- arenas[arena].guest)
      if let entry = arenas[arena].recovery(at: offset) {
        apply(entry, &registers, context, &place)
        inPlace = entry.inPlace.union(entry.spilled)
      }
    } else if registers.rip >= gateBase, registers.rip < gateBase &+ UInt64(gate.size) {
      inPlace = recoverGate(&registers, context: context, gate: gate, gateBase: gateBase, &place)
    }
    resolveLeftovers(&registers, context, inPlace)
    registers.gs_base = context.load64(ContextLayout.guestGSBase)
    return place
  }

  private func apply(
    _ entry: Recovery, _ registers: inout user_regs_struct, _ context: Context,
    _ place: inout RecoveredPlace
  ) {
    let entered = registers.rcx
    if entry.spilled.contains(.rcx) { registers.rcx = context.load64(ContextLayout.spilledRCX) }
    if entry.spilled.contains(.rdx) { registers.rdx = context.load64(ContextLayout.spilledRDX) }
    if entry.form != .inFile { registers.rsp &+= UInt64(entry.stackAdjustment) }
    switch entry.form {
    case .at: registers.rip = entry.original
    case .persisted: break  // The table hands out what stands behind it.
    case .inFile:
      for number in [Int(entry.stackAdjustment & 15), Int(entry.stackAdjustment >> 4)] {
        registers[register: number] = context.register(number)
      }
      registers.rip = entry.original
    case .restoreReturnAddress:
      registers.rip = entry.original
      if let arena = arena(containing: entered),
        var address = arenas[arena].recovery(at: UInt32(entered &- arenas[arena].guest))?.original
      {
        xv_write_remote(process, registers.rsp, &address, 8)
      }
    case .afterSystemCall:
      registers.rip = entry.original
      registers.rcx = entry.original
      place.isInSystemCall = true
    }
  }

  /// Returns the scratch registers that are certain to hold no leftovers.
  private func recoverGate(
    _ registers: inout user_regs_struct, context: Context, gate: Gate, gateBase: UInt64,
    _ place: inout RecoveredPlace
  ) -> SpillSet {
    guard let mark = gate.mark(at: UInt32(registers.rip &- gateBase)) else { return [] }
    let live = registers
    for number in 0..<16 where mark.file.contains(RegisterSet(number)) {
      registers[register: number] = context.register(number)
    }
    if mark.spilled.contains(.rcx) { registers.rcx = context.load64(ContextLayout.spilledRCX) }
    if mark.spilled.contains(.rdx) { registers.rdx = context.load64(ContextLayout.spilledRDX) }
    switch mark.flags {
    case .live: break
    case .file: registers.eflags = context.load64(ContextLayout.flags)
    case .lahf:
      let saved = (live.rax >> 8) & 0xd5 | (live.rax & 1) << 11
      registers.eflags = live.eflags & ~0x8d5 | saved
    case .overflowLive: registers.eflags = live.eflags & ~0xd5 | (live.rax >> 8) & 0xd5
    }
    if mark.isAdjustmentDue { registers.rsp &+= context.load64(ContextLayout.adjustment) }
    switch mark.phase {
    case .miss:
      let number = context.load32(ContextLayout.exit)
      if number == Exit.none {
        registers.rip = context.load64(ContextLayout.originalPC)
      } else {
        registers.rip = number < exits.count ? exits[Int(number)].target : 0
      }
      // Its stub has reloaded what was in slots.
      return .all
    case .lookup:
      place.isInLookup = true
      let retry = context.load64(ContextLayout.retry)
      if retry == 0 {
        // The fragment was discarded: on to the target instead of back, or back to a call's instruction.
        registers.rip = context.load64(ContextLayout.originalPC)
        registers.rsp &+= context.load64(ContextLayout.adjustment)
        return .all
      }
      guard let arena = arena(containing: retry),
        let entry = arenas[arena].recovery(at: UInt32(retry &- arenas[arena].guest))
      else {
        registers.rip = 0
        return .all
      }
      var inSlots = entry
      inSlots.spilled = []  // done above
      apply(inSlots, &registers, context, &place)
      return .all
    case .parked where context.load32(ContextLayout.kind) == RequestKind.systemCallDone.rawValue:
      // A call that was made waits for its answer in the same loop as one that was not.
      recoverCall(&registers, context, result: context.load64(ContextLayout.callResult), &place)
    case .parked, .leaving: registers.rip = context.load64(ContextLayout.originalPC)
    case .inSystemCall:
      recoverCall(&registers, context, result: live.rax, &place)
      place.isInSystemCall = true
    case .systemCallDone:
      recoverCall(&registers, context, result: context.load64(ContextLayout.callResult), &place)
    case .called: registers.rip = context.load64(ContextLayout.target)
    case .resumed: break
    }
    return mark.spilled
  }

  /// The state right behind a `syscall` instruction whose call the gate has made.
  private func recoverCall(
    _ registers: inout user_regs_struct, _ context: Context, result: UInt64,
    _ place: inout RecoveredPlace
  ) {
    let next = context.load64(ContextLayout.originalPC) &+ 2
    registers.rip = next
    registers.rcx = next
    registers.r11 = registers.eflags
    registers.rax = result
    place.gateCallResult = Int64(bitPattern: result)
    context.store32(ContextLayout.kind, 0)
  }

  private func resolveLeftovers(
    _ registers: inout user_regs_struct, _ context: Context, _ inPlace: SpillSet
  ) {
    if !inPlace.contains(.rcx), isLookupEntry(registers.rcx) {
      registers.rcx = context.load64(ContextLayout.spilledRCX)
    }
    if !inPlace.contains(.rdx), isLookupEntry(registers.rdx) || context.isLeftover(registers.rdx) {
      registers.rdx = context.load64(ContextLayout.spilledRDX)
    }
  }

  private func isLookupEntry(_ address: UInt64) -> Bool {
    guard let arena = arena(containing: address) else { return false }
    return arenas[arena].isLookupEntry(UInt32(address &- arenas[arena].guest))
  }
}

extension Translator {
  /// A transfer whose lookup is not done.
  struct Transfer {
    /// Where its instruction lies; nil when its fragment is not known.
    var instruction: UInt64?
    /// What completing it adds to rsp.
    var adjustment: UInt64 = 0
    /// What a call is about to push.
    var returnAddress: UInt64? = nil
  }

  /// The transfer whose lookup comes back to `retry`. The fragment itself says so; what the program has there may have changed.
  func transfer(retry: UInt64) -> Transfer {
    guard let arena = arena(containing: retry) else { return Transfer() }
    let offset = UInt32(retry &- arenas[arena].guest)
    guard let entry = arenas[arena].recovery(at: offset) else { return Transfer() }
    var transfer = Transfer(instruction: entry.original)
    let code = arenas[arena].server + Int(offset)
    switch code.load(as: UInt8.self) {
    case 0x48:  // mov [rsp], rcx ; ret imm16, or ret
      let isPlain = code.load(fromByteOffset: 4, as: UInt8.self) == 0xc3
      transfer.adjustment = isPlain ? 8 : 8 + UInt64(code.loadUnaligned(fromByteOffset: 5, as: UInt16.self))
    case 0x68:  // push imm32
      transfer.returnAddress = UInt64(code.loadUnaligned(fromByteOffset: 1, as: UInt32.self))
    case 0xff where code.load(fromByteOffset: 1, as: UInt8.self) == 0x35:  // push [rip+literal]
      let literal = 6 + Int(code.loadUnaligned(fromByteOffset: 2, as: Int32.self))
      transfer.returnAddress = code.loadUnaligned(fromByteOffset: literal, as: UInt64.self)
    default: break  // jmp rcx
    }
    return transfer
  }
}

extension user_regs_struct {
  /// A general register by the processor's number.
  subscript(register number: Int) -> UInt64 {
    get {
      switch number {
      case 0: UInt64(rax)
      case 1: UInt64(rcx)
      case 2: UInt64(rdx)
      case 3: UInt64(rbx)
      case 4: UInt64(rsp)
      case 5: UInt64(rbp)
      case 6: UInt64(rsi)
      case 7: UInt64(rdi)
      case 8: UInt64(r8)
      case 9: UInt64(r9)
      case 10: UInt64(r10)
      case 11: UInt64(r11)
      case 12: UInt64(r12)
      case 13: UInt64(r13)
      case 14: UInt64(r14)
      default: UInt64(r15)
      }
    }
    set {
      switch number {
      case 0: rax = numericCast(newValue)
      case 1: rcx = numericCast(newValue)
      case 2: rdx = numericCast(newValue)
      case 3: rbx = numericCast(newValue)
      case 4: rsp = numericCast(newValue)
      case 5: rbp = numericCast(newValue)
      case 6: rsi = numericCast(newValue)
      case 7: rdi = numericCast(newValue)
      case 8: r8 = numericCast(newValue)
      case 9: r9 = numericCast(newValue)
      case 10: r10 = numericCast(newValue)
      case 11: r11 = numericCast(newValue)
      case 12: r12 = numericCast(newValue)
      case 13: r13 = numericCast(newValue)
      case 14: r14 = numericCast(newValue)
      default: r15 = numericCast(newValue)
      }
    }
  }
}
