// SPDX-License-Identifier: GPL-3.0-only
import ArgumentParser
import RSP
import Testing
import XVCore
import xv_gdbstub

@Suite("Arguments") struct ArgumentTests {
  private func parse(_ words: [String]) throws -> StubCommand {
    try #require(try StubCommand.parseAsRoot(GDBServerWords.normalized(words)) as? StubCommand)
  }

  @Test(arguments: [":0", "-", "stdio", "unix:/tmp/s", "127.0.0.1:1"])
  func everythingAfterTheProgramIsItsOwn(endpoint: String) throws {
    let command = try parse(["--once", endpoint, "prog", "-x", "--once", "--", "--foo", "-"])
    #expect(command.once)
    #expect(command.endpoint == endpoint)
    let options = try #require(command.launchOptions)
    #expect(options.program == "prog")
    #expect(options.arguments == ["prog", "-x", "--once", "--", "--foo", "-"])
  }

  @Test func aDoubleDashBeforeTheProgram() throws {
    let options = try #require(try parse([":0", "--", "--odd", "-x"]).launchOptions)
    #expect(options.arguments == ["--odd", "-x"])
  }

  @Test func switches() throws {
    let plain = try #require(try parse([":0", "prog"]).launchOptions)
    #expect(plain.debugged && plain.disableRandomization && !plain.guardOriginalCode)
    #expect(!plain.torture.isOn)
    let words = [
      "--guard", "--torture", "flush=7", "--no-disable-randomization", "--debug", ":0", "prog",
    ]
    let options = try #require(try parse(words).launchOptions)
    #expect(options.guardOriginalCode && !options.disableRandomization && options.torture.flush == 7)
    #expect(try parse(["--torture=flush=3,relocate=5", ":0", "p"]).launchOptions?.torture == Torture("relocate=5,flush=3"))
  }

  @Test func switchesOfTheProgramAreNotOurs() throws {
    let command = try parse([":0", "prog", "--guard", "--torture", "x"])
    #expect(command.launchOptions?.arguments == ["prog", "--guard", "--torture", "x"])
    #expect(command.launchOptions?.guardOriginalCode == false)
  }

  @Test(arguments: [["--torture", "flush=0", ":0", "p"], ["--torture", "x", ":0", "p"], []])
  func refused(words: [String]) {
    #expect(throws: (any Error).self) { try StubCommand.parseAsRoot(words) }
  }

  /// As gdbserver takes them.
  @Test func gdbserversForms() throws {
    let words = [
      "--wrapper", "env", "-u", "A", "B=c", "--", "--disable-packet=Tthread,qC", "--debug-format=all",
      "--debug=threads,-remote", "--no-startup-with-shell", "--once", ":0", "--attach", "12",
    ]
    let command = try parse(words)
    #expect(command.wrapper == ["env", "-u", "A", "B=c"])
    #expect(command.debugging.disabledPackets == [.threadsOfStops, .currentThread])
    #expect(command.debugging.topics == .threads)
    #expect(!command.startupWithShell && command.once && command.attach)
    #expect(command.endpoint == ":0" && command.attachedProcess == 12)
  }

  @Test(arguments: [["--debug"], ["--remote-debug"], ["--debug=remote"], ["--event-loop-debug"]])
  func debugging(words: [String]) throws {
    let command = try parse(words + [":0", "p"])
    #expect(command.debugging.topics == .remote)
    #expect(command.launchOptions?.arguments == ["p"])
  }

  @Test(arguments: [["--world", "core:/x"], ["--world=core:/x"]])
  func optionsWithValuesBehindThePlace(words: [String]) throws {
    let command = try parse([":0", "--once"] + words)
    #expect(command.world == ["core:/x"] && command.once && command.launchOptions == nil)
    #expect(try parse([":0", "--torture", "flush=7", "p", "--world", "x"]).launchOptions?.arguments == ["p", "--world", "x"])
  }

  @Test func optionsBehindThePlace() throws {
    let command = try parse([":0", "--once", "--multi", "p", "--once"])
    #expect(command.once && command.multi)
    #expect(command.launchOptions?.arguments == ["p", "--once"])
    #expect(try parse([":0", "--", "--once"]).launchOptions?.arguments == ["--once"])
  }

  @Test(arguments: [
    ["--disable-packet=x", ":0", "p"], ["--debug=x", ":0", "p"], ["--debug-format=x", ":0", "p"],
    ["--wrapper", "env", ":0", "p"], ["--nothing", ":0", "p"],
  ])
  func refusedForms(words: [String]) { #expect(throws: (any Error).self) { try parse(words) } }

  @Test func disabledPackets() throws {
    let session = StubSession(fake: try FakeWorld())
    func answer(_ text: String) -> String? {
      guard case .reply(let reply) = session.answer(Packet(Array(text.utf8))) else { return nil }
      return String(decoding: reply.content, as: UTF8.self)
    }
    session.disabledPackets = try #require(DisabledPacket.packets("threads"))
    for packet in ["vCont?", "vCont;c", "qC", "qfThreadInfo", "qsThreadInfo"] {
      #expect(answer(packet) == "")
    }
    #expect(answer("?") == "T0506:1000ff7f00000000;07:0000ff7f00000000;10:0000400000000000;")
    session.disabledPackets = [.stopReplies]
    #expect(answer("?") == "S05")
    #expect(answer("qC") == "QC1234")
  }

  @Test func withoutAProgram() throws { #expect(try parse([":0"]).launchOptions == nil) }
}

/// lldb-server's command line.
@Suite("Arguments: gdbserver") struct DebugServerArgumentTests {
  private func parse(_ words: [String]) throws -> DebugServerCommand {
    try #require(try DebugServerCommand.parseAsRoot(words) as? DebugServerCommand)
  }

  @Test func asLLDBStartsIt() throws {
    let command = try parse(["--fd=7", "--native-regs", "--setsid", "--torture", "flush=3"])
    #expect(command.fd == 7 && command.setsid && command.address == nil && command.command == [])
    #expect(command.translator.template.torture.flush == 3)
  }

  @Test(arguments: [[], ["--"]]) func aProgramBehindAnAddress(dashes: [String]) throws {
    let command = try parse(["--pipe", "5", ":0"] + dashes + ["prog", "--fd", "x"])
    #expect(command.pipe == 5 && command.fd == nil && command.address == ":0")
    #expect(command.command == ["prog", "--fd", "x"])
  }

  @Test(arguments: [[], ["--"]]) func aProgramBehindADescriptor(dashes: [String]) throws {
    let command = try parse(["--fd", "5"] + dashes + ["prog", ":0"])
    #expect(command.address == nil && command.command == ["prog", ":0"])
  }

  @Test(arguments: [
    ("connect://h:1", Endpoint.tcp(host: "h", port: 1)), ("h:2", .tcp(host: "h", port: 2)),
    ("*:3", .tcp(host: "::", port: 3)), ("listen://[::1]:4", .tcp(host: "::1", port: 4)),
    ("unix-connect:///tmp/s", .unix(path: "/tmp/s")),
  ]) func addresses(text: String, endpoint: Endpoint) throws {
    #expect(try Endpoint(url: text) == endpoint)
  }
}
