// SPDX-License-Identifier: GPL-3.0-only
internal import Glibc
internal import RSP
internal import WorldVM

/// Pairs `key:value;` in which lldb is told about machines, processes and files.
struct DescriptionText {
  private(set) var text = ""

  mutating func add(_ key: String, _ value: String) { text += "\(key):\(value);" }
  /// A value of any characters.
  mutating func add(_ key: String, encoded value: String) {
    add(key, String(decoding: Hex.encode(Array(value.utf8)), as: UTF8.self))
  }
  mutating func add(_ key: String, number value: some BinaryInteger) {
    add(key, String(value, radix: 16))
  }
}

/// `qHostInfo`: the machine.
struct HostDescription {
  static let triple = "x86_64-pc-linux-gnu"

  var text: String {
    var system = utsname()
    uname(&system)
    var description = DescriptionText()
    description.add("triple", encoded: Self.triple)
    description.add("ptrsize", "8")
    description.add("watchpoint_exceptions_received", "after")
    description.add("endian", "little")
    description.add("os_version", String(Self.string(system.release).prefix { $0 != "-" }))
    description.add("os_build", encoded: Self.string(system.release))
    description.add("os_kernel", encoded: Self.string(system.version))
    description.add("hostname", encoded: Self.string(system.nodename))
    description.add("vm-page-size", "4096")
    return description.text
  }

  /// A C array, which is imported as a tuple, up to its zero byte.
  private static func string<Characters>(_ characters: Characters) -> String {
    withUnsafeBytes(of: characters) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
  }
}

/// `qProcessInfo`: the program's process.
struct ProcessDescription {
  let text: String

  init(processID: Int32) throws(WorldError) {
    let status = ProcessStatus(processID: processID)
    guard let parent = status.number("PPid"), let user = status.number("Uid"),
      let effectiveUser = status.number("Uid", 1), let group = status.number("Gid"),
      let effectiveGroup = status.number("Gid", 1)
    else { throw .badWorld("the process \(processID) has ended") }
    var description = DescriptionText()
    description.add("pid", number: processID)
    description.add("parent-pid", number: parent)
    description.add("real-uid", number: user)
    description.add("real-gid", number: group)
    description.add("effective-uid", number: effectiveUser)
    description.add("effective-gid", number: effectiveGroup)
    description.addSystem()
    text = description.text
  }

  /// Of a process that this machine's kernel knows nothing of.
  init(elsewhere processID: Int32) {
    var description = DescriptionText()
    description.add("pid", number: processID)
    description.addSystem()
    text = description.text
  }
}

extension DescriptionText {
  fileprivate mutating func addSystem() {
    add("triple", encoded: HostDescription.triple)
    add("ostype", "linux")
    add("endian", "little")
    add("ptrsize", "8")
  }
}

/// The rows `Key:\tvalue value ...` of /proc/PID/status.
struct ProcessStatus {
  private let rows: [Substring]

  init(processID: Int32) {
    let content = FileTable.readWhole("/proc/\(processID)/status") ?? []
    rows = String(decoding: content, as: UTF8.self).split(separator: "\n")
  }

  func text(_ key: String) -> Substring? {
    guard let row = rows.first(where: { $0.hasPrefix(key + ":") }) else { return nil }
    return row.dropFirst(key.utf8.count + 1).drop { $0 == " " || $0 == "\t" }
  }

  func number(_ key: String, _ index: Int = 0) -> UInt32? {
    guard let row = rows.first(where: { $0.hasPrefix(key + ":") }) else { return nil }
    let values = row.dropFirst(key.utf8.count + 1).split { $0 == " " || $0 == "\t" }
    return values.indices.contains(index) ? UInt32(values[index]) : nil
  }
}

/// `qModuleInfo` and `jModulesInfo`: an ELF file by its path.
struct ModuleDescription {
  private let path: String
  private let size: Int
  private let buildID: [UInt8]

  init(path: [UInt8]) throws(WorldError) {
    let name = String(decoding: path, as: UTF8.self)
    var status = stat()
    guard !path.contains(0), stat(name, &status) == 0 else { throw .lookupFailed(name) }
    var ids = BuildIDs()
    buildID = ids[name]
    guard !buildID.isEmpty else { throw .lookupFailed("a build id in \(name)") }
    self.path = name
    size = status.st_size
  }

  private var identifier: String { String(decoding: Hex.encode(buildID), as: UTF8.self) }

  var text: String {
    var description = DescriptionText()
    description.add("uuid", encoded: identifier)
    description.add("triple", encoded: HostDescription.triple)
    description.add("file_path", encoded: path)
    description.add("file_offset", "0")
    description.add("file_size", number: size)
    return description.text
  }

  /// Those of several files that can be described.
  static func list(_ paths: [[UInt8]]) -> [UInt8] {
    var modules: [ModuleDescription] = []
    for path in paths {
      do throws(WorldError) { modules.append(try ModuleDescription(path: path)) } catch {}
    }
    var json = JSONText()
    json.array(modules) { json, module in
      json.object { json in
        for (key, value) in [
          ("uuid", module.identifier), ("triple", HostDescription.triple), ("file_path", module.path),
        ] {
          json.key(key)
          json.string(Array(value.utf8))
        }
        json.key("file_offset")
        json.number(0)
        json.key("file_size")
        json.number(module.size)
      }
    }
    return json.bytes
  }
}
