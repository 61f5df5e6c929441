// SPDX-License-Identifier: GPL-3.0-only
internal import CLinux
import Glibc

/// The processes that one OS thread holds, and the loop that waits for what happens to them.
///
/// Everything here, and in each `Tracer`, runs on that one thread, because the kernel lets nobody else
/// control them. Other threads hand in closures (`perform`).
final class Tracees: @unchecked Sendable {
  // Rule for the unchecked conformance: only the tracer's thread touches the stored variables, except
  // `commands` and `isClosed`, which have a lock of their own.
  private let control = PtraceControl()
  private let children: ChildEvents
  let bell = ParkingBell()
  /// By process id, under xv from their first instruction or their fork on.
  private(set) var processes: [Int32: Tracer] = [:]
  /// Each takes some twenty mappings of this process, of which the kernel allows 65,530, and a thread.
  var hasRoom: Bool { processes.count < 1000 }
  /// The one that was launched or attached to. When it has ended, and those that are debugged have, the
  /// others are let go.
  private var main: Tracer?
  var debuggees = Debuggees()
  private var isLettingGo = false
  private var statistics = Statistics()
  /// Engines that are no more in use and still write down what they have translated.
  private let retirements = Outstanding()
  /// Threads and processes whose first stop came before their maker's event.
  private var earlyChildren: [ThreadID: Birth] = [:]
  /// Ends that were told in the middle of something else.
  private var postponed: [(thread: ThreadID, event: ControlEvent)] = []
  /// Somebody waited for one thread, and what woke it may have been another's.
  private var hasTakenWakeUp = false

  private let commandLock = Lock()
  private var commands: [() -> Void] = []
  private let commandDescriptor = eventfd(0, Int32(EFD_CLOEXEC) | Int32(EFD_NONBLOCK))
  /// Set under `commandLock` when no command is taken any more.
  private var isClosed = false

  init() throws(GuestError) { children = try ChildEvents() }

  deinit { close(commandDescriptor) }

  // MARK: Commands

  /// Runs `body` on the tracer's thread and waits for it.
  func perform<Result: Sendable>(_ body: @escaping () -> Result) -> Result? {
    let done = Completion<Result>()
    let accepted = commandLock.locked { () -> Bool in
      guard !isClosed else { return false }
      commands.append { done.finish(body()) }
      return true
    }
    guard accepted else { return nil }
    var one: UInt64 = 1
    write(commandDescriptor, &one, 8)
    return done.wait()
  }

  /// Somebody waits to be served.
  var hasCommands: Bool { commandLock.locked { !commands.isEmpty } }

  // MARK: The loop

  /// The body of the tracer thread: launches, reports, then handles events until `main` is gone.
  func run(_ main: Tracer, launched: (Result<Int32, GuestError>) -> Void) {
    do throws(GuestError) {
      self.main = main
      children.unblockSignal()
      try main.start()
      processes[main.process] = main
      launched(.success(main.process))
      main.beginRunning()
      while !isOver {
        turn()
        serveCommands()
      }
    } catch {
      main.isFinished = true
      return launched(.failure(error))
    }
    // Whoever asked in the last moment gets an answer.
    let rest = commandLock.locked {
      isClosed = true
      return commands
    }
    rest.forEach { $0() }
    self.main = nil
  }

  /// Waits for something to happen, and handles it.
  private func turn() {
    var descriptors = [
      pollfd(fd: children.descriptor, events: Int16(POLLIN), revents: 0),
      pollfd(fd: commandDescriptor, events: Int16(POLLIN), revents: 0),
      pollfd(fd: bell.descriptor, events: Int16(POLLIN), revents: 0),
    ]
    poll(&descriptors, 3, postponed.isEmpty && !hasTakenWakeUp ? -1 : 0)
    hasTakenWakeUp = false
    children.clear()
    drain(bell.descriptor)
    // A thread that was told of before may only now be where it can be served.
    var concerned = bell.take()
    while let (thread, event) = nextEvent() {
      if let process = handle(thread, event) { concerned.insert(process) }
    }
    for process in concerned {
      guard let tracer = processes[process], !tracer.isFinished else { continue }
      tracer.handleParked()
    }
  }

  private func nextEvent() -> (thread: ThreadID, event: ControlEvent)? {
    postponed.isEmpty ? control.nextEvent() : postponed.removeFirst()
  }

  /// An end that was told while a thread was made to do something: it is handled in its turn.
  func postpone(_ thread: ThreadID, _ event: ControlEvent) { postponed.append((thread, event)) }

  /// Waits until something happens to one thread. `meanwhile` looks at the others of its process, where that takes
  /// longer than a stop does, and says whether it took something of theirs.
  func waitForEvent(of thread: ThreadID, meanwhile: () -> Bool) -> ControlEvent? {
    let longStop = ContinuousClock.now + .milliseconds(1)
    while true {
      do throws(GuestError) {
        if let event = try control.pollEvent(of: thread) { return event }
      } catch {
        return nil
      }
      let isLate = ContinuousClock.now >= longStop
      // What was taken may have been all that the thread's end waited for.
      if isLate, meanwhile() { continue }
      var wakeUp = pollfd(fd: children.descriptor, events: Int16(POLLIN), revents: 0)
      poll(&wakeUp, 1, isLate ? -1 : 1)
      children.clear()
      hasTakenWakeUp = true
    }
  }

  private func serveCommands() {
    drain(commandDescriptor)
    let batch = commandLock.locked {
      defer { commands = [] }
      return commands
    }
    batch.forEach { $0() }
  }

  private func drain(_ descriptor: Int32) {
    var count: UInt64 = 0
    while read(descriptor, &count, 8) > 0 {}
  }

  // MARK: Events

  /// Hands an event to the process whose thread it is. Returns that process.
  private func handle(_ thread: ThreadID, _ event: ControlEvent) -> Int32? {
    guard let tracer = tracer(of: thread), !tracer.isFinished else {
      handleUnknown(thread, event)
      return nil
    }
    let process = tracer.process
    tracer.handle(thread, event)
    return process
  }

  private func tracer(of thread: ThreadID) -> Tracer? {
    // Most threads are their process's only one.
    if let tracer = processes[thread.rawValue] { return tracer }
    return processes.values.first { $0.threads[thread] != nil }
  }

  /// A thread or process whose maker's event is still to come, or one that is no more.
  private func handleUnknown(_ thread: ThreadID, _ event: ControlEvent) {
    switch event {
    case .exited, .killed: earlyChildren[thread] = nil
    case .stopped: earlyChildren[thread] = Birth(groupStop: 0)
    case .groupStop(let signal): earlyChildren[thread] = Birth(groupStop: signal)
    case .signal(let signal): control.resume(thread, signal: signal)
    default: control.resume(thread, signal: 0)
    }
  }

  // MARK: Processes

  func add(_ tracer: Tracer) { processes[tracer.process] = tracer }

  /// A process has ended, or was let go. Nothing of it remains but what the kernel has for its parent.
  func ended(_ tracer: Tracer) {
    if let engine = tracer.engine { retire(engine) }
    tracer.engine = nil
    processes[tracer.process] = nil
    endIfOver()
  }

  /// Whether nothing is left that anybody waits for.
  private var isOver: Bool {
    main?.isFinished != false
      && !processes.values.contains {
        !$0.isFinished && ($0.isDebugged || !$0.debuggedSharers.isEmpty)
      }
  }

  func endIfOver() {
    guard isOver, !isLettingGo else { return }
    isLettingGo = true
    letOthersGo()
    retirements.wait()
  }

  /// The tracer that holds a process of which a debugger knows.
  func debuggee(_ process: Int32) -> Tracer? {
    processes[process] ?? processes.values.first { $0.debuggedSharers.contains(process) }
  }

  /// Lets a process run, of which no debugger knows any more, until none of its threads waits for a vfork
  /// child: nothing else can end such a wait.
  func waitForVforks(of tracer: Tracer) {
    guard tracer.waitsForVfork else { return }
    tracer.isDebugged = false
    tracer.debuggedSharers.forEach { tracer.release(sharer: $0) }
    for thread in tracer.threads.keys { tracer.threads[thread]?.action = ResumePlan.Action(.run) }
    tracer.resumeAll()
    while !tracer.isFinished, tracer.waitsForVfork { turn() }
    if !tracer.isFinished { tracer.halt() }
  }

  /// A process was detached. The main one's end is waited for all the same: this is its parent.
  func wentNative(_ tracer: Tracer) {
    guard tracer !== main else { return }
    tracer.isFinished = true
    processes[tracer.process] = nil
  }

  /// A process is to be traced by another one than xv: it goes on natively, unless it is the main one.
  func release(_ process: Int32) {
    guard let tracer = tracer(of: ThreadID(process)), !tracer.isFinished else { return }
    // It may have named one of the process's threads.
    if tracer.threads[ThreadID(process)]?.processID != tracer.process { return tracer.releaseSharer(ThreadID(process)) }
    guard tracer !== main else { return }
    if !tracer.waitsForVfork { tracer.leave() }
  }

  /// The children of a program that has ended go on natively.
  private func letOthersGo() {
    while let tracer = processes.values.first(where: { !$0.isFinished }) {
      // Nothing but its child can end the wait of a thread in a vfork.
      while !tracer.isFinished, tracer.waitsForVfork { turn() }
      if !tracer.isFinished { tracer.leave() }
      processes[tracer.process] = nil
    }
  }

  /// Ends an engine that no thread uses any more; its dispatcher writes down what was translated.
  func retire(_ engine: Engine) {
    statistics += engine.lock.locked { engine.statistics() }
    retirements.begin()
    engine.retire { [retirements] engine in
      engine.keepTranslations()
      retirements.end()
    }
  }

  /// Of all processes, also those that have ended.
  func totals() -> Statistics {
    processes.values.compactMap(\.engine).reduce(into: statistics) { sum, engine in
      sum += engine.lock.locked { engine.statistics() }
    }
  }

  /// The first stop of a thread or process.
  struct Birth {
    /// The signal of the job-control stop into which a thread was born; 0 where there is none.
    var groupStop: Int32
  }

  /// Waits for the first stop of a thread or process that was just made; nil when it did not live to see it.
  func waitForBirth(of child: ThreadID) -> Birth? {
    if let birth = earlyChildren.removeValue(forKey: child) { return birth }
    switch control.waitForEvent(of: child) {
    case .stopped: return Birth(groupStop: 0)
    case .groupStop(let signal): return Birth(groupStop: signal)
    case .exiting: control.resume(child, signal: 0)
    default: break
    }
    return nil
  }
}

/// Counts what is under way, and waits for the last of it.
final class Outstanding: @unchecked Sendable {
  // `count` is reached with the mutex held; neither it nor the condition moves.
  private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
  private var count = 0

  init() {
    pthread_mutex_init(mutex, nil)
    pthread_cond_init(condition, nil)
  }

  deinit {
    pthread_cond_destroy(condition)
    pthread_mutex_destroy(mutex)
    condition.deallocate()
    mutex.deallocate()
  }

  func begin() {
    pthread_mutex_lock(mutex)
    count += 1
    pthread_mutex_unlock(mutex)
  }

  func end() {
    pthread_mutex_lock(mutex)
    count -= 1
    if count == 0 { pthread_cond_broadcast(condition) }
    pthread_mutex_unlock(mutex)
  }

  func wait() {
    pthread_mutex_lock(mutex)
    while count > 0 { pthread_cond_wait(condition, mutex) }
    pthread_mutex_unlock(mutex)
  }
}

/// Where engines leave word that a thread of theirs waits for the tracer.
final class ParkingBell: @unchecked Sendable {
  // `processes` is reached with the lock held.
  let descriptor = eventfd(0, Int32(EFD_CLOEXEC) | Int32(EFD_NONBLOCK))
  private let lock = Lock()
  private var processes: Set<Int32> = []

  deinit { close(descriptor) }

  func ring(_ process: Int32) {
    lock.locked { _ = processes.insert(process) }
    var one: UInt64 = 1
    write(descriptor, &one, 8)
  }

  /// Whose threads wait; the bell is silent afterwards.
  func take() -> Set<Int32> {
    lock.locked {
      defer { processes = [] }
      return processes
    }
  }
}
