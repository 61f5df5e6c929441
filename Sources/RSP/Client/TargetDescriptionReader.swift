// SPDX-License-Identifier: GPL-3.0-only

/// Reads a target description (`target.xml`) and the documents that it includes.
///
/// Registers that carry no number have the one after the register before them, and an included
/// document stands where it is included: so the documents are fetched first and read then.
struct TargetDescriptionReader {
  private static let root = "target.xml"
  /// More than any description has, so that one that includes itself comes to an end.
  private static let mostDocuments = 64
  private static let deepest = 8

  private var documents: [String: [UInt8]] = [:]
  private var missing = [root]
  /// What is wrong with the documents.
  private(set) var failure: String?

  /// The next document to fetch.
  var wanted: String? { failure == nil ? missing.last : nil }

  mutating func add(_ document: [UInt8], named name: String) {
    missing.removeLast()
    documents[name] = document
    var included: [String] = []
    let problem = XMLReader.read(document) { element in
      if element.name == "include", let name = element.attributes["href"] { included.append(name) }
    }
    if let problem { failure = "\(name), \(problem)" }
    for name in included where documents[name] == nil && !missing.contains(name) {
      missing.append(name)
    }
    if documents.count + missing.count > Self.mostDocuments { failure = "too many documents" }
  }

  /// Nil when the description describes nothing.
  var map: RegisterMap? {
    guard failure == nil else { return nil }
    var state = State()
    read(Self.root, into: &state, depth: 0)
    return state.entries.isEmpty
      ? nil : RegisterMap(state.entries, architecture: state.architecture)
  }

  private struct State {
    var entries: [RegisterMap.Entry] = []
    var architecture: String?
    var feature = ""
    var nextNumber = 0
  }

  private func read(_ name: String, into state: inout State, depth: Int) {
    guard depth < Self.deepest, let document = documents[name] else { return }
    _ = XMLReader.read(
      document,
      start: { element in
        switch element.name {
        case "include":
          if let name = element.attributes["href"] { read(name, into: &state, depth: depth + 1) }
        case "feature": state.feature = element.attributes["name"] ?? ""
        case "reg": add(element.attributes, to: &state)
        default: break
        }
      },
      end: { name, text in
        guard name == "architecture" else { return }
        state.architecture = text
      })
  }

  private func add(_ attributes: [String: String], to state: inout State) {
    guard let name = attributes["name"], let bits = attributes["bitsize"].flatMap({ Int($0) }),
      bits > 0, bits <= 1 << 16
    else { return }
    let number = attributes["regnum"].flatMap { Int($0) } ?? state.nextNumber
    guard number >= 0, number < 1 << 20 else { return }
    state.nextNumber = number + 1
    var entry = RegisterMap.Entry(name: name, number: number, byteCount: (bits + 7) / 8)
    entry.type = attributes["type"] ?? "int"
    entry.group = attributes["group"]
    entry.feature = state.feature
    state.entries.append(entry)
  }
}
