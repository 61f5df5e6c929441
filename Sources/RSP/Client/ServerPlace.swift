// SPDX-License-Identifier: GPL-3.0-only

/// Where a server is: a socket, or a command whose stdin and stdout are the connection.
package enum ServerPlace: Hashable, Sendable {
  case endpoint(Endpoint)
  case command(String)

  /// `HOST:PORT`, `unix:PATH`, or `|COMMAND` for the shell.
  package init(_ text: String) throws(ClientError) {
    if text.hasPrefix("|") {
      self = .command(String(text.dropFirst().drop { $0 == " " }))
      return
    }
    do throws(EndpointError) {
      let endpoint = try Endpoint(text)
      guard endpoint != .standardIO else { throw EndpointError.notAnEndpoint(text) }
      self = .endpoint(endpoint)
    } catch {
      throw .notAPlace(error)
    }
  }
}

extension ServerPlace: CustomStringConvertible {
  package var description: String {
    switch self {
    case .endpoint(.tcp(let host, let port)): "\(host.isEmpty ? "localhost" : host):\(port)"
    case .endpoint(.unix(let path)): "unix:\(path)"
    case .endpoint(.standardIO): "-"
    case .command(let command): "|\(command)"
    }
  }
}
