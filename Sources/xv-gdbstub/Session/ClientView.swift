// SPDX-License-Identifier: GPL-3.0-only
internal import RSP
internal import WorldVM
internal import XVCore

/// What belongs to one of several clients of a session: what it negotiated, what it chose, what it has
/// open. The session has the one of the client that it answers.
struct ClientView {
  private var features = ClientFeatures()
  private var attached: Set<Int32> = []
  private var inferior: Inferior
  private var generalThread: ThreadID
  private var resumeThread = ThreadSelector.any
  private var isExtended = false
  private var detachesOnError = false
  private var passedSignals: Set<Int32> = []
  private var programSignals: Set<Int32>?
  private var savedRegisters = SavedRegisters()
  private var transfers = TransferCache()
  private var files = FileTable()
  private var relay = FileRelay()
  /// When `transfers` was made: after a resume it is void.
  private var moves: UInt64

  /// Of a client that has just come.
  init(of session: StubSession) {
    let first = session.inferiors.first { !$0.isOneOfSeveral } ?? session.current
    inferior = first
    generalThread = first.lastStop.thread
    moves = session.moves
  }

  var isLLDB: Bool { features.isLLDB }

  /// Puts it into the session, and what was there here.
  mutating func exchange(with session: StubSession) {
    swap(&features, &session.client)
    swap(&attached, &session.attached)
    swap(&inferior, &session.current)
    swap(&generalThread, &session.generalThread)
    swap(&resumeThread, &session.resumeThread)
    swap(&isExtended, &session.isExtended)
    swap(&detachesOnError, &session.detachesOnError)
    swap(&passedSignals, &session.passedSignals)
    swap(&programSignals, &session.programSignals)
    swap(&savedRegisters, &session.savedRegisters)
    swap(&transfers, &session.transfers)
    swap(&files, &session.files)
    swap(&relay, &session.relay)
  }

  /// What it had chosen or had begun to fetch may be of the past.
  mutating func refresh(in session: StubSession) {
    if !session.inferiors.contains(where: { $0 === inferior }) { inferior = session.current }
    if moves != session.moves { transfers.forget() }
    moves = session.moves
  }

  /// Runs `body` for this client.
  mutating func use<Value>(in session: StubSession, _ body: () -> Value) -> Value {
    refresh(in: session)
    exchange(with: session)
    defer { exchange(with: session) }
    return body()
  }

  /// Its packets are about another program from now on, if it sees that one.
  mutating func choose(_ inferior: Inferior) {
    guard !inferior.isOneOfSeveral || attached.contains(inferior.processID) else { return }
    self.inferior = inferior
    generalThread = inferior.lastStop.thread
    transfers.forget()
  }
}
