// SPDX-License-Identifier: GPL-3.0-only
internal import CLinux
internal import Glibc
internal import Linux

/// A socket on which clients are waited for.
///
/// A Unix socket's file goes when its listener goes.
package struct Listener: ~Copyable {
  private let socket: OwnedDescriptor
  private let unlinkPath: String?
  /// What the server says about itself: `Listening on port N`.
  package let announcement: String
  /// Where it listens; 0 for a Unix socket.
  package let port: UInt16
  /// Whose processes of this machine may connect: anybody's, or the server's own user's and root's.
  package var allowsAnyUser = false
  /// Told of each client that was sent away.
  package var onRefusal: ((String) -> Void)?

  init(
    socket: consuming OwnedDescriptor, unlinkPath: String?, announcement: String, port: UInt16 = 0
  ) {
    self.socket = socket
    self.unlinkPath = unlinkPath
    self.port = port
    self.announcement = announcement
  }

  deinit {
    if let unlinkPath { unlink(unlinkPath) }
  }

  /// Listens at any place but stdin and stdout.
  package static func listening(at endpoint: Endpoint) throws(EndpointError) -> Listener {
    switch endpoint {
    case .tcp(let host, let port): return try tcp(host: host, port: port)
    case .unix(let path): return try unix(path: path)
    case .standardIO: throw .notAnEndpoint("-")
    }
  }

  package var descriptor: Int32 { socket.number }

  /// The client that waits; nil when it went away again before it was accepted, or was sent away.
  package func accept() throws(EndpointError) -> Channel? {
    let (number, code) = acceptOnce(socket.number)
    guard number >= 0 else {
      switch code {
      case EINTR, EAGAIN, ECONNABORTED, EPROTO: return nil
      default: throw .failed(what: "accept", reason: errorText(code))
      }
    }
    let accepted = OwnedDescriptor(owning: number)
    // Packets are small and each waits for its answer: gathering them would cost 40 ms each. On a
    // Unix socket the call fails and nothing is lost.
    var on: Int32 = 1
    setsockopt(number, Int32(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<Int32>.size))
    if !allowsAnyUser, let refusal = refusal(of: PeerUser(of: number)) {
      onRefusal?(refusal)
      return nil
    }
    return Channel(socket: accepted, peer: peerName(of: number))
  }

  /// Nil when the client may stay.
  private func refusal(of peer: PeerUser) -> String? {
    switch peer {
    case _ where peer.isOwn: nil
    case .user(let user): "a client of user \(user) was sent away: --allow-any-user lets it in"
    default: "a client whose user cannot be found out was sent away: --allow-any-user lets it in"
    }
  }
}

/// The kernel's words for an error number.
func errorText(_ code: Int32) -> String { String(cString: strerror(code)) }

@inline(never)
private func acceptOnce(_ socket: Int32) -> (Int32, Int32) {
  let number = Glibc.accept(socket, nil, nil)
  guard number >= 0 else { return (number, errno) }
  _ = fcntl(number, F_SETFD, FD_CLOEXEC)
  return (number, 0)
}

private func peerName(of socket: Int32) -> String? {
  var address = sockaddr_storage()
  var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
  return withUnsafeMutablePointer(to: &address) { storage in
    storage.withMemoryRebound(to: sockaddr.self, capacity: 1) { name -> String? in
      guard getpeername(socket, name, &length) == 0, Int32(name.pointee.sa_family) != AF_UNIX else {
        return nil
      }
      return numericName(name, length).map { "host \($0.host), port \($0.port)" }
    }
  }
}

/// An Internet address in digits.
func numericName(
  _ address: UnsafePointer<sockaddr>, _ length: socklen_t
) -> (host: String, port: String)? {
  var host = [CChar](repeating: 0, count: Int(NI_MAXHOST))
  var port = [CChar](repeating: 0, count: Int(NI_MAXSERV))
  let result = getnameinfo(
    address, length, &host, socklen_t(host.count), &port, socklen_t(port.count),
    NI_NUMERICHOST | NI_NUMERICSERV)
  guard result == 0 else { return nil }
  let text = { (characters: [CChar]) in
    String(decoding: characters.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
  }
  return (text(host), text(port))
}
