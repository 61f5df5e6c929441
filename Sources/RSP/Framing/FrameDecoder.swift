// SPDX-License-Identifier: GPL-3.0-only

/// Turns bytes into frame events, whatever pieces the bytes come in.
///
/// It owns no descriptor: feed it what arrived, take events until there is none. A packet may end
/// anywhere in a piece; nothing is lost between two calls.
///
///     $ body # hh      `}` escapes one byte; `c*n` repeats c (only when `expandsRuns`)
///
/// Bytes between frames that mean nothing are skipped. A `$` inside a frame starts a new one: the
/// old one was cut off, because a `$` that is data is always escaped.
package struct FrameDecoder: Sendable {
  private enum Phase: Hashable, Sendable {
    case between
    case body
    case repeatCount
    case firstDigit
    case secondDigit(high: UInt8)
  }

  /// Whether `*` is a repeat count (replies) or a byte like any other (requests).
  private let expandsRuns: Bool
  /// Longest content that is kept.
  private let limit: Int

  private var input: [UInt8] = []
  private var position = 0

  private var phase = Phase.between
  private var content: [UInt8] = []
  private var sum: UInt8 = 0
  private var isEscaped = false
  private var lastRaw: UInt8?
  private var isOversized = false
  private var isBroken = false

  package init(limit: Int, expandsRuns: Bool = false) {
    self.limit = limit
    self.expandsRuns = expandsRuns
  }

  package mutating func feed(_ bytes: some Collection<UInt8>) {
    if position == input.count {
      input.removeAll(keepingCapacity: true)
      position = 0
    }
    input.append(contentsOf: bytes)
  }

  /// The next event, or nil when more bytes are needed.
  package mutating func next() -> FrameEvent? {
    while position < input.count {
      takePlain()
      guard position < input.count else { break }
      let byte = input[position]
      position += 1
      if let event = take(byte) { return event }
    }
    return nil
  }

  /// Takes what stands for itself, up to the next byte that does not: all of a large packet at once.
  private mutating func takePlain() {
    guard phase == .body, !isEscaped else { return }
    var end = position
    input.withUnsafeBufferPointer { bytes in
      while end < bytes.count, !means(bytes[end]) {
        sum &+= bytes[end]
        end += 1
      }
    }
    guard end > position else { return }
    let kept = min(end - position, limit - content.count)
    content.append(contentsOf: input[position..<position + kept])
    if kept < end - position { isOversized = true }
    lastRaw = input[end - 1]
    position = end
  }

  /// Whether a byte of a body may stand for something else than itself.
  @inline(__always)
  private func means(_ byte: UInt8) -> Bool {
    byte == UInt8(ascii: "#") || byte == UInt8(ascii: "$") || byte == Escape.marker
      || byte == RunLength.marker && expandsRuns
  }

  private mutating func take(_ byte: UInt8) -> FrameEvent? {
    switch phase {
    case .between: return takeBetween(byte)
    case .body, .repeatCount: takeBody(byte)
    case .firstDigit, .secondDigit:
      guard byte == UInt8(ascii: "$") else { return takeDigit(byte) }
      start()
    }
    return nil
  }

  private mutating func takeBetween(_ byte: UInt8) -> FrameEvent? {
    switch byte {
    case UInt8(ascii: "$"):
      start()
      return nil
    case UInt8(ascii: "+"): return .acknowledged
    case UInt8(ascii: "-"): return .refused
    case 0x03: return .interrupt
    default: return nil
    }
  }

  private mutating func start() {
    phase = .body
    content.removeAll(keepingCapacity: true)
    sum = 0
    isEscaped = false
    lastRaw = nil
    isOversized = false
    isBroken = false
  }

  private mutating func takeBody(_ byte: UInt8) {
    if byte == UInt8(ascii: "$") { return start() }
    if byte == UInt8(ascii: "#") {
      isBroken = isBroken || isEscaped || phase == .repeatCount
      phase = .firstDigit
      return
    }
    sum &+= byte
    if phase == .repeatCount {
      phase = .body
      guard let last = lastRaw, let count = RunLength.repeats(for: byte) else {
        isBroken = true
        return
      }
      for _ in 0..<count { append(last) }
    } else if expandsRuns, byte == RunLength.marker {
      phase = .repeatCount
    } else {
      append(byte)
    }
  }

  /// One byte as it stood before run-length encoding.
  private mutating func append(_ raw: UInt8) {
    lastRaw = raw
    if !isEscaped, raw == Escape.marker {
      isEscaped = true
      return
    }
    let byte = isEscaped ? raw ^ Escape.mask : raw
    isEscaped = false
    if content.count < limit { content.append(byte) } else { isOversized = true }
  }

  private mutating func takeDigit(_ byte: UInt8) -> FrameEvent? {
    if case .secondDigit(let high) = phase { return finish(high, byte) }
    phase = .secondDigit(high: byte)
    return nil
  }

  private mutating func finish(_ high: UInt8, _ low: UInt8) -> FrameEvent {
    phase = .between
    guard !isBroken, let high = Hex.value(of: high), let low = Hex.value(of: low),
      high << 4 | low == sum
    else { return .damaged }
    return isOversized ? .oversized : .packet(content)
  }
}
