// SPDX-License-Identifier: GPL-3.0-only
internal import Glibc
internal import RSP

/// What lldb asks about the machine, and lets be done there, apart from debugging.
struct HostServices {
  /// What the last `qfProcessInfo` found and `qsProcessInfo` has not told yet.
  private var found: [Int32] = []

  /// Nil for what only the platform's own server can do.
  mutating func answer(_ packet: PlatformPacket) -> Reply? {
    switch packet {
    case .processes(let filter):
      found = ProcessList.all.filter { process in
        process != getpid() && ProcessFacts(process).map(filter.accepts) == true
      }
      found.reverse()
      return nextProcess()
    case .nextProcess: return nextProcess()
    case .process(let number):
      guard let process = Int32(exactly: number), let facts = ProcessFacts(process) else {
        return .error(ESRCH)
      }
      return Reply(facts.text)
    case .user(let number): return name(number) { getpwuid($0)?.pointee.pw_name }
    case .group(let number): return name(number) { getgrgid($0)?.pointee.gr_name }
    case .makeDirectory(let mode, let path):
      // lldb's command gives no mode, and a directory that nobody can use is not what it wants.
      return result(path) { mkdir($0, mode == 0 ? 0o777 : mode & 0o7777) }
    case .changeMode(let mode, let path): return result(path) { chmod($0, mode & 0o7777) }
    case .shell(let line, let seconds, let directory): return shell(line, seconds, directory)
    case .complete(let path, let onlyDirectories): return complete(path, onlyDirectories)
    case .launchServer, .servers, .endServer: return nil
    }
  }

  private mutating func nextProcess() -> Reply {
    while let process = found.popLast() {
      if let facts = ProcessFacts(process) { return Reply(facts.text) }
    }
    return .error(ENOENT)
  }

  private func name(
    _ number: UInt64, _ lookUp: (UInt32) -> UnsafeMutablePointer<CChar>?
  ) -> Reply {
    guard let number = UInt32(exactly: number), let name = lookUp(number) else {
      return .error(ENOENT)
    }
    return Reply(Hex.encode(Array(String(cString: name).utf8)))
  }

  /// `F` and errno in hex.
  private func result(_ path: [UInt8], _ call: (UnsafePointer<CChar>) -> Int32) -> Reply {
    let code = FileTable.errorNumber(of: path, call)
    return Reply([UInt8(ascii: "F")] + Hex.number(code))
  }

  private func shell(_ line: [UInt8], _ seconds: UInt64, _ directory: [UInt8]) -> Reply {
    guard !line.contains(0), !directory.contains(0) else { return .malformed }
    let command = ShellLine(
      line: String(decoding: line, as: UTF8.self),
      directory: String(decoding: directory, as: UTF8.self), seconds: seconds)
    guard let outcome = command.run() else { return Reply("F,ffffffff,00000000,") }
    let head = "F,\(digits(outcome.status)),\(digits(outcome.signal)),"
    return Reply(Array(head.utf8) + outcome.output)
  }

  private func digits(_ number: Int32) -> String {
    let text = String(UInt32(bitPattern: number), radix: 16)
    return String(repeating: "0", count: 8 - text.count) + text
  }

  private func complete(_ path: [UInt8], _ onlyDirectories: Bool) -> Reply {
    let slash = path.lastIndex(of: UInt8(ascii: "/"))
    let folder = Array(path[..<(slash.map { $0 + 1 } ?? 0)])
    let start = path[folder.count...]
    guard !path.contains(0),
      let directory = opendir(folder.isEmpty ? "." : String(decoding: folder, as: UTF8.self))
    else { return Reply("M") }
    defer { closedir(directory) }
    var matches: [[UInt8]] = []
    while let entry = readdir(directory) {
      let name = withUnsafeBytes(of: entry.pointee.d_name) { Array($0.prefix { $0 != 0 }) }
      guard name.starts(with: start), name != Array(".".utf8), name != Array("..".utf8) else {
        continue
      }
      var status = stat()
      let isDirectory = stat(String(decoding: folder + name, as: UTF8.self), &status) == 0
        && status.st_mode & S_IFMT == S_IFDIR
      if onlyDirectories, !isDirectory { continue }
      matches.append(folder + name + (isDirectory ? [UInt8(ascii: "/")] : []))
    }
    matches.sort { $0.lexicographicallyPrecedes($1) }
    let list = matches.prefix(1024).map { Hex.encode($0) }
    return Reply([UInt8(ascii: "M")] + list.joined(separator: [UInt8(ascii: ",")]))
  }
}
