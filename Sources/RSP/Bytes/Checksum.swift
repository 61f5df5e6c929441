// SPDX-License-Identifier: GPL-3.0-only

/// The sum of a packet's bytes as they stand on the wire, modulo 256.
package enum Checksum {
  package static func of(_ bytes: some Sequence<UInt8>) -> UInt8 { bytes.reduce(0, &+) }
}
