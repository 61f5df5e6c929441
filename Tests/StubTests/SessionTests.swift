// SPDX-License-Identifier: GPL-3.0-only
import Glibc
import RSP
import Synchronization
import Testing
import WorldVM
import XVCore
import xv_gdbstub

@Suite("Session: asking", .timeLimit(.minutes(1))) struct SessionTests {
  let world: FakeWorld
  let session: StubSession
  let client: StubClient

  init() throws {
    world = try FakeWorld()
    session = StubSession(fake: world)
    client = try StubClient(session)
  }

  @Test func acknowledgementsUntilTheyAreTurnedOff() {
    client.send("qC")
    #expect(client.next() == .acknowledged)
    #expect(client.next() == .packet(Array("QC1234".utf8)))
    client.send(raw: Array("-".utf8))
    #expect(client.next() == .packet(Array("QC1234".utf8)))
    client.send(raw: Array("$qC#00".utf8))
    #expect(client.next() == .refused)
    client.send("QStartNoAckMode")
    #expect(client.next() == .acknowledged)
    #expect(client.next() == .packet(Array("OK".utf8)))
    client.send(raw: Array("+".utf8))
    client.send("qC")
    #expect(client.next() == .packet(Array("QC1234".utf8)))
    client.send(raw: Array("$qC#00".utf8))
    #expect(client.next() == .packet(Array("E74".utf8)))
  }

  @Test func negotiation() throws {
    let supported = try #require(client.negotiate())
    let features = Set(supported.split(separator: ";").map(String.init))
    #expect(
      features.isSuperset(of: [
        "PacketSize=20000", "QStartNoAckMode+", "swbreak+", "hwbreak+", "vContSupported+",
        "multiprocess+", "qXfer:features:read+", "qXfer:auxv:read+", "qXfer:libraries-svr4:read+",
      ]))
    #expect(client.ask("qC") == "QCp1234.1234")
  }

  @Test func nothingIsPromisedThatWasNotOffered() throws {
    let supported = try #require(client.negotiate("xmlRegisters=i386"))
    #expect(!supported.contains("swbreak") && !supported.contains("multiprocess"))
    #expect(
      client.ask("?")
        == "T0506:1000ff7f00000000;07:0000ff7f00000000;10:0000400000000000;thread:1234;")
  }

  @Test func unknownPacketsAreEmpty() {
    for packet in [
      "vMustReplyEmpty", "vRun;2f", "qOffsets", "!",
    ] {
      #expect(client.ask(packet) == "")
    }
    #expect(client.ask("m,") == "E22")
    #expect(client.ask("qSymbol::") == "OK")
    #expect(client.ask("qOffsets") == "")
    #expect(client.ask("vCont?") == "vCont;c;C;s;S;t;r")
  }

  @Test func oversizedPacketIsAnErrorAndTheNextIsRead() {
    let long = [UInt8](repeating: UInt8(ascii: "a"), count: Connection.packetSize + 1)
    client.send(raw: FrameEncoder.encode(long, shortensRuns: false))
    #expect(client.next() == .acknowledged)
    #expect(client.next() == .packet(Array("E07".utf8)))
    #expect(client.ask("qC") == "QC1234")
  }

  @Test func memory() {
    #expect(client.ask("m400010,4") == "10111213")
    #expect(client.ask("m401ffe,10") == "feff")
    #expect(client.ask("m402000,1") == "E14")
    #expect(client.ask("mfffffffffffffff0,20") == "E14")
    #expect(client.ask("M400010,2:beef") == "OK")
    #expect(client.ask("m400010,4") == "beef1213")
    #expect(client.ask("M401fff,2:beef") == "E14")
    #expect(client.ask("m401fff,1") == "ff")
    client.send(
      raw: FrameEncoder.encode(
        Array("X400020,4:".utf8) + [0x23, 0x24, 0x7d, 0x2a], shortensRuns: false))
    #expect(client.reply() == Array("OK".utf8))
    #expect(client.ask("m400020,4") == "23247d2a")
    client.send("x400020,4")
    #expect(client.reply() == Array("b".utf8) + [0x23, 0x24, 0x7d, 0x2a])
    #expect(client.ask("X400020,0:") == "OK")
    #expect(client.ask("x402000,1") == "E14")
  }

  @Test func largestReadIsShortNotBroken() throws {
    let reply = try #require(client.ask("m400000,ffffff"))
    #expect(reply.utf8.count == 0x4000)
  }

  @Test func registers() throws {
    let all = try #require(client.ask("g"))
    #expect(all.utf8.count == session.layout.byteCount * 2)
    #expect(client.ask("p10") == "0000400000000000")
    #expect(client.ask("P10=7856340000000000") == "OK")
    #expect(client.ask("p10") == "7856340000000000")
    #expect(client.ask("G" + all) == "OK")
    #expect(client.ask("p10") == "0000400000000000")
    #expect(client.ask("pffff") == "E22")
    #expect(client.ask("P10=00") == "E22")
  }

  @Test func breakpointsOfBothKindsShareAnAddress() {
    let address = Address(0x40_0010)
    #expect(client.ask("Z0,400010,1") == "OK")
    #expect(client.ask("Z0,400010,1") == "OK")
    #expect(client.ask("Z1,400010,1") == "OK")
    #expect(world.state.withLock { $0.breaks } == [address])
    #expect(client.ask("z0,400010,1") == "OK")
    #expect(world.state.withLock { $0.breaks } == [address])
    #expect(client.ask("z1,400010,1") == "OK")
    #expect(world.state.withLock { $0.breaks } == [])
    #expect(client.ask("z0,400010,1") == "E22")
    #expect(client.ask("Z0,999999,1") == "E14")
    #expect(client.ask("m400010,1") == "10")
  }

  @Test func oneThread() {
    _ = client.negotiate()
    #expect(client.ask("Hgp0.0") == "OK")
    #expect(client.ask("Hgp1234.1234") == "OK")
    #expect(client.ask("Hgp1.1") == "E03")
    #expect(client.ask("Hc-1") == "OK")
    #expect(client.ask("Tp1234.1234") == "OK")
    #expect(client.ask("Tp1234.1") == "E03")
    #expect(client.ask("qfThreadInfo") == "mp1234.1234")
    #expect(client.ask("qsThreadInfo") == "l")
    #expect(client.ask("qAttached:1234") == "0")
  }

  @Test func transfers() throws {
    _ = client.negotiate()
    #expect(client.ask("qXfer:exec-file:read:1234:0,100") == "l/bin/prog")
    #expect(client.ask("qXfer:exec-file:read:1234:0,4") == "m/bin")
    #expect(client.ask("qXfer:exec-file:read:1234:4,100") == "l/prog")
    #expect(client.ask("qXfer:features:read:nothing.xml:0,100") == "E22")
    let xml = try #require(client.ask("qXfer:features:read:target.xml:0,1000"))
    #expect(xml.contains("org.gnu.gdb.i386.core"))
    let libraries = try #require(client.ask("qXfer:libraries-svr4:read::0,1000"))
    #expect(
      libraries == """
        l<library-list-svr4 version="1.0" main-lm="0x7000">
        <library name="/lib/a&amp;b.so" lm="0x7100" l_addr="0x1000" l_ld="0x1d00" lmid="0x7fe0"/>
        </library-list-svr4>

        """)
    let threads = try #require(client.ask("qXfer:threads:read::0,1000"))
    #expect(threads.contains("<thread id=\"p1234.1234\""))
    let signal = try #require(client.ask("qXfer:siginfo:read::0,1000"))
    #expect(signal.utf8.count == 129)
  }

  @Test func errorsInWordsForWhoUnderstandsThem() {
    world.invalidate()
    #expect(client.ask("p0") == "E03")
    _ = client.negotiate("error-message+")
    #expect(client.ask("p0") == "E.invalidated")
    #expect(client.ask("m999999,1") == "E.invalidated")
  }

  @Test func monitor() throws {
    func console(_ command: String) -> String? {
      client.send("qRcmd,\(hex(command))")
      var text = ""
      while let reply = client.reply().map({ String(decoding: $0, as: UTF8.self) }) {
        if reply == "OK" { return text }
        guard reply.hasPrefix("O") else { return nil }
        text += unhex(reply.dropFirst())
      }
      return nil
    }
    #expect(console("help")?.contains("xv block ADDR") == true)
    #expect(console("xv stats") == "fragments      12\nrequests made  3\n")
    #expect(console("nonsense")?.hasPrefix("unknown monitor command 'nonsense'") == true)
    #expect(console("xv block 0x400000") == "no code at 0x400000\n")
    #expect(console("xv flush") == "all translated code is discarded\n")
    #expect(world.state.withLock { $0.flushes } == 1)
    #expect(console("xv collect") == "translated code is collected\n")
    #expect(world.state.withLock { $0.collections } == 1)
    #expect(console("xv relocate") == "xv is at 0x3f0000000000\n")
    #expect(console("xv relocate 0x5000") == "xv is at 0x5000\n")
    #expect(console("xv relocate 0x1001") == "xv cannot move there\n")
    #expect(console("xv relocate there")?.contains("is no address") == true)
  }

  @Test func originalAndTranslatedCodeSideBySide() {
    let text = BlockText(
      BlockListing(
        cache: CacheAddress(0x9000), cacheBytes: [0x55, 0x90, 0xc3],
        entries: [
          BlockListing.Entry(original: Address(0x40_0000), originalBytes: [0x55], cacheOffset: 0),
          BlockListing.Entry(original: Address(0x40_0001), originalBytes: [0xc3], cacheOffset: 1),
        ]))
    #expect(
      text.text == """
        original             | translated, 3 bytes
        0x400000  pushq %rbp | 0x9000  pushq %rbp
        0x400001  retq       | 0x9001  nop
                             | 0x9002  retq

        """)
  }
}
