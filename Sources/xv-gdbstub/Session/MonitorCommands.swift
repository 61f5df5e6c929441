// SPDX-License-Identifier: GPL-3.0-only
internal import RSP
internal import WorldVM
internal import XVCore

extension StubSession {
  private static let help = """
    help                this text
    exit                end the program and the server
    xv world            what is served, and how it is reached
    xv drive            run and change a program that several clients look at
    xv follow           with several clients: continue waits for the next stop of whoever drives
    xv maplog           what changed in the program's mappings
    xv stats            counters of the translator
    xv flush            discard all translated code
    xv collect          discard translated code that is not used any more
    xv relocate [ADDR]  move xv's memory in the program, to an address or to any free place
    xv outload [--compress] FILE
                        write the program to disk and let it end; continue brings it back
    xv block ADDR       the block at an address: original and translated code side by side

    """

  /// `qRcmd`: what a person types after `monitor`.
  func monitor(_ command: [UInt8]) -> Answer {
    let words = String(decoding: command, as: UTF8.self).split(separator: " ").map(String.init)
    switch words.count {
    case 1 where words == ["help"]: return print(Self.help)
    case 1 where words == ["exit"]:
      kill()
      return .last(.ok)
    case 2 where words == ["xv", "world"]: return print(worldText)
    case 2 where words == ["xv", "drive"] || words == ["xv", "follow"]:
      return print("there is one client, and it drives\n")
    case 2 where words == ["xv", "maplog"]: return print(mapLogText)
    case 2 where words == ["xv", "stats"]: return withTranslator { statistics($0) }
    case 2 where words == ["xv", "flush"]:
      return withTranslator { world throws(WorldError) in
        try world.flush()
        return "all translated code is discarded\n"
      }
    case 2 where words == ["xv", "collect"]:
      return withTranslator { world throws(WorldError) in
        try world.collect()
        return "translated code is collected\n"
      }
    case 2 where words == ["xv", "relocate"]: return relocate(to: nil)
    case 3 where words[..<2] == ["xv", "relocate"]:
      guard let address = Address(monitorArgument: words[2]) else {
        return print("xv relocate: '\(words[2])' is no address: write digits, with 0x before hex\n")
      }
      return relocate(to: address)
    case 3 where words[..<2] == ["xv", "outload"]: return outload(to: words[2], isCompressed: false)
    case 4 where words[..<3] == ["xv", "outload", "--compress"]:
      return outload(to: words[3], isCompressed: true)
    case 3 where words[..<2] == ["xv", "block"]:
      guard let address = Address(monitorArgument: words[2]) else {
        return print("xv block: '\(words[2])' is no address: write digits, with 0x before hex\n")
      }
      return withTranslator { world throws(WorldError) in
        guard let listing = try world.block(at: address) else {
          return "no code at \(address)\n"
        }
        return BlockText(listing).text
      }
    case 0: return print(Self.help)
    default:
      let known = "commands are help, exit, xv world, xv drive, xv follow, xv maplog, xv stats, xv flush, xv collect, xv relocate [ADDR], xv outload [--compress] FILE and xv block ADDR"
      return print("unknown monitor command '\(words.joined(separator: " "))': \(known)\n")
    }
  }

  private func outload(to path: String, isCompressed: Bool) -> Answer {
    withTranslator { translated throws(WorldError) in
      if runningPlan != nil { throw .running }
      if inferiors.count > 1 { throw .refused("cannot outload: other processes are debugged") }
      if !watchpoints.isEmpty { throw .refused("cannot outload: delete the watchpoints first") }
      let (world, size) = try translated.outloaded(to: path, isCompressed: isCompressed)
      exchange(for: world)
      return "outloaded to \(path), \(size >> 10) KiB; continue inloads it\n"
    }
  }

  private func relocate(to address: Address?) -> Answer {
    withTranslator { world throws(WorldError) in
      "xv is at \(try world.relocate(to: address))\n"
    }
  }

  private func withTranslator(
    _ body: (any TranslatedWorld) throws(WorldError) -> String
  ) -> Answer {
    guard let translated = world as? any TranslatedWorld else {
      return print("the program does not run under xv\n")
    }
    do throws(WorldError) {
      return print(try body(translated))
    } catch {
      return print("\(error)\n")
    }
  }

  private func print(_ text: String) -> Answer { .console(Array(text.utf8), .ok) }

  private func statistics(_ world: any TranslatedWorld) -> String {
    let rows = world.statistics
    let width = rows.map(\.name.count).max() ?? 0
    return rows.map { row in
      row.name + String(repeating: " ", count: width - row.name.count + 2) + "\(row.value)\n"
    }.joined()
  }
}

extension Address {
  /// A number as people write it: 0x and hex digits, or decimal digits.
  init?(monitorArgument text: String) {
    let value = text.hasPrefix("0x") ? UInt64(text.dropFirst(2), radix: 16) : UInt64(text)
    guard let value else { return nil }
    self.init(value)
  }
}
