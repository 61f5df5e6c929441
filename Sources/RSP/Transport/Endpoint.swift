// SPDX-License-Identifier: GPL-3.0-only

/// Where a client is waited for, as it is written on the command line.
package enum Endpoint: Hashable, Sendable {
  /// An empty host is the loopback address; port 0 lets the kernel choose.
  case tcp(host: String, port: UInt16)
  case unix(path: String)
  /// The client is at stdin and stdout.
  case standardIO

  package init(_ text: String) throws(EndpointError) {
    switch text {
    case "-", "stdio": self = .standardIO
    case _ where text.hasPrefix("unix:"):
      let path = String(text.dropFirst(5))
      guard !path.isEmpty else { throw .notAnEndpoint(text) }
      self = .unix(path: path)
    default:
      let address = text.hasPrefix("tcp:") ? String(text.dropFirst(4)) : text
      guard let colon = address.lastIndex(of: ":"),
        let port = UInt16(address[address.index(after: colon)...])
      else { throw .notAnEndpoint(text) }
      var host = address[..<colon]
      if host.hasPrefix("["), host.hasSuffix("]") { host = host.dropFirst().dropLast() }
      self = .tcp(host: String(host), port: port)
    }
  }

  /// As lldb writes it: with a scheme (`connect://`, `unix-connect://`), and a host of `*` for any.
  package init(url text: String) throws(EndpointError) {
    for scheme in ["unix-connect://", "unix-accept://", "unix://"] where text.hasPrefix(scheme) {
      try self.init("unix:" + text.dropFirst(scheme.count))
      return
    }
    var address = text[...]
    for scheme in ["connect://", "listen://", "accept://", "tcp-connect://", "tcp://"]
    where text.hasPrefix(scheme) {
      address = text.dropFirst(scheme.count)
    }
    if address.hasPrefix("*:") { address = "[::]:" + address.dropFirst(2) }
    try self.init(String(address))
  }
}

/// Why nobody can be waited for there, and what to do.
package enum EndpointError: Error, Hashable, Sendable {
  case notAnEndpoint(String)
  case unknownHost(String)
  case portInUse(host: String, port: UInt16)
  case socketInUse(path: String)
  case pathTooLong(String)
  case failed(what: String, reason: String)
}

extension EndpointError: CustomStringConvertible {
  package var description: String {
    switch self {
    case .notAnEndpoint(let text):
      "'\(text)' is no place to listen at: write [HOST]:PORT, unix:PATH or - (stdin and stdout)"
    case .unknownHost(let host):
      "the host '\(host)' is not known: name an address of this machine, or leave the host out"
    case .portInUse(let host, let port):
      "port \(port) at \(host) is in use by another program: "
        + "choose another port, or 0 to have a free one chosen"
    case .socketInUse(let path):
      "another program listens at \(path): end it, or choose another path"
    case .pathTooLong(let path):
      "the path \(path) is too long for a socket (107 bytes): choose a shorter one"
    case .failed(let what, let reason):
      "\(what): \(reason)"
    }
  }
}
