// SPDX-License-Identifier: GPL-3.0-only
internal import CLinux
import Glibc

/// What /proc tells of a process that is written to disk.
enum OutloadProcess {
  /// `end`: of the heap, as brk(2) tells it.
  static func describe(
    _ process: Int32, _ record: inout SwapRecord, end: UInt64, _ reasons: inout OutloadObstacles
  ) {
    let folder = "/proc/\(process)"
    record.executable = target(folder + "/exe") ?? ""
    if !isSame(folder + "/exe", record.executable) {
      reasons.add("its program \(record.executable) was deleted or replaced")
    }
    record.workingDirectory = target(folder + "/cwd") ?? ""
    if !isSame(folder + "/cwd", record.workingDirectory) {
      reasons.add("its working directory \(record.workingDirectory) is not there any more")
    }
    if target(folder + "/root") != target("/proc/self/root") { reasons.add("it has a root of its own (chroot)") }
    record.arguments = texts(folder + "/cmdline")
    record.environment = texts(folder + "/environ")
    record.auxiliary = AddressMap.contents(of: folder + "/auxv") ?? []
    let personality = AddressMap.contents(of: folder + "/personality") ?? []
    record.personality = UInt64(text(personality).prefix { $0 != "\n" }, radix: 16) ?? 0
    if let status = ProcessStatus(of: process) {
      record.umask = status.text("Umask").flatMap { UInt64($0, radix: 8) } ?? 0o22
    }
    record.identity = identity(process) ?? [UInt64](repeating: 0, count: 8)
    record.layout = layout(process, end: end)
    for resource in Int32(0)..<16 {
      var limit: [UInt64] = [0, 0]
      _ = xv_prlimit(process, resource, nil, &limit)
      record.limits += limit
    }
  }

  /// Real, effective, saved and file-system ids of user and group.
  static func identity(_ process: Int32) -> [UInt64]? {
    guard let status = ProcessStatus(of: process) else { return nil }
    let ids = ["Uid", "Gid"].flatMap { name in
      (status.text(name) ?? "").split(whereSeparator: { $0 == "\t" || $0 == " " }).compactMap { UInt64($0) }
    }
    return ids.count == 8 ? ids : nil
  }

  static func target(_ path: String) -> String? {
    var name = [UInt8](repeating: 0, count: 4096)
    let count = name.withUnsafeMutableBytes {
      readlink(path, $0.baseAddress!.assumingMemoryBound(to: CChar.self), $0.count)
    }
    return count < 0 ? nil : String(decoding: name[..<count], as: UTF8.self)
  }

  /// Whether two paths lead to one file.
  static func isSame(_ first: String, _ second: String) -> Bool {
    var one = stat()
    var other = stat()
    return stat(first, &one) == 0 && stat(second, &other) == 0 && one.st_dev == other.st_dev
      && one.st_ino == other.st_ino
  }

  private static func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

  /// Each ends with a zero.
  private static func texts(_ path: String) -> [String] {
    let bytes = AddressMap.contents(of: path) ?? []
    return bytes.split(separator: 0, omittingEmptySubsequences: false).dropLast().map {
      String(decoding: $0, as: UTF8.self)
    }
  }

  /// The fields of /proc/PID/stat behind the name: number 3 (state) stands first.
  private static func layout(_ process: Int32, end: UInt64) -> [UInt64] {
    let bytes = AddressMap.contents(of: "/proc/\(process)/stat") ?? []
    let behind = bytes.lastIndex(of: UInt8(ascii: ")")).map { bytes[($0 + 1)...] } ?? []
    let fields = behind.split(separator: UInt8(ascii: " ")).map {
      UInt64(String(decoding: $0, as: UTF8.self).prefix { $0 != "\n" }) ?? 0
    }
    func field(_ number: Int) -> UInt64 { number - 3 < fields.count ? fields[number - 3] : 0 }
    return [
      field(26), field(27), field(45), field(46), field(47), end, field(28), field(48), field(49),
      field(50), field(51),
    ]
  }

  /// /proc/PID/timers: id, clock, notification, signal, value, thread.
  static func timers(_ process: Int32) -> [[UInt64]] {
    let lines = text(AddressMap.contents(of: "/proc/\(process)/timers") ?? []).split(separator: "\n")
    var timers: [[UInt64]] = []
    for line in lines {
      let parts = line.split(separator: " ", omittingEmptySubsequences: true)
      guard parts.count >= 2, let last = timers.indices.last ?? (parts[0] == "ID:" ? 0 : nil) else { continue }
      switch parts[0] {
      case "ID:": timers.append([UInt64(parts[1]) ?? 0, 0, 0, 0, 0, 0])
      case "signal:":
        let pair = parts[1].split(separator: "/")
        timers[last][3] = pair.first.flatMap { UInt64($0) } ?? 0
        timers[last][4] = pair.last.flatMap { UInt64($0, radix: 16) } ?? 0
      case "notify:":
        let pair = parts[1].split(separator: "/")
        timers[last][2] = pair.first == "none" ? 1 : pair.first == "thread" ? 2 : 0
        if let word = pair.last?.split(separator: ".") {
          // SIGEV_THREAD_ID is 4, on top of the manner of notification.
          if word.first == "tid" { timers[last][2] |= 4 }
          timers[last][5] = word.last.flatMap { UInt64($0) } ?? 0
        }
      case "ClockID:":
        timers[last][1] = Int64(parts[1]).map { UInt64(bitPattern: $0) } ?? 0
      default: break
      }
    }
    return timers
  }
}
