// SPDX-License-Identifier: GPL-3.0-only

/// A server's registers: their numbers, names and sizes, and where they stand in the answer to `g`.
package struct RegisterMap: Hashable, Sendable {
  package struct Entry: Hashable, Sendable {
    package var name: String
    package var number: Int
    package var byteCount: Int
    /// In the answer to `g`.
    package internal(set) var offset = 0
    /// As the description says it: a type of its own, or a well-known one.
    package var type = "int"
    package var group: String?
    package var feature = ""

    init(name: String, number: Int, byteCount: Int) {
      self.name = name
      self.number = number
      self.byteCount = byteCount
    }
  }

  /// As the description says it: `i386:x86-64`, say.
  package var architecture: String?
  /// In the order of numbers, which is the order of `g`.
  package let entries: [Entry]
  private let indices: [String: Int]

  init(_ entries: [Entry], architecture: String? = nil) {
    var sorted = entries.sorted { $0.number < $1.number }
    var offset = 0
    for index in sorted.indices {
      sorted[index].offset = offset
      offset += sorted[index].byteCount
    }
    self.entries = sorted
    self.architecture = architecture
    indices = Dictionary(
      sorted.enumerated().map { ($0.element.name, $0.offset) }, uniquingKeysWith: { first, _ in first })
  }

  package subscript(name: String) -> Entry? { indices[name].map { entries[$0] } }
  package var byteCount: Int { entries.reduce(0) { $0 + $1.byteCount } }

  /// What gdb assumes of an x86-64 server that describes nothing.
  package static let amd64: RegisterMap = {
    var entries: [Entry] = []
    func add(_ names: [String], _ byteCount: Int) {
      for name in names {
        entries.append(Entry(name: name, number: entries.count, byteCount: byteCount))
      }
    }
    add(["rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp", "rsp"], 8)
    add((8...15).map { "r\($0)" } + ["rip"], 8)
    add(["eflags", "cs", "ss", "ds", "es", "fs", "gs"], 4)
    add((0...7).map { "st\($0)" }, 10)
    add(["fctrl", "fstat", "ftag", "fiseg", "fioff", "foseg", "fooff", "fop"], 4)
    add((0...15).map { "xmm\($0)" }, 16)
    add(["mxcsr"], 4)
    return RegisterMap(entries, architecture: "i386:x86-64")
  }()
}
