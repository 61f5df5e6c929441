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
    var isRunning = false
    /// Why nothing can be asked any more.
    var ending: String?
  }

  private static let shortestPause = Duration.milliseconds(20)
  private static let longestPause = Duration.seconds(5)

  package let place: ServerPlace
  private let session: PatientLock<Session>
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
    try session.withLock { (session: inout Session) throws(WorldError) -> Answer in
      try ask(&session, body)
    }
  }

  /// As `perform`; the program runs then, and the connection is the waiting thread's until `stopped`.
  func start(
    _ body: (Client, Patience) throws(ClientError) -> Void
  ) throws(WorldError) {
    try session.withLock { (session: inout Session) throws(WorldError) in
      try ask(&session, body)
      session.isRunning = true
    }
  }

  private func ask<Answer>(
    _ session: inout Session, _ body: (Client, Patience) throws(ClientError) -> Answer
  ) throws(WorldError) -> Answer {
    let patience = patience
    while true {
      if let ending = session.ending { throw .badWorld(ending) }
      if session.isRunning { throw .running }
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
  /// For the waiting thread: the next stop, and whether the connection was lost before it came. `ready`
  /// is called when an interrupt that came too early can be sent.
  func awaitStop(
    _ ready: () -> Void
  ) throws(ClientError) -> (stop: StopReply, isOverNewConnection: Bool) {
    let patience = ownPatience
    guard let client = session.withLockAlways({ $0.client }) else { throw .disconnected }
    ready()
    do throws(ClientError) {
      return (try client.nextStop(patience), false)
    } catch {
      guard error == .disconnected || error == .timedOut else { throw error }
    }
    // Nobody else asks while the program runs, so only an interrupt can come between.
    var found: Result<StopReply, ClientError> = .failure(.disconnected)
    while case .failure(.disconnected) = found {
      found = session.withLockAlways { session in
        lose(&session)
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

  /// Goes on with what ran before the connection was lost.
  func again(_ body: (Client, Patience) throws(ClientError) -> Void) throws(ClientError) {
    let patience = ownPatience
    let result = session.withLockAlways { session -> Result<Void, ClientError> in
      guard let client = session.client else { return .failure(.disconnected) }
      do throws(ClientError) {
        return .success(try body(client, patience))
      } catch {
        return .failure(error)
      }
    }
    try result.get()
  }

  /// The program stands still: anybody may ask.
  func stopped(hasEnded: Bool) {
    session.withLockAlways { session in
      session.isRunning = false
      if hasEnded {
        session.ending = "the program has ended"
        session.client = nil
      }
    }
    if hasEnded { note(.closed) }
  }

  /// Asks the running program to stop, if `isWanted` says so at a moment at which it can be asked. While
  /// the connection is being made again it cannot: the waiting thread asks later.
  func interrupt(_ isWanted: () -> Bool) {
    let patience = patience
    _ = session.withLockIfFree { session in
      guard session.isRunning, let client = session.client, isWanted() else { return }
      // A connection that is lost is noticed by whoever waits for the stop.
      do throws(ClientError) { try client.interrupt(patience) } catch {}
    }
  }

  // MARK: The end
  /// Nothing is asked any more, and nobody waits any more.
  func close(because reason: String) {
    closing.cancel()
    session.withLockAlways { session in
      if session.ending == nil { session.ending = reason }
      if !session.isRunning { session.client = nil }
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
