// SPDX-License-Identifier: GPL-3.0-only
internal import Glibc
internal import RSP
internal import WorldVM
internal import XVCore

extension StubSession {
  func respond(to packet: ThreadPacket) throws(WorldError) -> Reply {
    switch packet {
    case .select(.resume, let pattern):
      if case .one = pattern.thread, find(pattern) == nil { return .error(ESRCH) }
      resumeThread = pattern.thread
      return .ok
    case .select(.general, let pattern):
      guard let found = find(pattern) else { return .error(ESRCH) }
      select(found.inferior, found.thread)
      return .ok
    case .isAlive(let pattern):
      return find(pattern) == nil ? .error(ESRCH) : .ok
    case .current where current.threads.isEmpty: return .error(ESRCH)
    case .current: return Reply([UInt8]("QC".utf8) + encodedName(of: generalThread))
    case .first: return threadList()
    case .next: return Reply("l")
    case .extraInformation(let pattern):
      guard let found = find(pattern) else { return .error(ESRCH) }
      return Reply(Hex.encode(commandName(of: found.thread)))
    case .localAddress(let pattern, let offset, let linkMap):
      guard let thread = thread(matching: pattern) else { return .error(ESRCH) }
      let address = try world.threadLocal(at: offset, linkMap: Address(linkMap), of: thread)
      return Reply(Hex.number(address.rawValue))
    }
  }

  /// The list is one reply: a packet holds thousands of threads.
  private func threadList() -> Reply {
    let names = visible.flatMap { inferior in
      inferior.threads.map {
        name(of: $0, in: inferior).encoded(multiprocess: client.isMultiprocess)
      }
    }
    // lldb takes an empty list for a process without a name, 1, unless it is told as lldb-server does.
    if names.isEmpty { return client.isLLDB && world is NoWorld ? .ok : Reply("l") }
    return Reply([UInt8(ascii: "m")] + names.joined(separator: [UInt8(ascii: ",")]))
  }

  /// The thread that a pattern stands for: one that it names if that lives, else the one that
  /// stopped last.
  func thread(matching pattern: ThreadPattern) -> ThreadID? {
    let threads = current.threads
    let process = UInt64(current.processID)
    let matching = threads.filter { pattern.matches(thread: UInt64($0.rawValue), of: process) }
    return matching.contains(lastStop.thread) ? lastStop.thread : matching.first
  }

  /// As `thread(matching:)`, in any program: the current one comes first.
  func find(_ pattern: ThreadPattern) -> (inferior: Inferior, thread: ThreadID)? {
    for inferior in [current] + visible.filter({ $0 !== current }) {
      let process = UInt64(inferior.processID)
      let matching = inferior.threads.filter {
        pattern.matches(thread: UInt64($0.rawValue), of: process)
      }
      let stopped = inferior.lastStop.thread
      if let thread = matching.contains(stopped) ? stopped : matching.first {
        return (inferior, thread)
      }
    }
    return nil
  }

  func name(of thread: ThreadID, in inferior: Inferior? = nil) -> ThreadName {
    let process = (inferior ?? current).processID
    return ThreadName(process: UInt64(process), thread: UInt64(thread.rawValue))
  }

  private func encodedName(of thread: ThreadID) -> [UInt8] {
    name(of: thread).encoded(multiprocess: client.isMultiprocess)
  }
}
