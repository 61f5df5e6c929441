// SPDX-License-Identifier: GPL-3.0-only
import RSP
import Testing
import XVCore
import xv_gdbstub

/// Conditions and commands of breakpoints, in a world that leaves it to the session to decide.
@Suite("Session: conditions", .timeLimit(.minutes(1))) struct ConditionTests {
  /// `const8 N; end`.
  private static let never = "X3,220027"
  private static let always = "X3,220127"
  
  private static let deadAddress = "X4,22051727"

  private func stops(_ breakpoint: String) throws -> (String?, Int) {
    let world = try FakeWorld(outcomes: [.stop(.breakpoint), .stop(.breakpoint), .stop(.exited(0))])
    let client = try StubClient(StubSession(fake: world))
    _ = client.negotiate("swbreak+")
    #expect(client.ask(breakpoint) == "OK")
    let reply = client.ask("vCont;c")
    return (reply.map { String($0.prefix(3)) }, world.plans.count)
  }

  @Test func told() throws {
    #expect(try stops("Z0,400000,1") == ("T05", 1))
    #expect(try stops("Z0,400000,1;\(Self.always)") == ("T05", 1))
    #expect(try stops("Z0,400000,1;\(Self.never)\(Self.always)") == ("T05", 1))
    // What cannot be computed is for somebody to look at.
    #expect(try stops("Z0,400000,1;\(Self.deadAddress)") == ("T05", 1))
    // Another address than the one of the stop.
    #expect(try stops("Z0,400010,1;\(Self.never)") == ("T05", 1))
  }

  @Test func untold() throws {
    #expect(try stops("Z0,400000,1;\(Self.never)") == ("W00", 3))
    #expect(try stops("Z0,400000,1;\(Self.never)\(Self.never)") == ("W00", 3))
    #expect(try stops("Z0,400000,1;cmds:1,\(Self.always)") == ("W00", 3))
    #expect(try stops("Z0,400000,1;\(Self.never);cmds:0,\(Self.always)") == ("W00", 3))
    #expect(try stops("Z1,400000,1;\(Self.never);somethingnew") == ("W00", 3))
  }

  @Test func conditionsAreReplaced() throws {
    let world = try FakeWorld(outcomes: [.stop(.breakpoint), .stop(.exited(0))])
    let client = try StubClient(StubSession(fake: world))
    _ = client.negotiate("swbreak+")
    #expect(client.ask("Z0,400000,1;\(Self.never)") == "OK")
    #expect(client.ask("Z0,400000,1") == "OK")
    #expect(client.ask("vCont;c")?.hasPrefix("T05") == true)
    #expect(client.ask("Z0,400000,1;\(Self.never)") == "OK")
    #expect(client.ask("z0,400000,1") == "OK")
    #expect(client.ask("Z1,400000,1") == "OK")
    #expect(client.ask("vCont;c")?.hasPrefix("W00") == true)
  }

  @Test(arguments: ["X", "X3", "X3,22", "X3,22002", "cmds:", "cmds:1", "cmds:1,X4,220127"])
  func malformed(options: String) {
    #expect(Packet(Array("Z0,400000,1;\(options)".utf8)) == .malformed)
  }
}
