// SPDX-License-Identifier: GPL-3.0-only
import CLinux
import Glibc
import Linux
import Synchronization
import Testing
import WorldVM
import XVCore
import xv_gdbstub

@testable import RSP

/// A remote world over a connection that breaks.
@Suite(.timeLimit(.minutes(1))) struct LinkTests {
  /// What a debugger does in a session, and what it saw.
  private func transcript(
    cutAfter cut: Int?, losingRequest: Bool = false
  ) throws -> (seen: [String], answers: [Int]) {
    let server = try CutServer(cutAfter: cut, losingRequest: losingRequest)
    defer { server.stop() }
    let place = ServerPlace.endpoint(.unix(path: server.path))
    let world = try RemoteWorld.connect(to: place)
    defer { world.invalidate() }
    var seen: [String] = []
    let base = Address(FakeWorld.base)
    seen.append("\(try world.copyRead(from: base + 0x7f0, count: 0x40))")
    let thread = try #require(world.threads.first)
    seen.append("\(world.threads)")
    seen.append("\(try world.registers(of: thread, extended: true).general.rsp)")
    seen.append("\(try world.setBreak(base + 0x21))")
    try world.start(ResumePlan())
    seen.append("\(try nextReason(of: world))")
    try world.copyWrite(Array("}#$*".utf8), to: base + 0x30)
    seen.append("\(try world.copyRead(from: base + 0x2e, count: 8))")
    var registers = try world.registers(of: thread, extended: true)
    registers.general.rbx = 0x77
    try world.setRegisters(registers, of: thread)
    seen.append("\(try world.registers(of: thread, extended: false).general.rbx)")
    try world.clearBreak(base + 0x21)
    try world.start(ResumePlan())
    try world.interrupt()
    seen.append("\(try nextReason(of: world))")
    seen.append("\(try world.auxiliaryVector())")
    return (seen, server.answers)
  }

  private func nextReason(of world: RemoteWorld) throws -> StopReason {
    while true {
      var entry = pollfd(fd: world.stopDescriptor, events: Int16(POLLIN), revents: 0)
      // A test that waits for ever holds a thread that others want.
      try #require(poll(&entry, 1, 30_000) == 1, "no stop came")
      if let stop = world.takeStop() { return stop.reason }
    }
  }

  @Test func aCutAnywhereIsNotSeen() throws {
    let (expected, answers) = try transcript(cutAfter: nil)
    #expect(expected.contains("interrupted"))
    let total = try #require(answers.last)
    #expect(total > 5000)
    // Each byte of the conversation's end, where requests are short; the register description before it
    // in steps.
    let positions = Array(stride(from: 1, to: total, by: total / 150))
      + Array((total - 600)..<total).filter { $0 % 3 == 0 }
    for position in positions {
      let (seen, _) = try transcript(cutAfter: position)
      #expect(seen == expected, "cut after \(position) bytes")
    }
  }

  /// Before a program goes on from a breakpoint it is stepped past it; what comes when that step is over and not
  /// told yet finds a program that stands.
  @Test func anInterruptThatCrossesTheStepsStopIsSentAgain() throws {
    let server = try CutServer(cutAfter: nil, holdingStep: true, outcomes: [.stop(.stepped), .runsOn])
    defer { server.stop() }
    let world = try RemoteWorld.connect(to: .endpoint(.unix(path: server.path)))
    defer { world.invalidate() }
    _ = try world.setBreak(Address(FakeWorld.base))
    try world.start(ResumePlan())
    try world.interrupt()
    #expect(try nextReason(of: world) == .interrupted)
  }

  /// The connection takes a request along that was sent whole.
  @Test func aRequestThatIsLostIsNotSeen() throws {
    let (expected, answers) = try transcript(cutAfter: nil)
    for position in answers {
      let (seen, _) = try transcript(cutAfter: position, losingRequest: true)
      #expect(seen == expected, "request lost after \(position) bytes")
    }
  }

  @Test func aServerThatIsNotThereIsWaitedForUntilCancelled() throws {
    let path = "/tmp/xv-nobody-\(getpid())"
    let cancellation = try Cancellation()
    let attempts = Mutex(0)
    #expect(throws: WorldError.cancelled) {
      try Cancellation.$current.withValue(cancellation) {
        _ = try RemoteWorld.connect(
          to: .endpoint(.unix(path: path)),
          onLinkChange: { state in
            guard case .reconnecting(let attempt, _) = state else { return }
            attempts.withLock { $0 = attempt }
            if attempt == 3 { cancellation.cancel() }
          })
      }
    }
    #expect(attempts.withLock { $0 } == 3)
  }

  @Test func anInvalidatedWorldEndsWaiting() throws {
    let server = try CutServer(cutAfter: nil)
    let world = try RemoteWorld.connect(to: .endpoint(.unix(path: server.path)))
    let isLost = try EventCounter()
    world.link.onChange { state in
      if case .reconnecting = state { isLost.raise() }
    }
    server.stop()
    let waiting = try JoinedThread { () -> Bool in
      do {
        _ = try world.copyRead(from: Address(FakeWorld.base), count: 8)
        return false
      } catch WorldError.badWorld {
        return true
      } catch {
        return false
      }
    }
    isLost.waitUntilRaised()
    world.invalidate()
    #expect(waiting.join() == true)
    #expect(world.link.state == .closed)
  }

  @Test func hostsAndNamesThatAreNone() throws {
    #expect(throws: WorldError.self) { try getWorld(where: "pid:x") }
    let registry = WorldRegistry(paths: ["/nowhere/worlds.toml"])
    #expect(throws: WorldError.self) { try getWorld(where: "board", registry: registry) }
    do {
      _ = try getWorld(where: "no-such-host.invalid:1")
      Issue.record("a host that is none was found")
    } catch WorldError.lookupFailed {
    }
    do {
      _ = try getWorld(where: "core:/etc/passwd")
      Issue.record("no core file is a core file")
    } catch WorldError.badWorld {
    }
  }
}

/// A session at a Unix socket; the first connection is cut after a number of bytes to the client, or when
/// the client has sent something after them. It can hold a step's stop back until the client has sent
/// an interrupt behind it, which is thrown away, as by gdbserver, where the program stands.
private final class CutServer: Sendable {
  let path: String
  private let losingRequest: Bool
  private let holdingStep: Bool
  private let listener: Int32
  private let waker: [Int32]
  private let ends = Mutex<[Int]>([])
  private let thread = Mutex<JoinedThread<Void>?>(nil)

  // Handed to the thread alone.
  private struct Unshared: @unchecked Sendable { let session: StubSession }

  init(
    cutAfter cut: Int?, losingRequest: Bool = false, holdingStep: Bool = false,
    outcomes: [FakeWorld.Outcome] = [.stop(.breakpoint), .runsOn, .runsOn, .runsOn]
  ) throws {
    self.losingRequest = losingRequest
    self.holdingStep = holdingStep
    path = "/tmp/xv-link-\(getpid())-\(UInt32.random(in: 0 ... .max))"
    var address = try #require(sockaddr_un(path: path))
    let number = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    let bound = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { name in
        bind(number, name, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    listener = number
    try #require(bound == 0 && listen(number, 4) == 0)
    var ends: [Int32] = [-1, -1]
    try #require(pipe(&ends) == 0)
    waker = ends
    let world = try FakeWorld(outcomes: outcomes)
    let unshared = Unshared(session: StubSession(fake: world))
    let started = try JoinedThread { [self] in serve(unshared.session, cut) }
    thread.withLock { $0 = started }
  }

  /// How many bytes had gone to the client at the end of each answer.
  var answers: [Int] { ends.withLock { $0 } }

  /// Nobody is served any more, and nobody can connect.
  func stop() {
    guard let running = thread.withLock({ thread in
      defer { thread = nil }
      return thread
    }) else { return }
    var byte: UInt8 = 0
    _ = write(waker[1], &byte, 1)
    running.join()
    unlink(path)
    close(listener)
  }

  deinit {
    stop()
    for end in waker { close(end) }
  }

  private func serve(_ session: StubSession, _ cut: Int?) {
    var cut = cut
    while readable([listener, waker[0]])[1] == false {
      let client = accept(listener, nil, nil)
      guard client >= 0 else { continue }
      var ends: [Int32] = [-1, -1]
      guard socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &ends) == 0,
        let served = try? ServedSession(session, socket: ends[1])
      else { return }
      carry(client, ends[0], cut)
      cut = nil
      close(client)
      close(ends[0])
      _ = served.ending()
      // As a server does whose client is gone.
      session.keepStopped()
      while session.isRunning {
        _ = readable([session.stopDescriptor])
        session.absorbStop()
      }
    }
  }

  private func carry(_ client: Int32, _ server: Int32, _ cut: Int?) {
    var carried = 0
    // Requests whose answers have not gone to the client: several may be asked at once.
    var asked = 0
    var isStepping = false
    var buffer = [UInt8](repeating: 0, count: 65536)
    func carryRequest() -> Bool {
      var size = read(client, &buffer, buffer.count)
      guard size > 0 else { return false }
      let isStep = String(decoding: buffer[..<size], as: UTF8.self).contains("vCont;s")
      if holdingStep, isStep || isStepping {
        // What is behind the step's request may have come with it.
        isStepping = buffer[size - 1] != 3
        if !isStepping { size -= 1 }
      }
      asked += packets(buffer[..<size])
      _ = send(server, buffer, size, Int32(MSG_NOSIGNAL))
      return true
    }
    while true {
      let ready = readable([client, server, waker[0]])
      if ready[2] { return }
      if ready[0], !carryRequest() { return }
      if ready[1] {
        while isStepping {
          guard readable([client, waker[0]])[0], carryRequest() else { return }
        }
        let size = read(server, &buffer, buffer.count)
        guard size > 0 else { return }
        let rest = min(size, (cut ?? Int.max) - carried)
        _ = send(client, buffer, rest, Int32(MSG_NOSIGNAL))
        carried += rest
        asked -= packets(buffer[..<rest])
        if rest > 3, buffer[rest - 3] == UInt8(ascii: "#") { ends.withLock { $0.append(carried) } }
        if carried == cut {
          if losingRequest, asked == 0 { _ = readable([client, waker[0]]) }
          return
        }
      }
    }
  }

  /// Each packet holds one, before its checksum.
  private func packets(_ bytes: ArraySlice<UInt8>) -> Int {
    bytes.count { $0 == UInt8(ascii: "#") }
  }

  private func readable(_ descriptors: [Int32]) -> [Bool] {
    var entries = descriptors.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
    while poll(&entries, nfds_t(entries.count), -1) < 0 {}
    return entries.map { $0.revents != 0 }
  }
}
