// SPDX-License-Identifier: GPL-3.0-only

/// Whether packets are acknowledged, and what has to be sent again if the peer says `-`.
///
/// `QStartNoAckMode` is itself acknowledged, is answered in a frame that the client acknowledges
/// once more, and from then on `+` and `-` mean nothing and are not sent.
package struct Acknowledgement: Sendable {
  package private(set) var isOn = true
  private var lastFrame: [UInt8] = []

  /// The byte that answers a frame, none without acknowledgements.
  package func answer(toGoodFrame isGood: Bool) -> [UInt8] {
    isOn ? [isGood ? UInt8(ascii: "+") : UInt8(ascii: "-")] : []
  }

  /// Keeps the frame in case the peer did not get it.
  package mutating func sent(_ frame: [UInt8]) {
    if isOn { lastFrame = frame }
  }

  /// What to send at a `-`.
  package func again() -> [UInt8] { isOn ? lastFrame : [] }

  /// After the answer to `QStartNoAckMode`.
  package mutating func turnOff() {
    isOn = false
    lastFrame = []
  }
}
