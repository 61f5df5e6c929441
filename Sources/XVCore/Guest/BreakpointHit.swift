// SPDX-License-Identifier: GPL-3.0-only
internal import CLinux

/// A thread that has met a breakpoint of which nobody has been told yet. Good only for as long as the
/// call lasts to which it is handed.
public struct BreakpointHit {
  public let thread: ThreadID
  /// Without the extended state.
  public let registers: Registers
  /// The XSAVE area; empty when the thread is gone.
  public let readExtended: () -> [UInt8]
  /// What can be read, from the first byte on.
  public let read: (_ address: UInt64, _ count: Int) -> [UInt8]

  public init(
    thread: ThreadID, registers: Registers, readExtended: @escaping () -> [UInt8],
    read: @escaping (_ address: UInt64, _ count: Int) -> [UInt8]
  ) {
    self.thread = thread
    self.registers = registers
    self.readExtended = readExtended
    self.read = read
  }
}

/// Decides whether a hit is told. Runs on the tracer's thread while other threads of the program run;
/// it must not call back into the guest.
public typealias BreakpointFilter = @Sendable (BreakpointHit) -> Bool

extension Tracer {
  /// Lets a thread that has met a breakpoint go on if nobody is to be told; the others have not noticed.
  func goesOnUntold(_ thread: ThreadID) -> Bool {
    guard !isTold(thread) else { return false }
    enter(thread, skippingProbe: true)
    return true
  }

  /// Whether the hit of a thread that stands at a breakpoint is told. The filter carries out commands: it
  /// is asked once for each hit.
  private func isTold(_ thread: ThreadID) -> Bool {
    guard let filter = breakpointFilter, let state = threads[thread],
      breakpoints.contains(UInt64(state.registers.general.rip))
    else { return true }
    let hit = BreakpointHit(
      thread: thread, registers: state.registers,
      readExtended: { [self] in (try? extendedState(thread)) ?? [] },
      read: { [self] address, count in
        var bytes = [UInt8](repeating: 0, count: count)
        // Memory that the program itself cannot read takes the longer way.
        guard xv_read_remote(process, address, &bytes, count) != count else { return bytes }
        return readMemory(address, count)
      })
    return filter(hit)
  }

  /// The hit of a thread that has come to a breakpoint by itself, of which nobody was told because another
  /// thread's stop was, and which is to run: all of them would stop again at once. Everything stands still
  /// and stays so.
  ///
  /// Those of which nobody is to be told are ready to leave.
  func takeMetBreakpoint(of process: Int32, _ plan: ResumePlan) -> StopEvent? {
    guard !breakpoints.isEmpty else { return nil }
    for thread in threads.keys.sorted() {
      guard let state = threads[thread], state.processID == process,
        (plan.threads[thread] ?? plan.others) == ResumePlan.Action(.run), meetsBreakpoint(thread, state)
      else { continue }
      threads[thread]?.toldBreakpoint = UInt64(state.registers.general.rip)
      if isTold(thread) { return StopEvent(thread: thread, reason: .breakpoint) }
    }
    return nil
  }

  /// Whether the next thing that a thread does is to meet a breakpoint.
  private func meetsBreakpoint(_ thread: ThreadID, _ state: TracedThread) -> Bool {
    let pc = UInt64(state.registers.general.rip)
    guard breakpoints.contains(pc), state.toldBreakpoint != pc, isDebugged(thread) else { return false }
    guard state.state == .canonical, !state.isExiting, state.vforkChild == nil, state.caughtCall == nil,
      state.watchHit == nil, state.owedSignal == 0, !state.owesTrap
    else { return false }
    // It may be in front of a system call that is to be made again.
    var registers = state.registers.general
    rewindCall(thread, &registers)
    return UInt64(registers.rip) == pc
  }
}

extension Guest {
  /// Who decides which hits are told; nil: all are.
  package func filterBreakpoints(by filter: BreakpointFilter?) throws(GuestError) {
    try whileStopped { tracer in tracer.breakpointFilter = filter }
  }
}
