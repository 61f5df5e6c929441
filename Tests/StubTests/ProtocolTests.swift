// SPDX-License-Identifier: GPL-3.0-only
import RSP
import Testing
import XVCore
import xv_gdbstub

/// docs/protocol.md against what is answered.
@Suite("Protocol", .timeLimit(.minutes(1))) struct ProtocolTests {
  /// A row of a table of packets: `| packet | example | answered | ... |`.
  struct PacketRow: CustomTestStringConvertible, Sendable {
    let example: String
    let answered: String
    var testDescription: String { example }
  }

  /// A row of the table of features: `| name | told | ... |`.
  struct FeatureRow {
    let name: String
    let told: String
  }

  static let rows = TableDocument.protocolRows
  static let packets = rows.compactMap { cells -> PacketRow? in
    guard cells.count == 6, cells[1].hasPrefix("`") else { return nil }
    return PacketRow(example: cells[1].plain, answered: cells[2])
  }
  static let features = rows.compactMap { cells -> FeatureRow? in
    guard cells.count == 3, cells[0].hasPrefix("`"), tellings.contains(cells[1]) else { return nil }
    return FeatureRow(name: cells[0].plain, told: cells[1])
  }
  private static let tellings = ["all", "asked", "gdb", "lldb", "no"]

  @Test func theTablesAreThere() {
    #expect(Self.packets.count > 120)
    #expect(Self.features.count > 60)
    #expect(Set(Self.packets.map(\.answered)) == ["yes", "refused", "n.a."])
    #expect(Set(Self.packets.map(\.example)).count == Self.packets.count)
    #expect(Set(Self.features.map(\.name)).count == Self.features.count)
  }

  @Test(arguments: packets) func anExampleIsAnsweredAsItsRowSays(row: PacketRow) throws {
    let packet = Packet(Array(row.example.utf8))
    guard row.answered != "yes" else {
      #expect(packet != .unknown && packet != .malformed)
      return
    }
    let session = StubSession(fake: try FakeWorld())
    guard case .reply(let reply) = session.answer(packet) else {
      Issue.record("no refusal")
      return
    }
    let isError = reply.content.first == UInt8(ascii: "E") && row.answered == "refused"
    #expect(reply == .empty || isError)
  }

  @Test(arguments: PacketTable.rows.map { "\($0.name)" })
  func eachNameOfTheTableHasARow(name: String) {
    #expect(Self.packets.contains { $0.example.hasPrefix(name) })
  }

  @Test(arguments: ["gdb", "lldb"]) func featuresAreToldAsTheirRowsSay(client: String) throws {
    let session = StubSession(launcher: Launcher(LaunchOptions(program: "", arguments: [])))
    // What gdb 16 and lldb 21 offer, and more.
    let offers = [
      "multiprocess", "swbreak", "hwbreak", "qRelocInsn", "fork-events", "vfork-events",
      "exec-events", "vContSupported", "QThreadEvents", "QThreadOptions", "no-resumed",
      "memory-tagging", "error-message", "binary-upload", "single-inf-arg", "xv-moves",
    ]
    let processors = client == "gdb" ? "i386" : "i386,arm,mips,arc"
    let text =
      "qSupported:" + offers.map { $0 + "+;" }.joined() + "xmlRegisters=\(processors)"
    guard case .reply(let reply) = session.answer(Packet(Array(text.utf8))) else {
      Issue.record("no reply")
      return
    }
    let told = String(decoding: reply.content, as: UTF8.self).split(separator: ";").map {
      String($0.prefix { $0 != "=" && $0 != "+" })
    }
    let wanted = Self.features.filter { ["all", "asked", client].contains($0.told) }.map(\.name)
    #expect(Set(told) == Set(wanted))
    #expect(told.count == Set(told).count)
  }

  @Test func nothingIsToldThatWasNotOffered() throws {
    let session = StubSession(launcher: Launcher(LaunchOptions(program: "", arguments: [])))
    guard case .reply(let reply) = session.answer(Packet(Array("qSupported:xmlRegisters=i386".utf8)))
    else {
      Issue.record("no reply")
      return
    }
    let told = String(decoding: reply.content, as: UTF8.self).split(separator: ";").map {
      String($0.prefix { $0 != "=" && $0 != "+" })
    }
    let asked = Self.features.filter { $0.told == "asked" }.map(\.name)
    #expect(Set(told).isDisjoint(with: asked))
  }
}

/// The rows of a document's tables, cell by cell.
enum TableDocument {
  static let protocolRows: [[String]] = {
    let folder = #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
    let text = FileTable.readWhole("/\(folder)/docs/protocol.md") ?? []
    return String(decoding: text, as: UTF8.self).split(separator: "\n").filter {
      $0.hasPrefix("| ")
    }.map { line in
      line.dropFirst(2).dropLast(1).split(separator: "|", omittingEmptySubsequences: false).map {
        $0.trimmingSpaces
      }
    }
  }()
}

extension Substring {
  fileprivate var trimmingSpaces: String {
    let start = drop { $0 == " " }
    return String(start.reversed().drop { $0 == " " }.reversed())
  }
}

extension String {
  /// Without the quotes of code.
  fileprivate var plain: String { filter { $0 != "`" } }
}
