// SPDX-License-Identifier: GPL-3.0-only

/// Puts content into a frame: escapes, shortens runs if the receiver expands them, adds checksum.
package enum FrameEncoder {
  /// `$` (`%` for a notification), the escaped content, `#` and the checksum. Only a client expands runs.
  package static func encode(
    _ content: [UInt8], shortensRuns: Bool, isNotification: Bool = false
  ) -> [UInt8] {
    let escaped = Escape.encode(content)
    let body = shortensRuns ? RunLength.encode(escaped) : escaped
    var frame: [UInt8] = []
    frame.reserveCapacity(body.count + 4)
    frame.append(isNotification ? UInt8(ascii: "%") : UInt8(ascii: "$"))
    frame.append(contentsOf: body)
    frame.append(UInt8(ascii: "#"))
    frame.append(contentsOf: Hex.byte(Checksum.of(body)))
    return frame
  }
}
