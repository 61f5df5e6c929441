// SPDX-License-Identifier: GPL-3.0-only
internal import Glibc

/// The processes of this machine, as /proc tells them.
enum ProcessList {
  /// All process ids, in order.
  static var all: [Int32] {
    guard let directory = opendir("/proc") else { return [] }
    defer { closedir(directory) }
    var found: [Int32] = []
    while let entry = readdir(directory) {
      let name = withUnsafeBytes(of: entry.pointee.d_name) {
        String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
      }
      if let process = Int32(name) { found.append(process) }
    }
    return found.sorted()
  }

  /// Those that run a program of this name: the last part of its path, or the whole path.
  static func processes(named name: String) -> [Int32] {
    all.filter { process in
      guard process != getpid(), let path = executable(of: process) else { return false }
      return path == name || path.hasSuffix("/" + name)
    }
  }

  /// The path of the program that a process runs; nil for the kernel's own and for those of others.
  static func executable(of process: Int32) -> String? {
    var path = [UInt8](repeating: 0, count: Int(PATH_MAX))
    let count = readlink("/proc/\(process)/exe", &path, path.count)
    return count > 0 ? String(decoding: path[..<count], as: UTF8.self) : nil
  }
}
