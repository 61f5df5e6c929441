// SPDX-License-Identifier: GPL-3.0-only
package import RSP

/// What `getWorld` is given: where a world is.
package enum WorldPlace: Hashable, Sendable {
  /// A process of this machine, which is seized and runs under xv.
  case process(Int32)
  /// Any server of the remote protocol.
  case server(ServerPlace)
  case core(path: String)
  /// A program that was written to disk.
  case swap(path: String)
  /// A name in the registry.
  case name(String)

  /// `pid:N`, `core:FILE`, `swap:FILE`, `unix:PATH`, `HOST:PORT`, `|COMMAND`, or a name. `.badWorld` when it begins
  /// as one of them and goes on as none.
  package init(_ text: String) throws(WorldError) {
    if text.isEmpty { throw .lookupFailed("a world without a name") }
    if let rest = Self.rest(of: text, behind: "pid:") {
      guard let process = Int32(rest), process > 0 else {
        throw .badWorld("'\(text)' names no process: write pid: and a number")
      }
      self = .process(process)
    } else if let path = Self.rest(of: text, behind: "core:") {
      guard !path.isEmpty else { throw .badWorld("core: wants the path of a core file") }
      self = .core(path: path)
    } else if let path = Self.rest(of: text, behind: "swap:") {
      guard !path.isEmpty else { throw .badWorld("swap: wants the path of an image") }
      self = .swap(path: path)
    } else if text.hasPrefix("|") || text.contains(":") {
      do throws(ClientError) {
        self = .server(try ServerPlace(text))
      } catch {
        throw .badWorld("'\(text)' is no world: write pid:N, HOST:PORT, unix:PATH, core:FILE, swap:FILE or a name")
      }
    } else {
      self = .name(text)
    }
  }

  private static func rest(of text: String, behind prefix: String) -> String? {
    text.hasPrefix(prefix) ? String(text.dropFirst(prefix.count)) : nil
  }
}
