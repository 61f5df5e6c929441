// SPDX-License-Identifier: GPL-3.0-only
internal import Glibc
internal import XVCore

/// Shared memory, semaphores and message queues of System V, from /proc/sysvipc.
struct SharedObjectTable {
  private enum Form { case plain, user, group, command, time }
  private typealias Column = (field: String, name: String, form: Form)

  private let path: String
  private let columns: [Column]

  private static let owners: [Column] = [
    ("uid", "user", .user), ("gid", "group", .group), ("cuid", "creator user", .user),
    ("cgid", "creator group", .group),
  ]

  static let sharedMemory = SharedObjectTable(
    path: "/proc/sysvipc/shm",
    columns: [
      ("key", "key", .plain), ("shmid", "shmid", .plain), ("perms", "permissions", .plain),
      ("size", "size", .plain), ("cpid", "creator command", .command),
      ("lpid", "last op. command", .command), ("nattch", "num attached", .plain),
    ] + owners + [
      ("atime", "last shmat() time", .time), ("dtime", "last shmdt() time", .time),
      ("ctime", "last shmctl() time", .time),
    ])

  static let semaphores = SharedObjectTable(
    path: "/proc/sysvipc/sem",
    columns: [
      ("key", "key", .plain), ("semid", "semid", .plain), ("perms", "permissions", .plain),
      ("nsems", "num semaphores", .plain),
    ] + owners + [
      ("otime", "last semop() time", .time), ("ctime", "last semctl() time", .time),
    ])

  static let messageQueues = SharedObjectTable(
    path: "/proc/sysvipc/msg",
    columns: [
      ("key", "key", .plain), ("msqid", "msqid", .plain), ("perms", "permissions", .plain),
      ("cbytes", "num used bytes", .plain), ("qnum", "num messages", .plain),
      ("lspid", "last msgsnd() command", .command), ("lrpid", "last msgrcv() command", .command),
    ] + owners + [
      ("stime", "last msgsnd() time", .time), ("rtime", "last msgrcv() time", .time),
      ("ctime", "last msgctl() time", .time),
    ])

  /// The first line of the file names its fields.
  var rows: [SystemTable.Row] {
    let lines = SystemTable.lines(path)
    guard let title = lines.first else { return [] }
    let names = title.split(separator: " ").map(String.init)
    return lines.dropFirst().map { line in
      let fields = Dictionary(
        zip(names, line.split(separator: " ").map(String.init)), uniquingKeysWith: { $1 })
      return columns.map { ($0.name, Self.text(fields[$0.field] ?? "", $0.form)) }
    }
  }

  private static func text(_ field: String, _ form: Form) -> String {
    switch form {
    case .plain: return field
    case .user: return UInt32(field).map(SystemTable.userName) ?? field
    case .group: return UInt32(field).map(SystemTable.groupName) ?? field
    case .command:
      guard let process = Int32(field) else { return field }
      return ThreadStatistics(of: ThreadID(process), in: process)?.name ?? field
    case .time:
      guard var seconds = time_t(field), seconds != 0 else { return "" }
      var buffer = [CChar](repeating: 0, count: 32)
      guard ctime_r(&seconds, &buffer) != nil else { return field }
      let text = buffer.prefix { $0 != 0 && $0 != 10 }.map(UInt8.init(bitPattern:))
      return String(decoding: text, as: UTF8.self)
    }
  }
}

/// Internet sockets, from /proc/net.
enum SocketTable {
  private static let states = [
    "ESTABLISHED", "SYN_SENT", "SYN_RECV", "FIN_WAIT1", "FIN_WAIT2", "TIME_WAIT", "CLOSE",
    "CLOSE_WAIT", "LAST_ACK", "LISTEN", "CLOSING",
  ]

  static var rows: [SystemTable.Row] {
    [("tcp", "INET", "STREAM"), ("udp", "INET", "DGRAM"), ("tcp6", "INET6", "STREAM"), ("udp6", "INET6", "DGRAM")]
      .flatMap { file, family, kind in
        SystemTable.lines("/proc/net/\(file)").dropFirst().compactMap { row($0, family, kind) }
      }
  }

  private static func row(
    _ line: Substring, _ family: String, _ kind: String
  ) -> SystemTable.Row? {
    let fields = line.split(separator: " ")
    guard fields.count > 7, let state = Int(fields[3], radix: 16), let user = UInt32(fields[7]),
      let local = place(fields[1]), let remote = place(fields[2])
    else { return nil }
    return [
      ("local address", local.address), ("local port", local.port),
      ("remote address", remote.address), ("remote port", remote.port),
      ("state", states.indices.contains(state - 1) ? states[state - 1] : "(unknown)"),
      ("user", SystemTable.userName(user)), ("family", family), ("protocol", kind),
    ]
  }

  /// `ADDRESS:PORT` in hex; an address is written in words of the processor's order.
  private static func place(_ text: Substring) -> (address: String, port: String)? {
    let parts = text.split(separator: ":")
    guard parts.count == 2, let port = UInt16(parts[1], radix: 16) else { return nil }
    var words: [UInt32] = []
    var rest = parts[0]
    while !rest.isEmpty {
      guard let word = UInt32(rest.prefix(8), radix: 16) else { return nil }
      words.append(word)
      rest = rest.dropFirst(8)
    }
    guard words.count == 1 || words.count == 4 else { return nil }
    var buffer = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
    let kind = words.count == 1 ? AF_INET : AF_INET6
    guard inet_ntop(kind, &words, &buffer, socklen_t(buffer.count)) != nil else { return nil }
    let address = buffer.prefix { $0 != 0 }.map(UInt8.init(bitPattern:))
    return (String(decoding: address, as: UTF8.self), "\(port)")
  }
}
