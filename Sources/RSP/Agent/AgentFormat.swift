// SPDX-License-Identifier: GPL-3.0-only
internal import Glibc

/// The format of an agent expression's `printf`, as it stands in C source: escapes and directives.
///
/// Integers, characters, addresses and strings in the program's memory; gdb sends no others.
struct AgentFormat {
  /// The longest string that is fetched from the program.
  private static let longestString = 65536
  private static let pageSize: UInt64 = 4096

  private var rest: ArraySlice<UInt8>

  init(_ format: ArraySlice<UInt8>) { rest = format }

  func text<Subject: AgentSubject>(
    _ arguments: [UInt64], about subject: Subject
  ) throws(AgentError) -> [UInt8] {
    var format = self
    var text: [UInt8] = []
    var next = arguments[...]
    while let byte = format.rest.popFirst() {
      switch byte {
      case UInt8(ascii: "\\"): text.append(try format.escape())
      case UInt8(ascii: "%") where format.rest.first == UInt8(ascii: "%"):
        text.append(byte)
        format.rest.removeFirst()
      case UInt8(ascii: "%"):
        let directive = try format.directive()
        guard let argument = next.popFirst() else { throw .badFormat }
        text += try directive.text(argument, about: subject)
      default: text.append(byte)
      }
    }
    return text
  }

  private mutating func escape() throws(AgentError) -> UInt8 {
    guard let letter = rest.popFirst() else { throw .badFormat }
    switch letter {
    case UInt8(ascii: "\\"), UInt8(ascii: "\""), UInt8(ascii: "'"): return letter
    case UInt8(ascii: "n"): return 10
    case UInt8(ascii: "t"): return 9
    case UInt8(ascii: "r"): return 13
    case UInt8(ascii: "a"): return 7
    case UInt8(ascii: "b"): return 8
    case UInt8(ascii: "f"): return 12
    case UInt8(ascii: "v"): return 11
    case UInt8(ascii: "e"): return 27
    case UInt8(ascii: "0")...UInt8(ascii: "7"):
      var value = UInt32(letter - UInt8(ascii: "0"))
      for _ in 0..<2 {
        guard let digit = rest.first, (UInt8(ascii: "0")...UInt8(ascii: "7")).contains(digit) else {
          break
        }
        value = value * 8 + UInt32(digit - UInt8(ascii: "0"))
        rest.removeFirst()
      }
      return UInt8(truncatingIfNeeded: value)
    default: throw .badFormat
    }
  }

  private mutating func directive() throws(AgentError) -> Directive {
    // Flags, width and precision are C's own, and are handed to C.
    let prefix = rest.prefix { Directive.isPrefix($0) }
    rest = rest.dropFirst(prefix.count)
    let size = rest.prefix { Directive.isSize($0) }
    rest = rest.dropFirst(size.count)
    guard let conversion = rest.popFirst() else { throw .badFormat }
    return Directive(
      prefix: String(decoding: prefix, as: UTF8.self), size: String(decoding: size, as: UTF8.self),
      conversion: Unicode.Scalar(conversion))
  }

  fileprivate struct Directive {
    let prefix: String
    let size: String
    let conversion: Unicode.Scalar

    static func isPrefix(_ byte: UInt8) -> Bool {
      "-+ #0123456789.'".utf8.contains(byte)
    }

    static func isSize(_ byte: UInt8) -> Bool { "hlLqjzt".utf8.contains(byte) }

    func text<Subject: AgentSubject>(
      _ argument: UInt64, about subject: Subject
    ) throws(AgentError) -> [UInt8] {
      switch conversion {
      case "d", "i": return formatted("ll\(conversion)", signed(argument))
      case "u", "x", "X", "o": return formatted("ll\(conversion)", unsigned(argument))
      case "c" where size.isEmpty: return formatted("c", Int32(truncatingIfNeeded: argument))
      case "p": return formatted("p", UnsafeRawPointer(bitPattern: UInt(argument)).map(Int.init(bitPattern:)) ?? 0)
      case "s" where size.isEmpty:
        let string = try AgentFormat.string(at: argument, of: subject)
        return (string + [0]).withUnsafeBufferPointer { buffer in
          formatted("s", buffer.baseAddress.map(Int.init(bitPattern:)) ?? 0)
        }
      default: throw .badFormat
      }
    }

    private func signed(_ value: UInt64) -> Int64 {
      switch size {
      case "hh": Int64(Int8(truncatingIfNeeded: value))
      case "h": Int64(Int16(truncatingIfNeeded: value))
      case "": Int64(Int32(truncatingIfNeeded: value))
      default: Int64(bitPattern: value)
      }
    }

    private func unsigned(_ value: UInt64) -> Int64 {
      switch size {
      case "hh": Int64(UInt8(truncatingIfNeeded: value))
      case "h": Int64(UInt16(truncatingIfNeeded: value))
      case "": Int64(UInt32(truncatingIfNeeded: value))
      default: Int64(bitPattern: value)
      }
    }

    private func formatted(_ end: String, _ argument: any CVarArg) -> [UInt8] {
      let format = "%" + prefix + end
      let needed = withVaList([argument]) { vsnprintf(nil, 0, format, $0) }
      // A width that C refuses, or beyond what anybody reads.
      guard needed > 0, needed <= 1 << 20 else { return [] }
      var bytes = [CChar](repeating: 0, count: Int(needed) + 1)
      _ = withVaList([argument]) { vsnprintf(&bytes, bytes.count, format, $0) }
      return bytes.dropLast().map(UInt8.init(bitPattern:))
    }
  }

  /// A string of the program's, up to its end or to where its memory ends.
  private static func string<Subject: AgentSubject>(
    at start: UInt64, of subject: Subject
  ) throws(AgentError) -> [UInt8] {
    var bytes: [UInt8] = []
    var address = start
    while bytes.count < longestString {
      let count = Int(min(pageSize - address % pageSize, 256))
      guard let piece = subject.memory(at: address, count: count) else { throw .noMemory(address) }
      if let end = piece.firstIndex(of: 0) { return bytes + piece[..<end] }
      bytes += piece
      address &+= UInt64(count)
    }
    return bytes
  }
}
