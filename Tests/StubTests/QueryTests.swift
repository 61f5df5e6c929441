// SPDX-License-Identifier: GPL-3.0-only
import CLinux
import RSP
import Synchronization
import Testing
import XVCore
import xv_gdbstub

/// What gdb asks besides registers, memory and stops.
@Suite("Session: queries", .timeLimit(.minutes(1))) struct QueryTests {
  let world: FakeWorld
  let client: StubClient

  init() throws {
    world = try FakeWorld()
    client = try StubClient(StubSession(fake: world))
  }

  @Test func searching() {
    #expect(client.ask("qSearch:memory:400000;1000;\u{10}\u{11}") == "1,400010")
    #expect(client.ask("qSearch:memory:400011;1000;\u{10}\u{11}") == "1,400110")
    #expect(client.ask("qSearch:memory:400000;11;\u{10}\u{11}") == "0")
    #expect(client.ask("qSearch:memory:400000;12;\u{10}\u{11}") == "1,400010")
    #expect(client.ask("qSearch:memory:400000;1000;\u{11}\u{10}") == "0")
    #expect(client.ask("qSearch:memory:400000;0;a") == "0")
    // Found before memory ends, and not found in memory that does.
    #expect(client.ask("qSearch:memory:401f00;1000;\u{10}\u{11}") == "1,401f10")
    #expect(client.ask("qSearch:memory:401f00;1000;zz") == "E14")
    #expect(client.ask("qSearch:memory:ffffffffffffff00;1000;zz") == "E14")
    #expect(client.ask("qSearch:memory:400000;10;") == "E22")
  }

  @Test func checksums() {
    // The check value of CRC-32/MPEG-2.
    #expect(client.ask("M400000,9:\(hex("123456789"))") == "OK")
    #expect(client.ask("qCRC:400000,9") == "C376e6e7")
    #expect(client.ask("qCRC:400000,0") == "Cffffffff")
    #expect(client.ask("qCRC:401fff,2") == "E14")
    #expect(client.ask("qCRC:400000") == "E22")
  }

  @Test func signalInformationIsWritten() {
    #expect(client.ask("qXfer:siginfo:write::4:ab") == "2")
    let expected: [UInt8] = [5, 0, 0, 0, 97, 98] + Array(repeating: 0, count: 122)
    #expect(world.state.withLock { $0.signalInformation } == expected)
    #expect(client.ask("qXfer:siginfo:write::7f:ab") == "E22")
    #expect(client.ask("qXfer:siginfo:write:") == "E22")
    #expect(client.ask("qXfer:auxv:write::0:a") == "")
  }

  @Test func tablesOfTheSystem() throws {
    let types = try #require(client.ask("qXfer:osdata:read::0,4000"))
    #expect(types.hasPrefix("l<osdata type=\"types\">"))
    for name in [
      "cpus", "files", "modules", "msg", "processes", "procgroups", "semaphores", "shm", "sockets",
      "threads",
    ] {
      #expect(types.contains("<column name=\"Type\">\(name)</column>"))
      let table = try #require(client.ask("qXfer:osdata:read:\(name):0,80"))
      #expect(table.dropFirst().hasPrefix("<osdata type="), "\(name)")
    }
    #expect(client.ask("qXfer:osdata:read:nothing:0,100") == "l")
    var processes = ""
    repeat {
      let piece = try #require(
        client.ask("qXfer:osdata:read:processes:\(String(processes.utf8.count, radix: 16)),10000"))
      processes += piece.dropFirst()
      if piece.hasPrefix("l") { break }
    } while true
    #expect(processes.contains("<column name=\"pid\">1</column>"))
    #expect(processes.hasSuffix("</osdata>\n"))
  }

  @Test func aPartOfTheLibraries() throws {
    let all = try #require(client.ask("qXfer:libraries-svr4:read::0,1000"))
    #expect(all.contains("main-lm=\"0x7000\"") && all.contains("lm=\"0x7100\""))
    let rest = try #require(client.ask("qXfer:libraries-svr4:read:start=7100;prev=7000:0,1000"))
    #expect(!rest.contains("main-lm") && rest.contains("lm=\"0x7100\""))
    #expect(client.ask("qXfer:libraries-svr4:read:start=7200;prev=7100:0,1000") == "E22")
    #expect(client.ask("qXfer:libraries-svr4:read:start=7100;prev=7200:0,1000") == "E22")
    let other = try #require(client.ask("qXfer:libraries-svr4:read:lmid=1:0,1000"))
    #expect(!other.contains("0x7100"))
  }

  @Test func threadLocalStorage() {
    #expect(client.ask("qGetTLSAddr:1234,10,7100") == "125710")
    #expect(client.ask("qGetTLSAddr:1234,10,0") == "E22")
    #expect(client.ask("qGetTLSAddr:9,10,7100") == "E03")
    #expect(client.ask("qGetTLSAddr:1234,10") == "E22")
  }

  @Test func threadsHaveHandles() throws {
    world.state.withLock { $0.registers[ThreadID(0x1234)]?.general.fs_base = 0x7f01 }
    let threads = try #require(client.ask("qXfer:threads:read::0,1000"))
    #expect(threads.contains("<thread id=\"1234\""))
    #expect(threads.contains("handle=\"017f000000000000\""))
  }
}

@Suite("Words of the shell") struct ShellWordTests {
  @Test(arguments: [
    ("", []), ("  ", []), ("a b", ["a", "b"]), ("'a b' c", ["a b", "c"]), ("a''b", ["ab"]),
    ("''", [""]), (#""a \"b\" \x""#, [#"a "b" \x"#]), (#"a\ b \'"#, ["a b", "'"]),
    ("'a'\\''b'", ["a'b"]), ("a\nb", ["a", "b"]),
  ] as [(String, [String])])
  func splitting(line: String, words: [String]) { #expect(ShellWords.split(line) == words) }

  @Test(arguments: ["", "a", "a b", "it's", #"\"#, "a\nb", "$x `y` \"z\""])
  func quotingIsUndone(word: String) { #expect(ShellWords.split(ShellWords.quoted(word)) == [word]) }
}
