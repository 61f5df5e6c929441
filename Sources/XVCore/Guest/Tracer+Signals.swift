// SPDX-License-Identifier: GPL-3.0-only
internal import CLinux
import Glibc

/// Signals. The sequence of events and what can come between them: docs/sequences/signals.md.
extension Tracer {
  /// A thread stands before the delivery of a signal, or has arrived at a handler.
  func signalled(_ thread: ThreadID, _ signal: Int32) {
    guard let state = threads[thread] else { return control.resume(thread, signal: signal) }
    if state.state == .enteringHandler, signal == SIGTRAP || isWithoutHandler(thread, signal) { return arrivedAtHandler(thread) }
    if state.state == .raisingTrap, signal == SIGTRAP { return raisedTrap(thread) }
    if state.state == .running, signal == SIGTRAP, isTraceTrap(thread) { return tracedInCache(thread) }
    if signal == SIGTRAP, let met = takeMetRegisters(thread) { return accessed(thread, met) }
    if isClockRead(thread, signal) { return control.resume(thread, signal: 0) }
    engine?.lock.locked { engine?.translator.pointee.counters.signals &+= 1 }
    if state.silentSignal == signal {
      threads[thread]?.silentSignal = 0
    } else if isDebugged(thread) {
      canonicalize(thread)
      mendInformation(thread, signal)
      if signalEndsCall(thread, signal) { return }
      threads[thread]?.stoppedBySignal = signal
      if hasStepped(thread, before: signal) {
        threads[thread]?.pending = .signal(signal)
        return finishStep(thread)
      }
      return stopWorld(thread, .signal(signal))
    }
    if isIgnored(thread, signal), !hasEndedTimedCall(thread) {
      // Dropped here: another thread may have set a handler just now, and the kernel would enter it from the cache.
      repeatCall(thread)
      return control.resume(thread, signal: 0)
    }
    if isHarmless(thread, signal), !isIgnored(thread, signal) {
      // Job control means all of them again.
      for other in threads.keys { threads[other]?.hasLeftGroupStop = false }
      return control.resume(thread, signal: signal)
    }
    threads[thread]?.callWasRefused = signal == SIGSYS && isRefusal(thread)
    canonicalize(thread)
    mendInformation(thread, signal)
    deliver(thread, signal)
  }

  /// si_code SYS_SECCOMP, not a signal that somebody has sent.
  private func isRefusal(_ thread: ThreadID) -> Bool {
    control.signalInformation(thread).map { word32($0, 8) == 1 } ?? false
  }

  /// An ignored signal reaches a traced thread (kernel/signal.c, sig_ignored), and ends system calls that it would not have
  /// ended otherwise.
  private func repeatCall(_ thread: ThreadID) {
    guard var registers = try? control.registers(thread), SpuriousInterruption.undo(&registers) else { return }
    try? control.setRegisters(thread, registers)
  }

  /// Whether a thread stands behind a call that has to be made again with what is left of its timeout.
  private func hasEndedTimedCall(_ thread: ThreadID) -> Bool {
    guard let registers = try? control.registers(thread) else { return false }
    // io_pgetevents(2) is restarted, but with the whole timeout (fs/aio.c).
    return (UInt64(registers.rax) == 0 &- UInt64(EINTR) || Tracer.isRestart(UInt64(registers.rax)))
      && TimedCall.numbers.contains(Int32(truncatingIfNeeded: UInt64(registers.orig_rax)))
  }

  /// Whether a signal is the fault of the translator's own reading of the clock (prctl(2), PR_SET_TSC). The call's beginning is
  /// not known then.
  func isClockRead(_ thread: ThreadID, _ signal: Int32) -> Bool {
    let fromKernel: Int32 = 0x80
    guard signal == SIGSEGV, let engine, var registers = try? control.registers(thread),
      control.signalInformation(thread).map({ word32($0, 8) }) == fromKernel
    else { return false }
    let isOwn = engine.lock.locked {
      engine.translator.pointee.isClockRead(UInt64(registers.rip))
    }
    guard isOwn else { return false }
    registers.rax = 0
    registers.rdx = 0
    registers.rip += 2
    return (try? control.setRegisters(thread, registers)) != nil
  }

  /// Whether the instruction of a debugger's step was done when the signal came, although the thread has
  /// not said so yet. The processor's trap would have come first: the step is told, then the signal.
  private func hasStepped(_ thread: ThreadID, before signal: Int32) -> Bool {
    guard let state = threads[thread], state.action.kind != .run, let start = state.stepStart,
      state.caughtCall == nil, UInt64(state.registers.general.orig_rax) == UInt64.max
    else { return false }
    // These are the instruction's own.
    let isFault = [SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGSYS].contains(signal)
    return !isFault && UInt64(state.registers.general.rip) != start
  }

  /// A canonical thread stands before the delivery of a signal of which nobody has been told.
  func take(_ signal: Int32, by thread: ThreadID) {
    if threads[thread]?.silentSignal == signal {
      threads[thread]?.silentSignal = 0
    } else if isDebugged(thread) {
      if signalEndsCall(thread, signal) { return }
      return stopWorld(thread, .signal(signal))
    }
    deliver(thread, signal)
  }

  private func handler(_ thread: ThreadID, _ signal: Int32) -> UInt64? {
    engine?.lock.locked { engine?.handlers[thread]?[signal].handler }
  }

  /// Whether nothing comes of a signal.
  private func isIgnored(_ thread: ThreadID, _ signal: Int32) -> Bool {
    switch handler(thread, signal) {
    case 1: true
    case 0: [SIGCHLD, SIGURG, SIGWINCH].contains(signal) || isDroppedByFirst(thread, signal)
    default: false
    }
  }

  /// Whether the delivery changes nothing about the thread: ignored, or job control.
  private func isHarmless(_ thread: ThreadID, _ signal: Int32) -> Bool {
    isIgnored(thread, signal)
      || handler(thread, signal) == 0 && [SIGCONT, SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU].contains(signal)
  }

  /// The first process of a pid namespace does not die of signals (pid_namespaces(7)), but of its own faults.
  private func isDroppedByFirst(_ thread: ThreadID, _ signal: Int32) -> Bool {
    guard signal != SIGKILL, signal != SIGSTOP,
      ProcessStatus(of: process)?.text("NSpid")?.split(separator: "\t").last == "1"
    else { return false }
    let isFault = Tracer.synchronousSignals >> UInt64(signal - 1) & 1 != 0
    return !isFault || control.signalInformation(thread).map { word32($0, 8) <= 0 } ?? true
  }

  /// Delivers a signal to a canonical thread that stands before the delivery of just this signal.
  func deliver(_ thread: ThreadID, _ signal: Int32) {
    guard let engine, var state = threads[thread] else { return }
    let (isCaught, context) = engine.lock.locked {
      (engine.handlers[thread]?.isCaught(signal) ?? false, engine.contexts[thread])
    }
    if !isCaught, isHarmless(thread, signal) {
      state.stoppedBySignal = 0
      if isIgnored(thread, signal) { _ = SpuriousInterruption.undo(&state.registers.general) }
      threads[thread] = state
      return enterDropping(thread, signal)
    }
    var registers = state.registers.general
    if let context { registers.gs_base = numericCast(context.guestAddress) }
    guard (try? control.setRegisters(thread, registers)) != nil else { return }
    state.stoppedBySignal = 0
    state.state = isCaught ? .enteringHandler : .running
    threads[thread] = state
    if isCaught {
      trace("[\(thread)] signal \(signal) at \(OriginalAddress(UInt64(registers.rip)))")
      engine.lock.locked {
        engine.handlers[thread]?.delivered(signal)
        engine.tortureClock.enterHandler(thread)
      }
      control.enterHandler(thread, signal: signal)
    } else {
      trace("[\(thread)] dies of \(signal) at \(OriginalAddress(UInt64(registers.rip))) rsp \(OriginalAddress(UInt64(registers.rsp)))")
      control.resume(thread, signal: signal)  // its end
    }
  }

  /// The signal does nothing to the program, but the kernel must see it (job control, SIGCONT).
  private func enterDropping(_ thread: ThreadID, _ signal: Int32) {
    if [SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU].contains(signal) {
      // Delivered again while it runs: the stop then finds it in the cache, where it may rest.
      threads[thread]?.silentSignal = signal
      _ = xv_tgkill(threads[thread]?.processID ?? process, thread.rawValue, signal)
    }
    if isDebugged(thread), threads[thread]?.action.kind != .run { return step(thread) }
    enter(thread)
  }

  private func arrivedAtHandler(_ thread: ThreadID) {
    guard var registers = try? control.registers(thread) else { return }
    if Tracer.isAtHandler(registers) { keepTrapFlag(thread, frame: UInt64(registers.rsp)) }
    engine?.lock.locked {
      if let context = engine?.contexts[thread] {
        registers.gs_base = numericCast(context.load64(ContextLayout.guestGSBase))
      }
    }
    registers.orig_rax = numericCast(UInt64.max)
    threads[thread]?.registers = Registers(general: registers)
    threads[thread]?.state = .canonical
    if isStopping { return }
    switch threads[thread]?.action.kind {
    case .step, .stepWithin: stopWorld(thread, .stepped)
    default: enter(thread)
    }
  }

  /// In guard mode the one instruction that a thread makes when there is no handler any more cannot be made.
  private func isWithoutHandler(_ thread: ThreadID, _ signal: Int32) -> Bool {
    let accessError: Int32 = 2
    guard signal == SIGSEGV, options.guardOriginalCode, let place = threads[thread]?.registers.general.rip,
      let information = control.signalInformation(thread), word32(information, 8) == accessError
    else { return false }
    return UInt64(place) == word64(information, 16)
  }

  /// Whether the kernel has made a frame: rsi and rdx name what it has put there (arch/x86/kernel/signal_64.c,
  /// x64_setup_rt_frame). Another thread may have taken the handler away just before; the thread has made one instruction
  /// then.
  private static func isAtHandler(_ registers: user_regs_struct) -> Bool {
    registers.rdx == registers.rsp &+ 8 && registers.rsi == registers.rsp &+ 312
  }

  /// A step onto a handler leaves the trap flag in the frame when the interrupted instruction is popf or
  /// iret (arch/x86/kernel/step.c, is_setting_trap_flag): the frame's flags are made what they were.
  ///
  /// struct rt_sigframe: a return address, the ucontext, whose sigcontext at 40 has eflags as 18th word.
  private func keepTrapFlag(_ thread: ThreadID, frame: UInt64) {
    let place = frame &+ 184
    guard let engine, let state = threads[thread],
      var flags = engine.lock.locked({ () -> [UInt64]? in
        engine.translator.pointee.process = thread.rawValue
        return engine.readWords(place, 1)
      })?[0]
    else { return }
    let before = UInt64(state.registers.general.eflags)
    guard (flags ^ before) & TrapStep.flag != 0 else { return }
    flags ^= TrapStep.flag
    xv_write_remote(thread.rawValue, place, &flags, 8)
  }

  /// Whether the instruction at which a running thread was stopped has raised a signal that is still to be
  /// told: the kernel tells a stop that was asked for before any signal (kernel/signal.c, get_signal).
  func awaitsFault(_ thread: ThreadID) -> Bool {
    guard threads[thread]?.state == .running,
      !control.pendingSignals(thread, ofProcess: false, most: 1).isEmpty,
      let status = ProcessStatus(of: thread.rawValue)
    else { return false }
    return status.signals("SigPnd") & ~status.signals("SigBlk") & Tracer.synchronousSignals != 0
  }

  /// si_addr of a fault that names the instruction itself must name the original one; si_call_addr of a refused call what
  /// stands behind it, which is where the thread stands.
  func mendInformation(_ thread: ThreadID, _ signal: Int32) {
    guard [SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGSYS].contains(signal), let engine,
      var information = control.signalInformation(thread), let state = threads[thread]
    else { return }
    let code = word32(information, 8)
    let isFromKernel = code > 0 && code < 0x80 || code == 0x80
    guard isFromKernel else { return }
    let place = word64(information, 16)
    let isCache = engine.lock.locked {
      engine.translator.pointee.isCache(place)
        || place >= engine.guestCore && place < engine.guestCore &+ UInt64(engine.gate.size)
    }
    if isCache {
      let pc = UInt64(state.registers.general.rip)
      for index in 0..<8 {
        information[16 + index] = UInt8(truncatingIfNeeded: pc >> UInt64(index * 8))
      }
      control.setSignalInformation(thread, information)
    } else if signal == SIGSEGV, options.guardOriginalCode,
      place == UInt64(state.registers.general.rip)
    {
      let leaked = engine.lock.locked {
        engine.translator.pointee.ranges.area(containing: place) != nil
      }
      let next = (place &+ 14) & ~0xfff
      let straddles = engine.lock.locked {
        place & 0xfff > 0xff1 && engine.translator.pointee.ranges.area(containing: next) == nil
      }
      if leaked, straddles {
        // Natively the fetch faults on the page that is missing, not on the one that guard mode closed.
        for index in 0..<8 {
          information[16 + index] = UInt8(truncatingIfNeeded: next >> UInt64(index * 8))
        }
        control.setSignalInformation(thread, information)
      } else if leaked {
        let text = "xv: original code was reached at \(OriginalAddress(place)): a bug of xv\n"
        _ = write(STDERR_FILENO, text, text.utf8.count)
      }
    }
  }

  private func word64(_ bytes: [UInt8], _ offset: Int) -> UInt64 {
    (0..<8).reduce(UInt64(0)) { $0 | UInt64(bytes[offset + $1]) << UInt64($1 * 8) }
  }

  func word32(_ bytes: [UInt8], _ offset: Int) -> Int32 {
    (0..<4).reduce(Int32(0)) { $0 | Int32(bytes[offset + $1]) << Int32($1 * 8) }
  }
}
