// SPDX-License-Identifier: GPL-3.0-only
internal import CExpat

/// Reads an XML document element by element, through expat.
struct XMLReader {
  /// An element's name without its namespace's prefix, and its attributes.
  struct Element {
    var name: Substring
    var attributes: [String: String]
  }

  private final class State {
    var start: (Element) -> Void
    var end: (Substring, String) -> Void
    var text = ""

    init(start: @escaping (Element) -> Void, end: @escaping (Substring, String) -> Void) {
      self.start = start
      self.end = end
    }
  }

  /// Nil when the document is well-formed, else what is wrong with it and where. `end` is given the
  /// text since the last tag.
  static func read(
    _ document: [UInt8], start: (Element) -> Void, end: (Substring, String) -> Void = { _, _ in }
  ) -> String? {
    guard let parser = XML_ParserCreate(nil) else { return "no memory" }
    defer { XML_ParserFree(parser) }
    return withoutActuallyEscaping(start) { start in
      withoutActuallyEscaping(end) { end in
        let state = State(start: start, end: end)
        return withExtendedLifetime(state) { parse(document, parser, state) }
      }
    }
  }

  private static func parse(
    _ document: [UInt8], _ parser: XML_Parser, _ state: State
  ) -> String? {
    XML_SetUserData(parser, Unmanaged.passUnretained(state).toOpaque())
    XML_SetElementHandler(
      parser,
      { state, name, attributes in
        guard let state = XMLReader.state(state), let name else { return }
        state.text = ""
        var pairs: [String: String] = [:]
        var place = attributes
        while let key = place?[0], let value = place?[1] {
          pairs[String(cString: key)] = String(cString: value)
          place = place?.advanced(by: 2)
        }
        state.start(Element(name: XMLReader.local(name), attributes: pairs))
      },
      { state, name in
        guard let state = XMLReader.state(state), let name else { return }
        state.end(XMLReader.local(name), state.text)
        state.text = ""
      })
    XML_SetCharacterDataHandler(parser) { state, characters, count in
      guard let state = XMLReader.state(state), let characters else { return }
      let bytes = UnsafeRawBufferPointer(start: characters, count: Int(count))
      state.text += String(decoding: bytes, as: UTF8.self)
    }
    let status = document.withUnsafeBytes { bytes in
      XML_Parse(parser, bytes.baseAddress?.assumingMemoryBound(to: CChar.self), Int32(bytes.count), 1)
    }
    guard status != XML_STATUS_OK else { return nil }
    let words = XML_ErrorString(XML_GetErrorCode(parser)).map { String(cString: $0) } ?? "nonsense"
    return "line \(XML_GetCurrentLineNumber(parser)): \(words)"
  }

  private static func state(_ pointer: UnsafeMutableRawPointer?) -> State? {
    pointer.map { Unmanaged<State>.fromOpaque($0).takeUnretainedValue() }
  }

  private static func local(_ name: UnsafePointer<CChar>) -> Substring {
    let whole = String(cString: name)
    return whole.split(separator: ":").last ?? Substring(whole)
  }
}
