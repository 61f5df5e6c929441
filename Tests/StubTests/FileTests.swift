// SPDX-License-Identifier: GPL-3.0-only
import Glibc
import RSP
import Testing
import xv_gdbstub

@Suite("Session: files", .timeLimit(.minutes(1))) struct FileTests {
  let client: StubClient

  init() throws { client = try StubClient(StubSession(fake: FakeWorld())) }

  private func open(_ path: String, _ flags: String = "0") -> String? {
    client.ask("vFile:open:\(hex(path)),\(flags),180")
  }

  @Test func writesReadsAndRemoves() throws {
    let path = "/tmp/xv-file-test.\(getpid())"
    defer { unlink(path) }
    #expect(client.ask("vFile:setfs:0") == "F0")
    #expect(open(path) == "F-1,2")
    #expect(open(path, "a02") == "F0")
    #expect(open(path, "a02") == "F-1,11")
    #expect(client.ask("vFile:pwrite:0,0,hello") == "F5")
    #expect(client.ask("vFile:pread:0,3,1") == "F3;ell")
    #expect(client.ask("vFile:pread:0,100,5") == "F0;")
    client.send("vFile:fstat:0")
    let status = try #require(client.reply())
    #expect(status.count == 4 + 64)
    #expect(status.prefix(4).elementsEqual("F40;".utf8))
    #expect(Array(status[4 + 8..<4 + 12]) == [0, 0, 0x81, 0x80])
    #expect(Array(status[4 + 28..<4 + 36]) == [0, 0, 0, 0, 0, 0, 0, 5])
    #expect(client.ask("vFile:close:0") == "F0")
    #expect(client.ask("vFile:close:0") == "F-1,9")
    #expect(client.ask("vFile:pread:0,3,1") == "F-1,9")
    #expect(client.ask("vFile:unlink:\(hex(path))") == "F0")
    #expect(client.ask("vFile:unlink:\(hex(path))") == "F-1,2")
  }

  @Test func links() {
    let path = "/tmp/xv-link-test.\(getpid())"
    defer { unlink(path) }
    #expect(symlink("/somewhere", path) == 0)
    #expect(client.ask("vFile:readlink:\(hex(path))") == "Fa;/somewhere")
    #expect(client.ask("vFile:readlink:\(hex("/tmp"))") == "F-1,16")
    #expect(client.ask("vFile:open:2f0061,0,0") == "F-1,16")
  }

  @Test func aFileOfAnyBytesComesWhole() throws {
    let path = "/tmp/xv-bytes-test.\(getpid())"
    defer { unlink(path) }
    let bytes = (0..<100_000).map { UInt8(truncatingIfNeeded: $0 &* $0 >> 3) }
    let file = Glibc.open(path, O_CREAT | O_WRONLY, 0o600)
    #expect(write(file, bytes, bytes.count) == bytes.count)
    close(file)
    #expect(open(path) == "F0")
    var read: [UInt8] = []
    while true {
      client.send("vFile:pread:0,20000,\(String(read.count, radix: 16))")
      let reply = try #require(client.reply())
      let separator = try #require(reply.firstIndex(of: UInt8(ascii: ";")))
      let data = reply[(separator + 1)...]
      if data.isEmpty { break }
      read += data
    }
    #expect(read == bytes)
  }

  @Test func mappingsOfTheServerAreNotShown() {
    let list = """
      00400000-00401000 r-xp 00000000 08:01 17 /bin/prog
      Size:                  4 kB
      VmFlags: rd ex
      10000000-20000000 rw-s 00000000 00:01 9 /memfd:xv (deleted)
      Size:             262144 kB
      VmFlags: rd wr
      7ffff000-80000000 rw-p 00000000 00:00 0 [stack]
      Size:                  4 kB

      """
    let shown = """
      00400000-00401000 r-xp 00000000 08:01 17 /bin/prog
      Size:                  4 kB
      VmFlags: rd ex
      7ffff000-80000000 rw-p 00000000 00:00 0 [stack]
      Size:                  4 kB

      """
    #expect(ProcessMapping.withoutOwn(Array(list.utf8)) == Array(shown.utf8))
    for path in ["/proc/12/maps", "/proc/12/smaps", "/proc/12/task/13/maps"] {
      #expect(ProcessMapping.isList(Array(path.utf8)))
    }
    for path in ["/proc/12/mem", "/tmp/maps", "/proc/maps", "maps"] {
      #expect(!ProcessMapping.isList(Array(path.utf8)))
    }
  }
}
