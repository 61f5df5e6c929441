// SPDX-License-Identifier: GPL-3.0-only
internal import Glibc
internal import Linux

extension Channel {
  /// Connects to a client that listens.
  package static func connecting(to endpoint: Endpoint) throws(EndpointError) -> Channel {
    switch endpoint {
    case .standardIO: return try standardIO()
    case .tcp(let host, let port): return try connecting(host.isEmpty ? "127.0.0.1" : host, port)
    case .unix(let path):
      guard var address = sockaddr_un(path: path) else { throw .pathTooLong(path) }
      let number = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
      guard number >= 0 else { throw .failed(what: "socket", reason: errorText(errno)) }
      let descriptor = OwnedDescriptor(owning: number)
      let code = withUnsafePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          connectOnce(number, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
        }
      }
      guard code == 0 else {
        throw .failed(what: "cannot connect to \(path)", reason: errorText(code))
      }
      return Channel(socket: descriptor)
    }
  }

  private static func connecting(
    _ host: String, _ port: UInt16
  ) throws(EndpointError) -> Channel {
    var hints = addrinfo()
    hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    var list: UnsafeMutablePointer<addrinfo>?
    guard getaddrinfo(host, String(port), &hints, &list) == 0, let list else {
      throw .unknownHost(host)
    }
    defer { freeaddrinfo(list) }
    var code: Int32 = 0
    for entry in sequence(first: list, next: { $0.pointee.ai_next }) {
      let kind = entry.pointee.ai_socktype | Int32(SOCK_CLOEXEC.rawValue)
      let number = socket(entry.pointee.ai_family, kind, entry.pointee.ai_protocol)
      guard number >= 0 else { continue }
      let descriptor = OwnedDescriptor(owning: number)
      code = connectOnce(number, entry.pointee.ai_addr, entry.pointee.ai_addrlen)
      if code == 0 {
        var on: Int32 = 1
        let size = socklen_t(MemoryLayout<Int32>.size)
        setsockopt(number, Int32(IPPROTO_TCP), TCP_NODELAY, &on, size)
        return Channel(socket: descriptor)
      }
    }
    throw .failed(what: "cannot connect to \(host):\(port)", reason: errorText(code))
  }
}

@inline(never)
private func connectOnce(
  _ socket: Int32, _ address: UnsafePointer<sockaddr>, _ length: socklen_t
) -> Int32 {
  connect(socket, address, length) == 0 ? 0 : errno
}
