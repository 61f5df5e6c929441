// SPDX-License-Identifier: GPL-3.0-only
import Glibc

/// What of a program's life its debugger is told besides its stops.
public struct ToldEvents: Hashable, Sendable {
  /// Processes that it makes, with memory of their own.
  public var forks = false
  /// Those for which their maker waits, and that the wait is over.
  public var vforks = false

  /// Threads that it makes, and their ends.
  public var threads = false

  public init(forks: Bool = false, vforks: Bool = false, threads: Bool = false) {
    self.forks = forks
    self.vforks = vforks
    self.threads = threads
  }
}

/// What of one thread's life its debugger is told, whatever `ToldEvents` says.
public struct ThreadOptions: OptionSet, Hashable, Sendable {
  public let rawValue: UInt64
  public init(rawValue: UInt64) { self.rawValue = rawValue }

  /// Threads that it makes.
  public static let clones = ThreadOptions(rawValue: 1)
  /// Its end.
  public static let end = ThreadOptions(rawValue: 2)
}

/// Who is told of the stops of processes that were made by others. Events wait for their receiver.
struct Debuggees {
  private struct Debuggee {
    var receiver: (@Sendable (StopEvent) -> Void)?
    var waiting: [StopEvent] = []
  }

  private var debuggees: [Int32: Debuggee] = [:]

  /// A debugger is about to be told of a process.
  mutating func expect(_ process: Int32) { debuggees[process] = Debuggee() }

  mutating func receive(_ process: Int32, _ event: StopEvent) {
    guard let receiver = debuggees[process]?.receiver else {
      debuggees[process]?.waiting.append(event)
      return
    }
    receiver(event)
  }

  mutating func connect(_ process: Int32, _ receiver: @escaping @Sendable (StopEvent) -> Void) {
    let waiting = debuggees[process]?.waiting ?? []
    debuggees[process] = Debuggee(receiver: receiver)
    waiting.forEach(receiver)
  }

  mutating func forget(_ process: Int32) { debuggees[process] = nil }
}

extension Tracer {
  /// Whether a debugger wants to know what happens to a thread. Those of a vfork child of which it does not
  /// know run whenever they can.
  func isDebugged(_ thread: ThreadID) -> Bool {
    guard let owner = threads[thread]?.processID else { return false }
    return owner == process ? isDebugged : debuggedSharers.contains(owner)
  }

  /// Whether a process stands still at its debugger's word.
  func isHeld(_ process: Int32) -> Bool {
    isStopped || threads.values.allSatisfy { $0.processID != process || $0.isHeld }
  }

  /// Tells the debugger a stop of all threads.
  func tellStop(_ thread: ThreadID, _ reason: StopReason) {
    let owner = threads[thread]?.processID ?? process
    let others = Set(threads.values.filter { !$0.isHeld }.map(\.processID)).filter {
      $0 != owner && ($0 == process ? isDebugged : debuggedSharers.contains($0))
    }
    for other in Array(threads.keys) where isDebugged(other) {
      threads[other]?.action = ResumePlan.Action(.stay)
      if threads[other]?.groupStop != 0 {
        // The debugger's resume is one in spite of the stop.
        threads[other]?.groupStop = 0
        threads[other]?.hasLeftGroupStop = true
      }
    }
    tell(owner, StopEvent(thread: thread, reason: reason))
    for other in others {
      tell(other, StopEvent(thread: ThreadID(other), reason: .interrupted))
    }
  }

  func tell(_ process: Int32, _ event: StopEvent) {
    guard process == self.process else { return tracees.debuggees.receive(process, event) }
    keepSnapshot(event.thread)
    onStop(event)
  }

  /// Tells that a thread has made a process; the child is held.
  func tellFork(_ parent: ThreadID, _ reason: StopReason) {
    if isStopped || isStopping {
      threads[parent]?.untold = reason
    } else {
      stopWorld(parent, reason)
    }
  }

  /// What a debugger knows about the process is known about one that it has made.
  func takeOver(from maker: Tracer) {
    isDebugged = true
    toldEvents = maker.toldEvents
    breakpoints = maker.breakpoints
    watchpoints = maker.watchpoints
    caughtCalls = maker.caughtCalls
    isNonStop = maker.isNonStop
  }

  /// A vfork child goes on as one of which no debugger knows. It runs when the threads of its maker do.
  func release(sharer: Int32) {
    debuggedSharers.remove(sharer)
    tracees.debuggees.forget(sharer)
    for (thread, state) in threads where state.processID == sharer {
      threads[thread]?.action = ResumePlan.Action(.run)
    }
  }

  /// Ends a vfork child.
  func kill(sharer: Int32) {
    killAndReap(sharer)
    debuggedSharers.remove(sharer)
    tracees.debuggees.forget(sharer)
    for thread in threads.filter({ $0.value.processID == sharer }).keys {
      engine?.lock.locked { engine?.removeThread(thread) }
      threads[thread] = nil
    }
  }
}

extension Guest {
  /// Has the debugger be told of what the program makes.
  package func tellEvents(_ told: ToldEvents) throws(GuestError) {
    try whileStopped { tracer throws(GuestError) in tracer.toldEvents = told }
  }

  /// Has the debugger be told of single threads' lives.
  package func setOptions(_ options: [ThreadID: ThreadOptions]) {
    _ = withTracer { tracer in
      for (thread, options) in options { tracer.threads[thread]?.options = options }
    }
  }

  /// A process that this one has made and of which a stop told; it stands still. `onStop` as for `launch`.
  package func child(
    _ process: Int32, onStop: @escaping @Sendable (StopEvent) -> Void
  ) throws(GuestError) -> Guest {
    try whileStopped { tracer throws(GuestError) in
      guard tracer.tracees.debuggee(process) != nil else { throw .gone }
      tracer.tracees.debuggees.connect(process, onStop)
    }
    return sibling(process)
  }
}
