// SPDX-License-Identifier: GPL-3.0-only
internal import Glibc
internal import Linux
internal import RSP
internal import WorldVM

/// The servers that a platform has started, one for each debugging session.
package struct DebugServers {
  /// Where one waits for its client.
  struct Place {
    let process: Int32
    let port: UInt16

    var text: String { "pid:\(process);port:\(port);" }
  }

  private let host: String
  /// Those that may be used; nil: any that is free.
  private let ports: ClosedRange<UInt16>?
  /// Translator options for each.
  private let words: [String]
  private var running: Set<Int32> = []
  /// The ends of their pipes: a server whose client never came ends with the platform.
  private var readers: [Int32: Reader] = [:]

  private final class Reader {
    let descriptor: OwnedDescriptor
    init(_ descriptor: consuming OwnedDescriptor) { self.descriptor = descriptor }
  }

  package init(host: String, ports: ClosedRange<UInt16>?, words: [String]) {
    self.host = host
    self.ports = ports
    self.words = words
  }

  /// Starts one and waits until it listens.
  mutating func start(port: UInt16) throws(WorldError) -> Place {
    reap()
    let wanted = port != 0 ? [port] : ports.map(Array.init) ?? [0]
    for port in wanted {
      if let place = try tryStart(port) { return place }
    }
    throw .refused("no server could be started: are all ports taken?")
  }

  /// Ends one that was started here.
  mutating func end(_ number: UInt64) -> Bool {
    reap()
    guard let process = Int32(exactly: number), running.contains(process) else { return false }
    return kill(process, SIGTERM) == 0
  }

  private mutating func reap() {
    for process in running where waitpid(process, nil, WNOHANG) != 0 {
      running.remove(process)
      readers[process] = nil
    }
  }

  /// Nil when it ended before it listened.
  private mutating func tryStart(_ port: UInt16) throws(WorldError) -> Place? {
    var ends: [Int32] = [-1, -1]
    guard pipe(&ends) == 0 else { throw .failed(call: "pipe", errno: errno) }
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    let reading = OwnedDescriptor(owning: ends[0])
    let writing = OwnedDescriptor(owning: ends[1])
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    // A copy of itself, which is open in the new program.
    posix_spawn_file_actions_adddup2(&actions, writing.number, writing.number)
    let place = host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    let arguments =
      ["xv-gdbstub", "gdbserver", "--setsid", "--pipe", "\(writing.number)", "--waits-with-reader"]
      + words + [place]
    guard let process = ChildProcess.spawn("/proc/self/exe", arguments, &actions) else {
      throw .failed(call: "posix_spawn", errno: EAGAIN)
    }
    _ = consume writing
    var text: [UInt8] = []
    var byte: UInt8 = 0
    while read(reading.number, &byte, 1) == 1, byte != 0 { text.append(byte) }
    guard byte == 0, let bound = UInt16(String(decoding: text, as: UTF8.self)) else {
      while waitpid(process, nil, 0) < 0, errno == EINTR {}
      return nil
    }
    running.insert(process)
    readers[process] = Reader(reading)
    return Place(process: process, port: bound)
  }
}
