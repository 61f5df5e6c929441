// SPDX-License-Identifier: GPL-3.0-only
import Glibc

/// What the kernel tells about a process under /proc.
struct ProcessFiles: Sendable {
  let processID: Int32

  private var folder: String { "/proc/\(processID)" }
  /// Opens the program itself, also when its file was renamed or deleted since.
  var executable: String { folder + "/exe" }

  /// Opens what the process means by `path`: its own root, its own working directory.
  func reaching(_ path: String) -> String {
    path.hasPrefix("/") ? "\(folder)/root\(path)" : "\(folder)/cwd/\(path)"
  }

  func executablePath() throws(WorldError) -> String {
    var buffer = [UInt8](repeating: 0, count: Int(PATH_MAX))
    let count = readlink(executable, &buffer, buffer.count)
    guard count >= 0 else { throw .failed(call: "readlink \(executable)", errno: errno) }
    return String(decoding: buffer[..<count], as: UTF8.self)
  }

  func auxiliaryVector() throws(WorldError) -> [UInt8] { try text(of: "auxv") }

  /// A whole file of the process's folder.
  func text(of name: String) throws(WorldError) -> [UInt8] {
    let path = "\(folder)/\(name)"
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw .failed(call: "open \(path)", errno: errno) }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 4096)
    while true {
      let count = Glibc.read(descriptor, &buffer, buffer.count)
      if count == 0 { return bytes }
      guard count > 0 else { throw .failed(call: "read \(path)", errno: errno) }
      bytes += buffer[..<count]
    }
  }
}
