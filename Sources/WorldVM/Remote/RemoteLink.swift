// SPDX-License-Identifier: GPL-3.0-only
internal import Linux
package import RSP
import Synchronization

/// The connection of a remote world, made again for ever when it is lost.
///
/// Requests are asked again over the next connection, so they must be such that asking twice does no
/// harm. While the program runs, the connection belongs to the thread that waits for its stop.
package final class RemoteLink: Sendable {
  struct Session {
    /// Nil while there is no connection.
    var client: Client?
    /// In which incarnation the program runs; nil while it stands still and anybody may ask.
    var running: Incarnation?
    /// Whether the server has told of a stop that the waiting thread has not answered: an interrupt would be
    /// sent to a program that stands, and many servers throw such a one away.
    var hasStopped = false
    /// Why nothing can be asked any more.
    var ending: String?
  }

  /// A stop that was asked for and has not come.
  enum Interruption: Equatable {
    case none
    /// The server has not been told: it was being connected to, or asked something else. One that was wanted as its
    /// incarnation ended is wanted no more.
    case wanted(in: Incarnation)
    case sent
  }

  private static let shortestPause = Duration.milliseconds(20)
  private static let longestPause = Duration.seconds(5)

  package let place: ServerPlace
  private let session: PatientLock<Session>
  private let interruption = Mutex(Interruption.none)
  /// Ends every wait of every caller.
  private let closing: Cancellation
  private let log: (@Sendable (Connection.Direction, [UInt8]) -> Void)?
  private struct Watch {
    var state = LinkState.connected
    var watchers: [@Sendable (LinkState) -> Void] = []
    /// Makes the server as it was: breakpoints, above all.
    var restore: @Sendable (Client, Patience) throws(ClientError) -> Void = { _, _ in }
  }
  private let watch = Mutex(Watch())

  init(
    _ place: ServerPlace, log: (@Sendable (Connection.Direction, [UInt8]) -> Void)? = nil
  ) throws(WorldError) {
    self.place = place
    self.log = log
    session = PatientLock(Session())
    do throws(DescriptorError) {
      closing = try Cancellation()
    } catch {
      throw .failed(call: "eventfd", errno: error.errno)
    }
  }

  // MARK: The state, for those who watch
  package var state: LinkState { watch.withLock { $0.state } }

  /// Calls at each change from now on, on whatever thread it happens.
  package func onChange(_ watcher: @escaping @Sendable (LinkState) -> Void) {
    watch.withLock { $0.watchers.append(watcher) }
  }

  func onReconnect(
    _ restore: @escaping @Sendable (Client, Patience) throws(ClientError) -> Void
  ) {
    watch.withLock { $0.restore = restore }
  }

  private func note(_ state: LinkState) {
    let watchers = watch.withLock { watch -> [@Sendable (LinkState) -> Void] in
      guard watch.state != state else { return [] }
      watch.state = state
      return watch.watchers
    }
    for watcher in watchers { watcher(state) }
  }

  // MARK: Requests
  /// What a caller waits with: its own cancellation and the link's end.
  var patience: Patience { Patience(cancellations: [Cancellation.current, closing]) }
  /// What the link's own thread waits with.
  var ownPatience: Patience { Patience(cancellations: [closing]) }

  /// Asks, again over the next connection if this one is lost on the way.
  func perform<Answer>(
    _ body: (Client, Patience) throws(ClientError) -> Answer
  ) throws(WorldError) -> Answer {
    defer { tellInterruption() }
    return try session.withLock { (session: inout Session) throws(WorldError) -> Answer in
      try ask(&session, body)
    }
  }

  /// As `perform`; the program runs then, and the connection is the waiting thread's until `stopped`.
  func start(
    _ incarnation: Incarnation, _ body: (Client, Patience) throws(ClientError) -> Void
  ) throws(WorldError) {
    defer { tellInterruption() }
    try session.withLock { (session: inout Session) throws(WorldError) in
      try ask(&session, body)
      session.running = incarnation
      session.hasStopped = false
    }
  }

  private func ask<Answer>(
    _ session: inout Session, _ body: (Client, Patience) throws(ClientError) -> Answer
  ) throws(WorldError) -> Answer {
    let patience = patience
    while true {
      if let ending = session.ending { throw .badWorld(ending) }
      if session.running != nil { throw .running }
      do throws(ClientError) {
        if let client = session.client { return try body(client, patience) }
        return try body(try reconnect(&session, patience), patience)
      } catch {
        guard error == .disconnected || error == .timedOut else {
          throw WorldError(error, isClosed: closing.isCancelled)
        }
        lose(&session)
      }
    }
  }

  /// The connection is gone. A command that ended took its program with it.
  private func lose(_ session: inout Session) {
    session.client = nil
    if isCommand { session.ending = "\(place) has ended" }
  }

  /// The first connection: a name that means nothing and a command that ends at once fail, a server that is not
  /// there yet is waited for.
  func connect() throws(WorldError) {
    try perform { _, _ throws(ClientError) in }
  }

  private func reconnect(
    _ session: inout Session, _ patience: Patience
  ) throws(ClientError) -> Client {
    let isFirst = state == .connected && session.client == nil && !hasConnected.withLock { $0 }
    var pause = Self.shortestPause
    var attempt = 0
    while true {
      do throws(ClientError) {
        let client = try Client.connect(to: place, patience, log: log)
        if !isFirst {
          let restore = watch.withLock { $0.restore }
          try restore(client, patience)
        }
        session.client = client
        hasConnected.withLock { $0 = true }
        note(.connected)
        return client
      } catch {
        switch error {
        case .disconnected where isCommand:
          throw .unreachable(
            place: "\(place)", reason: "the command ended before it answered; does the shell find it?")
        case .unreachable, .disconnected, .timedOut: break
        // A name server may be away too; what was a name once is one.
        case .notAPlace where !isFirst: break
        default: throw error
        }
        attempt += 1
        note(.reconnecting(attempt: attempt, reason: "\(error)"))
      }
      try patience.sleep(pause)
      pause = min(pause * 2, Self.longestPause)
    }
  }

  private let hasConnected = Mutex(false)

  private var isCommand: Bool {
    if case .command = place { true } else { false }
  }

  // MARK: While the program runs
  /// For the waiting thread: the next stop, and whether the connection was lost before it came. No interrupt is
  /// sent from then on until `resume`.
  func awaitStop() throws(ClientError) -> (stop: StopReply, isOverNewConnection: Bool) {
    let patience = ownPatience
    guard let client = withSession({ $0.client }) else { throw .disconnected }
    do throws(ClientError) {
      let stop = try client.nextStop(patience)
      withSession { $0.hasStopped = true }
      return (stop, false)
    } catch {
      guard error == .disconnected || error == .timedOut else { throw error }
    }
    // Nobody else asks while the program runs, so only an interrupt can come between.
    var found: Result<StopReply, ClientError> = .failure(.disconnected)
    while case .failure(.disconnected) = found {
      found = withSession { session in
        lose(&session)
        session.hasStopped = true
        if let ending = session.ending {
          return .failure(.refused(request: "?", number: nil, text: ending))
        }
        do throws(ClientError) {
          let client = try reconnect(&session, patience)
          return .success(try client.status(patience))
        } catch {
          return .failure(error)
        }
      }
    }
    return (try found.get(), true)
  }

  /// For the waiting thread: asks while the program stands at a stop that is not told to anybody.
  func again(_ body: (Client, Patience) throws(ClientError) -> Void) throws(ClientError) {
    try whileStanding(body, runsThen: false)
  }

  /// For the waiting thread: goes on from such a stop. An interrupt that was wanted meanwhile is sent.
  func resume(_ body: (Client, Patience) throws(ClientError) -> Void) throws(ClientError) {
    try whileStanding(body, runsThen: true)
  }

  private func whileStanding(
    _ body: (Client, Patience) throws(ClientError) -> Void, runsThen: Bool
  ) throws(ClientError) {
    let patience = ownPatience
    let result = withSession { session -> Result<Void, ClientError> in
      guard let client = session.client else { return .failure(.disconnected) }
      do throws(ClientError) {
        try body(client, patience)
        if runsThen { session.hasStopped = false }
        return .success(())
      } catch {
        return .failure(error)
      }
    }
    try result.get()
  }

  /// The program stands still: anybody may ask.
  func stopped(hasEnded: Bool) {
    withSession { session in
      session.running = nil
      if hasEnded {
        session.ending = "the program has ended"
        session.client = nil
      }
    }
    if hasEnded { note(.closed) }
  }

  private func withSession<Result>(_ body: (inout Session) -> Result) -> Result {
    defer { tellInterruption() }
    return session.withLockAlways(body)
  }

  // MARK: Interrupts
  /// Asks the program to stop as soon as it can be asked: not while the connection is being made again, nor while
  /// the program stands.
  func interrupt(in incarnation: Incarnation) {
    interruption.withLock { if $0 != .sent { $0 = .wanted(in: incarnation) } }
    tellInterruption()
  }

  /// For the waiting thread, in the incarnation in which it waits.
  func isInterrupted(in incarnation: Incarnation) -> Bool {
    interruption.withLock { $0 == .sent || $0 == .wanted(in: incarnation) }
  }

  /// The program did not stop by the interrupt that was sent, if any; returns whether one was.
  func repeatInterruption(in incarnation: Incarnation) -> Bool {
    interruption.withLock { state in
      guard state == .sent else { return false }
      state = .wanted(in: incarnation)
      return true
    }
  }

  /// What was wanted until the program stopped.
  func takeInterruption(in incarnation: Incarnation) -> Interruption {
    interruption.withLock { state in
      defer { state = .none }
      if case .wanted(let other) = state, other != incarnation { return .none }
      return state
    }
  }

  /// Whoever lets the session's lock go calls this: an interrupt may have been wanted meanwhile.
  private func tellInterruption() {
    while case .wanted(let incarnation) = interruption.withLock({ $0 }) {
      // Whoever holds the lock looks after it, and whoever makes the program interruptible holds it for that.
      guard session.withLockIfFree({ tell($0, incarnation) }) == true else { return }
    }
  }

  /// False where nothing can be sent.
  private func tell(_ session: Session, _ incarnation: Incarnation) -> Bool {
    guard session.running == incarnation, !session.hasStopped, let client = session.client else {
      return false
    }
    let isStillWanted = interruption.withLock { state in
      guard state == .wanted(in: incarnation) else { return false }
      state = .sent
      return true
    }
    // A connection that is lost is noticed by whoever waits for the stop.
    do throws(ClientError) { if isStillWanted { try client.interrupt(ownPatience) } } catch {}
    return true
  }

  // MARK: The end
  /// Nothing is asked any more, and nobody waits any more.
  func close(because reason: String) {
    closing.cancel()
    session.withLockAlways { session in
      if session.ending == nil { session.ending = reason }
      if session.running == nil { session.client = nil }
    }
    note(.closed)
  }
}

extension WorldError {
  /// What a client could not ask, in a world's terms.
  init(_ error: ClientError, isClosed: Bool = false) {
    self =
      switch error {
      case .cancelled: isClosed ? .badWorld("the world was invalidated") : .cancelled
      case .notAPlace(let error): .lookupFailed("\(error)")
      case .unreachable, .disconnected, .timedOut: .badWorld("\(error)")
      case .refused, .unsupported, .malformed: .refused("\(error)")
      }
  }
}
