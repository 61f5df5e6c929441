// SPDX-License-Identifier: GPL-3.0-only
internal import RSP

extension StubSession {
  /// `--disable-packet`: for trying how a client gets along without.
  func isDisabled(_ packet: Packet) -> Bool {
    if disabledPackets.isEmpty { return false }
    switch packet {
    case .resume(.actionsWanted), .resume(.actions): return disabledPackets.contains(.vCont)
    case .thread(.current): return disabledPackets.contains(.currentThread)
    case .thread(.first), .thread(.next): return disabledPackets.contains(.threadList)
    default: return false
    }
  }

  /// A stop reply without what is disabled in it.
  func trimmed(_ reply: Reply) -> Reply {
    guard !disabledPackets.isEmpty, reply.content.first == UInt8(ascii: "T") else { return reply }
    if disabledPackets.contains(.stopReplies) {
      return Reply([UInt8(ascii: "S")] + reply.content[1..<3])
    }
    guard disabledPackets.contains(.threadsOfStops) else { return reply }
    let fields = reply.content.dropFirst(3).split(separator: UInt8(ascii: ";"))
    let kept = fields.filter { !$0.starts(with: "thread:".utf8) }
    return Reply(reply.content.prefix(3) + kept.flatMap { $0 + [UInt8(ascii: ";")] })
  }
}
