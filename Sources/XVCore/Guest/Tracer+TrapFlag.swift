// SPDX-License-Identifier: GPL-3.0-only
internal import CLinux
import Glibc

/// A step that a thread makes because the program has set its own trap flag.
struct TrapStep {
  static let flag: UInt64 = 0x100

  /// What the instruction has to do with the flag, apart from being trapped behind.
  enum Kind {
    case plain
    /// It loads the flags: popf.
    case loadsFlags
    /// It stores the flags on the stack: pushf.
    case storesFlags
    /// A string instruction with a repeat prefix: a trap behind each round. `rounds` are left;
    /// `whileZero` is the zero flag with which it goes on, nil when it does not look.
    case repeated(rounds: UInt64, whileZero: Bool?)
    /// It loads ss: no trap behind it.
    case inhibitsTrap
    /// The flag is put away at the kernel's entry: no trap behind it.
    case systemCall
    /// As `systemCall`, and the flags come from the signal frame.
    case signalReturn
  }

  var start: UInt64
  var kind: Kind
}

/// The program's own trap flag.
///
/// No thread runs in the cache with the flag set: the processor would trap behind each instruction of
/// a translation. popf is followed by an instruction that does nothing, so its trap comes at an exact
/// place and brings the thread here. Then each original instruction is a step with the flag taken
/// away; behind it the thread executes one `nop` in the gate with the flag set, so that the kernel
/// makes the trap's signal by its own rules, and is given that signal in its original state.
extension Tracer {
  /// Lets a canonical thread go on that has its trap flag set; false when it has not.
  func followsTrapFlag(_ thread: ThreadID, skippingProbe: Bool) -> Bool {
    guard let state = threads[thread] else { return false }
    if state.owesTrap {
      raiseTrap(thread)
      return true
    }
    var registers = state.registers.general
    guard UInt64(registers.eflags) & TrapStep.flag != 0 else { return false }
    rewindCall(thread, &registers)
    threads[thread]?.registers.general = registers
    if !skippingProbe, breakpoints.contains(UInt64(registers.rip)) {
      stopWorld(thread, .breakpoint)
      return true
    }
    var stepper = Stepper(process: process)
    if makeVsyscall(thread, &registers) || stepper.transfer(&registers)
      || stepper.segmentBase(&registers)
    {
      threads[thread]?.registers.general = registers
      engine?.lock.locked {
        engine?.contexts[thread]?.store64(ContextLayout.guestGSBase, UInt64(registers.gs_base))
      }
      note(thread, stepper.accesses)
      if threads[thread]?.watchHit != nil {
        threads[thread]?.owesTrap = true
        stopWorld(thread, .stepped)
      } else {
        raiseTrap(thread)
      }
      return true
    }
    beginTrapStep(thread, &registers)
    runStep(thread, registers)
    return true
  }

  /// Takes the flag away for one instruction. Signals that come from outside wait meanwhile: natively
  /// the trap goes before them.
  func beginTrapStep(_ thread: ThreadID, _ registers: inout user_regs_struct) {
    let kind = kind(of: registers)
    if case .repeated(let rounds, _) = kind, rounds > 0 { registers.rcx = 1 }
    threads[thread]?.trapStep = TrapStep(start: UInt64(registers.rip), kind: kind)
    registers.eflags &= ~numericCast(TrapStep.flag)
    switch kind {
    case .systemCall, .signalReturn: break
    default: holdSignals(thread)
    }
  }

  private func kind(of registers: user_regs_struct) -> TrapStep.Kind {
    var bytes = [UInt8](repeating: 0, count: 15)
    if xv_read_remote(process, UInt64(registers.rip), &bytes, 15) != 15 {
      _ = xv_read_remote(process, UInt64(registers.rip), &bytes, Int(0x1000 - (registers.rip & 0xfff)))
    }
    let prefixes: [UInt8] = [0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0x66, 0x67, 0xf2, 0xf3]
    let opcode = bytes.firstIndex { !prefixes.contains($0) && $0 & 0xf0 != 0x40 } ?? 0
    if let prefix = bytes[..<opcode].last(where: { $0 == 0xf2 || $0 == 0xf3 }) {
      let is32Bit = bytes[..<opcode].contains(0x67)
      let rounds = is32Bit ? registers.rcx & 0xffff_ffff : registers.rcx
      switch bytes[opcode] {
      case 0xa6, 0xa7, 0xae, 0xaf:
        return .repeated(rounds: UInt64(rounds), whileZero: prefix == 0xf3)
      case 0x6c...0x6f, 0xa4, 0xa5, 0xaa...0xad:
        return .repeated(rounds: UInt64(rounds), whileZero: nil)
      default: break
      }
    }
    switch (bytes[opcode], opcode + 1 < bytes.count ? bytes[opcode + 1] : 0) {
    case (0x9d, _): return .loadsFlags
    case (0x9c, _): return .storesFlags
    case (0x8e, let modrm) where modrm >> 3 & 7 == 2: return .inhibitsTrap
    case (0x0f, 0x05):
      return registers.rax == UInt64(InterceptedCall.rtSigreturn) ? .signalReturn : .systemCall
    default: return .plain
    }
  }

  /// Part of making a thread canonical: what its step has done about the flag.
  func finishTrapStep(
    _ thread: ThreadID, _ state: inout TracedThread, _ registers: inout user_regs_struct
  ) {
    releaseSignals(thread, &state)
    guard let step = state.trapStep else { return }
    state.trapStep = nil
    let isDone = UInt64(registers.rip) != step.start
    switch step.kind {
    case .loadsFlags where isDone, .signalReturn where isDone: break
    default: registers.eflags |= numericCast(TrapStep.flag)
    }
    guard isDone else {
      if case .repeated(let rounds, _) = step.kind { registers.rcx = numericCast(rounds) }
      return
    }
    switch step.kind {
    case .plain, .loadsFlags: state.owesTrap = true
    case .repeated(let rounds, let whileZero):
      state.owesTrap = true
      guard rounds > 1 else { break }
      registers.rcx = numericCast(rounds - 1)
      let isZero = registers.eflags & 0x40 != 0
      if whileZero == nil || whileZero == isZero { registers.rip = numericCast(step.start) }
    case .storesFlags:
      state.owesTrap = true
      var flags: UInt16 = 0
      _ = xv_read_remote(thread.rawValue, UInt64(registers.rsp), &flags, 2)
      flags |= UInt16(TrapStep.flag)
      _ = xv_write_remote(thread.rawValue, UInt64(registers.rsp), &flags, 2)
    case .systemCall: registers.r11 |= numericCast(TrapStep.flag)
    case .inhibitsTrap, .signalReturn: break
    }
  }

  // MARK: The trap

  /// Makes a canonical thread take the trap of its trap flag.
  func raiseTrap(_ thread: ThreadID) {
    guard let engine, let state = threads[thread] else { return }
    holdSignals(thread)
    var registers = state.registers.general
    registers.rip = numericCast(engine.gate.trap)
    registers.eflags |= numericCast(TrapStep.flag)
    registers.orig_rax = numericCast(UInt64.max)
    threads[thread]?.state = .raisingTrap
    threads[thread]?.owesTrap = false
    guard (try? control.setRegisters(thread, registers)) != nil else { return }
    control.resume(thread, signal: 0)
  }

  /// The thread stands before the delivery of its trap.
  func arriveAtTrap(_ thread: ThreadID) {
    guard var state = threads[thread] else { return }
    releaseSignals(thread, &state)
    state.state = .canonical
    threads[thread] = state
    guard var information = control.signalInformation(thread) else { return }
    let pc = UInt64(state.registers.general.rip)
    for index in 0..<8 { information[16 + index] = UInt8(truncatingIfNeeded: pc >> UInt64(index * 8)) }
    control.setSignalInformation(thread, information)
  }

  func raisedTrap(_ thread: ThreadID) {
    arriveAtTrap(thread)
    guard isDebugged(thread) else { return deliver(thread, SIGTRAP) }
    threads[thread]?.stoppedBySignal = SIGTRAP
    stopWorld(thread, .signal(SIGTRAP))
  }

  /// The trap behind a popf or a signal return in the cache: nothing of the next instruction is done.
  func tracedInCache(_ thread: ThreadID) {
    canonicalize(thread)
    if threads[thread]?.action.kind == .run { enter(thread) } else { finishStep(thread) }
  }

  /// Whether the SIGTRAP that stopped a thread is the trap flag's (TRAP_TRACE).
  func isTraceTrap(_ thread: ThreadID) -> Bool {
    control.signalInformation(thread).map { word32($0, 8) == 2 } ?? false
  }

  // MARK: Signals meanwhile

  /// Signals that the processor itself raises: they are never held.
  static let synchronousSignals = [SIGILL, SIGTRAP, SIGBUS, SIGFPE, SIGSEGV, SIGSYS]
    .reduce(UInt64(0)) { $0 | 1 << UInt64($1 - 1) }

  func holdSignals(_ thread: ThreadID) {
    guard threads[thread]?.mask == nil, let mask = control.signalMask(thread) else { return }
    threads[thread]?.mask = mask
    control.setSignalMask(thread, ~Tracer.synchronousSignals | mask)
  }

  func releaseSignals(_ thread: ThreadID, _ state: inout TracedThread) {
    guard let mask = state.mask else { return }
    state.mask = nil
    control.setSignalMask(thread, mask)
  }
}
