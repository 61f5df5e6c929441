// SPDX-License-Identifier: GPL-3.0-only
internal import CLinux
internal import Glibc

/// Whose process is at the other end of a socket.
package enum PeerUser: Hashable, Sendable {
  case user(UInt32)
  /// Another machine's, of whose users nothing is known.
  case elsewhere
  /// On this machine, but the kernel does not tell.
  case unknown

  init(of socket: Int32) {
    var own = sockaddr_storage()
    var peer = sockaddr_storage()
    guard Self.name(socket, getsockname, &own), Self.name(socket, getpeername, &peer) else {
      self = .unknown
      return
    }
    if Int32(own.ss_family) == AF_UNIX {
      // struct ucred: process, user, group.
      var credentials: [UInt32] = [0, 0, 0]
      var length = socklen_t(12)
      let result = getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &length)
      self = result == 0 ? .user(credentials[1]) : .unknown
      return
    }
    guard let here = SocketPlace(own), let there = SocketPlace(peer) else {
      self = .unknown
      return
    }
    guard there.isLoopback || there.address == here.address else {
      self = .elsewhere
      return
    }
    let user = Self.user(at: there, connectedTo: here, content: Self.content)
    self = user.map { .user($0) } ?? .unknown
  }

  /// Whether whoever it is may do all that this process may.
  package var isOwn: Bool {
    switch self {
    case .user(let user): user == geteuid() || user == 0
    // Whoever listens for other machines has said so.
    case .elsewhere: true
    case .unknown: false
    }
  }

  /// The user of the other end's socket; nil when it has none any more.
  ///
  /// Each table is read no more than once: the client may be gone when it is read again.
  package static func user(
    at peer: SocketPlace, connectedTo own: SocketPlace, content: (String) -> String
  ) -> UInt32? {
    for path in ["/proc/net/tcp", "/proc/net/tcp6"] {
      if let user = user(at: peer, connectedTo: own, in: content(path)) { return user }
    }
    return nil
  }

  /// The row of the other end's socket in one of the kernel's tables (Documentation/networking/proc_net_tcp).
  package static func user(
    at peer: SocketPlace, connectedTo own: SocketPlace, in table: String
  ) -> UInt32? {
    for line in table.split(separator: "\n").dropFirst() {
      let fields = line.split(separator: " ")
      // A socket that no process has any more has no inode, and tells of no user.
      guard fields.count > 9, fields[9] != "0", SocketPlace(row: fields[1]) == peer,
        SocketPlace(row: fields[2]) == own
      else { continue }
      return UInt32(fields[7])
    }
    return nil
  }

  private static func name(
    _ socket: Int32,
    _ call: (Int32, UnsafeMutablePointer<sockaddr>?, UnsafeMutablePointer<socklen_t>?) -> Int32,
    _ storage: inout sockaddr_storage
  ) -> Bool {
    var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
    return withUnsafeMutablePointer(to: &storage) { storage in
      storage.withMemoryRebound(to: sockaddr.self, capacity: 1) { call(socket, $0, &length) == 0 }
    }
  }

  private static func content(_ path: String) -> String {
    let number = open(path, O_RDONLY | O_CLOEXEC)
    guard number >= 0 else { return "" }
    defer { close(number) }
    var content: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65536)
    while case let count = read(number, &buffer, buffer.count), count > 0 {
      content += buffer[..<count]
    }
    return String(decoding: content, as: UTF8.self)
  }
}

/// One end of a TCP connection; an IPv4 address that is written as an IPv6 one is an IPv4 address.
package struct SocketPlace: Hashable, Sendable {
  /// 4 or 16 bytes in the network's order.
  package let address: [UInt8]
  package let port: UInt16

  package init(address: [UInt8], port: UInt16) {
    let mapped: [UInt8] = Array(repeating: 0, count: 10) + [0xff, 0xff]
    self.address = address.count == 16 && address.starts(with: mapped) ? Array(address[12...]) : address
    self.port = port
  }

  /// Nil for what is no Internet address.
  init?(_ storage: sockaddr_storage) {
    let bytes = withUnsafeBytes(of: storage) { Array($0.prefix(28)) }
    let port = UInt16(bytes[2]) << 8 | UInt16(bytes[3])
    switch Int32(storage.ss_family) {
    case AF_INET: self.init(address: Array(bytes[4..<8]), port: port)
    case AF_INET6: self.init(address: Array(bytes[8..<24]), port: port)
    default: return nil
    }
  }

  /// `ADDRESS:PORT` in hex; the address in words of this machine's order.
  init?(row text: Substring) {
    let parts = text.split(separator: ":")
    guard parts.count == 2, let port = UInt16(parts[1], radix: 16), let digits = Hex.decode(parts[0].utf8),
      digits.count == 4 || digits.count == 16
    else { return nil }
    let address = stride(from: 0, to: digits.count, by: 4).flatMap { digits[$0..<$0 + 4].reversed() }
    self.init(address: address, port: port)
  }

  var isLoopback: Bool {
    address.count == 4 ? address[0] == 127 : address.dropLast().allSatisfy { $0 == 0 } && address[15] == 1
  }
}
