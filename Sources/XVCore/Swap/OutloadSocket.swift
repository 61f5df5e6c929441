// SPDX-License-Identifier: GPL-3.0-only
internal import CLinux
import Glibc

/// Sockets that nobody is at the other end of.
enum OutloadSocket {
  /// Options that are carried: level and name (SO_REUSEADDR, SO_KEEPALIVE, SO_BROADCAST, SO_REUSEPORT, IPV6_V6ONLY).
  static let options: [(level: Int32, name: Int32)] = [(1, 2), (1, 9), (1, 6), (1, 15), (41, 26)]

  /// Returns why it cannot be carried; nil when it can.
  static func fill(_ file: inout SwapFile, _ process: Int32) -> String? {
    let copy = xv_take_descriptor(process, process, file.descriptors[0].number)
    guard copy >= 0 else { return "a socket that cannot be looked at" }
    defer { close(copy) }
    file.kind = .socket
    let domain = option(copy, 1, 39) ?? 0  // SO_DOMAIN
    let kind = option(copy, 1, 3) ?? 0
    let proto = option(copy, 1, 38) ?? 0
    guard [1, 2, 10].contains(domain) else { return "a socket of family \(domain)" }
    var storage = [UInt8](repeating: 0, count: 128)
    var size = socklen_t(storage.count)
    let isConnected = storage.withUnsafeMutableBytes {
      getpeername(copy, $0.baseAddress!.assumingMemoryBound(to: sockaddr.self), &size)
    } == 0
    if isConnected { return "a connected socket, whose peer cannot be carried" }
    let isListening = option(copy, 1, 30) == 1  // SO_ACCEPTCONN
    size = socklen_t(storage.count)
    let named = storage.withUnsafeMutableBytes {
      getsockname(copy, $0.baseAddress!.assumingMemoryBound(to: sockaddr.self), &size)
    }
    if named == 0 { file.content = Array(storage[..<Int(size)]) }
    if isListening, domain == 1, size <= 2 || storage[2] == 0 {
      return "a listening socket without a path"
    }
    var backlog: UInt64 = 0
    if isListening {
      backlog = 128
      // struct tcp_info: tcpi_sacked is the longest queue, tcpi_unacked its present length.
      if domain != 1 {
        var information = [UInt8](repeating: 0, count: 104)
        var length = socklen_t(information.count)
        if getsockopt(copy, 6, 11, &information, &length) == 0 {
          backlog = UInt64(information.unsigned(at: 28, as: UInt32.self))
          if information.unsigned(at: 24, as: UInt32.self) > 0 {
            return "a listening socket with connections that were not accepted yet"
          }
        }
      }
    }
    file.words = [UInt64(domain), UInt64(kind), UInt64(proto), backlog, isListening ? 1 : 0]
    file.words += options.map { UInt64(option(copy, $0.level, $0.name) ?? 0) }
    return nil
  }

  private static func option(_ socket: Int32, _ level: Int32, _ name: Int32) -> Int32? {
    var value: Int32 = 0
    var size = socklen_t(4)
    return getsockopt(socket, level, name, &value, &size) == 0 ? value : nil
  }
}
