// SPDX-License-Identifier: GPL-3.0-only
internal import Glibc
internal import XVCore

/// A process of this machine, as `info os` shows it.
struct ProcessTable {
  let processID: Int32

  /// All processes, in the order of their ids.
  static var processes: [ProcessTable] {
    numbers(in: "/proc").sorted().map { ProcessTable(processID: $0) }
  }

  private var folder: String { "/proc/\(processID)" }
  private var threads: [Int32] { Self.numbers(in: "\(folder)/task").sorted() }

  private func statistics(of thread: Int32) -> ThreadStatistics? {
    ThreadStatistics(of: ThreadID(thread), in: processID)
  }

  private var name: String { statistics(of: processID)?.name ?? "?" }

  /// The arguments with a space behind each; in brackets the name of one that has none.
  private var commandLine: String {
    let words = FileTable.readWhole("\(folder)/cmdline") ?? []
    if words.isEmpty { return "[\(name)]" }
    return String(decoding: words.map { $0 == 0 ? UInt8(ascii: " ") : $0 }, as: UTF8.self)
  }

  private var owner: String {
    var status = stat()
    return stat(folder, &status) == 0 ? SystemTable.userName(status.st_uid) : "?"
  }

  var row: SystemTable.Row {
    let cores = Set(threads.compactMap { statistics(of: $0)?.core }).sorted()
    return [
      ("pid", "\(processID)"), ("user", owner), ("command", commandLine),
      ("cores", cores.map { "\($0)" }.joined(separator: ",")),
    ]
  }

  var threadRows: [SystemTable.Row] {
    threads.compactMap { thread in
      guard let statistics = statistics(of: thread) else { return nil }
      return [
        ("pid", "\(processID)"), ("command", statistics.name), ("tid", "\(thread)"),
        ("core", "\(statistics.core)"),
      ]
    }
  }

  var fileRows: [SystemTable.Row] {
    let name = name
    return Self.numbers(in: "\(folder)/fd").sorted().map { number in
      [
        ("pid", "\(processID)"), ("command", name), ("file descriptor", "\(number)"),
        ("name", Self.target(of: "\(folder)/fd/\(number)") ?? "\(number)"),
      ]
    }
  }

  /// All processes by their groups, a group's leader first.
  static var groupRows: [SystemTable.Row] {
    let members = processes.compactMap { process in
      process.statistics(of: process.processID).map { (group: $0.group, process: process) }
    }
    let ordered = members.sorted { left, right in
      let leads = [left, right].map { $0.process.processID == $0.group }
      if left.group != right.group { return left.group < right.group }
      return leads[0] != leads[1] ? leads[0] : left.process.processID < right.process.processID
    }
    return ordered.map { member in
      [
        ("pgid", "\(member.group)"),
        ("leader command", ProcessTable(processID: member.group).name),
        ("pid", "\(member.process.processID)"), ("command line", member.process.commandLine),
      ]
    }
  }

  /// The entries of a folder that are numbers; none when it cannot be read.
  private static func numbers(in folder: String) -> [Int32] {
    guard let directory = opendir(folder) else { return [] }
    defer { closedir(directory) }
    var numbers: [Int32] = []
    while let entry = readdir(directory) {
      let name = withUnsafeBytes(of: entry.pointee.d_name) {
        String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
      }
      if let number = Int32(name) { numbers.append(number) }
    }
    return numbers
  }

  private static func target(of link: String) -> String? {
    var path = [UInt8](repeating: 0, count: Int(PATH_MAX))
    let count = readlink(link, &path, path.count)
    return count >= 0 ? String(decoding: path[..<count], as: UTF8.self) : nil
  }
}

/// What /proc/PID/task/TID/stat tells of a thread.
struct ThreadStatistics {
  let name: String
  let group: Int32
  /// The processor on which it ran last.
  let core: Int

  /// Nil when it is gone.
  init?(of thread: ThreadID, in process: Int32) {
    let path = "/proc/\(process)/task/\(thread.rawValue)/stat"
    let line = String(decoding: FileTable.readWhole(path) ?? [], as: UTF8.self)
    // The name may hold anything, a bracket too.
    guard let start = line.firstIndex(of: "("), let end = line.lastIndex(of: ")") else { return nil }
    name = String(line[line.index(after: start)..<end])
    // From the third field on: state, parent, group; the core is the 39th.
    let fields = line[line.index(after: end)...].split(separator: " ")
    guard fields.count > 36, let group = Int32(fields[2]), let core = Int(fields[36]) else {
      return nil
    }
    self.group = group
    self.core = core
  }
}
