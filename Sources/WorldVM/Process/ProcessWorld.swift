// SPDX-License-Identifier: GPL-3.0-only
import Glibc
import Synchronization
package import XVCore

/// A process of this machine that runs under xv.
package final class ProcessWorld: TranslatedWorld {
  package let name: String
  let guest: Guest
  let state: RunState
  let memory: CachedMemory<Guest>
  let modules: ProcessModules
  let maps = Mutex(MapLog())

  package let isAttached: Bool

  /// How it was launched, without what was launched.
  let options: LaunchOptions

  init(guest: Guest, state: RunState, isAttached: Bool, options: LaunchOptions, name: String? = nil) {
    self.isAttached = isAttached
    self.options = options
    self.name = name ?? "pid:\(guest.pid)"
    self.guest = guest
    self.state = state
    memory = CachedMemory(source: guest, state: state)
    modules = ProcessModules(processID: guest.pid)
  }

  /// Launches a program, debugged whatever the options say; the world stands at its first
  /// instruction.
  package static func launch(_ options: LaunchOptions) throws(GuestError) -> ProcessWorld {
    try hold(options, isAttached: false) { options, onStop throws(GuestError) in
      try Guest.launch(options, onStop: onStop)
    }
  }

  /// Attaches to a process; the world stands wherever its threads stood.
  package static func attach(
    _ process: Int32, _ options: LaunchOptions, name: String? = nil
  ) throws(GuestError) -> ProcessWorld {
    try hold(options, isAttached: true, name: name) { options, onStop throws(GuestError) in
      try Guest.attach(process, options, onStop: onStop)
    }
  }

  private static func hold(
    _ options: LaunchOptions, isAttached: Bool, name: String? = nil,
    by begin: (LaunchOptions, @escaping @Sendable (StopEvent) -> Void) throws(GuestError) -> Guest
  ) throws(GuestError) -> ProcessWorld {
    let state: RunState
    do throws(WorldError) {
      state = try RunState()
    } catch {
      throw .cannotLaunch(program: options.program, why: "\(error)")
    }
    var options = options
    options.debugged = true
    let guest = try begin(options) { state.post($0) }
    // What a debugger sees at the end of a launch, the SIGTRAP that follows the exec, and of an attach.
    state.find(
      at: StopEvent(thread: guest.threads.first ?? ThreadID(guest.pid), reason: .signal(SIGTRAP)))
    let world = ProcessWorld(
      guest: guest, state: state, isAttached: isAttached, options: options, name: name)
    // The first look of the log of mappings; what cannot be seen now will be seen later.
    do throws(WorldError) { _ = try world.mappings() } catch {}
    return world
  }

  package func setNonStop(_ isWanted: Bool) throws(WorldError) {
    try state.requireValid()
    guest.setNonStop(isWanted)
    state.setNonStop(isWanted)
    memory.forget()
  }

  package func stop(_ thread: ThreadID) throws(WorldError) {
    try state.requireValid()
    guest.stop(thread)
  }

  package var heldThreads: Set<ThreadID> { guest.heldThreads }
  package var threadsWithStops: Set<ThreadID> { state.threadsWithStops }

  package func tellEvents(_ told: ToldEvents) throws(WorldError) {
    try ask { guest throws(GuestError) in try guest.tellEvents(told) }
  }

  package func setOptions(_ options: [ThreadID: ThreadOptions]) throws(WorldError) {
    try state.requireValid()
    guest.setOptions(options)
  }

  package func child(_ process: Int32) throws(WorldError) -> any World {
    let childState = try RunState()
    childState.find(at: StopEvent(thread: ThreadID(process), reason: .interrupted))
    let child = try ask { guest throws(GuestError) in
      try guest.child(process) { childState.post($0) }
    }
    childState.setNonStop(state.isNonStop)
    return ProcessWorld(
      guest: child, state: childState, isAttached: isAttached, options: options)
  }

  package var currentIncarnation: Incarnation { state.incarnation }
  package var processID: Int32 { guest.pid }
  package func invalidate() { state.invalidate(because: "the world \(name) was invalidated") }

  // MARK: For people
  /// The translator's counters and, after them, the page cache's.
  package var statistics: [(name: String, value: UInt64)] {
    let counters = memory.counters
    return guest.statistics + [
      (name: "world.incarnation", value: state.incarnation.number),
      (name: "world.fetches", value: counters.fetches),
      (name: "world.fetched-pages", value: counters.fetchedPages),
      (name: "world.page-hits", value: counters.hits),
    ]
  }

  package func flush() throws(WorldError) {
    try ask { guest throws(GuestError) in try guest.flush() }
  }

  package func collect() throws(WorldError) {
    try ask { guest throws(GuestError) in try guest.collect() }
  }

  package func relocate(to address: Address?) throws(WorldError) -> Address {
    try ask { guest throws(GuestError) in try guest.relocate(to: address) }
  }

  package func block(at address: Address) throws(WorldError) -> BlockListing? {
    try ask { guest throws(GuestError) in try guest.block(at: address) }
  }

  /// Asks the guest in the world's terms: a world that is not valid is not asked, and what the guest
  /// throws is told as the world's error.
  func ask<Answer>(
    _ question: (Guest) throws(GuestError) -> Answer
  ) throws(WorldError) -> Answer {
    try state.requireValid()
    do throws(GuestError) {
      return try question(guest)
    } catch {
      throw WorldError(error)
    }
  }
}

extension WorldError {
  /// What a guest could not do, in a world's terms.
  package init(_ error: GuestError) {
    self =
      switch error {
      case .cannotLaunch, .cannotAttach: .badWorld("\(error)")
      case .cannotRelocate, .cannotOutload, .cannotInload, .cannotExpand: .refused("\(error)")
      case .system(let call, let errno): .failed(call: call, errno: errno)
      case .gone: .badWorld("the process has ended")
      case .running: .running
      case .noSuchThread(let thread): .failed(call: "thread \(thread)", errno: ESRCH)
      }
  }
}
