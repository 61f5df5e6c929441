// SPDX-License-Identifier: GPL-3.0-only
package import RSP
import Synchronization
internal import XVCore

/// A program behind any server of the remote protocol.
///
/// One process: the one that stands when the world is got. Memory goes through the page cache, which
/// reads ahead; registers and threads are asked once an incarnation. When the connection is lost it
/// is made again for ever, the breakpoints are set again, and whoever waits goes on waiting, until he
/// cancels or the world is invalidated.
package final class RemoteWorld: World {
  /// Pages that come with a missing one: over a slow link a round trip costs more than they do.
  private static func readAhead(roundTrip: Duration) -> Int { roundTrip < .milliseconds(1) ? 1 : 15 }

  package let name: String
  package let processID: Int32
  package let isElsewhere = true
  let process: UInt64
  package let link: RemoteLink
  let state: RunState
  let memory: CachedMemory<RemoteMemory>
  let layout: RemoteRegisters
  /// What the server was found to have.
  let features: ServerFeatures
  let resumeActions: Set<String>

  struct Known {
    var incarnation = Incarnation.first
    var threads: [ThreadID]?
    /// As `g` told them.
    var registers: [ThreadID: [UInt8]] = [:]
    var loadState: LoadState?
    /// The same without build ids.
    var modules: LoadState?
    var auxiliaryVector: [UInt8]?
    var executablePath: String?
    var mapLog = MapLog()
  }
  let known = Mutex(Known())

  struct Breaks {
    var addresses: Set<Address> = []
    var watchpoints: Set<Watchpoint> = []
    /// What the last stop told of them, where the server counts them.
    var moves: UInt64?
    /// The server was asked to stop a program that stopped by itself: it may stop the next resume for it.
    var isInterruptLeft = false
  }
  let breaks = Mutex(Breaks())

  /// Connects; returns when the server answers, however long that takes, or the caller cancels.
  package static func connect(
    to place: ServerPlace, name: String? = nil,
    log: (@Sendable (Connection.Direction, [UInt8]) -> Void)? = nil,
    onLinkChange: (@Sendable (LinkState) -> Void)? = nil
  ) throws(WorldError) -> RemoteWorld {
    let link = try RemoteLink(place, log: log)
    if let onLinkChange { link.onChange(onLinkChange) }
    try link.connect()
    return try RemoteWorld(link, name: name ?? "\(place)")
  }

  private init(_ link: RemoteLink, name: String) throws(WorldError) {
    let found = try link.perform { client, patience throws(ClientError) in
      (
        stop: try client.status(patience), current: try client.currentThread(patience),
        map: client.registers, features: client.features, actions: client.resumeActions,
        pipelines: client.pipelines, roundTrip: client.roundTrip
      )
    }
    guard case .stopped(let stop) = found.stop else {
      throw .badWorld("no program runs at \(link.place)")
    }
    let told = stop.thread.thread == 0 ? found.current ?? stop.thread : stop.thread
    self.name = name
    self.link = link
    process = told.process
    // A server that does not tell processes has one, which is called as its first thread.
    processID = Int32(truncatingIfNeeded: told.process == 0 ? told.thread : told.process)
    state = try RunState()
    memory = CachedMemory(
      source: RemoteMemory(link: link), state: state,
      // Where each packet waits for the last one's answer, nothing is read that nobody asked for.
      readAhead: found.pipelines ? Self.readAhead(roundTrip: found.roundTrip) : 0)
    layout = RemoteRegisters(found.map)
    features = found.features
    resumeActions = found.actions
    state.find(at: event(stop, plan: nil, isInterrupted: false))
    breaks.withLock { $0.moves = stop.moves }
    link.onReconnect { [weak self] client, patience throws(ClientError) in
      try self?.restore(client, patience)
    }
  }

  deinit { link.close(because: "the world \(name) is gone") }

  package var currentIncarnation: Incarnation { state.incarnation }

  package func invalidate() {
    let reason = "the world \(name) was invalidated"
    state.invalidate(because: reason)
    link.close(because: reason)
  }

  /// Makes a server that was connected to again as the last connection left it.
  private func restore(_ client: Client, _ patience: Patience) throws(ClientError) {
    let stop = try client.status(patience)
    if case .stopped(let stop) = stop, process != 0, stop.thread.process != 0,
      stop.thread.process != process
    {
      state.invalidate(because: "another program runs at \(link.place) now")
      throw .refused(request: "?", number: nil, text: "another program runs at \(link.place) now")
    }
    if case .stopped(let stop) = stop, !state.isRunning,
      stop.moves == nil || breaks.withLock({ $0.moves }) != stop.moves
    {
      // The server may be another one, that took hold of the program after it had run.
      breaks.withLock { $0.moves = stop.moves }
      state.renew()
    }
    for (address, watchpoint) in breaks.withLock({ breaks in
      breaks.addresses.map { ($0, Watchpoint?.none) }
        + breaks.watchpoints.map { ($0.address, $0) }
    }) {
      do throws(ClientError) {
        try client.insert(
          watchpoint?.packetKind ?? .software, at: address.rawValue, size: watchpoint?.length ?? 1,
          patience)
      } catch .refused {
        // It is there still.
      }
    }
  }

  /// Counters of the page cache.
  package var counters: PageCache.Counters { memory.counters }

  /// What is known in the present incarnation.
  func withKnown<Result>(_ body: (inout Known) -> Result) -> Result {
    let incarnation = state.incarnation
    return known.withLock { known in
      if known.incarnation != incarnation {
        known.incarnation = incarnation
        known.threads = nil
        known.registers = [:]
        known.loadState = nil
        known.modules = nil
      }
      return body(&known)
    }
  }
}

extension Watchpoint {
  var packetKind: BreakpointPacket.Kind {
    switch kind {
    case .write: .write
    case .read: .read
    case .access: .access
    }
  }
}
