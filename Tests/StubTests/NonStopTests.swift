// SPDX-License-Identifier: GPL-3.0-only
import Glibc
import RSP
import Testing
import WorldVM
import XVCore
import xv_gdbstub

@Suite("Session: threads that stop one by one", .timeLimit(.minutes(1))) struct NonStopTests {
  private let registers = "06:1000ff7f00000000;07:0000ff7f00000000;10:0000400000000000;"
  private let world: FakeWorld
  private let client: StubClient
  private let session: StubSession

  /// Three threads run; the client knows of it.
  init() throws {
    world = try FakeWorld(threads: [0x1234, 0x1235, 0x1236])
    session = StubSession(fake: world)
    client = try StubClient(session)
    client.takesNotifications = true
    _ = client.negotiate()
    #expect(client.ask("QNonStop:1") == "OK")
    #expect(client.ask("?") == stop(0x1234, "T05"))
    #expect(client.ask("vStopped") == stop(0x1235, "T00"))
    #expect(client.ask("vStopped") == stop(0x1236, "T00"))
    #expect(client.ask("vStopped") == "OK")
    #expect(client.ask("vCont;c") == "OK")
    #expect(moved == [0x1234, 0x1235, 0x1236])
  }

  private func stop(_ thread: Int32, _ what: String) -> String {
    what + registers + "thread:p1234.\(String(thread, radix: 16));"
  }

  /// Whom the last plan moves.
  private var moved: [Int32] {
    guard let plan = world.plans.last else { return [] }
    #expect(plan.others.kind == .stay)
    return plan.threads.filter { $0.value.kind != .stay }.keys.map(\.rawValue).sorted()
  }

  private var notification: String? { client.reply().map { String(decoding: $0, as: UTF8.self) } }

  @Test func aThreadStaysUntilItsStopIsTold() throws {
    world.happen(.breakpoint, to: 0x1235)
    #expect(notification == "Stop:" + stop(0x1235, "T05swbreak:;"))
    world.happen(.breakpoint, to: 0x1236)
    // The client takes all of them to run.
    #expect(client.ask("vCont;c") == "OK")
    #expect(client.ask("vCont;s:p1234.1236") == "OK")
    #expect(world.plans.count == 1)
    #expect(client.ask("vStopped") == stop(0x1236, "T05swbreak:;"))
    // The one that was told before is known to stand.
    #expect(client.ask("vCont;c") == "OK")
    #expect(moved == [0x1235])
    #expect(client.ask("vStopped") == "OK")
    #expect(client.ask("vCont;c") == "OK")
    #expect(moved == [0x1236])
  }

  @Test func theStopOfAThreadThatIsGoneIsNotTold() throws {
    for thread: Int32 in [0x1234, 0x1235, 0x1236] { world.happen(.breakpoint, to: thread) }
    #expect(notification == "Stop:" + stop(0x1234, "T05swbreak:;"))
    // A round trip: those that wait are in the session.
    #expect(client.ask("vCont?") == "vCont;c;C;s;S;t;r")
    world.end(0x1235)
    #expect(client.ask("vStopped") == stop(0x1236, "T05swbreak:;"))
    world.end(0x1236)
    #expect(client.ask("vStopped") == "OK")
    world.happen(.stepped, to: 0x1235)
    world.happen(.stepped, to: 0x1234)
    #expect(notification == "Stop:" + stop(0x1234, "T05"))
  }

  @Test func endsAreTold() throws {
    world.happen(.breakpoint, to: 0x1234)
    #expect(notification == "Stop:" + stop(0x1234, "T05swbreak:;"))
    world.happen(.threadExited(3), to: 0x1235)
    world.end(0x1235)
    world.happen(.exited(7), to: 0x1234)
    #expect(client.ask("vStopped") == "w03;p1234.1235")
    #expect(client.ask("vStopped") == "W07;process:1234")
    #expect(client.ask("vStopped") == "OK")
  }

  @Test func theStatusTellsEachStopOnce() throws {
    world.happen(.breakpoint, to: 0x1235)
    #expect(notification == "Stop:" + stop(0x1235, "T05swbreak:;"))
    world.happen(.stepped, to: 0x1236)
    #expect(client.ask("?") == stop(0x1235, "T05swbreak:;"))
    #expect(client.ask("vStopped") == stop(0x1236, "T05"))
    #expect(client.ask("vStopped") == "OK")
  }
}
