// SPDX-License-Identifier: GPL-3.0-only
internal import Glibc
internal import RSP
internal import WorldVM
internal import XVCore

/// One program of the session: its world, and what the client has set in it.
final class Inferior {
  let world: any World
  /// The number by which clients know it: the process id in its world, unless another world has that
  /// one too.
  let processID: Int32
  /// A world beside the first one, of which a client is told when it asks for it.
  let isOneOfSeveral: Bool
  /// Why it stands still, or how it ended.
  var lastStop: StopEvent
  /// The resume that it carries out, its signals delivered; nil while it stands still.
  var runningPlan: ResumePlan?
  /// Stops of its own that came while it was stopped for another one's: told when it is resumed.
  var untold: [StopEvent] = []
  var breakpoints = BreakpointTable()
  /// Its machine did not answer when it was to be stopped. For the client it stands still all the same, with
  /// the threads that it had, and tells nothing (`AwayWorlds.swift`).
  var isAway = false
  /// Those that it had at its last resume.
  var lastThreads: [ThreadID] = []
  /// What the client has taken away meanwhile.
  var removals: Set<BreakpointPacket> = []
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

  init(_ world: any World, agent: BreakpointAgent, processID: Int32? = nil, isOneOfSeveral: Bool = false) {
    self.world = world
    self.isOneOfSeveral = isOneOfSeveral
    self.processID = processID ?? world.processID
    self.agent = agent
    let first = world.threads.first ?? ThreadID(world.processID)
    lastStop = world.lastStop ?? StopEvent(thread: first, reason: .stepped)
  }

  /// A process that a program made: it has inherited what was set there.
  init(_ world: any World, madeBy maker: Inferior, agent: BreakpointAgent) {
    self.world = world
    self.agent = agent
    processID = world.processID
    isOneOfSeveral = false
    lastStop = StopEvent(thread: ThreadID(world.processID), reason: .interrupted)
    breakpoints = maker.breakpoints
    watchpoints = maker.watchpoints
    catchesCalls = maker.catchesCalls
  }

  /// Whether it can be asked now: its machine answers.
  var isReached: Bool {
    guard let remote = world as? RemoteWorld else { return true }
    return remote.link.state == .connected
  }

  /// It ended after its stop was told, or while it was stopped for another one's: for the client it is
  /// still there, with its first thread, registers of zero and no memory.
  var hasUntoldEnd: Bool { !isOver && world.lastStop?.reason.isEnd == true }
  var threads: [ThreadID] {
    if isAway { return lastThreads }
    return hasUntoldEnd ? [ThreadID(world.processID)] : world.threads
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
  /// Those that the client sees: without process ids in names one, else the first world, others that it
  /// has attached to, and what they have made.
  ///
  /// gdb makes nothing but an empty shell of a process that it only finds in a list of threads.
  var visible: [Inferior] {
    guard client.isMultiprocess else { return [current] }
    return inferiors.filter { !$0.isOneOfSeveral || attached.contains($0.processID) }
  }

  /// `vAttach`, where there are several worlds: the client sees one more.
  func attach(toWorld process: UInt64) throws(WorldError) -> Reply {
    guard let inferior = inferior(of: process) else {
      throw .refused("process \(process) is none of those that 'monitor xv world' lists")
    }
    attached.insert(inferior.processID)
    select(inferior, inferior.lastStop.thread)
    return stopReply()
  }

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
    guard current.isOver else { return }
    guard let other = visible.first(where: { !$0.isOver }) ?? living.first else { return }
    select(other, other.lastStop.thread)
  }

  func select(_ inferior: Inferior, _ thread: ThreadID) {
    if inferior !== current { transfers.forget() }
    current = inferior
    generalThread = thread
  }

  /// The process that a client names; nil when there is none.
  func inferior(of process: UInt64) -> Inferior? {
    living.first { UInt64($0.processID) == process }
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
