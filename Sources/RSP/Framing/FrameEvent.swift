// SPDX-License-Identifier: GPL-3.0-only

/// What a frame decoder found on the wire.
package enum FrameEvent: Hashable, Sendable {
  /// A packet's content, unescaped, its checksum right.
  case packet([UInt8])
  /// `+`: the peer got our last packet.
  case acknowledged
  /// `-`: the peer wants our last packet again.
  case refused
  /// The byte 0x03 outside a packet.
  case interrupt
  /// A whole frame whose checksum (or run-length encoding) is wrong; its content is lost.
  case damaged
  /// A frame longer than the limit went by; its content is lost.
  case oversized
}
