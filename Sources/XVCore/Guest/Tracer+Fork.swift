// SPDX-License-Identifier: GPL-3.0-only
internal import CLinux
import Glibc
import Synchronization

/// New threads and processes. The sequence of events: docs/sequences/fork-exec.md.
extension Tracer {
  func forked(_ parent: ThreadID, _ child: ThreadID) {
    guard let birth = tracees.waitForBirth(of: child) else { return control.resume(parent, signal: 0) }
    guard let engine, let live = try? control.registers(child) else {
      abandon(child)
      return control.resume(parent, signal: 0)
    }
    let maker = engine.lock.locked { () -> (flags: UInt64, registers: user_regs_struct)? in
      // The thread through which memory was reached last may have ended.
      engine.translator.pointee.process = parent.rawValue
      guard let flags = engine.cloneFlags(parent),
        let registers = engine.childRegisters(of: parent, live)
      else { return nil }
      return (flags, registers)
    }
    guard let maker else {
      abandon(child)
      return control.resume(parent, signal: 0)
    }
    let isVfork = maker.flags & UInt64(CLONE_VFORK) != 0
    let isTold =
      maker.flags & UInt64(CLONE_THREAD) == 0 && isDebugged(parent)
      && (isVfork ? toldEvents.vforks : toldEvents.forks)
    if isVfork { threads[parent]?.vforkChild = child }
    if isVfork, isTold { showInCall(parent, maker.registers) }
    if maker.flags & UInt64(CLONE_VM) != 0 {
      let isThread = maker.flags & UInt64(CLONE_THREAD) != 0
      let isKnown = isThread && isDebugged(parent)
      let isToldClone = isKnown && threads[parent]?.options.contains(.clones) == true
      let isToldThread = isKnown && toldEvents.threads && !isToldClone
      share(
        child, of: parent, birth, maker.flags, maker.registers, isTold: isTold,
        isHeld: isToldThread || isToldClone)
      control.resume(parent, signal: 0)
      if isToldThread, threads[child] != nil { tellFork(child, .threadCreated) }
      if isToldClone, threads[child] != nil {
        threads[child]?.action = ResumePlan.Action(.stay)
        tellFork(parent, .cloned(child: child))
      }
    } else if isTold || options.children == .translated {
      adopt(child, of: parent, maker.flags, maker.registers, isTold: isTold)
    } else {
      releaseNatively(child, of: parent, maker.registers)
      control.resume(parent, signal: 0)
    }
    guard isTold, tracees.debuggee(child.rawValue) != nil else { return }
    tellFork(parent, isVfork ? .vforked(child: child.rawValue) : .forked(child: child.rawValue))
  }

  /// The maker of a vfork child stands in the kernel: what its debugger is shown of its registers.
  private func showInCall(_ parent: ThreadID, _ childRegisters: user_regs_struct) {
    guard let live = try? control.registers(parent) else { return }
    var registers = childRegisters
    registers.fs_base = live.fs_base
    registers.orig_rax = live.orig_rax
    registers.rax = numericCast(CaughtCall.noResult)
    if let context = engine?.lock.locked({ engine?.contexts[parent] }) {
      registers.rsp = numericCast(context.register(Register.rsp))
    }
    threads[parent]?.registers = Registers(
      general: registers, extended: (try? extendedState(parent)) ?? [])
  }

  /// A thread, or a process in the same memory: both run with this process's engine.
  private func share(
    _ child: ThreadID, of parent: ThreadID, _ birth: Tracees.Birth, _ flags: UInt64, _ registers: user_regs_struct,
    isTold: Bool, isHeld: Bool
  ) {
    guard let engine, let parentState = threads[parent] else { return abandon(child) }
    let added = engine.lock.locked { () -> Bool in
      guard let old = engine.contexts[parent], let new = engine.addThread(child) else { return false }
      new.store64(ContextLayout.guestGSBase, old.load64(ContextLayout.guestGSBase))
      let sharesHandlers = flags & UInt64(CLONE_SIGHAND) != 0
      let table = engine.handlers[parent] ?? SignalHandlers()
      if flags & UInt64(CLONE_THREAD) == 0, let limit = engine.limit(forChildOf: parent) {
        engine.addressLimits[child.rawValue] = limit
      }
      engine.clearedWords[child] = engine.clearedWord(by: parent, flags)
      engine.handlers[child] = sharesHandlers ? table : SignalHandlers(copying: table, flags)
      return true
    }
    guard added else {
      trace("more than \(RegionLayout.maximumThreads) threads: the program is killed")
      Glibc.kill(process, SIGKILL)
      return
    }
    var state = newThread(
      of: flags & UInt64(CLONE_THREAD) != 0 ? parentState.processID : child.rawValue)
    state.state = .canonical
    state.registers = Registers(general: registers)
    state.hasLeftGroupStop = parentState.hasLeftGroupStop && birth.groupStop != 0
    state.groupStop = state.hasLeftGroupStop ? 0 : birth.groupStop
    if isTold {
      state.action = ResumePlan.Action(.stay)
      debuggedSharers.insert(child.rawValue)
      tracees.debuggees.expect(child.rawValue)
    }
    threads[child] = state
    setDebugRegisters(child)
    trace("[\(parent)] made thread [\(child)]")
    if !isStopped, !isStopping, !isTold, !isHeld { enter(child) }
  }

  /// A process in a copy of this one's memory gets an engine of its own, in the place where it has
  /// inherited its maker's.
  private func adopt(
    _ child: ThreadID, of parent: ThreadID, _ flags: UInt64, _ registers: user_regs_struct,
    isTold: Bool
  ) {
    let tracer = Tracer(childOf: self, process: child.rawValue)
    tracer.holdsMaker = flags & UInt64(CLONE_VFORK) != 0
    var state = tracer.newThread(of: child.rawValue)
    state.state = .canonical
    state.registers = Registers(general: registers)
    if isTold {
      tracer.takeOver(from: self)
      tracer.isStopped = !isNonStop
      state.action = ResumePlan.Action(.stay)
    }
    tracer.threads[child] = state
    do throws(GuestError) {
      guard tracees.hasRoom else { throw .system(call: "room for a process", errno: EAGAIN) }
      try tracer.settle(inCopyOf: self, maker: parent, flags)
    } catch {
      trace("process \(child) cannot be translated and goes on natively: \(error)")
      if let engine = tracer.engine { tracees.retire(engine) }
      releaseNatively(child, of: parent, registers)
      return control.resume(parent, signal: 0)
    }
    tracees.add(tracer)
    trace("[\(parent)] made process \(child)")
    if isTold {
      tracees.debuggees.expect(child.rawValue)
      // It stops at the call's end, before it runs on.
      control.interrupt(parent)
    }
    control.resume(parent, signal: 0)
    if !isTold { tracer.enter(child) }
  }

  /// The child's side of `adopt`. It stands still, and so does its maker.
  private func settle(
    inCopyOf parent: Tracer, maker: ThreadID, _ flags: UInt64
  ) throws(GuestError) {
    let thread = ThreadID(process)
    guard let old = parent.engine, let core = parent.regionAddress,
      let registers = threads[thread]?.registers.general
    else { throw .gone }
    guard !old.lock.locked({ old.tracing.isFiltered }) else {
      throw .system(call: "a filter of system calls", errno: EPERM)
    }
    addressLimit = old.lock.locked { old.limit(forChildOf: maker) }
    if addressLimit != nil { AddressLimit.lift(process) }
    old.gate.putName()
    let file = try makeNamedRegionFile(
      thread, registers, at: old.gate.injectedCall, name: old.gate.callList)
    do throws(GuestError) {
      let region = try Region(process: process, descriptor: file)
      let engine = Engine(
        process: process, region: region, guestCore: core, options: options, trace: trace,
        bell: tracees.bell)
      engine.translator.pointee.breakpoints = breakpoints
      engine.caughtCalls = caughtCalls
      let ignoresTrap = inherit(engine, from: old, maker, flags)
      var calls = regionCalls(core: core, file: file, replacing: true)
      // Arenas come to lie where its maker's are.
      let arenas = old.lock.locked { old.virtualization.arenaRanges.map(\.lowerBound) }
      for (number, guest) in arenas.enumerated() { calls.append(engine.mapArenaCall(number, at: guest)) }
      try inject(
        calls, thread, registers, by: old.gate, replacedBy: engine.gate, ignoresTrap: ignoresTrap)
      for guest in arenas { engine.addArena(at: guest) }
      if old.lock.locked({ old.active.count > 1 }), !options.guardOriginalCode {
        // Another thread of its maker's may have changed mappings just before or after the fork.
        engine.translator.pointee.ranges.removeAll()
        engine.learnRanges(AddressMap(process: process))
      }
      limitAddresses(engine)
      try engine.startDispatcher()
      self.engine = engine
    } catch {
      _ = try? inject(thread, registers, at: old.gate.injectedCall, 3, [UInt64(file)])
      throw error
    }
    regionAddress = core
  }

  /// Gives a fork child's engine what the kernel has copied for it. Returns whether the program ignores
  /// traps.
  private func inherit(_ engine: Engine, from old: Engine, _ maker: ThreadID, _ flags: UInt64) -> Bool {
    let thread = ThreadID(process)
    return old.lock.locked {
      engine.inherit(from: old)
      let handlers = SignalHandlers(copying: old.handlers[maker] ?? SignalHandlers(), flags)
      engine.handlers[thread] = handlers
      if let sequence = old.sequences?[maker] { engine.sequences = [thread: sequence] }
      if let context = engine.addThread(thread), let makers = old.contexts[maker] {
        context.store64(ContextLayout.guestGSBase, makers.load64(ContextLayout.guestGSBase))
      }
      return handlers[SIGTRAP].handler == 1
    }
  }

  /// A new thread or process whose state cannot be made out must not run on inside a cache that nobody
  /// serves.
  private func abandon(_ child: ThreadID) {
    engine?.say("a new thread or process [\(child)] cannot be followed; it is killed")
    Glibc.kill(child.rawValue, SIGKILL)
  }

  /// Lets a fork child go on without xv: original registers, original protections, no memory of xv's.
  /// It stands at its birth.
  private func releaseNatively(
    _ thread: ThreadID, of parent: ThreadID, _ registers: user_regs_struct
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
      engine.lock.locked { engine.limit(forChildOf: parent) }?.impose(on: thread.rawValue, own: 0)
    } catch {
      trace("[\(thread)] vanished while it was let go")
    }
    control.detach(thread, signal: 0)
  }
}

extension Engine {
  /// The CLONE_ flags of the call that a thread's gate is making.
  func cloneFlags(_ thread: ThreadID) -> UInt64? {
    guard let context = contexts[thread] else { return nil }
    switch Int32(truncatingIfNeeded: context.register(Register.rax)) {
    case InterceptedCall.fork: return 0
    case InterceptedCall.vfork: return UInt64(CLONE_VM | CLONE_VFORK)
    // Its upper half is not looked at (kernel/fork.c, clone).
    case InterceptedCall.clone: return context.register(Register.rdi) & 0xffff_ffff
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

  /// What the kernel copies at a fork, and what is known about it. Both locks are held.
  func inherit(from maker: Engine) {
    translator.pointee.ranges = maker.translator.pointee.ranges
    translator.pointee.constants = maker.translator.pointee.constants
    if caughtCalls == .none {
      translator.pointee.persisted = maker.translator.pointee.persisted.map {
        PersistentCode(inheriting: $0)
      }
    }
    formerly = maker.formerly
    programBreak = maker.programBreak
    if maker.isSandboxed.load(ordering: .relaxed) { enterSandbox() }
    tracing.dumpable = maker.tracing.dumpable
    isChild = true
    if maker.sequences != nil { sequences = [:] }
  }
}
