// SPDX-License-Identifier: GPL-3.0-only
import Glibc

/// Build ids of files, each read once while the file stays the same.
package struct BuildIDs {
  private struct Version: Hashable {
    var device: dev_t
    var inode: ino_t
    var size: off_t
    var modifiedSeconds: Int
    var modifiedNanoseconds: Int
  }

  private var known: [Version: [UInt8]] = [:]

  package init() {}

  /// The build id of the file at a path; empty when it has none or is no ELF file.
  package subscript(path: String) -> [UInt8] {
    mutating get {
      var status = stat()
      guard stat(path, &status) == 0 else { return [] }
      let version = Version(
        device: status.st_dev, inode: status.st_ino, size: status.st_size,
        modifiedSeconds: status.st_mtim.tv_sec, modifiedNanoseconds: status.st_mtim.tv_nsec)
      if let buildID = known[version] { return buildID }
      let buildID = ELFFile(path)?.buildID ?? []
      known[version] = buildID
      return buildID
    }
  }
}
