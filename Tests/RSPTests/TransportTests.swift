// SPDX-License-Identifier: GPL-3.0-only
import Glibc
import Linux
import RSP
import Testing

@Suite("Transports", .timeLimit(.minutes(1))) struct TransportTests {
  @Test(
    arguments: [
      (":1234", .tcp(host: "", port: 1234)), ("localhost:0", .tcp(host: "localhost", port: 0)),
      ("tcp:10.0.0.1:65535", .tcp(host: "10.0.0.1", port: 65535)),
      ("[::1]:99", .tcp(host: "::1", port: 99)), ("unix:/tmp/a:b", .unix(path: "/tmp/a:b")),
      ("-", .standardIO), ("stdio", .standardIO),
    ] as [(String, Endpoint)])
  func endpoints(text: String, endpoint: Endpoint) throws {
    #expect(try Endpoint(text) == endpoint)
  }

  @Test(arguments: ["", "1234", ":", ":65536", ":x", "host:", "unix:", "--", ":-1"])
  func notEndpoints(text: String) {
    #expect(throws: EndpointError.notAnEndpoint(text)) { try Endpoint(text) }
  }

  @Test func descriptorsAreClosedOnce() throws {
    var number: Int32 = -1
    do {
      let descriptor = try OwnedDescriptor.duplicate(of: 0)
      number = descriptor.number
      #expect(number > 2)
      #expect(fcntl(number, F_GETFD) & FD_CLOEXEC != 0)
    }
    let owned = try OwnedDescriptor.duplicate(of: 0)
    let released = owned.release()
    #expect(fcntl(released, F_GETFD) >= 0)
    close(released)
  }

  @Test func tcpListensOnLoopbackAlone() throws {
    let listener = try Listener.tcp(host: "", port: 0)
    let port = try port(of: listener)
    #expect(listener.announcement == "Listening on port \(port)")
    #expect(try address(of: listener) == INADDR_LOOPBACK.bigEndian)
    let client = try connect(port: port)
    let channel = try accept(listener)
    #expect(channel.peer?.hasPrefix("host 127.0.0.1, port ") == true)
    try exchange(channel, client)
  }

  @Test func aPortInUseIsNamed() throws {
    let listener = try Listener.tcp(host: "", port: 0)
    let port = try port(of: listener)
    let error = #expect(throws: EndpointError.self) {
      _ = try Listener.tcp(host: "127.0.0.1", port: port)
    }
    #expect(error == .portInUse(host: "127.0.0.1", port: port))
    #expect(error.map { "\($0)" }?.contains("port \(port)") == true)
  }

  @Test func aForeignAddressIsRefused() {
    #expect(throws: EndpointError.unknownHost("192.0.2.1")) {
      _ = try Listener.tcp(host: "192.0.2.1", port: 0)
    }
  }

  @Test func unixSockets() throws {
    let path = "/tmp/xv-transport-test.\(getpid())"
    #expect(access(path, F_OK) != 0)
    do {
      let listener = try Listener.unix(path: path)
      #expect(throws: EndpointError.socketInUse(path: path)) { _ = try Listener.unix(path: path) }
      #expect(listener.announcement == "Listening on socket \(path)")
      let client = try connect(path: path)
      // The probe of the second listener was the first to connect.
      _ = try listener.accept()
      let channel = try accept(listener)
      #expect(channel.peer == nil)
      try exchange(channel, client)
    }
    #expect(access(path, F_OK) != 0)
  }

  @Test func anAbandonedSocketIsReplacedAndAFileIsNot() throws {
    let path = "/tmp/xv-abandoned-test.\(getpid())"
    defer { unlink(path) }
    let socket = Glibc.socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    var address = try #require(sockaddr_un(path: path))
    let size = socklen_t(MemoryLayout<sockaddr_un>.size)
    let bound = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(socket, $0, size) }
    }
    #expect(bound == 0)
    close(socket)
    do { _ = try Listener.unix(path: path) }
    let file = open(path, O_CREAT | O_WRONLY, 0o600)
    close(file)
    #expect(throws: EndpointError.self) { _ = try Listener.unix(path: path) }
    #expect(access(path, F_OK) == 0)
  }

  @Test func aPathThatDoesNotFit() {
    let path = String(repeating: "a", count: 108)
    #expect(throws: EndpointError.pathTooLong(path)) { _ = try Listener.unix(path: path) }
  }

  @Test func aFullPipeDoesNotHoldUpTheEnd() throws {
    var data: [Int32] = [0, 0]
    var wakeup: [Int32] = [0, 0]
    #expect(pipe(&data) == 0 && pipe(&wakeup) == 0)
    let waking = OwnedDescriptor(owning: wakeup[1])
    let woken = OwnedDescriptor(owning: wakeup[0])
    let channel = Channel(
      reading: try OwnedDescriptor.duplicate(of: data[0]), writing: OwnedDescriptor(owning: data[1])
    )
    var byte: UInt8 = 1
    #expect(write(waking.number, &byte, 1) == 1)
    let much = [UInt8](repeating: 0, count: 1 << 20)
    let isSent = channel.send(much, unlessReadable: woken.number)
    #expect(!isSent)
    close(data[0])
  }

  private func accept(_ listener: borrowing Listener) throws -> Channel {
    guard let channel = try listener.accept() else { throw EndpointError.unknownHost("client") }
    return channel
  }

  private func exchange(
    _ channel: borrowing Channel, _ client: borrowing OwnedDescriptor
  ) throws {
    let isSent = channel.send(Array("hello".utf8), unlessReadable: channel.input)
    #expect(isSent)
    var bytes = [UInt8](repeating: 0, count: 16)
    #expect(read(client.number, &bytes, bytes.count) == 5)
    #expect(write(client.number, bytes, 5) == 5)
    var isOpen = channel.receive(into: &bytes)
    #expect(isOpen)
    #expect(bytes == Array("hello".utf8))
    shutdown(client.number, Int32(SHUT_RDWR))
    isOpen = channel.receive(into: &bytes)
    #expect(!isOpen)
  }

  private func name(of listener: borrowing Listener) throws -> sockaddr_in {
    var address = sockaddr_in()
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let number = listener.descriptor
    let result = withUnsafeMutablePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(number, $0, &length) }
    }
    try #require(result == 0)
    return address
  }

  private func port(of listener: borrowing Listener) throws -> UInt16 {
    try name(of: listener).sin_port.bigEndian
  }

  private func address(of listener: borrowing Listener) throws -> in_addr_t {
    try name(of: listener).sin_addr.s_addr
  }

  private func connect(port: UInt16) throws -> OwnedDescriptor {
    let number = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    let descriptor = OwnedDescriptor(owning: number)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = INADDR_LOOPBACK.bigEndian
    let result = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        Glibc.connect(number, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    try #require(result == 0)
    return descriptor
  }

  private func connect(path: String) throws -> OwnedDescriptor {
    let number = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    let descriptor = OwnedDescriptor(owning: number)
    var address = try #require(sockaddr_un(path: path))
    let result = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        Glibc.connect(number, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    try #require(result == 0)
    return descriptor
  }
}

@Suite("Users of peers") struct PeerUserTests {
  private static let table = """
      sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
       0: 0100007F:0929 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 100 1
       1: 0100007F:0929 0100007F:C000 01 00000000:00000000 00:00000000 00000000  1000        0 101 1
       2: 0100007F:C000 0100007F:0929 01 00000000:00000000 00:00000000 00000000  1234        0 102 1
       3: 0100007F:C001 0100007F:0929 06 00000000:00000000 00:00000000 00000000     0        0 0 1
    """
  private static let table6 = """
      sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
       0: 00000000000000000000000001000000:C000 00000000000000000000000001000000:0929 01 00000000:00000000 00:00000000 00000000  77        0 9 1
       1: 0000000000000000FFFF00000100007F:C000 0000000000000000FFFF00000100007F:0929 01 00000000:00000000 00:00000000 00000000  78        0 9 1
    """

  private func place(_ address: [UInt8], _ port: UInt16) -> SocketPlace {
    SocketPlace(address: address, port: port)
  }

  /// A client may go while it is looked for: what the first look has found is what counts.
  @Test func aClientThatGoesMeanwhileIsNoTrap() {
    let own = place([127, 0, 0, 1], 0x929)
    var looks: [String] = []
    let user = PeerUser.user(at: place([127, 0, 0, 1], 0xc000), connectedTo: own) { path in
      defer { looks.append(path) }
      return looks.contains(path) ? "" : path.hasSuffix("6") ? "" : Self.table
    }
    #expect(user == 1234)
    #expect(looks == ["/proc/net/tcp"])
  }

  @Test func theOtherEndsRowIsFound() {
    let own = place([127, 0, 0, 1], 0x929)
    let found = { PeerUser.user(at: place([127, 0, 0, 1], $0), connectedTo: own, in: Self.table) }
    #expect(found(0xc000) == 1234)
    // A socket of nobody any more, which the table gives to root.
    #expect(found(0xc001) == nil)
    #expect(found(0xc002) == nil)
    let six = Array(repeating: UInt8(0), count: 15) + [1]
    #expect(
      PeerUser.user(at: place(six, 0xc000), connectedTo: place(six, 0x929), in: Self.table6) == 77)
    // Written as an IPv6 address.
    let mapped: [UInt8] = Array(repeating: 0, count: 10) + [0xff, 0xff, 127, 0, 0, 1]
    #expect(
      PeerUser.user(at: place(mapped, 0xc000), connectedTo: own, in: Self.table) == 1234)
    #expect(
      PeerUser.user(at: place([127, 0, 0, 1], 0xc000), connectedTo: own, in: Self.table6) == 78)
  }
}
