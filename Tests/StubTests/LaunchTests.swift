// SPDX-License-Identifier: GPL-3.0-only
import Glibc
import RSP
import Synchronization
import Testing
import WorldVM
import XVCore
import xv_gdbstub

/// Sessions that start programs: `!`, `vRun` and what is said before it.
@Suite("Session: launching", .timeLimit(.minutes(1))) struct LaunchTests {
  /// What was asked to be launched, and what came of it.
  final class Launches: Sendable {
    let options = Mutex<[LaunchOptions]>([])
    let worlds = Mutex<[FakeWorld]>([])

    var last: LaunchOptions? { options.withLock { $0.last } }

    func attach(_ process: Int32) throws(WorldError) -> any World {
      guard process == 0x1f else { throw .failed(call: "attach", errno: EPERM) }
      do {
        return try FakeWorld(processID: process, threads: [process])
      } catch {
        throw .badWorld("\(error)")
      }
    }

    func start(_ wanted: LaunchOptions) throws(WorldError) -> any World {
      options.withLock { $0.append(wanted) }
      if wanted.program == "/missing" { throw .badWorld("cannot run /missing") }
      do {
        return try worlds.withLock { worlds in
          // Beside others it has a number of its own.
          let living = worlds.count { world in
            world.lastStop?.reason == .signal(SIGTRAP)
              && world.state.withLock { !$0.isKilled && $0.detachSignal == nil }
          }
          let number = 0x1234 + Int32(living)
          let world = try FakeWorld(
            processID: number, threads: [number], outcomes: [.stop(.exited(3))])
          worlds.append(world)
          return world
        }
      } catch {
        throw .badWorld("\(error)")
      }
    }
  }

  let launches = Launches()
  let client: StubClient

  init() throws {
    let launches = launches
    var launcher = Launcher(
      LaunchOptions(program: "", arguments: []),
      start: { options throws(WorldError) in try launches.start(options) },
      attach: { process, _ throws(WorldError) in try launches.attach(process) })
    launcher.settings.startsWithShell = false
    client = try StubClient(StubSession(launcher: launcher))
    _ = client.negotiate("multiprocess+;error-message+")
    #expect(client.ask("!") == "OK")
  }

  @Test func withoutAProgram() {
    #expect(client.ask("?") == "W00;process:0")
    #expect(client.ask("qfThreadInfo") == "l")
    for packet in ["g", "m400000,4", "vCont;c", "qC"] {
      #expect(client.ask(packet)?.hasPrefix("E") == true, "\(packet)")
    }
    // gdb takes an end for a stop of which nobody has told whose it is.
    #expect(client.ask("QNonStop:1") == "OK")
    #expect(client.ask("?") == "OK")
  }

  @Test func runsAgainAndAgain() {
    for _ in 0..<3 {
      #expect(client.ask("vRun;\(hex("/bin/p"));\(hex("a b"));;\(hex("c"))")?.hasPrefix("T05") == true)
      #expect(client.ask("vCont;c") == "W03;process:1234")
    }
    #expect(launches.last?.arguments == ["/bin/p", "a b", "", "c"])
    // The same program with other arguments.
    #expect(client.ask("vRun;;\(hex("d"))")?.hasPrefix("T05") == true)
    #expect(launches.last?.arguments == ["/bin/p", "d"])
    #expect(client.ask("vKill;1234") == "OK")
    #expect(client.ask("vRun;")?.hasPrefix("T05") == true)
  }

  @Test func besideOneThatLives() {
    #expect(client.ask("vRun;\(hex("/bin/p"))")?.contains("thread:p1234.1234;") == true)
    #expect(client.ask("Z0,400010,1") == "OK")
    #expect(client.ask("vRun;\(hex("/bin/q"))")?.contains("thread:p1235.1235;") == true)
    #expect(client.ask("vAttach;1f")?.contains("thread:p1f.1f;") == true)
    #expect(client.ask("qfThreadInfo") == "mp1234.1234,p1235.1235,p1f.1f")
    #expect(client.ask("Hgp1235.0") == "OK")
    #expect(client.ask("z0,400010,1") == "E22")
    #expect(client.ask("vCont;c:p1235.-1") == "W03;process:1235")
    #expect(client.ask("vKill;1234") == "OK")
    #expect(client.ask("D;1f") == "OK")
    #expect(client.ask("?") == "W00;process:1f")
    #expect(client.ask("vRun;")?.contains("thread:p1234.1234;") == true)
  }

  @Test func attachingWhereThreadsStopOneByOne() {
    client.takesNotifications = true
    #expect(client.ask("QNonStop:1") == "OK")
    #expect(client.ask("vAttach;1f") == "OK")
    let told = client.reply().map { String(decoding: $0, as: UTF8.self) }
    #expect(told?.hasPrefix("Stop:T00") == true && told?.contains("thread:p1f.1f;") == true)
    #expect(client.ask("vStopped") == "OK")
  }

  @Test func noProcessIDsNoOtherProgram() throws {
    _ = client.negotiate("error-message+")
    #expect(client.ask("vRun;\(hex("/bin/p"))")?.hasPrefix("T05") == true)
    #expect(client.ask("vRun;\(hex("/bin/q"))")?.hasPrefix("E.") == true)
    #expect(client.ask("vAttach;1f")?.hasPrefix("E.") == true)
    #expect(launches.worlds.withLock { $0.count } == 1)
  }

  @Test func nothingIsLeftOfTheLastProgram() {
    #expect(client.ask("vRun;\(hex("/bin/p"))")?.hasPrefix("T05") == true)
    #expect(client.ask("Z0,400010,1") == "OK")
    #expect(client.ask("D;1234") == "OK")
    #expect(client.ask("?") == "W00;process:1234")
    #expect(client.ask("vRun;")?.hasPrefix("T05") == true)
    #expect(client.ask("z0,400010,1") == "E22")
    #expect(launches.worlds.withLock { $0.last?.breaks.isEmpty } == true)
  }

  @Test func restarts() {
    #expect(client.ask("vRun;\(hex("/bin/p"));\(hex("x"))")?.hasPrefix("T05") == true)
    client.send("R00")
    #expect(client.ask("?")?.hasPrefix("T05") == true)
    #expect(launches.options.withLock { $0.map(\.arguments) } == [["/bin/p", "x"], ["/bin/p", "x"]])
    #expect(launches.worlds.withLock { $0.first?.isKilled } == true)
  }

  @Test func whatIsSaidBefore() {
    #expect(client.ask("QSetWorkingDir:\(hex("/usr"))") == "OK")
    #expect(client.ask("QDisableRandomization:0") == "OK")
    #expect(client.ask("QEnvironmentHexEncoded:\(hex("XV_A=b=c"))") == "OK")
    #expect(client.ask("QEnvironment:XV_D=e") == "OK")
    #expect(client.ask("QEnvironmentUnset:\(hex("PATH"))") == "OK")
    #expect(client.ask("vRun;\(hex("/bin/p"))")?.hasPrefix("T05") == true)
    let options = launches.last
    #expect(options?.workingDirectory == "/usr" && options?.disableRandomization == false)
    #expect(options?.environment?.contains("XV_A=b=c") == true)
    #expect(options?.environment?.contains("XV_D=e") == true)
    #expect(options?.environment?.contains { $0.hasPrefix("PATH=") } == false)
    #expect(options?.prelude == nil)
    #expect(client.ask("vKill;1234") == "OK")
    #expect(client.ask("QEnvironmentReset") == "OK")
    #expect(client.ask("QSetWorkingDir:") == "OK")
    #expect(client.ask("QStartupWithShell:1") == "OK")
    #expect(client.ask("vRun;;\(hex("it's"))")?.hasPrefix("T05") == true)
    #expect(launches.last?.environment == nil && launches.last?.workingDirectory == nil)
    #expect(launches.last?.prelude?.execs == 1)
    #expect(launches.last?.prelude?.command.dropFirst() == ["-c", "exec '/bin/p' 'it'\\''s'"])
  }

  @Test func allArgumentsInOneText() throws {
    #expect(try #require(client.negotiate("multiprocess+;single-inf-arg+")).contains("single-inf-arg+"))
    #expect(client.ask("!") == "OK")
    #expect(client.ask("vRun;\(hex("/bin/p"));\(hex("'a b' $HOME"))")?.hasPrefix("T05") == true)
    #expect(launches.last?.arguments == ["/bin/p", "a b", "$HOME"])
    #expect(client.ask("vKill;1234") == "OK")
    #expect(client.ask("QStartupWithShell:1") == "OK")
    #expect(client.ask("vRun;;\(hex("'a b' $HOME"))")?.hasPrefix("T05") == true)
    #expect(launches.last?.prelude?.command.last == "exec '/bin/p' 'a b' $HOME")
    #expect(client.ask("vKill;1234") == "OK")
    #expect(client.ask("QStartupWithShell:0") == "OK")
    #expect(client.ask("vRun;")?.hasPrefix("T05") == true)
    #expect(launches.last?.arguments == ["/bin/p"])
  }

  @Test func theServersCommandLine() throws {
    #expect(client.ask("qExecAndArgs") == "U")
    var launcher = Launcher(LaunchOptions(program: "", arguments: []))
    launcher.commandLine = ["/bin/p", "a b", "c"]
    let client = try StubClient(StubSession(launcher: launcher))
    #expect(client.ask("qExecAndArgs") == "S;\(hex("/bin/p"));\(hex("'a b' 'c'"));")
  }

  @Test func failures() {
    #expect(client.ask("vRun;\(hex("/missing"))") == "E.cannot run /missing")
    #expect(client.ask("A\(hex("/missing").utf8.count),0,\(hex("/missing"))") == "OK")
    #expect(client.ask("qLaunchSuccess") == "Ecannot run /missing")
    #expect(client.ask("vAttach;1")?.hasPrefix("E.attach") == true)
    #expect(client.ask("vAttach;1f")?.contains("thread:p1f.1f;") == true)
    #expect(client.ask("vAttach;1f")?.hasPrefix("E.") == true)
    #expect(client.ask("D;1f") == "OK")
    #expect(client.ask("A\(hex("/bin/p").utf8.count),0,\(hex("/bin/p"))") == "OK")
    #expect(client.ask("qLaunchSuccess") == "OK")
    #expect(client.ask("?")?.hasPrefix("T05") == true)
  }

  @Test func standardFilesAndTheRestOfLLDBsSettings() {
    for packet in [
      "QSetSTDIN:\(hex("/in"))", "QSetSTDERR:\(hex("/err"))", "QLaunchArch:x86_64",
      "QSetDetachOnError:1", "qVAttachOrWaitSupported",
    ] {
      #expect(client.ask(packet) == "OK", "\(packet)")
    }
    _ = client.ask("vRun;\(hex("/bin/prog"))")
    #expect(launches.last?.standardFiles == [0: "/in", 2: "/err"])
  }

  @Test func attachingByName() {
    #expect(client.ask("vAttachName;\(hex("no such program"))")?.hasPrefix("E") == true)
    #expect(client.ask("vAttachName;") == "E22")
    client.send("vAttachWait;\(hex("no such program"))")
    // The wait ends when the client wants it to.
    client.send(raw: [3])
    #expect(client.reply()?.first == UInt8(ascii: "E"))
    #expect(client.ask("?") == "W00;process:0")
  }
}

/// A program whose output goes to the client.
@Suite("Session: output", .timeLimit(.minutes(1))) struct OutputTests {
  @Test func outputComesBeforeTheEnd() throws {
    let launches = LaunchTests.Launches()
    var launcher = Launcher(
      LaunchOptions(program: "", arguments: []),
      start: { options throws(WorldError) in
        let path = options.standardFiles[1] ?? ""
        #expect(options.standardFiles[0] == path && options.standardFiles[2] == "/err")
        let number = open(path, O_WRONLY | O_NOCTTY)
        #expect(write(number, "made\n", 5) == 5)
        close(number)
        return try launches.start(options)
      },
      attach: { process, _ throws(WorldError) in try launches.attach(process) })
    launcher.forwardsOutput = true
    launcher.settings.inheritsEnvironment = false
    let client = try StubClient(StubSession(launcher: launcher))
    _ = client.negotiate("xmlRegisters=i386,arm")
    #expect(client.ask("QSetSTDERR:\(hex("/err"))") == "OK")
    #expect(client.ask("QEnvironment:A=b") == "OK")
    #expect(client.ask("vRun;\(hex("/bin/prog"))")?.hasPrefix("T13") == true)
    #expect(launches.last?.environment == ["A=b"])
    #expect(client.ask("I61") == "OK")
    #expect(client.ask("vCont;c") == "O" + hex("made\n"))
    #expect(client.reply().map { String(decoding: $0, as: UTF8.self) } == "W03")
  }
}
