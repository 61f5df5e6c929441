// SPDX-License-Identifier: GPL-3.0-only
internal import Glibc

/// What gdb's `info os` shows about the machine, from /proc; columns and titles are gdbserver's.
enum SystemTable: String, CaseIterable {
  case cpus
  case files
  case modules
  case messageQueues = "msg"
  case processes
  case processGroups = "procgroups"
  case semaphores
  case sharedMemory = "shm"
  case sockets
  case threads

  /// A row: names of columns and their values.
  typealias Row = [(name: String, value: String)]

  /// The table of an annex; the list of tables for the empty one, and nothing for one that is not known.
  static func document(_ annex: String) -> [UInt8] {
    if annex.isEmpty { return xml("types", types) }
    guard let table = SystemTable(rawValue: annex) else { return [] }
    return xml(table.kind, table.rows)
  }

  private static func xml(_ kind: String, _ rows: [Row]) -> [UInt8] {
    var text = XMLText("<osdata type=\"\(kind)\">\n")
    for row in rows {
      text.append("<item>")
      for column in row {
        text.append("<column name=\"")
        text.appendEscaped(Array(column.name.utf8))
        text.append("\">")
        text.appendEscaped(Array(column.value.utf8))
        text.append("</column>")
      }
      text.append("</item>")
    }
    text.append("</osdata>\n")
    return text.bytes
  }

  private static var types: [Row] {
    allCases.map { table in
      [("Type", table.rawValue), ("Description", table.text.description), ("Title", table.text.title)]
    }
  }

  private var text: (title: String, description: String) {
    switch self {
    case .cpus: ("CPUs", "Listing of all cpus/cores on the system")
    case .files: ("File descriptors", "Listing of all file descriptors")
    case .modules: ("Kernel modules", "Listing of all loaded kernel modules")
    case .messageQueues: ("Message queues", "Listing of all message queues")
    case .processes: ("Processes", "Listing of all processes")
    case .processGroups: ("Process groups", "Listing of all process groups")
    case .semaphores: ("Semaphores", "Listing of all semaphores")
    case .sharedMemory: ("Shared-memory regions", "Listing of all shared-memory regions")
    case .sockets: ("Sockets", "Listing of all internet-domain sockets")
    case .threads: ("Threads", "Listing of all threads")
    }
  }

  /// The document's type.
  private var kind: String {
    switch self {
    case .messageQueues: "message queues"
    case .processGroups: "process groups"
    case .sharedMemory: "shared memory"
    case .sockets: "I sockets"
    default: rawValue
    }
  }

  private var rows: [Row] {
    switch self {
    case .cpus: Self.cpuRows
    case .files: ProcessTable.processes.flatMap(\.fileRows)
    case .modules: Self.moduleRows
    case .messageQueues: SharedObjectTable.messageQueues.rows
    case .processes: ProcessTable.processes.map(\.row)
    case .processGroups: ProcessTable.groupRows
    case .semaphores: SharedObjectTable.semaphores.rows
    case .sharedMemory: SharedObjectTable.sharedMemory.rows
    case .sockets: SocketTable.rows
    case .threads: ProcessTable.processes.flatMap(\.threadRows)
    }
  }

  // MARK: Tables of one file
  private static var cpuRows: [Row] {
    var rows: [Row] = [[]]
    for line in lines("/proc/cpuinfo", keepingEmpty: true) {
      let words = line.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
      if words.count == 2 {
        rows[rows.count - 1].append((String(words[0]).trimmed, String(words[1]).trimmed))
      } else if !rows[rows.count - 1].isEmpty {
        rows.append([])
      }
    }
    return rows.filter { !$0.isEmpty }
  }

  private static var moduleRows: [Row] {
    let names = ["name", "size", "num uses", "dependencies", "status", "address"]
    return lines("/proc/modules").map { line in
      Array(zip(names, line.split(separator: " ").map(String.init)))
    }
  }

  static func lines(_ path: String, keepingEmpty: Bool = false) -> [Substring] {
    String(decoding: FileTable.readWhole(path) ?? [], as: UTF8.self)
      .split(separator: "\n", omittingEmptySubsequences: !keepingEmpty)
  }

  /// A user's name, or the number of one who has none.
  static func userName(_ number: UInt32) -> String {
    var entry = passwd()
    var found: UnsafeMutablePointer<passwd>?
    var buffer = [CChar](repeating: 0, count: 4096)
    getpwuid_r(number, &entry, &buffer, buffer.count, &found)
    return found == nil ? "\(number)" : String(cString: entry.pw_name)
  }

  static func groupName(_ number: UInt32) -> String {
    var entry = group()
    var found: UnsafeMutablePointer<group>?
    var buffer = [CChar](repeating: 0, count: 16384)
    getgrgid_r(number, &entry, &buffer, buffer.count, &found)
    return found == nil ? "\(number)" : String(cString: entry.gr_name)
  }
}

extension String {
  fileprivate var trimmed: String {
    let blanks: Set<Character> = [" ", "\t"]
    let start = drop { blanks.contains($0) }
    return String(start.reversed().drop { blanks.contains($0) }.reversed())
  }
}
