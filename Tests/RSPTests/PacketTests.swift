// SPDX-License-Identifier: GPL-3.0-only
import RSP
import Testing

@Suite("Packets") struct PacketTests {
  private static let one = ThreadPattern(process: .one(0x12), thread: .one(0x34))

  @Test(
    arguments: [
      ("g", .register(.init(.readAll))),
      ("G0011", .register(.init(.writeAll([0x00, 0x11])))),
      ("p10", .register(.init(.read(16)))),
      ("P39=ff00", .register(.init(.write(0x39, [0xff, 0x00])))),
      ("g;thread:34;", .register(.init(.readAll, thread: .init(thread: .one(0x34))))),
      ("p10;thread:p12.34;", .register(.init(.read(16), thread: one))),
      ("P1=ff;thread:p12.34;", .register(.init(.write(1, [0xff]), thread: one))),
      ("Gff;thread:p12.34;", .register(.init(.writeAll([0xff]), thread: one))),
      ("QSaveRegisterState", .register(.init(.save))),
      ("QRestoreRegisterState:1;thread:p12.34;", .register(.init(.restore(1), thread: one))),
      ("QThreadSuffixSupported", .debugger(.threadSuffix)),
      ("QListThreadsInStopReply", .debugger(.threadsInStops)),
      ("QEnableErrorStrings", .debugger(.errorStrings)),
      ("qHostInfo", .debugger(.host)),
      ("qProcessInfo", .debugger(.process)),
      ("qGetPid", .debugger(.processID)),
      ("qGDBServerVersion", .debugger(.serverVersion)),
      ("qGetWorkingDir", .debugger(.workingDirectory)),
      ("qEcho:12", .debugger(.echo(Array("qEcho:12".utf8)))),
      ("jThreadsInfo", .debugger(.threadStops)),
      ("qThreadStopInfo34", .debugger(.threadStop(0x34))),
      ("qMemoryRegionInfo", .debugger(.regionsWanted)),
      ("qMemoryRegionInfo:1000", .debugger(.region(0x1000))),
      ("_M1000,rwx", .debugger(.allocate(count: 0x1000, [.read, .write, .execute]))),
      ("_m1000", .debugger(.release(0x1000))),
      ("qWatchpointSupportInfo:", .debugger(.watchpoints)),
      ("qShlibInfoAddr", .debugger(.linkerStructure)),
      ("qFileLoadAddress:2f61", .debugger(.loadAddress(path: Array("/a".utf8)))),
      ("qModuleInfo:2f61;78", .debugger(.module(path: Array("/a".utf8)))),
      ("!", .launch(.extend)),
      ("R00", .launch(.restart)),
      (
        "vRun;2f61;62;;63",
        .launch(.run(path: Array("/a".utf8), arguments: [Array("b".utf8), [], Array("c".utf8)]))
      ),
      ("vRun;", .launch(.run(path: nil, arguments: []))),
      ("A4,0,2f61,2,1,62", .launch(.runByArguments([Array("/a".utf8), Array("b".utf8)]))),
      ("qLaunchSuccess", .launch(.result)),
      ("vAttach;1f", .launch(.attach(process: 0x1f))),
      ("QEnvironmentHexEncoded:413d62", .launch(.set(variable: Array("A=b".utf8)))),
      ("QEnvironment:A=b", .launch(.set(variable: Array("A=b".utf8)))),
      ("QEnvironmentUnset:41", .launch(.unset(variable: Array("A".utf8)))),
      ("QEnvironmentReset", .launch(.resetEnvironment)),
      ("QSetWorkingDir:2f", .launch(.workingDirectory(Array("/".utf8)))),
      ("QStartupWithShell:0", .launch(.shell(false))),
      ("QDisableRandomization:1", .launch(.randomization(disabled: true))),
      ("QSetDisableASLR:1", .launch(.randomization(disabled: true))),
      ("m1000,20", .memory(.read(address: 0x1000, count: 0x20))),
      ("mffffffffffffffff,1", .memory(.read(address: .max, count: 1))),
      ("x1000,0", .memory(.readBinary(address: 0x1000, count: 0))),
      ("M10,2:beef", .memory(.write(address: 0x10, bytes: [0xbe, 0xef]))),
      ("X10,2:ab", .memory(.write(address: 0x10, bytes: Array("ab".utf8)))),
      ("X10,0:", .memory(.write(address: 0x10, bytes: []))),
      (
        "Z0,401000,1",
        .breakpoint(.init(kind: .software, address: 0x401000, size: 1, inserts: true))
      ),
      (
        "z1,401000,1",
        .breakpoint(.init(kind: .hardware, address: 0x401000, size: 1, inserts: false))
      ),
      ("Z2,10,8", .breakpoint(.init(kind: .write, address: 0x10, size: 8, inserts: true))),
      ("?", .process(.status)),
      ("k", .process(.kill)),
      ("vKill;1f", .process(.killProcess(0x1f))),
      ("D", .process(.detach(nil))),
      ("D;1f", .process(.detach(0x1f))),
      ("qAttached", .process(.attached)),
      ("qAttached:1f", .process(.attached)),
      ("Hg0", .thread(.select(.general, .init(thread: .any)))),
      ("Hc-1", .thread(.select(.resume, .init(thread: .all)))),
      ("Hgp12.34", .thread(.select(.general, one))),
      ("Tp12.34", .thread(.isAlive(one))),
      ("qC", .thread(.current)),
      ("qfThreadInfo", .thread(.first)),
      ("qsThreadInfo", .thread(.next)),
      ("qThreadExtraInfo,p12.34", .thread(.extraInformation(one))),
      ("QStartNoAckMode", .startNoAckMode),
      ("qSymbol::", .symbols),
      ("qRcmd,68656c70", .monitor(Array("help".utf8))),
      ("QPassSignals:e;14;", .signals(.pass([.init(rawValue: 14), .init(rawValue: 20)]))),
      ("QPassSignals:", .signals(.pass([]))),
      ("QProgramSignals:1", .signals(.program([.init(rawValue: 1)]))),
      ("QCatchSyscalls:0", .catchCalls(.none)),
      ("QNonStop:1", .threadMode(.nonStop(true))),
      ("QThreadEvents:0", .threadMode(.threadEvents(false))),
      ("vStopped", .threadMode(.nextStop)),
      ("QCatchSyscalls:1", .catchCalls(.all)),
      ("QCatchSyscalls:1;0;6e", .catchCalls(.some([0, 110]))),
      (
        "qXfer:features:read:target.xml:0,fff",
        .transfer(.init(object: .features, annex: "target.xml", offset: 0, length: 0xfff))
      ),
      (
        "qXfer:auxv:read::10,20",
        .transfer(.init(object: .auxiliaryVector, annex: "", offset: 0x10, length: 0x20))
      ),
    ] as [(String, Packet)])
  func parses(text: String, packet: Packet) {
    #expect(Packet(Array(text.utf8)) == packet)
  }

  @Test(
    arguments: [
      ("c", .legacy(.init(.run), from: nil)),
      ("c401000", .legacy(.init(.run), from: 0x401000)),
      ("C0a", .legacy(.init(.run, signal: .init(rawValue: 10)), from: nil)),
      ("S0a;1000", .legacy(.init(.step, signal: .init(rawValue: 10)), from: 0x1000)),
      ("s", .legacy(.init(.step), from: nil)),
      ("vCont?", .actionsWanted),
      ("vCont;c", .actions([.init(.run)])),
      (
        "vCont;s:p12.34;c",
        .actions([
          .init(.step, threads: .init(process: .one(0x12), thread: .one(0x34))), .init(.run),
        ])
      ),
      (
        "vCont;C1e:12;t:-1",
        .actions([
          .init(.run, signal: .init(rawValue: 30), threads: .init(thread: .one(0x12))),
          .init(.stop, threads: .init(thread: .all)),
        ])
      ),
      (
        "vCont;r10,20:p1.-1",
        .actions([
          .init(
            .stepWithin(start: 0x10, end: 0x20), threads: .init(process: .one(1), thread: .all))
        ])
      ),
      ("vCtrlC", .interrupt),
    ] as [(String, ResumePacket)])
  func parsesResumes(text: String, packet: ResumePacket) {
    #expect(Packet(Array(text.utf8)) == .resume(packet))
  }

  @Test(
    arguments: [
      ("vFile:setfs:0", .setFileSystem(process: 0)),
      (
        "vFile:open:2f61,601,1b6",
        .open(path: Array("/a".utf8), flags: [.writeOnly, .create, .truncate], mode: 0o666)
      ),
      ("vFile:close:5", .close(5)),
      ("vFile:pread:5,ff,10", .read(5, count: 0xff, offset: 0x10)),
      ("vFile:pwrite:5,10,a,b", .write(5, offset: 0x10, bytes: Array("a,b".utf8))),
      ("vFile:fstat:5", .statusOf(5)),
      ("vFile:stat:2f61", .statusAt(path: Array("/a".utf8))),
      ("vFile:readlink:2f61", .readLink(path: Array("/a".utf8))),
      ("vFile:unlink:2f61", .unlink(path: Array("/a".utf8))),
      ("vFile:size:2f61", .size(path: Array("/a".utf8))),
      ("vFile:mode:2f61", .mode(path: Array("/a".utf8))),
      ("vFile:exists:2f61", .exists(path: Array("/a".utf8))),
      ("vFile:MD5:2f61", .digest(path: Array("/a".utf8))),
      ("vFile:symlink:2f61,2f62", .link(path: Array("/b".utf8), target: Array("/a".utf8))),
    ] as [(String, FilePacket)])
  func parsesFileRequests(text: String, packet: FilePacket) {
    #expect(Packet(Array(text.utf8)) == .file(packet))
  }

  @Test(arguments: [
    "", "b", "vMustReplyEmpty", "vFile:sizes:00", "qCRC",
    "qPfoo",
    "qOffsets", "qXfer:memory-map:read::0,1",
    "qXfer:auxv:write::0:", "Z9,1,1", "vContx", "gx", "?x", "QStartNoAckModes", "qSupportedx",
  ])
  func unknown(text: String) { #expect(Packet(Array(text.utf8)) == .unknown) }

  @Test(arguments: [
    "m", "m,", "mxyz,1", "m1000", "m1000,1x", "m11112222333344445,1", "m1,100000000", "M10,2:be",
    "M10,1:bx", "X10,3:ab", "Gxx", "G0", "p", "pzz", "P1", "P1=zz", "Z0,1", "Z0,,1", "cxx", "C",
    "C0a;",
    "vCont;", "vCont;q", "vCont;c:", "vCont;C", "vCont;r1", "vCont;c;", "vKill;", "D;", "Hg", "Hgp",
    "T",
    "qXfer:auxv:read::0", "vFile:open:2f,0", "vFile:pread:5,1", "qRcmd,6", "QPassSignals:zz",
    "QCatchSyscalls:", "QCatchSyscalls:2", "QCatchSyscalls:1;", "QPassSignals:1;;", "QPassSignals:1,2",
  ])
  func malformed(text: String) { #expect(Packet(Array(text.utf8)) == .malformed) }

  @Test func featuresAreMatchedExactly() {
    let text = "qSupported:multiprocess+;swbreak-;PacketSize=1000;xmlRegisters?;odd;qRelocInsn+"
    #expect(
      Packet(Array(text.utf8))
        == .supported([
          .init(name: "multiprocess", stance: .yes), .init(name: "swbreak", stance: .no),
          .init(name: "PacketSize", stance: .value("1000")),
          .init(name: "xmlRegisters", stance: .asked), .init(name: "qRelocInsn", stance: .yes),
        ]))
  }

  @Test func windowsOfATransfer() {
    let content = Array("abcdef".utf8)
    func window(_ offset: Int, _ length: Int) -> String {
      let packet = TransferPacket(object: .features, annex: "", offset: offset, length: length)
      return String(decoding: packet.window(of: content), as: UTF8.self)
    }
    #expect(window(0, 4) == "mabcd")
    #expect(window(4, 4) == "lef")
    #expect(window(0, 6) == "labcdef")
    #expect(window(9, 4) == "l")
  }

  @Test func everyRowIsReached() {
    // A row whose name begins with an earlier prefix row's name would never be tried.
    for (index, row) in PacketTable.rows.enumerated() {
      let name = row.name.description
      let hidden = PacketTable.rows[..<index].contains {
        $0.extent == .prefix && name.hasPrefix($0.name.description)
      }
      #expect(!hidden, "\(name)")
    }
  }
}
