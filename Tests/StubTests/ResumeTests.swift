// SPDX-License-Identifier: GPL-3.0-only
import Glibc
import RSP
import Synchronization
import Testing
import WorldVM
import XVCore
import xv_gdbstub

@Suite("Session: running", .timeLimit(.minutes(1))) struct ResumeTests {
  private let registers = "06:1000ff7f00000000;07:0000ff7f00000000;10:0000400000000000;"
  private let thread = "thread:p1234.1234;"

  private func serve(_ world: FakeWorld) throws -> (StubSession, StubClient) {
    let session = StubSession(fake: world)
    let client = try StubClient(session)
    _ = client.negotiate()
    return (session, client)
  }

  @Test func stopsOfEveryKind() throws {
    let world = try FakeWorld(outcomes: [
      .stop(.breakpoint), .stop(.stepped), .stop(.signal(SIGUSR1)), .stop(.execed(path: "/a")),
      .stop(.exited(7)),
    ])
    let (session, client) = try serve(world)
    #expect(client.ask("vCont;c") == "T05swbreak:;" + registers + thread)
    #expect(client.ask("?") == "T05swbreak:;" + registers + thread)
    #expect(client.ask("vCont;s:p1234.1234;c") == "T05" + registers + thread)
    #expect(client.ask("vCont;c") == "T1e" + registers + thread)
    #expect(client.ask("vCont;c") == "T05exec:2f61;" + registers + thread)
    #expect(client.ask("vCont;c") == "W07;process:1234")
    #expect(client.ask("?") == "W07;process:1234")
    #expect(client.ask("vCont;c") == "E03")
    #expect(client.close() == .clientGone)
    #expect(session.hasEnded)
  }

  @Test func deathByASignal() throws {
    let (_, client) = try serve(FakeWorld(outcomes: [.stop(.killed(SIGBUS))]))
    #expect(client.ask("c") == "X0a;process:1234")
  }

  @Test func hardwareBreakpointIsTold() throws {
    let (_, client) = try serve(FakeWorld(outcomes: [.stop(.breakpoint)]))
    #expect(client.ask("Z1,400000,1") == "OK")
    #expect(client.ask("vCont;c") == "T05hwbreak:;" + registers + thread)
  }

  @Test func plans() throws {
    let world = try FakeWorld(
      threads: [0x1234, 0x1235], outcomes: Array(repeating: .stop(.stepped), count: 9))
    let (_, client) = try serve(world)
    let (first, second) = (ThreadID(0x1234), ThreadID(0x1235))
    typealias Action = ResumePlan.Action
    func check(_ packet: String, _ others: Action, _ threads: [ThreadID: Action] = [:]) throws {
      _ = client.ask(packet)
      let plan = try #require(world.plans.last)
      #expect(plan.others == others, "\(packet)")
      #expect(plan.threads == threads, "\(packet)")
    }
    try check("vCont;c", Action(.run))
    try check("vCont;s:p1234.1235;c", Action(.run), [second: Action(.step)])
    try check("vCont;s:p1234.1235", Action(.stay), [second: Action(.step)])
    try check(
      "vCont;r400000,400010:1234;c:p1234.-1", Action(.run),
      [first: Action(.stepWithin(Address(0x40_0000)..<Address(0x40_0010)))])
    try check("vCont;C1e:1234;c", Action(.run), [first: Action(.run, signal: SIGUSR1)])
    try check("C1e", Action(.run), [first: Action(.run, signal: SIGUSR1)])
    try check("s", Action(.step))
    try check("Hc1235", Action(.step))
    try check("s", Action(.run), [second: Action(.step)])
    try check("vCont;C4d", Action(.run), [first: Action(.run, signal: 32)])
    #expect(client.ask("vCont;C4c") == "E22")
  }

  @Test func resumeFromAnotherAddress() throws {
    let world = try FakeWorld(outcomes: [.stop(.stepped)])
    let (_, client) = try serve(world)
    #expect(client.ask("s400123")?.contains("10:2301400000000000;") == true)
  }

  @Test func interruptWhileRunning() throws {
    let world = try FakeWorld()
    let (_, client) = try serve(world)
    client.send("vCont;c")
    client.send(raw: [3])
    #expect(client.reply() == Array(("T02" + registers + thread).utf8))
    client.send("vCont;c")
    #expect(client.ask("vCont;t") == "T00" + registers + thread)
    client.send("vCont;c")
    #expect(client.ask("vCtrlC") == "OK")
    #expect(client.reply() == Array(("T02" + registers + thread).utf8))
  }

  @Test func interruptBeforeTheResumeIsNotLost() throws {
    let world = try FakeWorld(outcomes: [.stop(.stepped)])
    let (_, client) = try serve(world)
    client.send(raw: [3])
    #expect(client.ask("vCont;s") == "T02" + registers + thread)
    #expect(world.plans.isEmpty)
    #expect(client.ask("vCont;s") == "T05" + registers + thread)
  }

  @Test func interruptThatWasOvertakenIsNotLost() throws {
    let world = try FakeWorld()
    world.state.withLock { $0.overtaking = .stepped }
    let (_, client) = try serve(world)
    client.send("vCont;s")
    client.send(raw: [3])
    #expect(client.reply() == Array(("T05" + registers + thread).utf8))
    #expect(client.ask("vCont;c") == "T02" + registers + thread)
    #expect(world.plans.count == 1)
  }

  @Test func packetsDuringARunAreAnsweredAfterTheStop() throws {
    let world = try FakeWorld()
    let (_, client) = try serve(world)
    client.send("vCont;c")
    client.send("qC")
    client.send(raw: [3])
    #expect(client.reply() == Array(("T02" + registers + thread).utf8))
    #expect(client.reply() == Array("QCp1234.1234".utf8))
  }

  @Test func passedSignalsDoNotStop() throws {
    let world = try FakeWorld(outcomes: [
      .stop(.signal(SIGCHLD)), .stop(.signal(SIGALRM)), .stop(.signal(SIGUSR1)),
    ])
    let (_, client) = try serve(world)
    #expect(client.ask("QPassSignals:e;14") == "OK")
    #expect(client.ask("vCont;C1f:p1234.1234;c") == "T1e" + registers + thread)
    let first = ThreadID(0x1234)
    #expect(world.plans.map { $0.threads[first]?.signal } == [SIGUSR2, SIGCHLD, SIGALRM])
  }

  @Test func aStepStopsForASignalThatWouldPass() throws {
    let (_, client) = try serve(FakeWorld(outcomes: [.stop(.signal(SIGCHLD))]))
    #expect(client.ask("QPassSignals:14;") == "OK")
    #expect(client.ask("vCont;r400000,400010:p1234.1234") == "T14" + registers + thread)
  }

  /// By somebody else: that is the answer to the next resume, whatever it is of.
  @Test(arguments: ["c", "vCont;c", "vCont;s:p1234.1234;c", "vCont;s:p1234.1235", "s"])
  func killedWhereItStands(_ resume: String) throws {
    let world = try FakeWorld(threads: [0x1234, 0x1235])
    let (session, client) = try serve(world)
    world.happen(.killed(SIGKILL))
    #expect(client.ask("?")?.hasPrefix("T05") == true)
    #expect(client.ask("qfThreadInfo") == "mp1234.1234")
    #expect(client.ask("p10") == "0000000000000000")
    #expect(client.ask("Z0,400010,1") == "OK")
    #expect(client.ask(resume) == "X09;process:1234")
    #expect(session.hasEnded)
    #expect(world.plans.isEmpty)
  }

  @Test func killAndDetach() throws {
    let killed = try FakeWorld()
    let (_, killer) = try serve(killed)
    killer.send("k")
    #expect(killer.waitForEnd() == .finished)
    #expect(killed.state.withLock { $0.isKilled })

    let running = try FakeWorld()
    let (_, client) = try serve(running)
    client.send("vCont;c")
    #expect(client.ask("vKill;1234") == "OK")
    #expect(client.waitForEnd() == .finished)
    #expect(running.state.withLock { $0.isKilled })

    let detached = try FakeWorld(outcomes: [.stop(.signal(SIGUSR1))])
    let (session, detacher) = try serve(detached)
    _ = detacher.ask("Z0,400010,1")
    _ = detacher.ask("vCont;c")
    #expect(detacher.ask("D;1") == "E03")
    #expect(detacher.ask("D;1234") == "OK")
    #expect(detacher.waitForEnd() == .finished)
    #expect(detached.state.withLock { $0.detachSignal } == SIGUSR1)
    #expect(detached.state.withLock { $0.breaks.isEmpty })
    #expect(session.isDetached && session.hasEnded)
  }

  @Test func clientThatVanishesWhileTheProgramRuns() throws {
    let world = try FakeWorld()
    let (session, client) = try serve(world)
    _ = client.ask("Z0,400010,1")
    client.send("vCont;c")
    client.send(raw: Array("$m4000".utf8))
    #expect(client.close() == .clientGone)
    session.keepStopped()
    session.absorbStop()
    #expect(!session.isRunning && !session.hasEnded)
    #expect(world.state.withLock { $0.breaks.isEmpty })
    let (_, next) = (session, try StubClient(session))
    #expect(next.ask("?")?.hasPrefix("T02") == true)
  }

  @Test func wakeupEndsTheLoop() throws {
    let (_, client) = try serve(FakeWorld())
    client.send("vCont;c")
    client.wake()
    #expect(client.waitForEnd() == .woken)
  }

  @Test func monitorExit() throws {
    let world = try FakeWorld()
    let (_, client) = try serve(world)
    #expect(client.ask("qRcmd,\(hex("exit"))") == "OK")
    #expect(client.waitForEnd() == .finished)
    #expect(world.state.withLock { $0.isKilled })
  }
}
