// SPDX-License-Identifier: GPL-3.0-only
import RSP
import Testing

@Suite("Stop replies and signals") struct StopReplyTests {
  private static let thread = ThreadName(process: 0x12, thread: 0x34)

  @Test(
    arguments: [
      (.stopped(.init(signal: .trap, thread: thread)), "T05thread:p12.34;", "T05thread:34;"),
      (
        .stopped(
          .init(
            signal: .trap, reason: .softwareBreakpoint,
            expedited: [.init(number: 16, bytes: [0x00, 0x10, 0x40])], thread: thread, core: 1)),
        "T05swbreak:;10:001040;thread:p12.34;core:1;", "T05swbreak:;10:001040;thread:34;core:1;"
      ),
      (
        .stopped(.init(signal: .trap, reason: .executed(path: Array("/a".utf8)), thread: thread)),
        "T05exec:2f61;thread:p12.34;", "T05exec:2f61;thread:34;"
      ),
      (.exited(status: 7, process: 0x12), "W07;process:12", "W07"),
      (.killed(signal: .init(rawValue: 9), process: 0x12), "X09;process:12", "X09"),
    ] as [(StopReply, String, String)])
  func encodes(reply: StopReply, multiprocess: String, single: String) {
    #expect(reply.encoded(multiprocess: true) == Array(multiprocess.utf8))
    #expect(reply.encoded(multiprocess: false) == Array(single.utf8))
  }

  @Test(
    arguments: [
      (1, 1), (5, 5), (7, 10), (10, 30), (12, 31), (17, 20), (18, 19), (19, 17), (20, 18), (23, 16),
      (29, 23), (30, 32), (31, 12), (32, 77), (33, 45), (34, 46), (63, 75), (64, 78), (16, 143),
    ] as [(Int32, UInt8)])
  func numbers(linux: Int32, wire: UInt8) {
    #expect(SignalNumber(linux: linux).rawValue == wire)
  }

  @Test(arguments: 0...64 as ClosedRange<Int32>) func everySignalComesBack(number: Int32) {
    #expect(SignalNumber(linux: number).linux == number)
  }

  @Test func noTwoSignalsShareANumber() {
    #expect(Set((0...64).map { SignalNumber(linux: $0) }).count == 65)
  }

  @Test(arguments: [7, 29, 34, 76, 79, 200] as [UInt8]) func notOnLinux(wire: UInt8) {
    #expect(SignalNumber(rawValue: wire).linux == nil)
  }

  @Test func errorNumbers() {
    #expect(Reply.error(14).content == Array("E14".utf8))
    #expect(Reply.error(3).content == Array("E03".utf8))
    #expect(Reply.error(4000).content == Array("E01".utf8))
    #expect(FileErrorNumber(linux: 36) == .nameTooLong)
    #expect(FileErrorNumber(linux: 2) == .noEntry)
    #expect(FileErrorNumber(linux: 88) == .unknown)
    #expect(FileErrorNumber(linux: 110) == .unknown)
  }

  @Test func fileStatusIsBigEndianAndOfGdbsSize() {
    var status = FileStatus()
    status.mode = 0o100644
    status.size = 0x1234
    status.changed = 0x55
    #expect(status.encoded.count == 64)
    #expect(status.encoded[8..<12] == [0, 0, 0x81, 0xa4])
    #expect(status.encoded[28..<36] == [0, 0, 0, 0, 0, 0, 0x12, 0x34])
    #expect(status.encoded[60..<64] == [0, 0, 0, 0x55])
  }
}
