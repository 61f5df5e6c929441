// SPDX-License-Identifier: GPL-3.0-only
internal import CLinux
import Glibc

/// What an image refers to instead of holding it.
enum SwapFiles {
  /// Of a piece of a file, as far as the file goes; 0 when it cannot be read.
  static func checksum(_ path: String, _ offset: UInt64, _ size: Int) -> UInt64 {
    let descriptor = xv_open(path, O_RDONLY | O_CLOEXEC, 0)
    guard descriptor >= 0 else { return 0 }
    defer { close(descriptor) }
    var sum: UInt64 = 1
    var done = 0
    while done < size {
      let chunk = SwapImage.bytes(descriptor, offset + UInt64(done), min(1 << 20, size - done))
      if chunk.isEmpty { break }
      sum = Checksum.joined(sum, chunk.withUnsafeBytes { Checksum.of($0) })
      done += chunk.count
    }
    return sum
  }

  /// Throws when a file whose pages the image refers to is not the one that was mapped.
  static func check(_ record: SwapRecord) throws(SwapDamage) {
    for mapping in record.mappings where mapping.kind == .privateFile {
      guard access(mapping.path, R_OK) == 0 else {
        throw SwapDamage("\(mapping.path), whose pages it refers to, is not there")
      }
      let buildID = BuildID.of(mapping.path)
      guard buildID == mapping.buildID else {
        throw SwapDamage(
          "\(mapping.path), whose pages it refers to, is another build: its build id is "
            + "\(BuildID.text(buildID)) and was \(BuildID.text(mapping.buildID))")
      }
      guard checksum(mapping.path, mapping.offset, mapping.range.count) == mapping.checksum else {
        throw SwapDamage("\(mapping.path), whose pages it refers to, was changed since")
      }
    }
  }
}
