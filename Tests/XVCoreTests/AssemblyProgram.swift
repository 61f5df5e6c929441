// SPDX-License-Identifier: GPL-3.0-only
import Glibc
import Testing

@testable import XVCore

/// A program of Tests/Recovery, built into a directory that lives as long as this value.
struct AssemblyProgram: ~Copyable {
  let path: String
  let directory: String

  private init(directory: String) {
    self.directory = directory
    path = directory + "/program"
  }

  static func built(_ name: String, flags: [String]) throws -> AssemblyProgram {
    var template = Array("/tmp/xv-recovery-XXXXXX".utf8CString)
    let made = mkdtemp(&template)
    try #require(made != nil)
    let bytes = template.dropLast().map(UInt8.init(bitPattern:))
    let program = AssemblyProgram(directory: String(decoding: bytes, as: UTF8.self))
    let source = sources + "/" + name + ".S"
    let status = try run(["gcc", "-nostdlib", "-w"] + flags + [source, "-o", program.path])
    try #require(status == 0, "gcc cannot build \(name)")
    // Of a file that was changed just now nothing is kept.
    while FileIdentity(path: program.path)?.isSettled == false { sched_yield() }
    return program
  }

  deinit {
    _ = try? AssemblyProgram.run(["rm", "-r", directory])
  }

  private static var sources: String {
    let file = #filePath
    let parts = file.split(separator: "/", omittingEmptySubsequences: false).dropLast(2)
    return parts.joined(separator: "/") + "/Recovery"
  }

  /// Runs a command to its end, at most a minute; the status as wait gives it.
  static func run(_ words: [String]) throws -> Int32 {
    var pointers = (["timeout", "60"] + words).map { strdup($0) }
    pointers.append(nil)
    defer { pointers.forEach { free($0) } }
    var process: pid_t = 0
    let failure = posix_spawnp(&process, "timeout", nil, nil, pointers, Glibc.environ)
    try #require(failure == 0)
    var status: Int32 = -1
    while waitpid(process, &status, 0) < 0, errno == EINTR {}
    return status
  }
}
