// SPDX-License-Identifier: GPL-3.0-only
import Testing

@testable import RSP

@Suite struct ClientParsingTests {
  @Test func aDescriptionIncludesOthers() throws {
    var reader = TargetDescriptionReader()
    #expect(reader.wanted == "target.xml")
    reader.add(
      Array(
        """
        <?xml version="1.0"?><!DOCTYPE target SYSTEM "gdb-target.dtd">
        <target><architecture>i386:x86-64</architecture>
        <xi:include href="core.xml"/><xi:include href="more.xml"/></target>
        """.utf8), named: "target.xml")
    reader.add(
      Array("<feature name='m'><reg name='mxcsr' bitsize='32' type='int'/></feature>".utf8),
      named: "more.xml")
    #expect(reader.wanted == "core.xml")
    reader.add(
      Array(
        """
        <feature name="c"><reg name="rax" bitsize="64"/><reg name="st0" bitsize="80" regnum="9"/>
        </feature>
        """.utf8), named: "core.xml")
    #expect(reader.wanted == nil)
    let map = try #require(reader.map)
    #expect(map.entries.map(\.name) == ["rax", "st0", "mxcsr"])
    #expect(map.entries.map(\.number) == [0, 9, 10])
    #expect(map.entries.map(\.offset) == [0, 8, 18])
    #expect(map["mxcsr"]?.feature == "m")
    #expect(map.architecture == "i386:x86-64")
  }

  @Test func aDescriptionThatIncludesItselfEnds() {
    var reader = TargetDescriptionReader()
    reader.add(Array("<target><include href='target.xml'/></target>".utf8), named: "target.xml")
    #expect(reader.wanted == nil)
    #expect(reader.map == nil)
  }

  @Test func aBrokenDescriptionIsTold() {
    var reader = TargetDescriptionReader()
    reader.add(Array("<target>\n<reg </target>".utf8), named: "target.xml")
    #expect(reader.map == nil)
    #expect(reader.failure?.hasPrefix("target.xml, line 2") == true)
  }

  @Test func stopsAreRead() {
    let text = "T05swbreak:;06:0102;thread:p1a.2b;core:3;"
    guard case .stopped(let stop)? = StopReply(wire: Array(text.utf8)) else {
      Issue.record("no stop")
      return
    }
    #expect(stop.reason == .softwareBreakpoint)
    #expect(stop.thread == ThreadName(process: 0x1a, thread: 0x2b))
    #expect(stop.expedited == [StopReply.Expedited(number: 6, bytes: [1, 2])])
    #expect(stop.core == 3)
    #expect(StopReply(wire: Array("W2a;process:10".utf8)) == .exited(status: 0x2a, process: 0x10))
    #expect(StopReply(wire: Array("W7;process:10".utf8)) == .exited(status: 7, process: 0x10))
    #expect(StopReply(wire: Array("X0b".utf8)) == .killed(signal: SignalNumber(rawValue: 11), process: 0))
    #expect(StopReply(wire: Array("OK".utf8)) == nil)
  }

  @Test func everyStopThatIsWrittenIsRead() {
    var stop = StopReply.Stop(
      signal: .trap, reason: .watchpoint(.access, 0x7fff_1234),
      expedited: [StopReply.Expedited(number: 16, bytes: [1, 2, 3, 4, 5, 6, 7, 8])],
      thread: ThreadName(process: 7, thread: 9))
    #expect(StopReply(wire: StopReply.stopped(stop).encoded(multiprocess: true)) == .stopped(stop))
    stop.reason = .executed(path: Array("/bin/a b".utf8))
    #expect(StopReply(wire: StopReply.stopped(stop).encoded(multiprocess: true)) == .stopped(stop))
  }

  @Test func errorsAreToldFromValues() {
    let request = Array("p1".utf8)
    #expect(
      ClientReply.error(Array("E0e".utf8), to: request)
        == .refused(request: "p", number: 14, text: ""))
    #expect(
      ClientReply.error(Array("E.no memory".utf8), to: request)
        == .refused(request: "p", number: nil, text: "no memory"))
    // A register of four bytes that begins with an E.
    #expect(ClientReply.error(Array("E0000000".utf8), to: request) == nil)
  }

  @Test func placesAreRead() throws {
    #expect(try ServerPlace("a:1") == .endpoint(.tcp(host: "a", port: 1)))
    #expect(try ServerPlace("unix:/x") == .endpoint(.unix(path: "/x")))
    #expect(try ServerPlace("| gdbserver - prog") == .command("gdbserver - prog"))
    #expect(throws: ClientError.self) { try ServerPlace("-") }
  }
}
