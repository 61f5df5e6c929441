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
  let control = PtraceControl()
  let bell = ParkingBell()
  /// By process id, under xv from their first instruction or their fork on.
  private(set) var processes: [Int32: Tracer] = [:]
  /// Threads and processes whose first stop came before their maker's event.
  private var earlyChildren: Set<ThreadID> = []

  private let commandLock = Lock()
  private var commands: [() -> Void] = []
  private let commandDescriptor = eventfd(0, Int32(EFD_CLOEXEC) | Int32(EFD_NONBLOCK))
  /// Set under `commandLock` when no command is taken any more.
  private var isClosed = false

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
      let children = try ChildEvents()
      try main.start()
      processes[main.process] = main
      launched(.success(main.process))
      main.beginRunning()
      while !main.isFinished { turn(children) }
    } catch {
      main.isFinished = true
      return launched(.failure(error))
    }
    main.engine?.stopDispatcher()
    // Whoever asked in the last moment gets an answer.
    let rest = commandLock.locked {
      isClosed = true
      return commands
    }
    rest.forEach { $0() }
  }

  private func turn(_ children: borrowing ChildEvents) {
    var descriptors = [
      pollfd(fd: children.descriptor, events: Int16(POLLIN), revents: 0),
      pollfd(fd: commandDescriptor, events: Int16(POLLIN), revents: 0),
      pollfd(fd: bell.descriptor, events: Int16(POLLIN), revents: 0),
    ]
    poll(&descriptors, 3, -1)
    children.clear()
    drain(commandDescriptor)
    drain(bell.descriptor)
    // A thread that was told of before may only now be where it can be served.
    var concerned = bell.take()
    while let (thread, event) = control.nextEvent() {
      if let process = handle(thread, event) { concerned.insert(process) }
    }
    for process in concerned {
      guard let tracer = processes[process], !tracer.isFinished else { continue }
      tracer.handleParked()
    }
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
    case .exited, .killed: earlyChildren.remove(thread)
    case .stopped: earlyChildren.insert(thread)
    case .groupStop: control.listen(thread)
    case .signal(let signal): control.resume(thread, signal: signal)
    default: control.resume(thread, signal: 0)
    }
  }

  /// Waits for the first stop of a thread or process that was just made; false when it did not live to
  /// see it.
  func waitForBirth(of child: ThreadID) -> Bool {
    if earlyChildren.remove(child) != nil { return true }
    if case .stopped? = control.waitForEvent(of: child) { return true }
    return false
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
