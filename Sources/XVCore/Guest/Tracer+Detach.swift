// SPDX-License-Identifier: GPL-3.0-only
internal import CLinux
import Glibc

/// Letting the guest go. The sequence of events: docs/sequences/attach.md.
extension Tracer {
  /// Lets a stopped program go on natively.
  func detach(signal: Int32) {
    engine?.stopDispatcher()
    letGo(signal: signal)
    tracees.debuggees.forget(process)
    tracees.ended(self)
  }

  /// Lets a program that runs go on natively.
  func leave() {
    halt()
    if !isFinished { detach(signal: 0) }
  }

  /// All threads stand in canonical state: gives the process back what xv has taken or put there, and
  /// ends the tracing. Also for a process into which xv has moved by half.
  ///
  /// `signal`: for the thread that was told to stand before it.
  func letGo(signal: Int32) {
    for thread in threads.keys.sorted() { enterHandlers(thread, signal) }
    guard !isFinished else { return }
    let all = threads.keys.sorted()
    all.forEach { clearDebugRegisters($0) }
    // A thread that stands before no signal makes the calls, if there is one: the others can then be
    // detached with theirs as they stand.
    let first = all.first { threads[$0]?.stoppedBySignal == 0 } ?? all.first
    var informations: [ThreadID: [UInt8]] = [:]
    for thread in all where signalDue(thread, signal) != 0 {
      informations[thread] = control.signalInformation(thread)
    }
    var callers: Set<ThreadID> = []
    do throws(GuestError) {
      if let first {
        if try protectAsAsked(first) { callers.insert(first) }
        callers.formUnion(try registerSequences())
        if regionAddress != nil { callers.insert(first) }
        try unmapAll(first)
      }
    } catch {
      trace("process \(process) vanished while it was let go")
    }
    for process in Set(threads.values.map(\.processID)) { restoreAddressLimit(of: process) }
    for thread in all where threads[thread] != nil {
      let due = signalDue(thread, signal)
      restore(thread, before: due)
      if due != 0, callers.contains(thread) {
        redeliver(thread, due, informations[thread])
      } else {
        control.detach(thread, signal: due)
      }
    }
    threads = [:]
    isFinished = true
  }

  /// The signal that a thread must be detached with: the one told, if the debugger lets it through, or
  /// one that was not told yet.
  private func signalDue(_ thread: ThreadID, _ told: Int32) -> Int32 {
    guard let state = threads[thread] else { return 0 }
    if case .signal(let waiting)? = state.pending { return waiting }
    if state.owedSignal != 0, state.stoppedBySignal == state.owedSignal { return state.owedSignal }
    // A fault belongs to the instruction that made it: a call by the debugger ends with one, at a breakpoint on
    // the stack, and then the thread is put back to where it was.
    let isFault = [SIGSEGV, SIGBUS, SIGILL, SIGFPE].contains(told)
    return state.stoppedBySignal == told && !(isFault && state.hasMoved) ? told : 0
  }

  /// A thread that stands before signals with handlers comes to stand at a handler's first instruction,
  /// so that it can make calls and no signal has to be sent again behind others that wait.
  func enterHandlers(_ thread: ThreadID, _ told: Int32) {
    guard let engine else { return }
    isStopping = true
    defer { isStopping = false }
    var due = signalDue(thread, told)
    while due != 0, engine.lock.locked({ engine.handlers[thread]?.isCaught(due) ?? false }) {
      threads[thread]?.pending = nil
      deliver(thread, due)
      waitForStop(of: thread)
      guard !isFinished, let state = threads[thread] else { return }
      guard case .signal(let next)? = state.pending else { return }
      due = next
    }
  }

  /// Lets a process of one thread go on natively that shares this one's memory: a vfork child. It executes the
  /// original code where that lies.
  func releaseSharer(_ thread: ThreadID) {
    guard let engine, threads[thread]?.state == .canonical else { return }
    clearDebugRegisters(thread)
    restoreAddressLimit(of: thread.rawValue)
    restore(thread, before: 0)
    for parent in threads.keys where threads[parent]?.vforkChild == thread {
      threads[parent]?.vforkChildIsNative = true
    }
    threads[thread] = nil
    engine.lock.locked { engine.removeThread(thread) }
    trace("[\(thread)] goes on natively in the memory of \(process)")
    control.detach(thread, signal: 0)
  }

  // MARK: The process

  /// Ends guard mode; whether there was anything to do.
  private func protectAsAsked(_ thread: ThreadID) throws(GuestError) -> Bool {
    guard options.guardOriginalCode, let engine, let state = threads[thread] else { return false }
    let areas = engine.lock.locked { engine.translator.pointee.ranges.areas }
    for area in areas {
      _ = try inject(
        thread, state.registers.general, at: engine.gate.injectedCall, 10,
        [
          area.range.lowerBound, area.range.upperBound - area.range.lowerBound,
          UInt64(area.protection),
        ])
    }
    return true
  }

  /// Registers what each thread had registered, or was told it had. Returns the threads concerned.
  private func registerSequences() throws(GuestError) -> Set<ThreadID> {
    let sequences = engine.flatMap { engine in engine.lock.locked { engine.sequences } }
    let results = try injectEach(
      (sequences ?? [:]).mapValues {
        InjectedCall(number: RestartableSequence.call, arguments: $0.registration)
      }, at: vdsoCall)
    return Set(results.keys)
  }

  private func unmapAll(_ thread: ThreadID) throws(GuestError) {
    guard let regionAddress, let state = threads[thread] else { return }
    let arenas = engine.map { engine in
      engine.lock.locked {
        (0..<engine.translator.pointee.arenaCount).map {
          engine.translator.pointee.arenas[$0].guest
        }
      }
    }
    let registers = state.registers.general
    if let dumpable = engine.flatMap({ engine in engine.lock.locked { engine.tracing.dumpable } }) {
      _ = try inject(thread, registers, at: vdsoCall, 157, [4, dumpable])
    }
    for arena in arenas ?? [] {
      _ = try inject(thread, registers, at: vdsoCall, 11, [arena, UInt64(Arena.size)])
    }
    _ = try inject(
      thread, registers, at: vdsoCall, 11, [regionAddress, UInt64(RegionLayout.regionSize)])
    if let scratch { _ = try inject(thread, registers, at: vdsoCall, 11, [scratch, 0x1000]) }
    let future: UInt64 = 2
    if locksFuture { _ = try inject(thread, registers, at: vdsoCall, 151, [future]) }
  }

  // MARK: Each thread

  /// Puts a thread's own state into its registers.
  private func restore(_ thread: ThreadID, before signal: Int32) {
    guard let state = threads[thread], state.state == .canonical else { return }
    var registers = state.registers.general
    // The kernel would restart a call only on its way out of this very stop; with a handler to run it
    // decides by itself.
    if signal == 0 { rewindCall(thread, &registers) }
    try? control.setRegisters(thread, registers)
    if let mask = state.mask { control.setSignalMask(thread, mask) }
    if let state = try? extendedState(thread), state != (try? control.extendedState(thread)) {
      try? control.setExtendedState(thread, state)
    }
  }

  /// Detaches a thread with a signal before whose delivery it stood until it made calls for xv: it is
  /// brought there once more.
  private func redeliver(_ thread: ThreadID, _ signal: Int32, _ information: [UInt8]?) {
    _ = xv_tgkill(threads[thread]?.processID ?? process, thread.rawValue, signal)
    control.resume(thread, signal: 0)
    while let event = nextEvent(of: thread) {
      switch event {
      case .signal(signal):
        if let information { control.setSignalInformation(thread, information) }
        return control.detach(thread, signal: signal)
      case .signal(let other): control.resume(thread, signal: other)
      case .exited, .killed: return
      case .forked(let child, _):
        if control.waitForEvent(of: child) != nil { control.detach(child, signal: 0) }
        control.resume(thread, signal: 0)
      default: control.resume(thread, signal: 0)
      }
    }
  }
}
