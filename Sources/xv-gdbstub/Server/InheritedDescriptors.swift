// SPDX-License-Identifier: GPL-3.0-only
internal import Glibc

/// What whoever started the server had open.
enum InheritedDescriptors {
  /// Keeps all but stdin, stdout and stderr from the programs that the server starts: lldb leaves
  /// descriptors of its own open to the server that it starts.
  static func closeAtExec() {
    guard let directory = opendir("/proc/self/fd") else { return }
    defer { closedir(directory) }
    while let entry = readdir(directory) {
      let name = withUnsafeBytes(of: entry.pointee.d_name) {
        String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
      }
      if let number = Int32(name), number > 2 { _ = fcntl(number, F_SETFD, FD_CLOEXEC) }
    }
  }
}
