// SPDX-License-Identifier: GPL-3.0-only
internal import Glibc
internal import RSP
internal import WorldVM
internal import XVCore

/// One program of the session: its world, and what the client has set in it.
final class Inferior {
  let world: any World
  /// Why it stands still, or how it ended.
  var lastStop: StopEvent
  /// The resume that it carries out, its signals delivered; nil while it stands still.
  var runningPlan: ResumePlan?
  /// Stops of its own that came while it was stopped for another one's: told when it is resumed.
  var untold: [StopEvent] = []
  var breakpoints = BreakpointTable()
  /// Threads that were last told to step, where threads go on one by one.
  var steppers: Set<ThreadID> = []
  /// Conditions and commands of the breakpoints.
  var agent: BreakpointAgent
  var watchpoints: Set<Watchpoint> = []
  var catchesCalls = false
  /// What the client had mapped into it, by address.
  var allocations: [Address: UInt64] = [:]
  /// It was let go and is no longer the server's.
  var isDetached = false

  init(_ world: any World, agent: BreakpointAgent) {
    self.world = world
    self.agent = agent
    let first = world.threads.first ?? ThreadID(world.processID)
    lastStop = world.lastStop ?? StopEvent(thread: first, reason: .stepped)
  }

  /// A process that a program made: it has inherited what was set there.
  init(_ world: any World, madeBy maker: Inferior, agent: BreakpointAgent) {
    self.world = world
    self.agent = agent
    lastStop = StopEvent(thread: ThreadID(world.processID), reason: .interrupted)
    breakpoints = maker.breakpoints
    watchpoints = maker.watchpoints
    catchesCalls = maker.catchesCalls
  }

  /// Whether nothing is left of it to debug.
  var isOver: Bool { isDetached || lastStop.reason.isEnd }
}

extension StubSession {
  /// What packets that name no process are about.
  var world: any World { current.world }
  var lastStop: StopEvent {
    get { current.lastStop }
    set { current.lastStop = newValue }
  }
  var runningPlan: ResumePlan? {
    get { current.runningPlan }
    set { current.runningPlan = newValue }
  }
  var breakpoints: BreakpointTable {
    get { current.breakpoints }
    set { current.breakpoints = newValue }
  }
  var agent: BreakpointAgent { current.agent }
  var watchpoints: Set<Watchpoint> {
    get { current.watchpoints }
    set { current.watchpoints = newValue }
  }
  var catchesCalls: Bool {
    get { current.catchesCalls }
    set { current.catchesCalls = newValue }
  }
  var allocations: [Address: UInt64] {
    get { current.allocations }
    set { current.allocations = newValue }
  }

  /// Those that are not over.
  var living: [Inferior] { inferiors.filter { !$0.isOver } }

  func makeAgent() -> BreakpointAgent {
    // The client may be where a program's output would go.
    let hasOwnOutput = launcher?.template.redirectStandardIO != true
    return BreakpointAgent(layout, output: hasOwnOutput ? STDOUT_FILENO : STDERR_FILENO)
  }

  /// A stop has told of a process that the current one made.
  func adoptChild(_ process: Int32) throws(WorldError) {
    let child = Inferior(try world.child(process), madeBy: current, agent: makeAgent())
    add(child)
  }

  /// Forgets those that are over, as long as one is left.
  func forgetEnded() {
    for inferior in inferiors where inferior.isOver && inferiors.count > 1 { remove(inferior) }
  }

  /// Makes a living one the current one.
  func leaveEnded() {
    forgetEnded()
    guard current.isOver, let other = living.first else { return }
    select(other, other.lastStop.thread)
  }

  func select(_ inferior: Inferior, _ thread: ThreadID) {
    if inferior !== current { transfers.forget() }
    current = inferior
    generalThread = thread
  }

  /// The process that a client names; nil when there is none.
  func inferior(of process: UInt64) -> Inferior? {
    living.first { UInt64($0.world.processID) == process }
  }

  /// Runs `body` with another inferior in the current one's place.
  func with<Value>(
    _ inferior: Inferior, _ body: () throws(WorldError) -> Value
  ) throws(WorldError) -> Value {
    let last = current
    current = inferior
    defer { current = last }
    return try body()
  }

  /// Tells the worlds what they are to tell besides stops.
  func tellEvents() {
    // Without process ids in names no client could tell the processes apart.
    let told = ToldEvents(
      forks: client.isMultiprocess && client.understandsFork,
      vforks: client.isMultiprocess && client.understandsVfork,
      threads: client.wantsThreadEvents)
    for inferior in living {
      // A world that runs keeps what it was told; one that cannot tell has nothing to tell.
      do throws(WorldError) { try inferior.world.tellEvents(told) } catch {}
    }
  }
}
