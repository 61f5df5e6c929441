// SPDX-License-Identifier: GPL-3.0-only
import ArgumentParser
import Testing
import XVCore
import xv_gdbstub

@Suite("Arguments") struct ArgumentTests {
  private func parse(_ words: [String]) throws -> StubCommand {
    try #require(try StubCommand.parseAsRoot(words) as? StubCommand)
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

  @Test func withoutAProgram() throws { #expect(try parse([":0"]).launchOptions == nil) }
}
