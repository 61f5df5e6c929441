// SPDX-License-Identifier: GPL-3.0-only
internal import CLinux
internal import Glibc
internal import Linux

extension Channel {
  /// Connects to a client that listens; once, for as long as the kernel tries.
  package static func connecting(to endpoint: Endpoint) throws(EndpointError) -> Channel {
    if endpoint == .standardIO { return try standardIO() }
    do throws(ClientError) {
      return try connect(to: endpoint, Patience(cancellations: []))
    } catch .notAPlace(let error) {
      throw error
    } catch .unreachable(let place, let reason) {
      throw .failed(what: "cannot connect to \(place)", reason: reason)
    } catch {
      throw .failed(what: "cannot connect", reason: "\(error)")
    }
  }

  /// Connects to a server that listens.
  package static func connect(
    to endpoint: Endpoint, _ patience: Patience
  ) throws(ClientError) -> Channel {
    switch endpoint {
    case .tcp(let host, let port): return try connect(host: host, port: port, patience)
    case .unix(let path): return try connect(path: path, patience)
    case .standardIO: throw .notAPlace(.notAnEndpoint("-"))
    }
  }

  private static func connect(
    host: String, port: UInt16, _ patience: Patience
  ) throws(ClientError) -> Channel {
    let host = host.isEmpty ? "localhost" : host
    var hints = addrinfo()
    hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    var list: UnsafeMutablePointer<addrinfo>?
    guard getaddrinfo(host, String(port), &hints, &list) == 0, let list else {
      throw .notAPlace(.unknownHost(host))
    }
    defer { freeaddrinfo(list) }
    var reason = ""
    for entry in sequence(first: list, next: { $0.pointee.ai_next }) {
      let address = entry.pointee
      let (number, code) = openSocket(address.ai_family)
      guard number >= 0 else {
        reason = errorText(code)
        continue
      }
      let socket = OwnedDescriptor(owning: number)
      let failure = try establish(socket.number, address.ai_addr, address.ai_addrlen, patience)
      if failure == 0 {
        noticeDeath(of: socket.number)
        return Channel(socket: socket, peer: "\(host):\(port)")
      }
      reason = errorText(failure)
    }
    throw .unreachable(place: "\(host):\(port)", reason: reason)
  }

  private static func connect(
    path: String, _ patience: Patience
  ) throws(ClientError) -> Channel {
    guard var address = sockaddr_un(path: path) else { throw .notAPlace(.pathTooLong(path)) }
    let (number, code) = openSocket(AF_UNIX)
    guard number >= 0 else { throw .unreachable(place: path, reason: errorText(code)) }
    let socket = OwnedDescriptor(owning: number)
    var failure: Int32 = 0
    while true {
      failure = connectOnce(socket.number, &address)
      // Its queue is full: the socket does not tell when it no longer is.
      guard failure == EAGAIN else { break }
      try patience.sleep(.milliseconds(20))
    }
    guard failure == 0 else { throw .unreachable(place: path, reason: errorText(failure)) }
    return Channel(socket: socket)
  }

  /// 0, or the error number.
  private static func establish(
    _ socket: Int32, _ address: UnsafePointer<sockaddr>, _ length: socklen_t, _ patience: Patience
  ) throws(ClientError) -> Int32 {
    let code = connectOnce(socket, address, length)
    guard code == EINPROGRESS || code == EINTR else { return code }
    try patience.wait(for: socket, .output)
    var failure: Int32 = 0
    var size = socklen_t(MemoryLayout<Int32>.size)
    getsockopt(socket, SOL_SOCKET, SO_ERROR, &failure, &size)
    return failure
  }

  /// A machine that is gone says nothing: after half a minute of silence the connection is broken.
  private static func noticeDeath(of socket: Int32) {
    func set(_ level: Int32, _ option: Int32, _ value: Int32) {
      var value = value
      setsockopt(socket, level, option, &value, socklen_t(MemoryLayout<Int32>.size))
    }
    let tcp = Int32(IPPROTO_TCP)
    // Packets are small and each waits for its answer: gathering them would cost 40 ms each.
    set(tcp, TCP_NODELAY, 1)
    set(SOL_SOCKET, SO_KEEPALIVE, 1)
    set(tcp, TCP_KEEPIDLE, 10)
    set(tcp, TCP_KEEPINTVL, 5)
    set(tcp, TCP_KEEPCNT, 4)
    set(tcp, TCP_USER_TIMEOUT, 30_000)
  }
}

// Each call stands with the reading of errno in a function of its own that is never inlined.
@inline(never)
private func openSocket(_ family: Int32) -> (Int32, Int32) {
  let kind = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
  let number = socket(family, kind, 0)
  return (number, number < 0 ? errno : 0)
}

@inline(never)
private func connectOnce(
  _ socket: Int32, _ address: UnsafePointer<sockaddr>, _ length: socklen_t
) -> Int32 {
  Glibc.connect(socket, address, length) == 0 ? 0 : errno
}

private func connectOnce(_ socket: Int32, _ address: inout sockaddr_un) -> Int32 {
  withUnsafePointer(to: &address) { pointer in
    pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { name in
      connectOnce(socket, name, socklen_t(MemoryLayout<sockaddr_un>.size))
    }
  }
}
