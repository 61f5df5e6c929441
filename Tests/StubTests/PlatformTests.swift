// SPDX-License-Identifier: GPL-3.0-only
import Glibc
import RSP
import Testing
import WorldVM
import XVCore
import xv_gdbstub

/// What lldb asks about the machine, about files, and in batches.
@Suite("Platform", .timeLimit(.minutes(1))) struct PlatformTests {
  let world: FakeWorld
  let client: StubClient
  let folder: String

  init() throws {
    world = try FakeWorld()
    client = try StubClient(StubSession(fake: world))
    _ = client.negotiate("xmlRegisters=i386,arm")
    var template = Array("/tmp/xv-platform-XXXXXX\0".utf8CString)
    folder = String(cString: try #require(mkdtemp(&template)))
  }

  private func path(_ name: String) -> String { hex("\(folder)/\(name)") }

  @Test func files() throws {
    #expect(client.ask("qPlatform_mkdir:0,\(path("d"))") == "F0")
    #expect(client.ask("qPlatform_mkdir:0,\(path("d"))") == "F11")
    #expect(client.ask("vFile:exists:\(path("d/f"))") == "F,0")
    #expect(client.ask("vFile:MD5:\(path("d/f"))") == "F,x")
    #expect(client.ask("vFile:open:\(path("d/f")),40000601,1a4") == "F0")
    #expect(client.ask("vFile:pwrite:0,0,hello\n") == "F6")
    #expect(client.ask("vFile:close:0") == "F0")
    #expect(client.ask("vFile:exists:\(path("d/f"))") == "F,1")
    #expect(client.ask("vFile:size:\(path("d/f"))") == "F0000000000000006")
    #expect(client.ask("qPlatform_chmod:180,\(path("d/f"))") == "F0")
    #expect(client.ask("vFile:mode:\(path("d/f"))") == "F180")
    // md5sum says b1946ac92492d2347c6235b4d2611184.
    #expect(client.ask("vFile:MD5:\(path("d/f"))") == "F,34d29224c96a94b1841161d2b435627c")
    #expect(client.ask("vFile:symlink:\(hex("f")),\(path("d/l"))") == "F0,0")
    #expect(client.ask("vFile:symlink:\(hex("f")),\(path("d/l"))") == "F11,11")
    #expect(client.ask("qPathComplete:0,\(path("d/"))") == "M\(path("d/f")),\(path("d/l"))")
    #expect(client.ask("qPathComplete:1,\(hex("\(folder)/"))") == "M\(path("d/"))")
    for name in ["d/f", "d/l"] { #expect(client.ask("vFile:unlink:\(path(name))") == "F0") }
    #expect(client.ask("vFile:size:\(path("d/f"))") == "F-1,2")
    #expect(rmdir("\(folder)/d") == 0 && rmdir(folder) == 0)
  }

  /// Lengths around a block's end, where padding needs a second block.
  @Test(arguments: [
    (0, "04b2008fd98c1dd47e42f8ec980980e9"), (55, "22a1f9dfb67217ef65dfd04a95528535"),
    (56, "b028f803c78a0c3b1872d10670196c4c"), (64, "4971b580d442480167733f7963034a5a"),
  ]) func digests(count: Int, digest: String) throws {
    defer { rmdir(folder) }
    _ = client.ask("vFile:open:\(path("f")),601,180")
    _ = client.ask("vFile:pwrite:0,0,\(String(repeating: "a", count: count))")
    _ = client.ask("vFile:close:0")
    #expect(client.ask("vFile:MD5:\(path("f"))") == "F,\(digest)")
    _ = client.ask("vFile:unlink:\(path("f"))")
  }

  @Test func shell() throws {
    defer { rmdir(folder) }
    #expect(client.ask("qPlatform_shell:\(hex("echo a; echo b >&2; exit 3")),a") == "F,00000003,00000000,a\nb\n")
    #expect(client.ask("qPlatform_shell:\(hex("pwd")),a,\(hex("/"))") == "F,00000000,00000000,/\n")
    #expect(client.ask("qPlatform_shell:\(hex("kill -9 $$")),ffffffff") == "F,00000000,00000009,")
    // What takes too long is ended.
    #expect(client.ask("qPlatform_shell:\(hex("echo a; while :; do :; done")),1") == "F,00000000,00000009,a\n")
    #expect(client.ask("qPlatform_shell:0") == "E22")
  }

  @Test func processesAndUsers() throws {
    defer { rmdir(folder) }
    let own = try #require(client.ask("qProcessInfoPID:\(getpid())"))
    #expect(own.hasPrefix("pid:\(getpid());ppid:\(getppid());uid:\(getuid());gid:\(getgid());"))
    #expect(own.contains(";triple:\(hex("x86_64-pc-linux-gnu"));"))
    // The list leaves the server itself out; its parent is there.
    let parent = try #require(client.ask("qfProcessInfo:pid:\(getppid());all_users:1;"))
    #expect(parent.hasPrefix("pid:\(getppid());"))
    #expect(client.ask("qsProcessInfo") == "E02")
    #expect(client.ask("qfProcessInfo:name:\(hex("no such name"));name_match:contains;") == "E02")
    #expect(client.ask("qfProcessInfo:name:\(hex("["));name_match:regex;") == "E02")
    #expect(client.ask("qUserName:0") == hex("root"))
    #expect(client.ask("qGroupName:0") == hex("root"))
    #expect(client.ask("qUserName:4294967296") == "E02")
    // These are for the platform's own server.
    for packet in ["qLaunchGDBServer;", "qQueryGDBServer", "qKillSpawnedProcess:1"] {
      #expect(client.ask(packet) == "")
    }
  }

  @Test func batches() throws {
    defer { rmdir(folder) }
    let read = try #require(client.ask("MultiMemRead:ranges:400030,4,10,8,401ffe,4;"))
    #expect(read.hasPrefix("4,0,2;0123") && read.count == 12)
    #expect(client.ask("MultiMemRead:ranges:;") == "E22")
    let requests = ["Z0,400000,1", "Z0,400010,1", "z0,400000,1", "z0,400000,1", "g", "Z0,0,1"]
    let list = requests.map { "\"\($0)\"" }.joined(separator: ",")
    #expect(
      client.ask("jMultiBreakpoint:{\"breakpoint_requests\":[\(list)]}")
        == "{\"results\":[\"OK\",\"OK\",\"OK\",\"E22\",\"E22\",\"E14\"]}")
    #expect(world.breaks == [Address(0x40_0010)])
    for text in ["", "[", "{\"breakpoint_requests\":1}", String(repeating: "[", count: 9000)] {
      #expect(client.ask("jMultiBreakpoint:\(text)") == "E22")
    }
  }

  @Test func modules() throws {
    defer { rmdir(folder) }
    let text = try #require(
      client.ask("jModulesInfo:[{\"file\":\"/bin/sh\",\"triple\":\"x\"},{\"file\":\"/missing\"}]"))
    #expect(text.hasPrefix("[{\"uuid\":\"") && text.hasSuffix("}]"))
    #expect(text.contains("\"file_path\":\"/bin/sh\",\"file_offset\":0,"))
    #expect(client.ask("jModulesInfo:[]") == "[]")
  }
}

/// What JSON is read, and what is none.
@Suite("JSON") struct JSONTests {
  @Test func documents() {
    let text = #" {"a" : [1, -2.5e3, "b\n\"\u00e9\ud83d\ude00", true, false, null, {}, []] } "#
    let value = JSONValue(Array(text.utf8))
    #expect(
      value?["a"]?.elements == [
        .number("1"), .number("-2.5e3"), .string("b\n\"é😀"), .boolean(true), .boolean(false), .null,
        .object([:]), .array([]),
      ])
  }

  @Test(arguments: ["", "[1", "{\"a\"}", "\"\\u12\"", "\"\\ud800x\"", "tru", "[1]]", "\"\\"])
  func others(text: String) { #expect(JSONValue(Array(text.utf8)) == nil) }
}
