// SPDX-License-Identifier: GPL-3.0-only
internal import CLinux
import Glibc

/// One process as the tracer's thread sees it: its threads, engine and breakpoints; signals, exec, stops.
///
/// Everything here runs on the one OS thread of `Tracees`, because the kernel lets nobody else control
/// the process. See docs/sequences for the order of events.
final class Tracer: @unchecked Sendable {
  // Rule for the unchecked conformance: only the tracer's own thread touches the stored variables,
  // except the options, which do not change while others can see them.
  let options: LaunchOptions
  /// The processes of the same tracer thread, which outlive this one.
  unowned let tracees: Tracees
  let control = PtraceControl()
  let onStop: @Sendable (StopEvent) -> Void
  var process: Int32 = 0
  var trace: Trace { Trace(descriptor: options.traceDescriptor, process: process) }
  var engine: Engine?
  var threads: [ThreadID: TracedThread] = [:]
  var births: UInt64 = 0
  /// A debugger's stop: nothing runs, all threads stand in canonical state.
  var isStopped = false
  /// Threads are being brought to a stop for the debugger.
  var isStopping = false
  /// A page that is mapped while xv moves in.
  var scratch: UInt64? = nil
  /// The process to which it has attached locks what it maps (mlockall(2), MCL_FUTURE).
  var locksFuture = false
  /// A `syscall` instruction in the guest's vdso.
  var vdsoCall: UInt64 = 0
  /// Where the guest has the region; nil before there is one.
  var regionAddress: UInt64? = nil
  /// Where the region goes when nobody says where: the same places in each run.
  var places = RepeatableNumbers(seed: 1)
  /// Those of a process that was attached to and has not run since; then they are the engine's.
  var registeredSequences: [ThreadID: RestartableSequence] = [:]
  var isFinished = false { didSet { snapshot.forget() } }
  let snapshot = StopSnapshot()
  var breakpoints: Set<UInt64> = [] { didSet { hasNewBreakpoints = true } }
  /// The probes in the cache are not yet those that `breakpoints` names.
  var hasNewBreakpoints = false
  var watchpoints = WatchpointSet()
  /// Asked at each breakpoint that a running thread meets, before anybody is told.
  var breakpointFilter: BreakpointFilter?
  /// System calls of which the debugger is told.
  var caughtCalls = CaughtCalls.none
  /// Whether a debugger wants its stops.
  var isDebugged: Bool
  /// Vfork children, in the same memory, of which the debugger was told.
  var debuggedSharers: Set<Int32> = []
  var toldEvents = ToldEvents()
  /// Threads stop and go on one by one: a stop of one leaves the others running.
  var isNonStop = false
  /// Ends of threads that are told at the next resume.
  var untoldEnds: [StopEvent] = []
  /// Another process made it.
  private(set) var isChild = false
  /// The thread that made this process waits, by CLONE_VFORK, until it ends or calls exec.
  var holdsMaker = false

  /// The limit of its address space when it got the memory that it has; nil: none.
  var addressLimit: AddressLimit? = nil

  /// The process to attach to, instead of a launch.
  private let attachingTo: Int32?

  init(
    _ options: LaunchOptions, among tracees: Tracees, attachingTo: Int32? = nil,
    onStop: @escaping @Sendable (StopEvent) -> Void
  ) {
    self.options = options
    isDebugged = options.debugged
    self.tracees = tracees
    self.attachingTo = attachingTo
    self.onStop = onStop
  }

  /// A process that one of another process made.
  convenience init(childOf parent: Tracer, process: Int32) {
    var options = parent.options
    options.debugged = false
    options.onGroupStop = nil
    options.image = nil
    let tracees = parent.tracees
    self.init(
      options, among: tracees,
      onStop: { [unowned tracees] in tracees.debuggees.receive(process, $0) })
    self.process = process
    isChild = true
    vdsoCall = parent.vdsoCall
  }

  /// Launches the process, or attaches to it; it stands still afterwards.
  func start() throws(GuestError) {
    if let attachingTo {
      try attach(to: attachingTo)
    } else if let image = options.image {
      try inload(image)
    } else {
      try launch()
    }
  }

  /// Without a debugger a process that has been started runs at once.
  func beginRunning() {
    if isDebugged {
      isStopped = true
      for thread in threads.keys { threads[thread]?.action = ResumePlan.Action(.stay) }
    } else {
      resumeAll()
    }
  }

  // MARK: Stops for a debugger

  /// Brings every thread to a stop in canonical state and tells the debugger.
  func stopWorld(_ thread: ThreadID, _ reason: StopReason) {
    if isNonStop { return stopAlone(thread, reason) }
    halt()
    guard !isFinished else { return }
    // Who is on the way out has nothing to show any more: the end is the stop.
    if reason == .interrupted, threads.allSatisfy({ $0.value.isExiting }) { return isStopped = false }
    let reason = reasonWithHits(thread, reason)
    if reason == .breakpoint, let state = threads[thread] {
      threads[thread]?.toldBreakpoint = UInt64(state.registers.general.rip)
    }
    tellStop(thread, reason)
  }

  /// Brings every thread to a stop in canonical state.
  func halt() {
    guard !isStopped else { return }
    isStopping = true
    defer { isStopping = false }
    for other in threads.keys where threads[other]?.state == .running && canStop(other) {
      control.interrupt(other)
    }
    for other in Array(threads.keys) where canStop(other) { waitForStop(of: other) }
    if !isFinished { isStopped = true }
  }

  /// Waits until a running thread has stopped, whatever stops it. What else it brings is kept for the
  /// next resume.
  ///
  /// `keepingGroupStop`: a thread that job control has stopped rests as it is, not canonical.
  func waitForStop(of thread: ThreadID, keepingGroupStop: Bool = false) {
    // It may have made a vfork child instead, for which it waits now.
    while canStop(thread), let state = threads[thread]?.state,
      state == .running || state == .enteringHandler || state == .raisingTrap
    {
      guard let event = nextEvent(of: thread) else {
        threads[thread] = nil
        return
      }
      switch event {
      case .stopped where state == .raisingTrap: control.resume(thread, signal: 0)
      case .stopped where awaitsFault(thread): control.resume(thread, signal: 0)
      case .stopped:
        canonicalize(thread)
        if var registers = threads[thread]?.registers.general {
          SpuriousInterruption.undo(&registers, of: thread)
          threads[thread]?.registers.general = registers
        }
      case .signal(SIGTRAP) where state == .raisingTrap:
        arriveAtTrap(thread)
        threads[thread]?.pending = .signal(SIGTRAP)
        threads[thread]?.stoppedBySignal = SIGTRAP
      case .signal(SIGTRAP) where state == .running && isTraceTrap(thread):
        canonicalize(thread)
      case .signal(let signal):
        if signal == SIGTRAP, let met = takeMetRegisters(thread) {
          accessedWhileStopping(thread, met)
          continue
        }
        let arrives = threads[thread]?.state == .enteringHandler && signal == SIGTRAP
        let isOwn = isClockRead(thread, signal)
        canonicalize(thread)
        if !arrives, !isOwn {
          // Now: by the time it is told, the arena that it names may be gone.
          mendInformation(thread, signal)
          threads[thread]?.pending = .signal(signal)
          threads[thread]?.stoppedBySignal = signal
        }
      case .groupStop where keepingGroupStop && threads[thread]?.hasLeftGroupStop != true:
        control.listen(thread)
        return
      case .groupStop(let signal):
        canonicalize(thread)
        noteGroupStop(thread, signal)
      default:
        handle(thread, event)
        // Any other stop takes a requested one away (kernel/signal.c, ptrace_stop).
        if let state = threads[thread], state.state == .running, !state.isExiting {
          control.interrupt(thread)
        }
      }
      if isFinished { return }
    }
  }

  /// A thread that is made to do something for xv has met job control's stop meanwhile, and goes back there when it is let go on.
  func noteGroupStop(_ thread: ThreadID, _ signal: Int32) {
    if threads[thread]?.hasLeftGroupStop != true { threads[thread]?.groupStop = signal }
  }

  /// What is kept of a thread from now on.
  func newThread(of process: Int32) -> TracedThread {
    births += 1
    return TracedThread(processID: process, birth: births)
  }

  /// A thread that waits for its vfork child stops for nobody before that has ended, and one on its way
  /// out never. Neither executes code.
  private func canStop(_ thread: ThreadID) -> Bool {
    guard let state = threads[thread], !state.isExiting else { return false }
    guard let child = state.vforkChild else { return true }
    if state.vforkChildIsNative { return false }
    return threads[child] == nil && tracees.processes[child.rawValue]?.holdsMaker != true
  }

  var waitsForVfork: Bool { threads.contains { !$0.value.isExiting && !canStop($0.key) } }

  func handleParked() {
    guard let engine else { return }
    // In the order of their arrival: with a breakpoint that many threads meet, each has its turn.
    let waiting = engine.lock.locked { engine.parked.sorted { $0.value.order < $1.value.order } }
    for (thread, parking) in waiting {
      guard threads[thread]?.state == .running else { continue }
      // What was done for one of the others may have taken its request back.
      guard engine.lock.locked({ engine.parked[thread]?.order == parking.order }) else { continue }
      control.interrupt(thread)
      // It cannot go on in its fragment any more, but it may have to end a call.
      if parking.reason == .writesCode { engine.lock.locked { engine.releaseHeldWrite(thread) } }
      waitForStop(of: thread, keepingGroupStop: true)
      guard !isFinished else { return }
      // One that is gone, or rests in a group stop and stays parked.
      guard let state = threads[thread], state.state == .canonical else { continue }
      let isReported =
        parking.reason == .exit(.probe) && breakpointFilter == nil
        || parking.reason == .exit(.stepped)
          && (state.action.kind != .run || state.caughtCall != nil)
      if !isReported, case .signal(let signal)? = state.pending {
        // A signal that came at the same moment: it is told before the instruction is carried out.
        threads[thread]?.pending = nil
        take(signal, by: thread)
        continue
      }
      switch parking.reason {
      // A signal that came at the same moment is told at the next resume.
      case .exit(.probe) where isDebugged(thread):
        if !goesOnUntold(thread) { stopWorld(thread, .breakpoint) }
      case .exit(.probe): enter(thread, skippingProbe: true)
      case .exit(.stepped): finishStep(thread)
      case .exit(.rare): carryOut(thread)
      case .exit(.watched): enter(thread, skippingProbe: true)
      case .exit: enter(thread)
      case .discard(let kind): return discardWorld(kind, for: thread)
      case .needsArena(let target): if mapArena(near: target, by: thread) { resumeAsPlanned([thread]) }
      case .needsTrust: openTrust(thread)
      case .writesCode: enter(thread)
      case .beforeCall(let number): parkedBeforeCall(thread, number)
      case .isToBeTraced(let target):
        engine.lock.locked { _ = engine.tracing.released.insert(thread) }
        tracees.release(target)
        if isFinished { return }
        if threads[thread] == nil {
          engine.lock.locked { _ = engine.tracing.released.remove(thread) }
        } else {
          enter(thread)
        }
      }
    }
  }
}

/// One thread of the guest, as the tracer sees it.
struct TracedThread {
  enum State {
    case running
    /// Stopped; `registers` hold its original state.
    case canonical
    /// On its way to the first instruction of a handler.
    case enteringHandler
    /// On its way to the trap of its own trap flag, in the gate; `registers` hold its original state.
    case raisingTrap
  }

  var state = State.running
  var registers = Registers(general: user_regs_struct())
  /// The process it belongs to: the guest, or a vfork child that shares its memory.
  var processID: Int32
  /// How many the tracer met before: threads are listed in this order, which the kernel's numbers have not (they
  /// begin again at pid_max).
  let birth: UInt64
  /// What stopped it while the world was being stopped, or while a watchpoint was told; told at the next resume.
  var pending: StopReason? = nil
  /// The signal of the job-control stop out of which xv has taken it, for its own sake: it goes back there.
  var groupStop: Int32 = 0
  /// A debugger lets it run although job control has stopped its process.
  var hasLeftGroupStop = false
  /// A filter has refused the system call behind which it stands.
  var callWasRefused = false
  /// The breakpoint whose hit by this thread the debugger was told: only this one does the thread leave
  /// without another hit.
  var toldBreakpoint: UInt64? = nil
  /// A breakpoint that it leaves, by a fragment of its own.
  var leaving: LeftBreakpoint? = nil
  /// The signal whose delivery the thread stands before: only then can it be delivered directly.
  var stoppedBySignal: Int32 = 0
  /// The debugger has moved it away from where it stopped.
  var hasMoved = false
  /// What the debug registers of a thread of the guest hold; nil when that is not known.
  var debugRegisters: DebugRegisters? = DebugRegisters()
  /// A watchpoint met by an instruction that is done, or by the step that it makes; not told yet.
  var watchHit: WatchHit? = nil
  /// What it met besides what was told, or while another thread's stop was: told at the next resume, before
  /// `pending`.
  var untoldHit: WatchHit? = nil
  /// The instruction that it makes alone, which meets a watchpoint.
  var checkedStep: CheckedStep? = nil
  /// A signal to be delivered without telling the debugger again.
  var silentSignal: Int32 = 0
  /// A signal that the debugger has let through at a resume at which another stop was told instead.
  var owedSignal: Int32 = 0
  /// A thread that stays stands still at the debugger's word.
  var action = ResumePlan.Action(.run)
  var isHeld: Bool { action.kind == .stay }
  /// A process that it has made, or whose end it waited for, which is told at the next resume.
  var untold: StopReason? = nil
  /// Where the instruction stands that it was last told to execute alone.
  var stepStart: UInt64? = nil
  /// The step that it makes for the program's own trap flag.
  var trapStep: TrapStep? = nil
  /// An instruction that began with the trap flag set is done, and its trap is still to come.
  var owesTrap = false
  /// The system call at whose entry it was told to stand, or that it makes since.
  var caughtCall: CaughtCall? = nil
  /// The interrupted call that it was placed before.
  var repeatedCall: RepeatedCall? = nil
  var isExiting = false
  var options: ThreadOptions = []
  /// The child that shares the thread's memory and has its place until it ends or calls exec.
  var vforkChild: ThreadID? = nil
  /// That child runs natively.
  var vforkChildIsNative = false
  /// The program's signal mask, while the thread is kept from signals.
  var mask: UInt64? = nil
}

/// A breakpoint that a thread leaves without its probe.
struct LeftBreakpoint {
  var breakpoint: UInt64
  /// The cache addresses of the instruction's fragment.
  var span: Range<UInt64>
}
