// SPDX-License-Identifier: GPL-3.0-only

/// gdbserver's command line, put into words that the parser understands.
///
/// What gdbserver allows and the parser does not: a command of several words behind `--wrapper`, up to
/// `--`; `--debug` with a value or without; options behind the place to listen at.
package enum GDBServerWords {
  /// Options whose value may be the next word.
  private static let withValue: Set<String> = [
    "--cache-size", "--torture", "--persist-dir", "--children", "--disable-packet", "--debug-file",
    "--debug-format", "--world",
  ]
  /// Options that are also known behind the place to listen at; a program of such a name needs `--`.
  private static let flags: Set<String> = [
    "--once", "--attach", "--multi", "--startup-with-shell", "--no-startup-with-shell",
    "--disable-randomization", "--no-disable-randomization", "--debug", "--remote-debug",
    "--allow-any-user", "--guard", "--no-persist",
  ]

  package static func normalized(_ words: [String]) -> [String] {
    var rest = words[...]
    var options: [String] = []
    while let word = rest.first, word.hasPrefix("-"), word != "-", word != "--" {
      rest.removeFirst()
      if word == "--wrapper" {
        let end = rest.firstIndex(of: "--") ?? rest.endIndex
        for part in rest[..<end] { options += ["--wrapper", part] }
        // Without its end the parser is left with no place to listen at, and says so.
        rest = rest[end...].dropFirst()
      } else {
        options.append(plain(word))
        if withValue.contains(word), let value = rest.popFirst() { options.append(value) }
      }
    }
    guard let place = rest.popFirst() else { return options }
    while let word = rest.first, isKnown(word) {
      options.append(plain(word))
      rest.removeFirst()
      if withValue.contains(word), let value = rest.popFirst() { options.append(value) }
    }
    return options + [place] + rest
  }

  /// Of the form --option or --option=value.
  private static func isKnown(_ word: String) -> Bool {
    flags.contains(word) || withValue.contains(word)
      || word.firstIndex(of: "=").map { withValue.contains(String(word[..<$0])) } ?? false
  }

  private static func plain(_ word: String) -> String {
    if word == "--debug" || word == "--remote-debug" { return "--debug=remote" }
    if word == "--event-loop-debug" { return "--debug=event-loop" }
    return word.hasPrefix("--selftest=") ? "--selftest" : word
  }
}

/// What `--debug` is to tell of.
package struct DebugTopics: OptionSet, Hashable, Sendable {
  package let rawValue: Int
  package init(rawValue: Int) { self.rawValue = rawValue }

  /// Each packet.
  package static let remote = Self(rawValue: 1)
  /// What the translator and the tracer of the threads do.
  package static let threads = Self(rawValue: 2)

  /// Words as gdbserver has them, between commas; each may have a minus before it.
  package init?(words: String) {
    self = []
    for word in words.split(separator: ",") {
      let isOff = word.hasPrefix("-")
      let topic: Self
      switch isOff ? word.dropFirst() : word {
      case "all": topic = [.remote, .threads]
      // What wakes the server is a packet or a stop.
      case "remote", "event-loop": topic = .remote
      case "threads": topic = .threads
      default: return nil
      }
      if isOff { subtract(topic) } else { formUnion(topic) }
    }
  }
}

/// A packet that `--disable-packet` takes away.
package enum DisabledPacket: String, Hashable, Sendable, CaseIterable {
  case vCont
  /// Stop replies are `S`.
  case stopReplies = "T"
  /// Stop replies name no thread.
  case threadsOfStops = "Tthread"
  case currentThread = "qC"
  case threadList = "qfThreadInfo"

  /// Words as gdbserver has them, between commas; nil when one is not known.
  package static func packets(_ words: String) -> Set<Self>? {
    var packets: Set<Self> = []
    for word in words.split(separator: ",") {
      if word == "threads" {
        packets.formUnion([.vCont, .threadsOfStops, .currentThread, .threadList])
      } else if let packet = Self(rawValue: String(word)) {
        packets.insert(packet)
      } else {
        return nil
      }
    }
    return packets
  }
}
