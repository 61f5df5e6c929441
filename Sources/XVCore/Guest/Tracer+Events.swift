// SPDX-License-Identifier: GPL-3.0-only
internal import CLinux
import Glibc

extension Tracer {
  func handle(_ thread: ThreadID, _ event: ControlEvent) {
    switch event {
    case .exited(let status): gone(thread, .exited(status))
    case .killed(let signal): gone(thread, .killed(signal))
    case .systemCallStop: control.resume(thread, signal: 0)
    case .exiting:
      threads[thread]?.isExiting = true
      control.resume(thread, signal: 0)
    case .vforkDone:
      threads[thread]?.vforkChild = nil
      moveAlong(thread)
      // While it waited for its child it could not be given any.
      setDebugRegisters(thread)
      control.resume(thread, signal: 0)
    case .execed: execed(thread)
    case .forked(let child, _): forked(thread, child)
    // An interrupt that was overtaken by another stop.
    case .stopped: control.resume(thread, signal: 0)
    case .groupStop(let signal):
      control.listen(thread)
      if thread.rawValue == process, !options.debugged { options.onGroupStop?(signal) }
    case .signal(let signal): signalled(thread, signal)
    }
  }

  private func gone(_ thread: ThreadID, _ reason: StopReason) {
    trace("[\(thread)] is gone: \(reason)")
    threads[thread] = nil
    if thread.rawValue == process {
      isFinished = true
      threads = [:]
      engine?.keepTranslations()
      onStop(StopEvent(thread: thread, reason: reason))
    } else if let engine {
      engine.lock.locked { engine.removeThread(thread) }
    }
  }

  private func execed(_ thread: ThreadID) {
    guard thread.rawValue == process else {
      // A vfork child that got a program of its own: it shares nothing with the guest any more.
      if let engine { engine.lock.locked { engine.removeThread(thread) } }
      threads[thread] = nil
      control.detach(thread, signal: 0)
      return
    }
    do throws(GuestError) {
      try begin()
    } catch {
      trace("cannot follow execve: \(error)")
      Glibc.kill(process, SIGKILL)
      return
    }
    if options.debugged {
      stopWorld(thread, .execed(path: executablePath()))
    } else {
      enter(thread)
    }
  }

  private func executablePath() -> String {
    withUnsafeTemporaryAllocation(of: CChar.self, capacity: 4097) { buffer in
      let count = readlink("/proc/\(process)/exe", buffer.baseAddress!, 4096)
      return String(decoding: buffer[..<max(0, count)].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
  }

  // MARK: Canonical state

  /// Turns a stopped thread's state into original terms. It owes the cache nothing afterwards.
  func canonicalize(_ thread: ThreadID) {
    guard let engine, var state = threads[thread], var registers = try? control.registers(thread)
    else { return }
    let cachePlace = UInt64(registers.rip)
    engine.lock.locked {
      guard let context = engine.contexts[thread] else { return }
      engine.translator.pointee.process = thread.rawValue
      engine.cancelRequest(thread, context)
      // Recovery may put a return address back.
      engine.prepareWrite((UInt64(registers.rsp) &- 8)..<(UInt64(registers.rsp) &+ 16))
      let place = engine.translator.pointee.recover(
        &registers, context: context, gate: engine.gate, gateBase: engine.guestCore)
      if let result = place.gateCallResult, !Tracer.isRestart(UInt64(bitPattern: result)) {
        engine.noteResult(thread, context, result)
      }
      if !place.isInSystemCall { registers.orig_rax = numericCast(UInt64.max) }
    }
    if state.leaving?.contains(cachePlace) == true, breakpoints.contains(UInt64(registers.rip)) {
      // It was about to leave a breakpoint, and still is.
      state.toldBreakpoint = UInt64(registers.rip)
    }
    state.leaving = nil
    finishTrapStep(thread, &state, &registers)
    state.registers = Registers(general: registers)
    state.state = .canonical
    threads[thread] = state
  }

  /// ERESTARTSYS, ERESTARTNOINTR, ERESTARTNOHAND, ERESTART_RESTARTBLOCK (include/linux/errno.h).
  static func isRestart(_ result: UInt64) -> Bool {
    [512, 513, 514, 516].contains(0 &- result)
  }

  /// Lets a canonical thread run on in the cache.
  ///
  /// `skippingProbe`: it leaves a breakpoint, whose instruction runs once without its probe.
  func enter(_ thread: ThreadID, skippingProbe: Bool = false) {
    if followsTrapFlag(thread, skippingProbe: skippingProbe) { return }
    // Without a place it was killed meanwhile: its end is the next event.
    if place(thread, skippingProbe: skippingProbe) { control.resume(thread, signal: 0) }
  }

  /// Makes a canonical thread stand in the cache, ready to run on.
  func place(_ thread: ThreadID, skippingProbe: Bool) -> Bool {
    guard let engine, var registers = threads[thread]?.registers.general else { return false }
    Tracer.restartSystemCall(&registers)
    _ = makeVsyscall(thread, &registers)
    let target = UInt64(registers.rip)
    guard let address = address(for: target, skippingProbe: skippingProbe, thread, registers)
    else { return false }
    registers.rip = numericCast(address)
    registers.orig_rax = numericCast(UInt64.max)
    engine.lock.locked {
      if let context = engine.contexts[thread] {
        registers.gs_base = numericCast(context.guestAddress)
      }
    }
    threads[thread]?.state = .running
    threads[thread]?.stoppedBySignal = 0
    return (try? control.setRegisters(thread, registers)) != nil
  }

  /// What the kernel does on the way out of an interrupted call when no handler runs
  /// (arch/x86/kernel/signal.c, arch_do_signal_or_restart).
  static func restartSystemCall(_ registers: inout user_regs_struct) {
    guard Int64(bitPattern: UInt64(registers.orig_rax)) >= 0, isRestart(UInt64(registers.rax)) else {
      return
    }
    let isRestartBlock = UInt64(registers.rax) == 0 &- 516
    registers.rax = isRestartBlock ? 219 : registers.orig_rax
    registers.rip -= 2
    registers.orig_rax = numericCast(UInt64.max)
  }

  /// The cache address at which a thread goes on, or the original one where there is no code.
  private func address(
    for target: UInt64, skippingProbe: Bool, _ thread: ThreadID, _ registers: user_regs_struct
  ) -> UInt64? {
    guard let engine else { return nil }
    while true {
      let found = engine.lock.locked { () -> Engine.Lookup in
        // Another thread, through which memory was reached last, may have ended.
        engine.translator.pointee.process = thread.rawValue
        if skippingProbe { engine.translator.pointee.request &+= 1 }  // the code may have changed
        if skippingProbe, let arena = engine.translator.pointee.arena(for: target),
          engine.translator.pointee.hasRoom(in: arena),
          let made = engine.translator.pointee.translate(
            target, mode: .stepOver, entry: .linked, arena: arena)
        {
          detour = made.linked.rawValue
          let unit = engine.translator.pointee.units[engine.translator.pointee.units.count - 1]
          let guest = engine.translator.pointee.arenas[arena].guest
          threads[thread]?.leaving = (guest &+ UInt64(unit.hot))..<(guest &+ UInt64(unit.hotEnd))
          return .noCode
        }
        return engine.block(at: target, entry: .linked)
      }
      if let address = detour {
        detour = nil
        return address
      }
      switch found {
      case .block(let number): return engine.lock.locked { engine.linked(number).rawValue }
      case .noCode: return target
      case .needsArena(let guest):
        guard injectArena(thread, registers, guest: guest) else { return nil }
      case .noRoom(let kind):
        makeRoom(kind)
        guard threads[thread] != nil, !isFinished else { return nil }
      }
    }
  }

  /// Maps an arena through a stopped thread. True when it is there, or may be on its way: the caller
  /// looks again.
  func injectArena(_ thread: ThreadID, _ registers: user_regs_struct, guest: UInt64) -> Bool {
    guard let engine else { return false }
    guard let slot = engine.lock.locked({ engine.reserveArena(at: guest) }) else {
      return engine.lock.locked { !engine.arenaRequests.free.isEmpty }
    }
    let call = engine.mapArenaCall(slot: slot, guest: guest)
    guard
      let result = try? inject(
        thread, registers, at: engine.gate.injectedCall, call.number, call.arguments)
    else { return false }
    guard UInt64(bitPattern: result) == guest else {
      trace("cannot map an arena at \(CacheAddress(guest)): \(result)")
      Glibc.kill(process, SIGKILL)
      return false
    }
    engine.lock.locked { engine.addArena(slot: slot, at: guest) }
    return true
  }

  // MARK: New threads and processes

  /// A thread of the guest made a thread or a process. The gate made the call, so the parent's
  /// registers are in its context's file.
  private func forked(_ parent: ThreadID, _ child: ThreadID) {
    defer { control.resume(parent, signal: 0) }
    guard tracees.waitForBirth(of: child) else { return }
    guard let engine, let parentState = threads[parent],
      let live = try? control.registers(child)
    else { return abandon(child) }
    let flags = engine.lock.locked { () -> UInt64? in
      // The thread through which memory was reached last may have ended.
      engine.translator.pointee.process = parent.rawValue
      return engine.cloneFlags(parent)
    }
    guard let flags,
      let registers = engine.lock.locked({ engine.childRegisters(of: parent, live) })
    else { return abandon(child) }
    guard flags & UInt64(CLONE_VM) != 0 else {
      return releaseNatively(child, registers, process: child.rawValue)
    }
    let added = engine.lock.locked { () -> Bool in
      guard let old = engine.contexts[parent], let new = engine.addThread(child) else { return false }
      new.store64(ContextLayout.guestGSBase, old.load64(ContextLayout.guestGSBase))
      let sharesHandlers = flags & UInt64(CLONE_SIGHAND) != 0
      let table = engine.handlers[parent] ?? SignalHandlers()
      engine.handlers[child] = sharesHandlers ? table : SignalHandlers(copying: table)
      return true
    }
    guard added else {
      trace("more than \(RegionLayout.maximumThreads) threads: the program is killed")
      Glibc.kill(process, SIGKILL)
      return
    }
    var state = TracedThread(
      processID: flags & UInt64(CLONE_THREAD) != 0 ? parentState.processID : child.rawValue)
    state.state = .canonical
    state.registers = Registers(general: registers)
    threads[child] = state
    if flags & UInt64(CLONE_VFORK) != 0 { threads[parent]?.vforkChild = child }
    setDebugRegisters(child)
    trace("[\(parent)] made thread [\(child)]")
    if !isStopped, !isStopping { enter(child) }
  }

  /// A new thread or process whose state cannot be made out must not run on inside a cache that nobody
  /// serves.
  private func abandon(_ child: ThreadID) {
    engine?.say("a new thread or process [\(child)] cannot be followed; it is killed")
    Glibc.kill(child.rawValue, SIGKILL)
  }

  /// Lets a process (a fork child, or a guest that is detached) go on without xv: original registers,
  /// original protections, no memory of xv's. Its thread stands stopped.
  func releaseNatively(
    _ thread: ThreadID, _ registers: user_regs_struct, process: Int32, signal: Int32 = 0
  ) {
    guard let engine else { return }
    let (areas, arenas) = engine.lock.locked {
      (
        options.guardOriginalCode ? engine.translator.pointee.ranges.areas : [],
        (0..<engine.translator.pointee.arenaCount).map {
          engine.translator.pointee.arenas[$0].guest
        }
      )
    }
    do throws(GuestError) {
      for area in areas {
        _ = try inject(
          thread, registers, at: engine.gate.injectedCall, 10,
          [
            area.range.lowerBound, area.range.upperBound - area.range.lowerBound,
            UInt64(area.protection),
          ])
      }
      if let dumpable = engine.lock.locked({ engine.tracing.dumpable }) {
        _ = try inject(thread, registers, at: vdsoCall, 157, [4, dumpable])
      }
      for arena in arenas {
        _ = try inject(thread, registers, at: vdsoCall, 11, [arena, UInt64(Arena.size)])
      }
      _ = try inject(
        thread, registers, at: vdsoCall, 11, [engine.guestCore, UInt64(RegionLayout.regionSize)])
      try control.setRegisters(thread, registers)
    } catch {
      trace("[\(thread)] vanished while it was let go")
    }
    control.detach(thread, signal: signal)
  }
}

extension Engine {
  /// The CLONE_ flags of the call that a thread's gate is making.
  func cloneFlags(_ thread: ThreadID) -> UInt64? {
    guard let context = contexts[thread] else { return nil }
    switch Int32(truncatingIfNeeded: context.register(Register.rax)) {
    case InterceptedCall.fork: return 0
    case InterceptedCall.vfork: return UInt64(CLONE_VM | CLONE_VFORK)
    case InterceptedCall.clone: return context.register(Register.rdi)
    case InterceptedCall.clone3: return readWords(context.register(Register.rdi), 1)?[0]
    default: return nil
    }
  }

  /// The original registers of a new thread: its maker's, with result 0 and its own stack and TLS.
  func childRegisters(of parent: ThreadID, _ live: user_regs_struct) -> user_regs_struct? {
    guard let context = contexts[parent] else { return nil }
    var registers = live
    for number in 0..<16 where number != Register.rsp {
      registers[register: number] = context.register(number)
    }
    let next = context.load64(ContextLayout.originalPC) &+ 2
    registers.rax = 0
    registers.rip = numericCast(next)
    registers.rcx = numericCast(next)
    registers.eflags = numericCast(context.load64(ContextLayout.flags))
    registers.r11 = registers.eflags
    registers.orig_rax = numericCast(UInt64.max)
    registers.gs_base = numericCast(context.load64(ContextLayout.guestGSBase))
    return registers
  }
}
