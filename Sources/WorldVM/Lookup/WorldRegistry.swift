// SPDX-License-Identifier: GPL-3.0-only
import Glibc

/// Names of worlds: the user's file, then the machine's.
///
///     # ~/.config/xv-gdbstub/worlds.toml, /etc/xv-gdbstub/worlds.toml
///     [worlds]
///     board = "192.168.7.2:2345"
///     "last crash" = 'core:/var/tmp/core'
///
/// Of TOML: comments, the table `worlds`, keys bare or quoted, strings of one line.
public struct WorldRegistry: Sendable {
  private static let table = "worlds"
  private static let file = "xv-gdbstub/worlds.toml"

  /// In the order in which they are looked into.
  private let paths: [String]

  public init(paths: [String]) { self.paths = paths }

  /// The files of this user and of this machine.
  public static var ofUser: WorldRegistry {
    func variable(_ name: String) -> String? {
      getenv(name).flatMap { $0.pointee == 0 ? nil : String(cString: $0) }
    }
    let configuration = variable("XDG_CONFIG_HOME") ?? variable("HOME").map { $0 + "/.config" }
    return WorldRegistry(
      paths: (configuration.map { ["\($0)/\(file)"] } ?? []) + ["/etc/\(file)"])
  }

  /// What a name stands for. `.lookupFailed` when no file has it, or a file cannot be read.
  public func place(named name: String) throws(WorldError) -> String {
    for path in paths {
      guard let text = try Self.text(of: path) else { continue }
      if let place = try Self.entries(text, in: path)[name] { return place }
    }
    throw .lookupFailed("a world named '\(name)' in \(paths.joined(separator: " or "))")
  }

  /// Nil when there is no such file.
  private static func text(of path: String) throws(WorldError) -> String? {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else {
      let code = errno
      if code == ENOENT || code == ENOTDIR { return nil }
      throw .lookupFailed("the registry \(path) (\(String(cString: strerror(code))))")
    }
    defer { close(descriptor) }
    return String(decoding: readFile(descriptor, 0, 1 << 20), as: UTF8.self)
  }

  static func entries(_ text: String, in path: String) throws(WorldError) -> [String: String] {
    var entries: [String: String] = [:]
    var isInTable = false
    for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
      var scanner = TOMLLine(line)
      switch scanner.content {
      case .empty: break
      case .table(let name): isInTable = name == table
      case .pair(let key, let value): if isInTable { entries[key] = value }
      case .nonsense:
        // Other tables are other programs' affair.
        guard isInTable else { break }
        throw .lookupFailed("\(path), line \(index + 1): write NAME = \"WHERE\"; the registry")
      }
    }
    return entries
  }
}

/// One line of a registry.
private struct TOMLLine {
  enum Content {
    case empty
    case table(String)
    case pair(key: String, value: String)
    case nonsense
  }

  private var rest: Substring

  init(_ line: Substring) { rest = line.last == "\r" ? line.dropLast() : line }

  var content: Content {
    mutating get {
      skipBlanks()
      if isAtEnd { return .empty }
      if rest.first == "[" {
        rest.removeFirst()
        skipBlanks()
        guard let name = key(), skip("]"), isAtEnd else { return .nonsense }
        return .table(name)
      }
      guard let key = key(), skip("="), let value = quoted(), isAtEnd else { return .nonsense }
      return .pair(key: key, value: value)
    }
  }

  private var isAtEnd: Bool {
    mutating get {
      skipBlanks()
      return rest.isEmpty || rest.first == "#"
    }
  }

  private mutating func skipBlanks() { rest = rest.drop { $0 == " " || $0 == "\t" } }

  private mutating func skip(_ character: Character) -> Bool {
    skipBlanks()
    guard rest.first == character else { return false }
    rest.removeFirst()
    skipBlanks()
    return true
  }

  private mutating func key() -> String? {
    if rest.first == "\"" || rest.first == "'" { return quoted() }
    let bare = rest.prefix { $0.isLetter || $0.isNumber || $0 == "_" || $0 == "-" }
    rest = rest[bare.endIndex...]
    return bare.isEmpty ? nil : String(bare)
  }

  /// `"..."` with `\"` and `\\`, or `'...'` with nothing.
  private mutating func quoted() -> String? {
    guard let quote = rest.first, quote == "\"" || quote == "'" else { return nil }
    rest.removeFirst()
    var value = ""
    while let character = rest.popFirst() {
      if character == quote { return value }
      if quote == "\"", character == "\\" {
        guard let next = rest.popFirst(), next == "\"" || next == "\\" else { return nil }
        value.append(next)
      } else {
        value.append(character)
      }
    }
    return nil
  }
}
