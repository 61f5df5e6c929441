// SPDX-License-Identifier: GPL-3.0-only
internal import WorldVM
internal import XVCore

/// The dynamic linker's list as gdb's `library-list-svr4` document.
///
/// Only what is on the list is told: before the linker has made it the list is empty, and gdb finds
/// the linker itself by the auxiliary vector.
struct LibraryList {
  private let loadState: LoadState
  /// Address of the linker's `r_debug`, which gdb takes for the name of the link-map list (`lmid`).
  private let debugStructure: Address

  init(_ loadState: LoadState, debugStructure: Address) {
    self.loadState = loadState
    self.debugStructure = debugStructure
  }

  /// What the annex asks for: all, or what stands on the list from `start` on, behind `prev`.
  struct Part {
    private(set) var start: UInt64 = 0
    private(set) var previous: UInt64 = 0
    private(set) var namespace: UInt64 = 0

    init(_ annex: String) {
      for pair in annex.split(separator: ";") {
        let words = pair.split(separator: "=", maxSplits: 1)
        guard words.count == 2, let value = UInt64(words[1], radix: 16) else { continue }
        switch words[0] {
        case "start": start = value
        case "prev": previous = value
        case "lmid": namespace = value
        default: break
        }
      }
    }
  }

  /// Nil when what the annex names is not on the list.
  func xml(_ part: Part) -> [UInt8]? {
    var text = XMLText("<library-list-svr4 version=\"1.0\"")
    if loadState.main.linkMap.rawValue != 0, part.start == 0 {
      text.append(" main-lm=\"\(loadState.main.linkMap)\"")
    }
    guard let listed = listed(part) else { return nil }
    if listed.isEmpty {
      text.append("/>")
      return text.bytes
    }
    text.append(">\n")
    for library in listed {
      text.append("<library name=\"")
      text.appendEscaped(Array(library.path.utf8))
      text.append("\" lm=\"\(library.linkMap)\" l_addr=\"\(library.base)\"")
      text.append(" l_ld=\"\(library.dynamicSection)\" lmid=\"\(namespace(of: library))\"/>\n")
    }
    text.append("</library-list-svr4>\n")
    return text.bytes
  }

  private func namespace(of module: LoadState.Module) -> Address {
    module.namespace.rawValue == 0 ? debugStructure : module.namespace
  }

  private func listed(_ part: Part) -> [LoadState.Module]? {
    var modules = loadState.libraries.filter { $0.linkMap.rawValue != 0 }
    if part.namespace != 0 {
      modules = modules.filter { namespace(of: $0).rawValue == part.namespace }
    }
    guard part.start != 0 else { return modules }
    let all = part.previous == loadState.main.linkMap.rawValue ? [loadState.main] + modules : modules
    guard let first = all.firstIndex(where: { $0.linkMap.rawValue == part.start }) else { return nil }
    let isInPlace =
      part.previous == 0 || (first > 0 && all[first - 1].linkMap.rawValue == part.previous)
    return isInPlace ? Array(all[first...]) : nil
  }
}

/// An XML document that is being written.
struct XMLText {
  private(set) var bytes: [UInt8]

  init(_ text: String) { bytes = Array(text.utf8) }

  /// Markup, or text known to need no escape.
  mutating func append(_ text: String) { bytes.append(contentsOf: text.utf8) }

  /// The value of an attribute.
  mutating func appendEscaped(_ value: [UInt8]) {
    for byte in value {
      switch byte {
      case UInt8(ascii: "&"): append("&amp;")
      case UInt8(ascii: "<"): append("&lt;")
      case UInt8(ascii: ">"): append("&gt;")
      case UInt8(ascii: "\""): append("&quot;")
      case 0..<0x20: append("?")
      default: bytes.append(byte)
      }
    }
  }
}
