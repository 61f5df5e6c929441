// SPDX-License-Identifier: GPL-3.0-only
internal import CLinux
internal import Glibc
internal import Linux

extension Listener {
  /// Listens on a TCP port.
  ///
  /// Without a host nobody outside this machine can connect: a stub gives whoever reaches it all
  /// that its user may do.
  package static func tcp(host: String, port: UInt16) throws(EndpointError) -> Listener {
    let host = host.isEmpty ? "127.0.0.1" : host
    var hints = addrinfo()
    hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    hints.ai_flags = AI_PASSIVE
    var list: UnsafeMutablePointer<addrinfo>?
    guard getaddrinfo(host, String(port), &hints, &list) == 0, let list else {
      throw .unknownHost(host)
    }
    defer { freeaddrinfo(list) }
    var code: Int32 = 0
    for entry in sequence(first: list, next: { $0.pointee.ai_next }) {
      let (number, failure) = listenAt(entry.pointee)
      if number >= 0 {
        let socket = OwnedDescriptor(owning: number)
        let bound = boundPort(of: number) ?? port
        return Listener(
          socket: socket, unlinkPath: nil, announcement: "Listening on port \(bound)", port: bound)
      }
      code = failure
    }
    switch code {
    case EADDRINUSE: throw .portInUse(host: host, port: port)
    case EADDRNOTAVAIL: throw .unknownHost(host)
    default: throw .failed(what: "cannot listen at \(host):\(port)", reason: errorText(code))
    }
  }
}

/// A listening socket, or -1 and the error number.
private func listenAt(_ address: addrinfo) -> (Int32, Int32) {
  let kind = address.ai_socktype | Int32(SOCK_CLOEXEC.rawValue)
  let number = socket(address.ai_family, kind, address.ai_protocol)
  guard number >= 0 else { return (-1, errno) }
  // Without it a port would stay taken for a minute after each session.
  var on: Int32 = 1
  setsockopt(number, SOL_SOCKET, SO_REUSEADDR, &on, socklen_t(MemoryLayout<Int32>.size))
  guard bind(number, address.ai_addr, address.ai_addrlen) == 0, listen(number, 1) == 0 else {
    let code = errno
    close(number)
    return (-1, code)
  }
  return (number, 0)
}

private func boundPort(of socket: Int32) -> UInt16? {
  var address = sockaddr_storage()
  var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
  return withUnsafeMutablePointer(to: &address) { storage in
    storage.withMemoryRebound(to: sockaddr.self, capacity: 1) { name -> UInt16? in
      guard getsockname(socket, name, &length) == 0 else { return nil }
      return numericName(name, length).flatMap { UInt16($0.port) }
    }
  }
}
