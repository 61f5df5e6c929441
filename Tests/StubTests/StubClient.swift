// SPDX-License-Identifier: GPL-3.0-only
import CLinux
import Glibc
import Linux
import RSP
import Testing
import WorldVM
import XVCore
import xv_gdbstub

/// A client that speaks raw packets to a session on a thread of its own.
final class StubClient {
  private let socket: OwnedDescriptor
  private var decoder = FrameDecoder(limit: 1 << 20, expandsRuns: true)
  private let served: ServedSession?
  /// Notifications come as packets do.
  var takesNotifications = false

  /// Serves the session to a new client; the session outlives it.
  init(_ session: StubSession) throws {
    var ends: [Int32] = [-1, -1]
    try #require(socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &ends) == 0)
    socket = OwnedDescriptor(owning: ends[0])
    served = try ServedSession(session, socket: ends[1])
  }

  /// Connects to a server at a Unix socket.
  init(path: String) throws {
    let number = Glibc.socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    socket = OwnedDescriptor(owning: number)
    served = nil
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(path.utf8)) }
    let result = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(number, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    try #require(result == 0)
  }

  /// Ends the connection and returns how the loop ended.
  func close() -> ServerLoop.Ending? {
    shutdown(socket.number, Int32(SHUT_RDWR))
    return served?.ending()
  }

  /// How the loop ends without the client going away.
  func waitForEnd() -> ServerLoop.Ending? { served?.ending() }

  func wake() { served?.wake() }

  func send(raw bytes: [UInt8]) {
    var sent = 0
    while sent < bytes.count {
      let count = bytes[sent...].withUnsafeBytes {
        Glibc.send(socket.number, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
      }
      guard count > 0 else { return }
      sent += count
    }
  }

  func send(_ text: String) {
    send(raw: FrameEncoder.encode(Array(text.utf8), shortensRuns: false))
  }

  /// The next event, or nil after the time limit or when the server closed the connection.
  func next() -> FrameEvent? {
    while true {
      if let event = decoder.next() { return event }
      var entry = pollfd(fd: socket.number, events: Int16(POLLIN), revents: 0)
      guard poll(&entry, 1, 20_000) == 1 else { return nil }
      var bytes = [UInt8](repeating: 0, count: 65536)
      let count = read(socket.number, &bytes, bytes.count)
      guard count > 0 else { return nil }
      decoder.feed(
        bytes[..<count].map {
          takesNotifications && $0 == UInt8(ascii: "%") ? UInt8(ascii: "$") : $0
        })
    }
  }

  /// The next packet, acknowledgements passed over.
  func reply() -> [UInt8]? {
    while let event = next() {
      if case .packet(let content) = event { return content }
    }
    return nil
  }

  func ask(_ text: String) -> String? {
    send(text)
    return reply().map { String(decoding: $0, as: UTF8.self) }
  }

  /// As gdb begins.
  func negotiate(_ offers: String = "multiprocess+;swbreak+;hwbreak+;exec-events+") -> String? {
    let supported = ask("qSupported:\(offers)")
    _ = ask("QStartNoAckMode")
    send(raw: [UInt8(ascii: "+")])
    return supported
  }
}

/// The loop on a thread of its own.
final class ServedSession {
  // Handed to the thread, and not touched by anyone else before the thread has ended.
  private struct Unshared: @unchecked Sendable { let session: StubSession }

  private let thread: JoinedThread<ServerLoop.Ending>
  private let wakeup: [Int32]

  init(_ session: StubSession, socket: Int32) throws {
    var ends: [Int32] = [-1, -1]
    try #require(pipe(&ends) == 0)
    wakeup = ends
    let unshared = Unshared(session: session)
    let reading = ends[0]
    thread = try JoinedThread {
      var loop = ServerLoop(responder: unshared.session, wakeupDescriptor: reading)
      return loop.serve(Channel(socket: OwnedDescriptor(owning: socket)))
    }
  }

  func wake() {
    var byte: UInt8 = 0
    _ = write(wakeup[1], &byte, 1)
  }

  func ending() -> ServerLoop.Ending? { thread.join() }

  deinit {
    wake()
    _ = thread.join()
    for end in wakeup { Glibc.close(end) }
  }
}

extension StubSession {
  /// A session on a fake world, with SSE and AVX described.
  convenience init(fake: FakeWorld) { self.init(world: fake, layout: RegisterLayout(xcr0: 7)) }
}

func hex(_ text: String) -> String { String(decoding: Hex.encode(Array(text.utf8)), as: UTF8.self) }

func unhex(_ digits: some StringProtocol) -> String {
  String(decoding: Hex.decode(Array(digits.utf8)) ?? [], as: UTF8.self)
}
