// SPDX-License-Identifier: GPL-3.0-only
import CLinux
import Synchronization
import Testing
import WorldVM
import XVCore

@Suite(.timeLimit(.minutes(1))) struct RunStateTests {
  let state: RunState
  let stop = StopEvent(thread: ThreadID(7), reason: .breakpoint)

  init() throws { state = try RunState() }

  /// Whether poll says at once that a stop waits.
  private var isReadable: Bool {
    var entry = pollfd(fd: state.stopDescriptor, events: Int16(POLLIN), revents: 0)
    return poll(&entry, 1, 0) == 1
  }

  @Test func theFirstStopIsKnownAndNotQueued() {
    #expect(state.lastStop == nil)
    state.find(at: stop)
    #expect(state.lastStop == stop)
    #expect(!isReadable)
    #expect(state.takeStop() == nil)
  }

  @Test func stopsAreTakenInOrderAndTheDescriptorFollows() throws {
    let second = StopEvent(thread: ThreadID(8), reason: .exited(3))
    for event in [stop, second] {
      #expect(try state.tryGo())
      #expect(state.lastStop == nil)
      state.post(event)
      #expect(state.lastStop == event)
    }
    #expect(isReadable)
    #expect(state.takeStop() == stop)
    #expect(isReadable)
    #expect(state.takeStop() == second)
    #expect(!isReadable)
    #expect(state.takeStop() == nil)
    #expect(state.incarnation == Incarnation.first.next.next)
  }

  @Test func aLockedWorldDoesNotGo() throws {
    state.lock()
    state.lock()
    #expect(try !state.tryGo())
    state.unlock()
    #expect(try !state.tryGo())
    #expect(state.incarnation == .first)
    state.unlock()
    #expect(try state.tryGo())
  }

  @Test func goWaitsForTheLastUnlock() async throws {
    let memory = CachedMemory(source: FakeMemory(pages: []), state: state)
    let order = Mutex<[String]>([])
    state.lock()
    state.lock()
    async let went: Void = Task.detached {
      try memory.go { order.withLock { $0.append("go") } }
    }.value
    order.withLock { $0.append("first unlock") }
    state.unlock()
    order.withLock { $0.append("last unlock") }
    state.unlock()
    try await went
    #expect(order.withLock { $0 } == ["first unlock", "last unlock", "go"])
    #expect(state.isRunning)
  }

  @Test func invalidationEndsAWaitForTheLock() async throws {
    let memory = CachedMemory(source: FakeMemory(pages: []), state: state)
    state.lock()
    async let outcome = Task.detached { () -> WorldError? in
      do throws(WorldError) {
        try memory.go {}
        return nil
      } catch { return error }
    }.value
    state.invalidate(because: "no more")
    #expect(await outcome == .badWorld("no more"))
  }

  @Test func anEndFromHereIsNotQueuedAndDropsWhatWas() throws {
    #expect(try state.tryGo())
    state.post(stop)
    #expect(try state.tryGo())
    state.end(with: StopEvent(thread: ThreadID(7), reason: .killed(9)))
    #expect(state.lastStop?.reason == .killed(9))
    #expect(!state.isRunning)
    #expect(!isReadable)
    #expect(state.takeStop() == nil)
  }
}
