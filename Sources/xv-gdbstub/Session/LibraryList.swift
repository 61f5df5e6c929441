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

  var xml: [UInt8] {
    var text = XMLText("<library-list-svr4 version=\"1.0\"")
    if loadState.main.linkMap.rawValue != 0 {
      text.append(" main-lm=\"\(loadState.main.linkMap)\"")
    }
    let listed = loadState.libraries.filter { $0.linkMap.rawValue != 0 }
    if listed.isEmpty {
      text.append("/>")
      return text.bytes
    }
    text.append(">\n")
    for library in listed {
      text.append("<library name=\"")
      text.appendEscaped(Array(library.path.utf8))
      text.append("\" lm=\"\(library.linkMap)\" l_addr=\"\(library.base)\"")
      text.append(" l_ld=\"\(library.dynamicSection)\" lmid=\"\(debugStructure)\"/>\n")
    }
    text.append("</library-list-svr4>\n")
    return text.bytes
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
