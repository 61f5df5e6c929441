// SPDX-License-Identifier: GPL-3.0-only
import Glibc

/// A program that runs as translated code.
///
/// Safe from any thread: what needs the tracer is carried out on the guest's own tracer thread while
/// the caller waits. Everything is in original terms: no cache address ever leaves this interface.
package final class Guest: Sendable {
  private let tracees: Tracees
  /// Nil for a process of which another one's tracer takes care.
  private let snapshot: StopSnapshot?
  /// Process id of the guest.
  package let pid: Int32

  private init(_ pid: Int32, among tracees: Tracees, _ snapshot: StopSnapshot?) {
    self.tracees = tracees
    self.pid = pid
    self.snapshot = snapshot
  }

  func sibling(_ process: Int32) -> Guest { Guest(process, among: tracees, nil) }

  /// Starts `options.program` and stops it at its first instruction (ld.so's, or the program's own
  /// when it is static); without a debugger it runs at once. `onStop` is called on the tracer thread,
  /// once for each resume, when the whole guest stands still again or is gone; it must not call back
  /// into the guest.
  package static func launch(
    _ options: LaunchOptions, onStop: @escaping @Sendable (StopEvent) -> Void
  ) throws(GuestError) -> Guest {
    let tracees = try Tracees()
    return try begin(Tracer(options, among: tracees, onStop: onStop), among: tracees)
  }

  /// Takes hold of a running process and stops all of its threads wherever they are. Of the options
  /// those count that do not concern a launch. `onStop` as for `launch`.
  package static func attach(
    _ process: Int32, _ options: LaunchOptions? = nil,
    onStop: @escaping @Sendable (StopEvent) -> Void
  ) throws(GuestError) -> Guest {
    let options = options ?? LaunchOptions(program: "/proc/\(process)/exe", arguments: [])
    let tracees = try Tracees()
    return try begin(
      Tracer(options, among: tracees, attachingTo: process, onStop: onStop), among: tracees)
  }

  private static func begin(
    _ tracer: Tracer, among tracees: Tracees
  ) throws(GuestError) -> Guest {
    let launched = Completion<Result<Int32, GuestError>>()
    let snapshot = tracer.snapshot
    TracerThread.start { tracees.run(tracer) { launched.finish($0) } }
    switch launched.wait() {
    case .success(let pid): return Guest(pid, among: tracees, snapshot)
    case .failure(let error): throw error
    case nil: throw .gone
    }
  }

  /// Live threads in the order of their making; those of vfork children are not among them.
  package var threads: [ThreadID] {
    if let known = snapshot?.threads { return known }
    return withTracer { [pid] tracer in
      tracer.threads(of: pid)
    } ?? []
  }

  // MARK: While stopped

  package func registers(of thread: ThreadID, extended: Bool) throws(GuestError) -> Registers {
    if !extended, let known = snapshot?.registers(of: thread) { return known }
    return try whileHeld(thread) { tracer throws(GuestError) in
      guard let state = tracer.threads[thread] else { throw .noSuchThread(thread) }
      var registers = state.registers
      if extended, state.vforkChild == nil { registers.extended = try tracer.extendedState(thread) }
      return registers
    }
  }

  /// Writes the general registers, and the extended ones unless `registers.extended` is empty.
  package func setRegisters(_ registers: Registers, of thread: ThreadID) throws(GuestError) {
    try whileHeld(thread) { tracer throws(GuestError) in
      guard let state = tracer.threads[thread] else { throw .noSuchThread(thread) }
      // It waits in the kernel.
      guard state.vforkChild == nil else { throw .running }
      if !registers.extended.isEmpty {
        try tracer.control.setExtendedState(thread, registers.extended)
      }
      tracer.setGeneralRegisters(registers.general, of: thread)
    }
  }

  /// Sets a breakpoint probe; false when there is one already.
  package func insertBreakpoint(at address: OriginalAddress) throws(GuestError) -> Bool {
    try whileStopped { tracer throws(GuestError) in tracer.insertBreakpoint(address.rawValue) }
  }

  /// Takes a breakpoint probe away; false when there is none.
  package func removeBreakpoint(at address: OriginalAddress) throws(GuestError) -> Bool {
    try whileStopped { tracer throws(GuestError) in tracer.removeBreakpoint(address.rawValue) }
  }

  /// Watches memory by the processor's debug registers; throws when they do not suffice.
  package func insertWatchpoint(_ watchpoint: Watchpoint) throws(GuestError) {
    try whileStopped { tracer throws(GuestError) in try tracer.insertWatchpoint(watchpoint) }
  }

  /// False when there is none.
  package func removeWatchpoint(_ watchpoint: Watchpoint) throws(GuestError) -> Bool {
    try whileStopped { tracer throws(GuestError) in tracer.removeWatchpoint(watchpoint) }
  }

  /// Names the system calls of whose entry and return is to be told.
  package func catchCalls(_ calls: CaughtCalls) throws(GuestError) {
    try whileStopped { tracer throws(GuestError) in tracer.catchCalls(calls) }
  }

  package func resume(_ plan: ResumePlan) throws(GuestError) {
    try whileHeld(nil) { [pid] tracer throws(GuestError) in tracer.resume(plan, of: pid) }
  }

  /// Lets the program go on natively, without xv; the guest object is then of no more use. A signal is
  /// for the thread that stands before its delivery. A running program is stopped first.
  package func detach(signal: Int32) throws(GuestError) {
    let isDone = withTracer { [pid, tracees] tracer -> Bool in
      guard !tracer.isFinished else { return false }
      tracer.setNonStop(false)
      tracer.halt()
      guard !tracer.isFinished else { return false }
      if tracer.process != pid {
        tracer.release(sharer: pid)
        if !tracer.isDebugged { tracer.resumeAll() }
        return true
      }
      tracees.waitForVforks(of: tracer)
      guard !tracer.isFinished else { return false }
      tracer.detach(signal: signal)
      return true
    }
    guard isDone == true else { throw .gone }
  }

  /// The siginfo_t (128 bytes) of the stop's signal.
  package func signalInformation(of thread: ThreadID) throws(GuestError) -> [UInt8] {
    try whileHeld(thread) { tracer throws(GuestError) in
      guard let information = tracer.control.signalInformation(thread) else {
        throw .system(call: "ptrace(GETSIGINFO)", errno: EINVAL)
      }
      return information
    }
  }

  /// Changes what the handler of the stop's signal will be told.
  package func setSignalInformation(
    _ information: [UInt8], of thread: ThreadID
  ) throws(GuestError) {
    try whileStopped { tracer throws(GuestError) in
      guard let state = tracer.threads[thread] else { throw .noSuchThread(thread) }
      guard state.stoppedBySignal != 0, information.count == 128 else {
        throw .system(call: "ptrace(SETSIGINFO)", errno: EINVAL)
      }
      tracer.control.setSignalInformation(thread, information)
    }
  }

  // MARK: At any time

  /// Reads up to `count` bytes; the result is shorter at the first unreadable page, empty when the
  /// first byte is unreadable.
  package func readMemory(at address: OriginalAddress, count: Int) -> [UInt8] {
    withTracer { $0.readMemory(address.rawValue, count) } ?? []
  }

  /// Writes (also into read-only pages, as ptrace does) and returns how many bytes were written;
  /// fragments of changed code are thrown away.
  package func writeMemory(_ bytes: [UInt8], at address: OriginalAddress) -> Int {
    withTracer { $0.writeMemory(bytes, address.rawValue) } ?? 0
  }

  /// Asks a running guest to stop; the answer comes through `onStop`.
  package func interrupt() {
    _ = withTracer { [pid] in $0.interruptAll(for: pid) }
  }

  /// Kills the guest and waits for its end. No `onStop` follows.
  package func kill() {
    _ = withTracer { [pid, tracees] tracer in
      if tracer.process == pid { return tracer.killAndWait() }
      tracer.kill(sharer: pid)
      tracees.endIfOver()
    }
  }

  // MARK: For people

  /// Counters by name, in the order they should be printed: sums over all processes.
  package var statistics: [(name: String, value: UInt64)] {
    (tracees.perform { [tracees] in tracees.totals() } ?? tracees.totals()).rows
  }

  /// The fragment that holds `address`, translating it if need be; nil when there is no code.
  package func block(at address: OriginalAddress) throws(GuestError) -> BlockListing? {
    try whileStopped { tracer throws(GuestError) in tracer.block(at: address.rawValue) }
  }

  /// Discards all translated code; what runs is translated anew.
  package func flush() throws(GuestError) {
    try whileStopped { tracer throws(GuestError) in tracer.discard(.flush, for: nil) }
  }

  /// Discards all translated code but what is live, which is copied when it is asked for.
  package func collect() throws(GuestError) {
    try whileStopped { tracer throws(GuestError) in tracer.discard(.collect, for: nil) }
  }

  /// Moves all that xv has in the program to another place, any suitable one if none is named. Returns
  /// where it is now.
  package func relocate(to address: OriginalAddress?) throws(GuestError) -> OriginalAddress {
    try whileStopped { tracer throws(GuestError) in
      try tracer.relocate(to: address?.rawValue)
      return OriginalAddress(tracer.regionAddress ?? 0)
    }
  }

  /// Runs `body` on the tracer's thread; nil when the process is gone.
  func withTracer<Value: Sendable>(
    _ body: @escaping @Sendable (Tracer) -> Value
  ) -> Value? {
    tracees.perform { [tracees, pid] in tracees.debuggee(pid).map(body) } ?? nil
  }

  /// Runs `body` while no thread of the program runs. Where threads stop one by one, those that run are
  /// brought to a stop meanwhile, and notice nothing.
  func whileStopped<Value: Sendable>(
    _ body: @escaping @Sendable (Tracer) throws(GuestError) -> Value
  ) throws(GuestError) -> Value {
    try whileHeld(nil) { tracer throws(GuestError) in
      guard tracer.isNonStop else { return try body(tracer) }
      return try tracer.quietly { () throws(GuestError) in try body(tracer) }
    }
  }

  /// Runs `body` while the program is held; where threads stop one by one, while the named one is.
  func whileHeld<Value: Sendable>(
    _ thread: ThreadID?, _ body: @escaping @Sendable (Tracer) throws(GuestError) -> Value
  ) throws(GuestError) -> Value {
    let result = withTracer { [pid] tracer -> Result<Value, GuestError> in
      guard !tracer.isFinished else { return .failure(.gone) }
      let isHeld = tracer.isNonStop
        ? thread.map { tracer.threads[$0]?.isHeld ?? true } ?? true : tracer.isHeld(pid)
      guard isHeld else { return .failure(.running) }
      do throws(GuestError) {
        return .success(try body(tracer))
      } catch {
        return .failure(error)
      }
    }
    switch result {
    case .success(let value): return value
    case .failure(let error): throw error
    case nil: throw .gone
    }
  }
}

/// Original and translated bytes of one block, for disassembly.
package struct BlockListing: Sendable {
  /// Original instructions that were translated together: one, or one and what follows it without a translation of its
  /// own. They are the block's, or a called function's that stands in its fragment.
  package struct Entry: Sendable {
    package var original: OriginalAddress
    package var originalBytes: [UInt8]
    /// Where their translation begins in `cacheBytes`.
    package var cacheOffset: Int

    package init(original: OriginalAddress, originalBytes: [UInt8], cacheOffset: Int) {
      self.original = original
      self.originalBytes = originalBytes
      self.cacheOffset = cacheOffset
    }
  }

  package var cache: CacheAddress
  package var cacheBytes: [UInt8]
  package var entries: [Entry]

  package init(cache: CacheAddress, cacheBytes: [UInt8], entries: [Entry]) {
    self.cache = cache
    self.cacheBytes = cacheBytes
    self.entries = entries
  }
}
