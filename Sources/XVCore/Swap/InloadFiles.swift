// SPDX-License-Identifier: GPL-3.0-only
internal import CLinux
import Glibc

/// Descriptors of a program that comes back from disk.
struct InloadFiles {
  let maker: Inloader

  /// Throws when a file is not what it was.
  static func check(_ record: SwapRecord) throws(SwapDamage) {
    for file in record.files where file.kind == .path {
      var status = stat()
      guard stat(file.path, &status) == 0 else {
        throw SwapDamage("\(file.path), which it had open, is not there: \(String(cString: strerror(errno)))")
      }
      guard file.words.count == 3 else { continue }
      let now = [UInt64(status.st_size), UInt64(status.st_mtim.tv_sec), UInt64(status.st_mtim.tv_nsec)]
      guard now == file.words else {
        throw SwapDamage("\(file.path), which it had open for writing, was changed since")
      }
    }
  }

  func open(_ record: SwapRecord) throws(GuestError) {
    let highest = record.files.flatMap(\.descriptors).map(\.number).max() ?? 0
    // Beyond all that are wanted, and those that are there.
    let base = UInt64(max(highest, 255) + 1)
    var limit: [UInt64] = [0, 0]
    if xv_prlimit(maker.tracer.process, 7, nil, &limit) == 0, limit[0] < base + 64 {
      _ = xv_prlimit(maker.tracer.process, 7, [base + 64, max(limit[1], base + 64)], nil)
    }
    var standard: [UInt64] = []
    for number in UInt64(0)..<3 {
      let copy = try maker.ask(72, [number, 0, base])  // F_DUPFD
      standard.append(copy < 0 ? UInt64.max : UInt64(copy))
    }
    for number in inherited { try maker.ask(3, [UInt64(number)]) }
    var pipes: [UInt64: [UInt64]] = [:]
    for file in record.files where file.kind != .epoll {
      let number: UInt64
      switch file.kind {
      case .standard:
        number = standard[Int(min(file.offset, 2))]
        // Nobody has given one.
        if number == UInt64.max { continue }
      case .pipe:
        if pipes[file.words[0]] == nil { pipes[file.words[0]] = try makePipe(above: base) }
        number = pipes[file.words[0]]![Int(file.words[1] & 1)]
        if file.words[1] == 0 { try put(file.content, into: pipes[file.words[0]]![1]) }
      default: number = try raised(try make(file), above: base)
      }
      try place(file, number)
      if file.kind != .standard, file.kind != .pipe { try maker.ask(3, [number]) }
    }
    for ends in pipes.values { for end in ends { try maker.ask(3, [end]) } }
    for number in standard where number != UInt64.max { try maker.ask(3, [number]) }
    for file in record.files where file.kind == .epoll { try makeEpoll(file, base) }
    for file in record.files where file.kind == .path { try lock(file) }
  }

  /// What whoever inloads has open, and the program had not.
  private var inherited: [Int32] {
    (0..<256).filter { access("/proc/\(maker.tracer.process)/fd/\($0)", F_OK) == 0 || isOpen($0) }
  }

  private func isOpen(_ number: Int32) -> Bool {
    OutloadProcess.target("/proc/\(maker.tracer.process)/fd/\(number)") != nil
  }

  private func raised(_ number: UInt64, above base: UInt64) throws(GuestError) -> UInt64 {
    if number >= base { return number }
    let high = try maker.call("fcntl(F_DUPFD)", 72, [number, 0, base])
    try maker.call("close", 3, [number])
    return high
  }

  private func place(_ file: SwapFile, _ number: UInt64) throws(GuestError) {
    for descriptor in file.descriptors {
      let flags = descriptor.closesOnExec ? UInt64(O_CLOEXEC) : 0
      try maker.call("dup3", 292, [number, UInt64(descriptor.number), flags])
    }
    if file.kind == .pipe { try maker.ask(72, [number, 4, file.flags & UInt64(O_NONBLOCK)]) }  // F_SETFL
    if file.kind == .standard, !file.content.isEmpty, let first = file.descriptors.first {
      // The terminal of whoever inloads, if it is one.
      try maker.ask(16, [UInt64(first.number), 0x5402, try maker.put(file.content)])
    }
  }

  private func make(_ file: SwapFile) throws(GuestError) -> UInt64 {
    switch file.kind {
    case .path:
      let unwanted = UInt64(O_CREAT | O_EXCL | O_TRUNC | O_CLOEXEC)
      let number = try maker.call(
        "opening \(file.path)", 2, [try maker.put(file.path), file.flags & ~unwanted | UInt64(O_NOCTTY), 0])
      if file.offset != 0 { try maker.ask(8, [number, file.offset, 0]) }
      return number
    case .socket: return try makeSocket(file)
    case .event:
      let isSemaphore = file.words[1] & 1
      let flags = isSemaphore | file.flags & UInt64(O_NONBLOCK)
      let number = try maker.call("eventfd2", 290, [0, flags])
      if file.words[0] != 0 { try maker.call("write", 1, [number, try maker.put([file.words[0]]), 8]) }
      return number
    case .timer:
      let number = try maker.call("timerfd_create", 283, [file.words[0], file.flags & UInt64(O_NONBLOCK)])
      try maker.call("timerfd_settime", 286, [number, 0, try maker.put(Array(file.words[2...])), 0])
      if file.words[1] != 0 {
        let setTicks: UInt64 = 0x4008_5400  // TFD_IOC_SET_TICKS
        try maker.call("ioctl", 16, [number, setTicks, try maker.put([file.words[1]])])
      }
      return number
    case .signal:
      return try maker.call(
        "signalfd4", 289, [UInt64.max, try maker.put(file.words), 8, file.flags & UInt64(O_NONBLOCK)])
    case .standard, .pipe, .epoll: throw maker.failure("it has a file of an unknown kind")
    }
  }

  private func makeSocket(_ file: SwapFile) throws(GuestError) -> UInt64 {
    guard file.words.count == 5 + OutloadSocket.options.count else {
      throw maker.failure("it tells too little of a socket")
    }
    let number = try maker.call(
      "socket", 41, [file.words[0], file.words[1] | file.flags & UInt64(O_NONBLOCK), file.words[2]])
    for (option, value) in zip(OutloadSocket.options, file.words[5...]) where value != 0 {
      try maker.ask(
        54, [number, UInt64(option.level), UInt64(option.name), try maker.put([value]), 4])
    }
    let unix: UInt64 = 1
    let port = file.content.count >= 4 ? UInt16(file.content[2]) << 8 | UInt16(file.content[3]) : 0
    let isBound = file.words[0] == unix ? file.content.count > 2 : port != 0
    if isBound {
      if file.words[0] == unix, file.content[2] != 0 {
        // The name of the old one, which nobody listens at any more.
        let path = Array(file.content[2...].prefix { $0 != 0 }) + [0]
        try maker.ask(87, [try maker.put(path)])
      }
      try maker.call(
        "binding descriptor \(file.descriptors[0].number)", 49,
        [number, try maker.put(file.content), UInt64(file.content.count)])
    }
    if file.words[4] != 0 { try maker.call("listen", 50, [number, file.words[3]]) }
    return number
  }

  /// Reading end, writing end.
  private func makePipe(above base: UInt64) throws(GuestError) -> [UInt64] {
    try maker.call("pipe2", 293, [try maker.put([UInt64(0)]), 0])
    var ends: [Int32] = [0, 0]
    guard xv_read_remote(maker.tracer.process, maker.scratch, &ends, 8) == 8 else { throw .gone }
    return [
      try raised(UInt64(ends[0]), above: base), try raised(UInt64(ends[1]), above: base),
    ]
  }

  private func put(_ content: [UInt8], into number: UInt64) throws(GuestError) {
    guard !content.isEmpty else { return }
    try maker.call("fcntl(F_SETPIPE_SZ)", 72, [number, 1031, 1 << 20])
    for start in stride(from: 0, to: content.count, by: 4096) {
      let piece = Array(content[start..<min(start + 4096, content.count)])
      try maker.call("write", 1, [number, try maker.put(piece), UInt64(piece.count)])
    }
  }

  private func makeEpoll(_ file: SwapFile, _ base: UInt64) throws(GuestError) {
    let number = try raised(try maker.call("epoll_create1", 291, [0]), above: base)
    for index in stride(from: 0, to: file.words.count - 2, by: 3) {
      // struct epoll_event is packed: events, data.
      var event: [UInt8] = []
      event.quarter(UInt32(truncatingIfNeeded: file.words[index + 1]))
      event.whole(file.words[index + 2])
      try maker.call("epoll_ctl", 233, [number, 1, file.words[index], try maker.put(event)])
    }
    try place(file, number)
    try maker.ask(3, [number])
  }

  private func lock(_ file: SwapFile) throws(GuestError) {
    guard let number = file.descriptors.first.map({ UInt64($0.number) }) else { return }
    for lock in file.locks.map(\.words) where lock.count == 4 {
      if lock[0] == 0 {
        try maker.call("the lock of \(file.path)", 73, [number, (lock[1] != 0 ? 2 : 1) | 4])
        continue
      }
      // struct flock: type and whence, start, length, process.
      let setLock: UInt64 = lock[0] == 1 ? 6 : 37  // F_SETLK, F_OFD_SETLK
      let words = [lock[1] != 0 ? UInt64(1) : 0, lock[2], lock[3], 0]
      try maker.call("the lock of \(file.path)", 72, [number, setLock, try maker.put(words)])
    }
  }
}
