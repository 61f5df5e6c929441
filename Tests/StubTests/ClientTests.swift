// SPDX-License-Identifier: GPL-3.0-only
import CLinux
import Glibc
import Linux
import Testing
import WorldVM
import XVCore
import xv_gdbstub

@testable import RSP

/// The protocol's client half against the server half.
@Suite(.timeLimit(.minutes(1))) struct ClientTests {
  private let world: FakeWorld
  private let served: ServedSession
  private let client: Client
  private let patience = Patience()

  init() throws {
    world = try FakeWorld(
      threads: [0x1234, 0x1235], outcomes: [.stop(.breakpoint), .runsOn, .stop(.exited(3))])
    var ends: [Int32] = [-1, -1]
    try #require(socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &ends) == 0)
    served = try ServedSession(StubSession(fake: world), socket: ends[1])
    client = Client(ServerConnection(channel: Channel(socket: OwnedDescriptor(owning: ends[0]))))
    try client.negotiate(patience)
  }

  private var thread: ThreadName { ThreadName(process: 0x1234, thread: 0x1234) }

  @Test func agreesOnEverything() throws {
    #expect(client.features.packetSize == Connection.packetSize)
    #expect(client.features.has("multiprocess"))
    #expect(client.resumeActions.isSuperset(of: ["c", "C", "s", "S", "r"]))
    #expect(client.registers["rip"]?.number == 16)
    #expect(client.registers["rip"]?.offset == 128)
    #expect(client.registers["ymm15h"]?.byteCount == 16)
    #expect(client.registers.architecture == "i386:x86-64")
  }

  @Test func readsAndWritesMemory() throws {
    let base = FakeWorld.base
    let expected = (0..<0x400).map { UInt8(truncatingIfNeeded: $0) }
    #expect(try client.readMemory(at: base, count: 0x400, patience) == expected)
    // Every byte that needs an escape, and those that would be taken for a repeat count.
    let awkward = Array("}#$*\u{3}+-".utf8) + Array(repeating: 0, count: 40)
    try client.writeMemory(awkward, at: base + 16, patience)
    #expect(try client.readMemory(at: base + 16, count: awkward.count, patience) == awkward)
    #expect(try world.copyRead(from: Address(base + 16), count: awkward.count) == awkward)
    #expect(try client.readMemory(at: 0x10, count: 8, patience) == [])
    #expect(throws: ClientError.self) { try client.writeMemory([1], at: 0x10, patience) }
    // The conversation goes on.
    #expect(try client.readMemory(at: base + 0x1ff0, count: 0x20, patience).count == 0x10)
  }

  @Test func readsAndWritesRegisters() throws {
    let all = try client.readRegisters(of: thread, patience)
    #expect(all.count == client.registers.byteCount)
    #expect(Array(all[128..<136]) == [0, 0, 0x40, 0, 0, 0, 0, 0])
    try client.writeRegister(0, [1, 2, 3, 4, 5, 6, 7, 8], of: thread, patience)
    #expect(try client.readRegister(0, of: thread, patience) == [1, 2, 3, 4, 5, 6, 7, 8])
    var changed = all
    changed[8] = 0x55
    try client.writeRegisters(changed, of: thread, patience)
    #expect(try client.readRegister(1, of: thread, patience)[0] == 0x55)
    let nobody = ThreadName(process: 0x1234, thread: 0x999)
    #expect(throws: ClientError.self) { try client.readRegisters(of: nobody, patience) }
  }

  @Test func listsThreads() throws {
    #expect(try client.threads(patience).map(\.id.thread) == [0x1234, 0x1235])
    #expect(try client.listedThreads(patience).map(\.id.thread) == [0x1234, 0x1235])
    #expect(try client.isAlive(thread, patience))
    #expect(try !client.isAlive(ThreadName(process: 0x1234, thread: 9), patience))
  }

  @Test func readsObjectsAndRunsCommands() throws {
    #expect(try client.transfer("auxv", patience).count == 16)
    #expect(throws: ClientError.unsupported(request: "qXfer:nothing")) {
      try client.transfer("nothing", patience)
    }
    let text = try client.monitor(Array("help".utf8), patience)
    #expect(String(decoding: text, as: UTF8.self).contains("xv stats"))
  }

  @Test func resumesAndStops() throws {
    guard case .stopped(let first) = try client.status(patience) else {
      throw ClientError.disconnected
    }
    #expect(first.signal == .trap)
    #expect(first.thread == thread)
    try client.insert(.software, at: FakeWorld.base + 1, patience)
    #expect(world.breaks == [Address(FakeWorld.base + 1)])
    try client.resume([ResumePacket.Action(.run)], patience)
    guard case .stopped(let stop) = try client.nextStop(patience) else {
      throw ClientError.disconnected
    }
    #expect(stop.reason == .softwareBreakpoint)
    try client.remove(.software, at: FakeWorld.base + 1, patience)

    // The second resume runs on: nobody who gives up loses its stop.
    try client.resume([ResumePacket.Action(.run)], patience)
    #expect(throws: ClientError.timedOut) {
      try client.nextStop(Patience(timeout: .zero))
    }
  }

  @Test func aWaitCanBeCancelled() throws {
    let cancellation = try Cancellation()
    cancellation.cancel()
    // The answer comes, and is not taken for the next one's.
    #expect(throws: ClientError.cancelled) {
      try client.exchange("qC", Patience(cancellations: [cancellation]))
    }
    #expect(try client.exchange("qAttached", patience) == [UInt8(ascii: "0")])
    #expect(try client.readMemory(at: FakeWorld.base, count: 2, patience) == [0, 1])
  }

  @Test func interrupts() throws {
    try client.resume([ResumePacket.Action(.run)], patience)
    _ = try client.nextStop(patience)
    try client.resume([ResumePacket.Action(.run)], patience)
    try client.interrupt(patience)
    guard case .stopped(let stop) = try client.nextStop(patience) else {
      throw ClientError.disconnected
    }
    #expect(stop.signal == .interrupt)
    try client.resume([ResumePacket.Action(.run)], patience)
    #expect(try client.nextStop(patience) == .exited(status: 3, process: 0x1234))
  }

  @Test func readsFiles() throws {
    let own = try client.readFile("/proc/self/comm", patience)
    #expect(own.last == UInt8(ascii: "\n"))
    #expect(throws: ClientError.refused(request: "vFile", number: 2, text: "")) {
      try client.readFile("/nowhere/at/all", patience)
    }
  }

  @Test func aServerThatGoesIsNoticed() throws {
    served.wake()
    #expect(served.ending() == .woken)
    #expect(throws: ClientError.disconnected) { try client.exchange("qC", patience) }
  }
}
