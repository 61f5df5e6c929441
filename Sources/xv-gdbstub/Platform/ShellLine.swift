// SPDX-License-Identifier: GPL-3.0-only
internal import Glibc
internal import Linux

/// A line that the shell carries out (`platform shell`), with the server's own rights.
struct ShellLine {
  /// What it printed, the first part of it, and how it ended.
  struct Outcome {
    var output: [UInt8] = []
    var status: Int32 = 0
    var signal: Int32 = 0
  }

  /// More than people read, and less than a packet holds.
  private static let mostOutput = 48 << 10

  let line: String
  /// Empty for the server's own.
  let directory: String
  /// After that many seconds it is ended; 0: never.
  let seconds: UInt64

  /// Nil when it could not be started.
  func run() -> Outcome? {
    var ends: [Int32] = [-1, -1]
    guard pipe(&ends) == 0 else { return nil }
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    let reading = OwnedDescriptor(owning: ends[0])
    let writing = OwnedDescriptor(owning: ends[1])
    guard let process = start(writing.number) else { return nil }
    _ = consume writing
    var outcome = Outcome()
    let isInTime = collect(reading.number, &outcome.output)
    if !isInTime { _ = kill(-process, SIGKILL) }
    var status: Int32 = 0
    while waitpid(process, &status, 0) < 0, errno == EINTR {}
    outcome.signal = status & 0x7f
    outcome.status = status >> 8 & 0xff
    return outcome
  }

  private func start(_ output: Int32) -> Int32? {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_adddup2(&actions, output, 1)
    posix_spawn_file_actions_adddup2(&actions, output, 2)
    let words =
      directory.isEmpty
      ? ["sh", "-c", line] : ["sh", "-c", "cd -- \"$1\" && eval \"$2\"", "sh", directory, line]
    return ChildProcess.spawn("/bin/sh", words, &actions, ownGroup: true)
  }

  /// Reads to the end; false when the time was up before.
  private func collect(_ descriptor: Int32, _ output: inout [UInt8]) -> Bool {
    var now = timespec()
    clock_gettime(CLOCK_MONOTONIC, &now)
    let end = seconds == 0 || seconds > 1 << 30 ? nil : now.tv_sec + Int(seconds)
    var buffer = [UInt8](repeating: 0, count: 4096)
    while true {
      clock_gettime(CLOCK_MONOTONIC, &now)
      if let end, now.tv_sec >= end { return false }
      var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
      let limit = end.map { Int32(min(($0 - now.tv_sec) * 1000, 60_000)) } ?? -1
      guard poll(&entry, 1, limit) > 0 else { continue }
      let count = read(descriptor, &buffer, buffer.count)
      guard count > 0 else { return true }
      output += buffer[..<min(count, Self.mostOutput - output.count)]
    }
  }
}

/// Starts programs natively, with nothing open but what is given to them.
enum ChildProcess {
  static func spawn(
    _ path: String, _ words: [String], _ actions: inout posix_spawn_file_actions_t,
    ownGroup: Bool = false
  ) -> Int32? {
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    // What the server ignores or handles is its own.
    var defaults = sigset_t()
    sigemptyset(&defaults)
    for number in [SIGTERM, SIGHUP, SIGINT, SIGPIPE, SIGTTOU, SIGTTIN] { sigaddset(&defaults, number) }
    posix_spawnattr_setsigdefault(&attributes, &defaults)
    let group = ownGroup ? POSIX_SPAWN_SETPGROUP : 0
    posix_spawnattr_setflags(&attributes, Int16(Int32(POSIX_SPAWN_SETSIGDEF) | Int32(group)))
    var arguments = words.map { strdup($0) }
    arguments.append(nil)
    defer { arguments.forEach { free($0) } }
    var process: pid_t = 0
    guard posix_spawn(&process, path, &actions, &attributes, arguments, environ) == 0 else {
      return nil
    }
    return process
  }
}
