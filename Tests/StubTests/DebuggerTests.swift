// SPDX-License-Identifier: GPL-3.0-only
import Glibc
import RSP
import Synchronization
import Testing
import WorldVM
import XVCore
import xv_gdbstub

/// What lldb asks and how it is answered otherwise than gdb.
@Suite("Session: lldb", .timeLimit(.minutes(1))) struct DebuggerTests {
  let world: FakeWorld
  let session: StubSession
  let client: StubClient

  init() throws {
    world = try FakeWorld(
      processID: getpid(), threads: [getpid(), 0x7654_3210], outcomes: [.stop(.signal(SIGUSR1))])
    session = StubSession(fake: world)
    client = try StubClient(session)
    let offers = "xmlRegisters=i386,arm,mips,arc;multiprocess+"
    let supported = try #require(client.negotiate(offers))
    #expect(supported.contains("native-signals+") && !supported.contains("binary-upload"))
    #expect(client.ask("QThreadSuffixSupported") == "OK")
    #expect(client.ask("QListThreadsInStopReply") == "OK")
  }

  private var first: String { String(getpid(), radix: 16) }

  @Test func binaryReadsAreRaw() {
    #expect(client.ask("x0,0") == "OK")
    #expect(client.ask("x400030,4") == "0123")
    #expect(client.ask("x10,4") == "E14")
  }

  @Test func gdbKeepsItsBinaryReads() throws {
    #expect(try #require(client.negotiate("xmlRegisters=i386")).contains("binary-upload+"))
    #expect(client.ask("x400030,4") == "b0123")
  }

  @Test func stopsTellReasonsAndThreads() throws {
    let stop = try #require(client.ask("?"))
    // The trap of the launch is SIGSTOP to lldb.
    #expect(stop.hasPrefix("T13hexname:"))
    #expect(stop.contains(";reason:signal;threads:\(first),76543210;thread-pcs:400000,400000;"))
    // All general registers: rbx is number 1, eflags 17.
    #expect(stop.contains(";01:0000000000000000;") && stop.contains(";11:00000000;"))
  }

  @Test func signalsHaveTheKernelsNumbers() throws {
    let stop = try #require(client.ask("vCont;C0a:p\(first).-1"))
    #expect(stop.hasPrefix("T0a"))
    #expect(world.plans.first?.threads.values.first?.signal == SIGUSR1)
  }

  @Test func interruptThatWasOvertakenIsToldOnce() throws {
    client.send("vCont;c")
    #expect(client.reply()?.starts(with: "T0a".utf8) == true)
    world.state.withLock { $0.overtaking = .stepped }
    client.send("vCont;s")
    client.send(raw: [3])
    #expect(client.reply()?.starts(with: "T05".utf8) == true)
    // And one that comes behind the stop.
    client.send(raw: [3])
    world.state.withLock { $0.outcomes = [.stop(.signal(SIGUSR2))] }
    client.send("vCont;c")
    #expect(client.reply()?.starts(with: "T0c".utf8) == true)
    #expect(world.plans.count == 3)
    // A program that runs is stopped by it.
    client.send("vCont;c")
    client.send(raw: [3])
    #expect(client.reply()?.starts(with: "T02".utf8) == true)
  }

  @Test func registersOfANamedThread() {
    #expect(client.ask("P0=0500000000000000;thread:76543210;") == "OK")
    #expect(client.ask("p0;thread:76543210;") == "0500000000000000")
    #expect(client.ask("p0;thread:\(first);") == "0000000000000000")
    #expect(client.ask("p0;thread:99;") == "E03")
  }

  @Test func registersAreSavedAndRestored() {
    #expect(client.ask("QSaveRegisterState;thread:76543210;") == "1")
    #expect(client.ask("P0=0500000000000000;thread:76543210;") == "OK")
    #expect(client.ask("QRestoreRegisterState:1;thread:76543210;") == "OK")
    #expect(client.ask("p0;thread:76543210;") == "0000000000000000")
    #expect(client.ask("QRestoreRegisterState:1;thread:76543210;") == "E22")
  }

  @Test func regionsAndHoles() {
    #expect(client.ask("qMemoryRegionInfo") == "OK")
    #expect(
      client.ask("qMemoryRegionInfo:400010")
        == "start:400000;size:1000;permissions:rx;flags:;name:\(hex("/bin/prog"));")
    #expect(
      client.ask("qMemoryRegionInfo:401fff")
        == "start:401000;size:1000;permissions:rw;flags:;")
    #expect(client.ask("qMemoryRegionInfo:0") == "start:0;size:400000;")
    #expect(client.ask("qMemoryRegionInfo:402000") == "start:402000;size:ffffffffffbfdfff;")
  }

  @Test func memoryIsAllocatedAndReleased() {
    #expect(client.ask("_M1000,rx") == "70000000")
    #expect(client.ask("_m70000000") == "OK")
    #expect(client.ask("_m70000000") == "E22")
    #expect(world.state.withLock { $0.allocations.isEmpty })
  }

  @Test func errorsCarryTextWhenAsked() {
    #expect(client.ask("QEnableErrorStrings") == "OK")
    #expect(client.ask("_m1234")?.hasPrefix("E22;") == true)
  }

  @Test func allThreadsAtOnce() throws {
    let text = try #require(client.ask("jThreadsInfo"))
    #expect(text.hasPrefix("[{\"tid\":\(getpid()),\"name\":"))
    #expect(text.contains("\"reason\":\"signal\",\"signal\":19,\"registers\":{\"6\":"))
    #expect(text.contains("{\"tid\":\(0x7654_3210),"))
    #expect(client.ask("qThreadStopInfo76543210")?.hasPrefix("T00") == true)
    #expect(client.ask("qThreadStopInfo99") == "E03")
  }

  @Test func whereThingsAre() throws {
    #expect(client.ask("qFileLoadAddress:\(hex("/bin/prog"))") == "400000")
    #expect(client.ask("qFileLoadAddress:\(hex("/bin/other"))") == "E02")
    #expect(client.ask("qShlibInfoAddr") == "401008")
    #expect(client.ask("qEcho:17") == "qEcho:17")
    #expect(client.ask("qWatchpointSupportInfo:") == "num:65536;")
    #expect(try #require(client.ask("qHostInfo")).contains(";ptrsize:8;"))
    #expect(try #require(client.ask("qProcessInfo")).hasPrefix("pid:\(first);parent-pid:"))
    #expect(try #require(client.ask("qModuleInfo:2f6e6f;")) == "E02")
  }
}
