// SPDX-License-Identifier: GPL-3.0-only
internal import Glibc
internal import RSP

/// What a list of processes tells of one, from /proc.
struct ProcessFacts {
  let id: Int32
  let parent: UInt32
  let user: UInt32
  let effectiveUser: UInt32
  let group: UInt32
  let effectiveGroup: UInt32
  /// Empty for the kernel's own, and where it may not be read.
  let executable: String
  let arguments: [ArraySlice<UInt8>]

  /// Whether a debugger holds it, so that no other can.
  let isTraced: Bool

  /// Nil when there is no such process, or only what is left of it.
  init?(_ id: Int32) {
    let status = ProcessStatus(processID: id)
    guard status.text("State")?.first != "Z", let parent = status.number("PPid"),
      let user = status.number("Uid"), let effectiveUser = status.number("Uid", 1),
      let group = status.number("Gid"), let effectiveGroup = status.number("Gid", 1)
    else { return nil }
    self.id = id
    isTraced = status.number("TracerPid") ?? 0 != 0
    self.parent = parent
    self.user = user
    self.effectiveUser = effectiveUser
    self.group = group
    self.effectiveGroup = effectiveGroup
    executable = ProcessList.executable(of: id) ?? ""
    let line = FileTable.readWhole("/proc/\(id)/cmdline") ?? []
    arguments = line.isEmpty
      ? [] : line.dropLast(line.last == 0 ? 1 : 0).split(separator: 0, omittingEmptySubsequences: false)
  }

  /// The last part of the executable's path.
  var name: String { String(executable.split(separator: "/").last ?? "") }

  /// The reply to `qfProcessInfo`, `qsProcessInfo` and `qProcessInfoPID`; numbers are decimal.
  var text: String {
    var description = DescriptionText()
    description.add("pid", "\(id)")
    description.add("ppid", "\(parent)")
    description.add("uid", "\(user)")
    description.add("gid", "\(group)")
    description.add("euid", "\(effectiveUser)")
    description.add("egid", "\(effectiveGroup)")
    description.add("name", encoded: executable)
    let words = arguments.map { String(decoding: Hex.encode($0), as: UTF8.self) }
    description.add("args", words.joined(separator: "-"))
    if let triple { description.add("triple", encoded: triple) }
    return description.text
  }

  /// By the class of the ELF file (elf(5)); nil where that may not be read.
  private var triple: String? {
    guard let file = fopen("/proc/\(id)/exe", "re") else { return nil }
    defer { fclose(file) }
    var header = [UInt8](repeating: 0, count: 5)
    guard fread(&header, 1, 5, file) == 5 else { return nil }
    return header[4] == 2 ? HostDescription.triple : "i386-pc-linux-gnu"
  }
}

extension PlatformPacket.ProcessFilter {
  /// Processes are listed to be attached to: those that nobody can attach to are left out.
  func accepts(_ process: ProcessFacts) -> Bool {
    if process.isTraced { return false }
    let own = getuid()
    guard allUsers || own == 0 || process.user == own else { return false }
    let facts: [String: UInt64] = [
      "pid": UInt64(process.id), "parent_pid": UInt64(process.parent),
      "uid": UInt64(process.user), "euid": UInt64(process.effectiveUser),
      "gid": UInt64(process.group), "egid": UInt64(process.effectiveGroup),
    ]
    return numbers.allSatisfy { facts[$0.key] == $0.value } && acceptsName(process.name)
  }

  private func acceptsName(_ other: String) -> Bool {
    if self.name.isEmpty { return true }
    let name = String(decoding: self.name, as: UTF8.self)
    switch match {
    case .equals: return other == name
    case .contains: return other.contains(name)
    case .startsWith: return other.hasPrefix(name)
    case .endsWith: return other.hasSuffix(name)
    case .regex:
      var expression = regex_t()
      guard regcomp(&expression, name, REG_EXTENDED | REG_NOSUB) == 0 else { return false }
      defer { regfree(&expression) }
      return regexec(&expression, other, 0, nil, 0) == 0
    }
  }
}
