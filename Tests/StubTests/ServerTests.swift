// SPDX-License-Identifier: GPL-3.0-only
import CLinux
import Glibc
import RSP
import Testing
import WorldVM
import XVCore
import xv_gdbstub

@Suite("Server", .timeLimit(.minutes(2))) struct ServerTests {
  /// A server at a Unix socket, on a thread of its own.
  private struct Served {
    let path: String
    let thread: JoinedThread<Void>
  }

  private func serve(_ world: FakeWorld, once: Bool, name: String) throws -> Served {
    let path = "/tmp/xv-\(name)-test.\(getpid())"
    var ready: [Int32] = [-1, -1]
    try #require(pipe(&ready) == 0)
    let readyWriter = ready[1]
    let thread = try JoinedThread {
      var isReady: UInt8 = 0
      guard let wakeup = Wakeup(), let listener = try? Listener.unix(path: path) else { return }
      let server = Server(
        session: StubSession(fake: world), wakeup: wakeup, servesOnce: once, logsPackets: false)
      isReady = 1
      _ = write(readyWriter, &isReady, 1)
      try? server.run(listener)
      server.session.kill()
    }
    var isReady: UInt8 = 0
    var entry = pollfd(fd: ready[0], events: Int16(POLLIN), revents: 0)
    try #require(poll(&entry, 1, 20_000) == 1)
    try #require(read(ready[0], &isReady, 1) == 1)
    for end in ready { close(end) }
    return Served(path: path, thread: thread)
  }

  @Test func keepsTheProgramForTheNextClient() throws {
    let world = try FakeWorld()
    let served = try serve(world, once: false, name: "keep")
    let first = try StubClient(path: served.path)
    #expect(first.ask("Z0,400010,1") == "OK")
    first.send("c")
    _ = first.close()
    let second = try StubClient(path: served.path)
    #expect(second.ask("?")?.hasPrefix("T02") == true)
    #expect(world.isKilled == false)
    #expect(world.breaks.isEmpty)
    second.send("k")
    served.thread.join()
    #expect(world.isKilled)
    #expect(access(served.path, F_OK) != 0)
  }

  @Test func onceEndsTheProgramWithItsClient() throws {
    let world = try FakeWorld()
    let served = try serve(world, once: true, name: "once")
    let client = try StubClient(path: served.path)
    client.send("c")
    _ = client.close()
    served.thread.join()
    #expect(world.isKilled)
  }

  @Test func endsWhenTheProgramHasEndedAndTheClientIsGone() throws {
    let world = try FakeWorld(outcomes: [.stop(.exited(3))])
    let served = try serve(world, once: false, name: "ended")
    let client = try StubClient(path: served.path)
    #expect(client.ask("c") == "W03")
    #expect(client.ask("qC") != nil)
    _ = client.close()
    served.thread.join()
    #expect(!world.isKilled)
  }

  @Test func programThatDiesWithoutAClient() throws {
    let world = try FakeWorld()
    let served = try serve(world, once: false, name: "dies")
    world.happen(.killed(SIGKILL))
    served.thread.join()
  }

  @Test func stockGDB() throws {
    let world = try FakeWorld(outcomes: [.stop(.signal(SIGUSR1)), .stop(.exited(7))])
    let served = try serve(world, once: true, name: "gdb")
    let commands = [
      "set sysroot", "target remote \(served.path)", "info registers rip", "x/4xb 0x400010",
      "set var *(char*)0x400010 = 0x7f", "x/4xb 0x400010", "print/x $mxcsr", "info threads",
      "monitor xv stats", "x/xb 0x500000", "break *0x400010", "continue", "continue",
    ]
    let words = commands.map { "-ex '\($0)'" }.joined(separator: " ")
    let gdb = try #require(popen("exec timeout 60 gdb -nx -batch \(words) 2>&1", "r"))
    var output: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 4096)
    while case let count = fread(&buffer, 1, buffer.count, gdb), count > 0 {
      output += buffer[..<count]
    }
    pclose(gdb)
    let text = String(decoding: output, as: UTF8.self)
    served.thread.join()
    for line in [
      "rip            0x400000            0x400000",
      "0x400010:\t0x10\t0x11\t0x12\t0x13", "0x400010:\t0x7f\t0x11\t0x12\t0x13",
      "$1 = 0x1f80", "* 1    Thread 4660.4660", "fragments      12",
      "Cannot access memory at address 0x500000", "Program received signal SIGUSR1",
      "[Inferior 1 (process 4660) exited with code 07]",
    ] {
      #expect(text.contains(line), "\(line) in \(text)")
    }
  }
}
