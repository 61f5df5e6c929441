// SPDX-License-Identifier: GPL-3.0-only
import RSP
import Testing

@Suite("Frames") struct FrameTests {
  private func frame(_ body: String) -> [UInt8] {
    [UInt8(ascii: "$")] + body.utf8 + [UInt8(ascii: "#")] + Hex.byte(Checksum.of(body.utf8))
  }

  private func packet(_ text: String) -> FrameEvent { .packet(Array(text.utf8)) }

  @Test func plainPackets() {
    DecoderVerifier().verify(Array("$OK#9a".utf8), gives: [packet("OK")])
    DecoderVerifier().verify(Array("$#00".utf8), gives: [packet("")])
    DecoderVerifier().verify(Array("$m0,4#FD".utf8), gives: [packet("m0,4")])
  }

  @Test func acknowledgementsAndInterrupts() {
    DecoderVerifier().verify(
      Array("+$?#3f-".utf8) + [3] + Array("+".utf8),
      gives: [.acknowledged, packet("?"), .refused, .interrupt, .acknowledged])
  }

  @Test func interruptInsideAPacketIsData() {
    let body: [UInt8] = [UInt8(ascii: "X"), 3, 3]
    let bytes = FrameEncoder.encode(body, shortensRuns: false)
    DecoderVerifier().verify(bytes, gives: [.packet(body)])
  }

  @Test func escapes() {
    let body = (UInt8.min...UInt8.max).map { $0 }
    DecoderVerifier().verify(
      FrameEncoder.encode(body, shortensRuns: false), gives: [.packet(body)])
    DecoderVerifier(expandsRuns: true).verify(
      FrameEncoder.encode(body, shortensRuns: true), gives: [.packet(body)])
  }

  @Test func starInARequestIsData() {
    DecoderVerifier().verify(frame("a* "), gives: [packet("a* ")])
    DecoderVerifier(expandsRuns: true).verify(frame("a* "), gives: [packet("aaaa")])
  }

  @Test func runsLieOutsideEscapes() {
    // An escaped byte whose second half is repeated: the repeats stand for themselves.
    let body: [UInt8] = [UInt8(ascii: "#")] + Array(repeating: 3, count: 9)
    let encoded = FrameEncoder.encode(body, shortensRuns: true)
    DecoderVerifier(expandsRuns: true).verify(encoded, gives: [.packet(body)])
  }

  @Test(arguments: ["$OK#9b", "$OK#zz", "$OK}#17", "$OK#9"]) func damage(text: String) {
    let bytes = Array(text.utf8) + (text.hasSuffix("#9") ? [UInt8(ascii: "!")] : [])
    DecoderVerifier().verify(bytes, gives: [.damaged])
  }

  @Test(arguments: ["*a", "a*", "a*\u{10}"]) func damagedRuns(body: String) {
    DecoderVerifier(expandsRuns: true).verify(frame(body), gives: [.damaged])
  }

  @Test(arguments: ["$m12", "$m1#", "$m1#4"]) func cutOffPacketIsForgotten(start: String) {
    DecoderVerifier().verify(Array((start + "$OK#9a").utf8), gives: [packet("OK")])
  }

  @Test func oversizedPacketPassesBy() {
    let long = String(repeating: "a", count: 11)
    let fits = String(repeating: "a", count: 10)
    DecoderVerifier(limit: 10).verify(
      frame(long) + frame(fits) + frame("?"), gives: [.oversized, packet(fits), packet("?")])
  }

  @Test func halfAPacketGivesNothing() {
    var decoder = FrameDecoder(limit: 10)
    decoder.feed(Array("$OK#9".utf8))
    #expect(decoder.next() == nil)
    decoder.feed(Array("a".utf8))
    #expect(decoder.next() == packet("OK"))
  }
}
