// SPDX-License-Identifier: GPL-3.0-only
internal import Linux
package import RSP
package import WorldVM
internal import XVCore

/// What each packet means as a call on a `World`.
///
/// One object for the server's whole life: clients come and go, and in extended mode programs do. This file sends each family of
/// packets to its own file; what a family does stands there.
package final class StubSession: Responder {
  /// The programs that are debugged, in the order in which they came; at least one, which may be over.
  private(set) var inferiors: [Inferior]
  /// The one that packets are about which name no process.
  var current: Inferior
  /// Readable when one of them has stopped.
  let stops: DescriptorSet
  package private(set) var layout: RegisterLayout
  /// Nil when the session is about one program only.
  package var launcher: Launcher?
  /// The client said `!`: the session goes on without a program.
  package internal(set) var isExtended = false
  /// What `qLaunchSuccess` tells of the last `A`.
  var launchFailure: WorldError?

  /// Packets that are answered as if nobody had heard of them.
  package var disabledPackets: Set<DisabledPacket> = []

  /// Those of several worlds that the present client asked for, by their numbers.
  var attached: Set<Int32> = []
  /// What the present client negotiated.
  var client = ClientFeatures()
  /// The thread that g, G, p, P, m and M are about.
  var generalThread: ThreadID
  /// The thread that `Hc` chose for the resume packets older than `vCont`.
  var resumeThread = ThreadSelector.any

  /// How often the programs were resumed, all together.
  var moves: UInt64 = 0
  /// Whether the program stands where it was when it was launched, or taken hold of.
  var isFresh = true
  /// Whether threads stop one by one.
  var isNonStop = false
  /// Stops of which the client has not said that it has taken them in; it was told the first.
  var notices: [Notice] = []
  /// The thread whose stop is the answer to a ^C.
  var loudThread: ThreadID?
  var interruption = Interruption.none
  /// Whether the interrupt at which the program stands was to be no signal.
  var stopsQuietly = false
  var passedSignals: Set<Int32> = []
  /// Signals that may be delivered at all; nil when the client told nothing about it.
  var programSignals: Set<Int32>?

  /// The next process of a name, which the client is to have when it is there.
  var awaited: AwaitedProcess?
  /// What the program has as stdin, stdout and stderr, when its output goes to the client.
  var terminal: ProgramTerminal?
  /// Whether the client wants the program to be let go, not ended, when the connection is lost.
  package internal(set) var detachesOnError = false

  var savedRegisters = SavedRegisters()
  var transfers = TransferCache()
  var files = FileTable()
  var relay = FileRelay()
  var host = HostServices()
  /// Those that were let go and whose end nobody took.
  var detachedProcesses: [Int32] = []

  /// A session without a program, which its client will start.
  package convenience init(launcher: Launcher) {
    self.init(world: NoWorld(), layout: RegisterLayout(xcr0: 3))
    lastStop = StopEvent(thread: ThreadID(0), reason: .exited(0))
    self.launcher = launcher
  }

  package convenience init(world: any World, layout: RegisterLayout) {
    self.init(worlds: [world], layout: layout)
  }

  /// A session about several programs, of which clients see each as a process; at least one.
  package init(worlds: [any World], layout: RegisterLayout) {
    self.layout = layout
    let numbers = ProcessNumbers.distinct(worlds.map(\.processID))
    inferiors = zip(worlds, numbers).enumerated().map { index, world in
      Inferior(
        world.0, agent: BreakpointAgent(layout), processID: world.1, isOneOfSeveral: index > 0)
    }
    current = inferiors[0]
    do throws(DescriptorError) {
      stops = try DescriptorSet()
    } catch {
      preconditionFailure("no epoll descriptor: errno \(error.errno)")
    }
    generalThread = current.lastStop.thread
    for world in worlds { stops.insert(world.stopDescriptor) }
  }

  /// Puts a new program in the place of those that are over, beside those that live.
  func adopt(_ world: any World) {
    do throws(WorldError) { layout = try RegisterLayout(world: world) } catch {}
    let over = inferiors.filter(\.isOver)
    current = Inferior(world, agent: makeAgent())
    add(current)
    over.forEach(remove)
    generalThread = lastStop.thread
    resumeThread = .any
    isFresh = true
    if inferiors.count == 1 {
      interruption = .none
      notices = []
      loudThread = nil
    }
    savedRegisters = SavedRegisters()
    transfers.forget()
    tellEvents()
    if isNonStop { do throws(WorldError) { try world.setNonStop(true) } catch {} }
  }

  /// The program goes on in another world, as it stands.
  func exchange(for world: any World) {
    let last = current
    current = Inferior(
      world, agent: makeAgent(), processID: last.processID, isOneOfSeveral: last.isOneOfSeveral)
    current.breakpoints = last.breakpoints
    current.lastStop = last.lastStop
    current.allocations = last.allocations
    add(current)
    remove(last)
    transfers.forget()
  }

  func add(_ inferior: Inferior) {
    inferiors.append(inferior)
    stops.insert(inferior.world.stopDescriptor)
  }

  func remove(_ inferior: Inferior) {
    stops.remove(inferior.world.stopDescriptor)
    inferiors.removeAll { $0 === inferior }
  }

  /// Whether the programs are gone, so that there is nothing left to debug.
  package var hasEnded: Bool { inferiors.allSatisfy(\.isOver) }
  /// Whether the last one was let go.
  package var isDetached: Bool { hasEnded && inferiors.contains(where: \.isDetached) }

  package var stopDescriptor: Int32 { awaited?.descriptor ?? stops.descriptor }

  package var consoleDescriptor: Int32 { terminal?.descriptor ?? -1 }
  package func takeConsole() -> [UInt8] { terminal?.take() ?? [] }

  package func clientConnected() {
    leaveNonStop()
    clearThreadOptions()
    client = ClientFeatures()
    attached = []
    isExtended = false
    detachesOnError = false
    awaited = nil
    resumeThread = .any
    if !visible.contains(where: { $0 === current && !$0.isOver }),
      let first = visible.first(where: { !$0.isOver })
    {
      current = first
    }
    generalThread = lastStop.thread
    passedSignals = []
    programSignals = nil
    interruption = .none
    files = FileTable()
    relay = FileRelay()
    transfers = TransferCache()
    savedRegisters = SavedRegisters()
    tellEvents()
  }

  package func answer(_ packet: Packet) -> Answer {
    if isDisabled(packet) { return .reply(.empty) }
    do throws(WorldError) {
      return try respond(to: packet)
    } catch {
      // To a client that shows a number only, a resume can say in words why it is refused.
      if case .refused(let why) = error, case .resume = packet, !client.understandsErrorMessages {
        return .console(Array("\(why)\n".utf8), errorReply(error))
      }
      return .reply(errorReply(error))
    }
  }

  private func respond(to packet: Packet) throws(WorldError) -> Answer {
    if packet.asksMachine { _ = try reached(current) }
    return switch packet {
    case .register(let packet): .reply(try respond(to: packet))
    case .memory(let packet): .reply(try respond(to: packet))
    case .breakpoint(let packet): .reply(try respond(to: packet))
    case .resume(let packet): try respond(to: packet)
    case .process(let packet): try respond(to: packet)
    case .thread(let packet): .reply(try respond(to: packet))
    case .transfer(let packet): .reply(try respond(to: packet))
    case .file(let packet): .reply(try respond(to: packet))
    case .signals(let packet): .reply(respond(to: packet))
    case .catchCalls(let packet): .reply(try respond(to: packet))
    case .threadMode(let packet): .reply(try respond(to: packet))
    // What only a platform's server does is not known here.
    case .platform(let packet): .reply(host.answer(packet) ?? .empty)
    case .debugger(let packet): .reply(try respond(to: packet))
    case .launch(let packet): try respond(to: packet)
    case .supported(let offers): .reply(negotiate(offers))
    case .monitor(let command): monitor(command)
    case .symbols, .startNoAckMode: .reply(.ok)
    case .unknown: .reply(.empty)
    case .malformed: .reply(.malformed)
    }
  }
}

extension StopReason {
  /// Whether the program is gone.
  var isEnd: Bool {
    switch self {
    case .exited, .killed: true
    case .breakpoint, .watchpoint, .stepped, .signal, .interrupted, .execed, .systemCallEntry,
      .systemCallReturn, .forked, .vforked, .vforkDone, .threadCreated, .cloned, .threadExited,
      .noneResumed:
      false
    }
  }
}
