// SPDX-License-Identifier: GPL-3.0-only
internal import Linux
internal import RSP
internal import WorldVM
internal import XVCore

/// One session for several clients: one of them drives, the others look on.
///
/// Who comes while nobody drives, drives; later, who asked for it last (`monitor xv drive`).
final class SharedSession {
  let session: StubSession
  private(set) var clients: [ClientDesk] = []
  /// Its view is the one that the session has.
  private(set) var driver: ClientDesk?
  private var lastNumber = 0

  init(_ session: StubSession) { self.session = session }

  // MARK: Clients
  func join(peer: String?) -> ClientDesk {
    lastNumber += 1
    let desk = ClientDesk(self, number: lastNumber, peer: peer)
    clients.append(desk)
    if driver == nil {
      session.clientConnected()
      driver = desk
    }
    return desk
  }

  /// The programs that a driver leaves stand still, or will do so soon, and have no breakpoints.
  func leave(_ desk: ClientDesk) {
    clients.removeAll { $0 === desk }
    guard driver === desk else { return }
    driver = nil
    session.keepStopped()
  }

  /// Who may resume and change the programs, in words.
  var driverText: String { driver.map { "\($0.name) drives it" } ?? "nobody drives it" }

  var text: String {
    (session.isRunning ? "the program runs\n" : "the program stands still\n")
      + clients.map { "\($0.name) \($0 === driver ? "drives" : "looks on")\n" }.joined()
  }

  /// Gives the wheel to another client, when the programs stand still.
  func drive(_ desk: ClientDesk) -> String {
    if driver === desk { return "you drive already\n" }
    if session.isNonStop { return "\(driverText), thread by thread: it must leave first\n" }
    let wasRunning = session.isRunning
    if wasRunning { stop() }
    session.forgetBreakpoints()
    driver?.view.exchange(with: session)
    desk.view.refresh(in: session)
    desk.view.exchange(with: session)
    driver = desk
    session.tellEvents()
    let stopped = wasRunning ? " and the program was stopped" : ""
    return desk.isCurrent
      ? "you drive\(stopped)\n"
      : "you drive\(stopped); what you see is old: the next continue or step shows where it stands\n"
  }

  private func stop() {
    session.interrupt()
    while session.isRunning, !session.hasEnded {
      var readiness = Readiness([session.stopDescriptor])
      readiness.wait()
      takeStops()
    }
    // Another stop may have come first: the one that was asked for comes no more.
    session.interruption = .none
  }

  // MARK: Stops
  /// Takes what the session's stop descriptor tells of, for all who wait.
  func takeStops() {
    // One by one they are the driver's alone, who takes them.
    if session.isNonStop { return }
    guard let reply = session.takeStopReply() else { return }
    if driver == nil, !session.isRunning { session.forgetBreakpoints() }
    for desk in clients where desk.isWaiting {
      desk.tell(desk === driver ? reply : desk.look { session.stopReplyForOnlooker() })
    }
  }

  /// The programs are gone: so are their stops.
  func tellEnd() {
    for desk in clients where desk.isWaiting && desk !== driver {
      desk.tell(desk.look { session.stopReplyForOnlooker() })
    }
  }
}

/// What answers one client of a shared session.
final class ClientDesk: Responder {
  let shared: SharedSession
  let name: String
  /// What it negotiated and chose, while another client drives.
  var view: ClientView
  /// A stop reply is owed to it.
  private(set) var isWaiting = false
  /// The server has nothing more to serve.
  private(set) var endsServer = false
  /// It sees each stop of whoever drives.
  var isFollower = false
  /// Breakpoints that it asked for while it looked on: they have no effect.
  var wishes: Set<BreakpointPlace> = []
  /// Text that goes before the stop for which it waits.
  var announcement: [UInt8] = []
  private var owed: Reply?
  /// It sent a ^C while it did not wait.
  private var isInterrupted = false
  /// How often the programs had been resumed when it was last told where they stand; nil: never.
  private var seen: UInt64?

  fileprivate init(_ shared: SharedSession, number: Int, peer: String?) {
    self.shared = shared
    name = "client \(number)" + (peer.map { " (\($0))" } ?? "")
    view = ClientView(of: shared.session)
  }

  var session: StubSession { shared.session }
  var isDriving: Bool { shared.driver === self }
  /// Whether it was told of the stop at which the programs stand.
  var isCurrent: Bool { seen == session.moves && !session.isRunning }

  /// Asks the session for this client, who does not drive.
  func look<Value>(_ body: () -> Value) -> Value { view.use(in: session, body) }

  /// Whether it has never been told where they stand.
  var isNew: Bool { seen == nil }

  /// It knows where the programs stand.
  func markSeen() { seen = session.moves }

  func wait() -> Answer {
    isWaiting = true
    // Asked for before it waited.
    if isInterrupted { giveUpWaiting() }
    isInterrupted = false
    return .resumed
  }

  fileprivate func tell(_ reply: Reply) {
    owed = reply
    markSeen()
    if !isDriving { view.choose(session.current) }
  }

  /// It stops waiting; the programs do not stop.
  func giveUpWaiting() {
    guard isWaiting, !isDriving else { return }
    let thread = session.lastStop.thread
    owed = look {
      let stop = StopReply.Stop(signal: .interrupt, thread: session.name(of: thread))
      return Reply(StopReply.stopped(stop).encoded(multiprocess: session.client.isMultiprocess))
    }
  }

  // MARK: Responder
  func clientConnected() {}

  func answer(_ packet: Packet) -> Answer {
    if case .monitor(let command) = packet, let text = monitor(command) {
      return .console(Array(text.utf8), .ok)
    }
    return isDriving ? answerToDriver(packet) : answerToOnlooker(packet)
  }

  func answerWhileRunning(_ packet: Packet) -> Answer? {
    if isDriving { return note(session.answerWhileRunning(packet)) }
    switch packet {
    case .process(.kill): return .last(nil)
    case .resume(.interrupt):
      giveUpWaiting()
      return .reply(.ok)
    default: return nil
    }
  }

  func interrupt() {
    if isDriving { return session.interrupt() }
    if isWaiting { giveUpWaiting() } else { isInterrupted = true }
  }

  var stopDescriptor: Int32 { session.stopDescriptor }

  func takeStopReply() -> Reply? {
    defer { owed = nil }
    if owed != nil { isWaiting = false }
    return owed
  }

  func takeNotification() -> Reply? {
    isDriving && session.isNonStop ? session.takeNotification() : nil
  }

  // MARK: Driving
  private func answerToDriver(_ packet: Packet) -> Answer {
    switch packet {
    case .process(.status) where session.isRunning && !session.isNonStop:
      // The last driver's program is about to stop: that is where it stands.
      return wait()
    case .process(.detach) where shared.clients.count > 1:
      // For the others the program stays.
      return .last(.ok)
    case .threadMode(.nonStop(true)) where shared.clients.count > 1:
      return .reply(refusal("threads go on one by one for a client that is alone only"))
    case .resume(.actions), .resume(.legacy):
      if isCurrent || session.isNonStop || session.hasEnded { break }
      // Its debugger would go on from another place than it knows.
      markSeen()
      return .reply(session.stopReply())
    case .register(let packet) where packet.changesRegisters && !isCurrent && !session.isNonStop:
      return .reply(refusal("the program has moved on: the next continue or step shows where it stands"))
    default: break
    }
    let answer = session.answer(packet)
    switch packet {
    case .process(.status), .resume, .launch(.attach): markSeen()
    default: break
    }
    return note(answer) ?? answer
  }

  private func note(_ answer: Answer?) -> Answer? {
    if case .resumed? = answer { isWaiting = true }
    if case .last? = answer { endsServer = true }
    return answer
  }

  /// In words for gdb, which shows them in most places; lldb has its own form.
  func refusal(_ text: String) -> Reply {
    let isLLDB = isDriving ? session.client.isLLDB : view.isLLDB
    guard isLLDB else { return .error(text) }
    return isDriving
      ? session.errorReply(.refused(text)) : look { session.errorReply(.refused(text)) }
  }

  // MARK: What is about clients
  /// Nil for a command of another kind.
  private func monitor(_ command: [UInt8]) -> String? {
    switch String(decoding: command, as: UTF8.self).split(separator: " ") {
    case ["xv", "drive"]: return shared.drive(self)
    case ["xv", "follow"]:
      isFollower.toggle()
      return isFollower
        ? "continue waits for the next stop\n" : "continue is refused while the program stands still\n"
    case ["xv", "world"]: return session.worldText + shared.text
    default: return nil
    }
  }
}

extension RegisterPacket {
  var changesRegisters: Bool {
    switch operation {
    case .readAll, .read, .save: false
    case .writeAll, .write, .restore: true
    }
  }
}
