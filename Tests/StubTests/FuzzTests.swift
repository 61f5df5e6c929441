// SPDX-License-Identifier: GPL-3.0-only
import Glibc
import RSP
import Testing
import WorldVM
import XVCore
import xv_gdbstub

/// Packets that nobody would send, by the tens of thousands (`scripts/fuzz N` makes it millions):
/// the parser, the framing and the session answer or refuse, and keep their size.
///
/// What is sent follows from the number of the input alone, so that a failure can be had again.
@Suite("Fuzz", .timeLimit(.minutes(60))) struct FuzzTests {
  /// The examples of docs/protocol.md: a packet of every kind.
  static let seeds = ProtocolTests.packets.map { Array($0.example.utf8) }
  /// How many inputs each test makes; the environment variable XV_FUZZ_INPUTS says it.
  static let count = getenv("XV_FUZZ_INPUTS").flatMap { Int(String(cString: $0)) } ?? 40_000
  /// What a program may grow by that is given nothing but packets.
  static let room = 64 << 20

  @Test func sessions() throws {
    var world = try FakeWorld()
    var session = StubSession(fake: world)
    let before = residentBytes()
    for number in 0..<Self.count {
      if number % 2000 == 0 || session.hasEnded {
        world = try FakeWorld(threads: [0x1234, 0x1235])
        session = StubSession(fake: world)
        if number % 3 != 0 {
          _ = session.answer(Packet(Array("qSupported:xmlRegisters=i386,arm;multiprocess+".utf8)))
        }
      }
      var mutation = Mutation(number: UInt64(number))
      let content = mutation.packet(from: Self.seeds)
      let packet = Packet(content)
      guard mutation.isHarmless(packet) else { continue }
      switch session.answer(packet) {
      case .reply(let reply), .console(_, let reply), .announced(let reply, _):
        #expect(reply.content.count <= Self.mostBytes(to: packet), "\(content)")
      case .resumed:
        session.interrupt()
        while session.isRunning { _ = session.takeStopReply() }
      case .silence, .last: break
      }
    }
    #expect(residentBytes() - before < Self.room)
  }

  private static func mostBytes(to packet: Packet) -> Int {
    // A client that measures the line names the length itself.
    if case .debugger(.speedTest(let count)) = packet { return "data:".count + count }
    return 2 * Connection.packetSize
  }

  @Test func frames() {
    var connection = Connection()
    let before = residentBytes()
    for number in 0..<Self.count {
      var mutation = Mutation(number: UInt64(number) | 1 << 40)
      if number % 1000 == 0 { connection = Connection() }
      var frame = FrameEncoder.encode(mutation.packet(from: Self.seeds), shortensRuns: false)
      if mutation.chance(2) { mutation.change(&frame) }
      // In pieces, as a network delivers them.
      var rest = frame[...]
      while !rest.isEmpty {
        let piece = rest.prefix(1 + mutation.below(rest.count))
        connection.feed(piece)
        rest = rest.dropFirst(piece.count)
        while let event = connection.next() {
          if case .packet = event { connection.send(.ok) }
        }
      }
      _ = connection.takeOutput()
    }
    #expect(residentBytes() - before < Self.room)
  }

  /// Inputs that once found something.
  @Test(arguments: [
    "qMemoryRegionInfo:ffffffffffffffff", "qMemoryRegionInfo:0", "m0,ffffffff", "x0,ffffffffffff",
    "MultiMemRead:ranges:0,ffffffff,0,ffffffff;", "Z2,ffffffffffffffff,8", "Z2,0,0", "_M0,",
    "_M8000000000000000,rwx", "vCont;r0,ffffffffffffffff", "vCont;r1,0", "A", "A1,0,",
    "qThreadStopInfo0", "Hgp0.0", "Hg-1", "QPassSignals:ff;0;", "C00", "Sff", "P0=", "pffffffffffffffff",
    "jModulesInfo:[", "jModulesInfo:{\"a\":\"\\u", "qXfer:features:read:target.xml:ffffffffffffffff,1",
    "qXfer:features:read:target.xml:0,ffffffffffffffff", "vFile:pread:0,ffffffffffffffff,0",
  ]) func kept(input: String) throws {
    let session = StubSession(fake: try FakeWorld())
    if case .resumed = session.answer(Packet(Array(input.utf8))) { session.interrupt() }
    #expect(session.answer(Packet(Array("?".utf8))) != .silence)
  }
}

/// Changes to packets that follow from a number.
private struct Mutation {
  private var state: UInt64

  init(number: UInt64) { state = number &* 0x9e37_79b9_7f4a_7c15 }

  // SplitMix64 (Steele, Lea, Flood 2014).
  private mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var mixed = state
    mixed = (mixed ^ mixed >> 30) &* 0xbf58_476d_1ce4_e5b9
    mixed = (mixed ^ mixed >> 27) &* 0x94d0_49bb_1331_11eb
    return mixed ^ mixed >> 31
  }

  mutating func below(_ limit: Int) -> Int { limit > 0 ? Int(next() % UInt64(limit)) : 0 }
  mutating func chance(_ of: Int) -> Bool { below(of) == 0 }

  /// Numbers at which something changes, in digits.
  private static let numbers = [
    "0", "1", "7f", "80", "ff", "fff", "1000", "7fffffff", "80000000", "ffffffff", "100000000",
    "400000", "401fff", "402000", "7fffffffffffffff", "8000000000000000", "ffffffffffffffff",
    "10000000000000000", "-1", "", "p0.0", "p1234.-1", "p-1",
  ]

  mutating func packet(from seeds: [[UInt8]]) -> [UInt8] {
    var packet = seeds[below(seeds.count)]
    for _ in 0..<below(4) {
      if chance(8) {
        let other = seeds[below(seeds.count)]
        packet = Array(packet.prefix(below(packet.count + 1)) + other.suffix(below(other.count + 1)))
      } else {
        change(&packet)
      }
    }
    return packet
  }

  mutating func change(_ bytes: inout [UInt8]) {
    let place = below(bytes.count + 1)
    switch below(8) {
    case 0: if place < bytes.count { bytes[place] ^= 1 << UInt8(below(8)) }
    case 1: if place < bytes.count { bytes[place] = UInt8(truncatingIfNeeded: next()) }
    case 2: bytes.insert(UInt8(truncatingIfNeeded: next()), at: place)
    case 3: bytes.removeSubrange(place..<min(bytes.count, place + 1 + below(4)))
    case 4: bytes.removeSubrange(place...)
    case 5:
      let piece = bytes[place..<min(bytes.count, place + 1 + below(16))]
      for _ in 0..<(chance(50) ? 300 : 1 + below(4)) { bytes.insert(contentsOf: piece, at: place) }
    case 6:
      // A number becomes another.
      var end = place
      while end < bytes.count, Hex.value(of: bytes[end]) != nil { end += 1 }
      bytes.replaceSubrange(place..<end, with: Self.numbers[below(Self.numbers.count)].utf8)
    default:
      let separators = Array(",;:=.-+$#}*\"[]{} ".utf8)
      bytes.insert(separators[below(separators.count)], at: place)
    }
  }

  /// What acts on this machine, and not on a fake world, is parsed only; what looks at all of it is
  /// carried out now and then.
  mutating func isHarmless(_ packet: Packet) -> Bool {
    switch packet {
    case .file, .platform: false
    case .transfer, .debugger(.threadStops), .debugger(.module), .debugger(.modules): chance(20)
    default: true
    }
  }
}

private func residentBytes() -> Int {
  let text = String(decoding: FileTable.readWhole("/proc/self/statm") ?? [], as: UTF8.self)
  let fields = text.split(separator: " ")
  return fields.count > 1 ? (Int(fields[1]) ?? 0) * 4096 : 0
}
