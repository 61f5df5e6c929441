// SPDX-License-Identifier: GPL-3.0-only
import RSP
import Testing

/// Feeds a decoder the same bytes in every way in which they may arrive.
struct DecoderVerifier {
  let limit: Int
  let expandsRuns: Bool

  init(limit: Int = 1000, expandsRuns: Bool = false) {
    self.limit = limit
    self.expandsRuns = expandsRuns
  }

  func verify(
    _ bytes: [UInt8], gives expected: [FrameEvent],
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    #expect(events(of: [bytes]) == expected, "whole", sourceLocation: sourceLocation)
    #expect(
      events(of: bytes.map { [$0] }) == expected, "byte by byte", sourceLocation: sourceLocation)
    for split in 0...bytes.count {
      #expect(
        events(of: [Array(bytes[..<split]), Array(bytes[split...])]) == expected,
        "split at \(split)", sourceLocation: sourceLocation)
    }
    #expect(
      events(of: [bytes + bytes + bytes]) == expected + expected + expected, "three at once",
      sourceLocation: sourceLocation)
    let garbage: [UInt8] = Array("gar\nbage\0".utf8)
    #expect(
      events(of: [garbage + bytes, garbage, bytes + garbage]) == expected + expected,
      "between garbage", sourceLocation: sourceLocation)
  }

  private func events(of pieces: [[UInt8]]) -> [FrameEvent] {
    var decoder = FrameDecoder(limit: limit, expandsRuns: expandsRuns)
    var events: [FrameEvent] = []
    for piece in pieces {
      decoder.feed(piece)
      while let event = decoder.next() { events.append(event) }
    }
    return events
  }
}
