// SPDX-License-Identifier: GPL-3.0-only
internal import CLinux
import Glibc

/// A program's descriptors, as /proc tells them and as copies of them do.
struct OutloadFiles {
  let process: Int32

  func describe(_ record: inout SwapRecord, _ reasons: inout OutloadObstacles) {
    var pipes: [String: [Int]] = [:]
    var shared: [String: [Int]] = [:]
    for number in numbers {
      guard let link = OutloadProcess.target("/proc/\(process)/fd/\(number)"),
        let information = FileInformation(process, number)
      else { continue }
      let descriptor = SwapFile.Descriptor(
        number: number, closesOnExec: information.flags & UInt64(O_CLOEXEC) != 0)
      let known = shared[link]?.first { isOne(record.files[$0].descriptors[0].number, number) }
      // Of the standard streams each goes to whoever inloads by itself.
      if let known, !(record.files[known].kind == .standard && number < 3) {
        record.files[known].descriptors.append(descriptor)
        continue
      }
      var file = SwapFile(kind: .path, descriptors: [descriptor], flags: information.flags)
      file.offset = information.position
      file.path = link
      file.locks = information.locks
      guard fill(&file, link, information, &reasons) else { continue }
      if file.kind == .pipe { pipes[link, default: []].append(record.files.count) }
      shared[link, default: []].append(record.files.count)
      record.files.append(file)
    }
    join(pipes, &record, &reasons)
  }

  private var numbers: [Int32] {
    guard let directory = opendir("/proc/\(process)/fd") else { return [] }
    defer { closedir(directory) }
    var found: [Int32] = []
    while let entry = readdir(directory) {
      let name = UnsafeRawPointer(entry) + MemoryLayout<dirent>.offset(of: \.d_name)!
      if let number = Int32(String(cString: name.assumingMemoryBound(to: CChar.self))) { found.append(number) }
    }
    return found.sorted()
  }

  /// kcmp(2): whether two descriptors are of one open file description.
  private func isOne(_ first: Int32, _ second: Int32) -> Bool {
    xv_call(312, UInt64(process), UInt64(process), 0, UInt64(first), UInt64(second), 0) == 0
  }

  /// False when it cannot be carried, which is said.
  private func fill(
    _ file: inout SwapFile, _ link: String, _ information: FileInformation,
    _ reasons: inout OutloadObstacles
  ) -> Bool {
    let number = file.descriptors[0].number
    func refuse(_ what: String) -> Bool {
      reasons.add("descriptor \(number) is \(what)")
      return false
    }
    if link.hasPrefix("/") { return fillPath(&file, link, &reasons) }
    if number < 3, !link.hasPrefix("anon_inode:") {
      file.kind = .standard
      file.offset = UInt64(number)
      return true
    }
    if link.hasPrefix("pipe:") {
      file.kind = .pipe
      return true
    }
    if link.hasPrefix("socket:") {
      if let why = OutloadSocket.fill(&file, process) { return refuse(why) }
      return true
    }
    switch link {
    case "anon_inode:[eventpoll]":
      file.kind = .epoll
      file.words = information.watched
    case "anon_inode:[eventfd]":
      file.kind = .event
      file.words = [information.number("eventfd-count", radix: 16), information.number("eventfd-semaphore")]
    case "anon_inode:[signalfd]":
      file.kind = .signal
      file.words = [information.number("sigmask", radix: 16)]
    case "anon_inode:[timerfd]":
      file.kind = .timer
      file.words =
        [information.number("clockid"), information.number("ticks")]
        + information.pair("it_interval") + information.pair("it_value")
      if file.words.count != 6 { return refuse("a timer that the kernel does not tell") }
    default: return refuse("\(link), which cannot be made again")
    }
    return true
  }

  private func fillPath(
    _ file: inout SwapFile, _ link: String, _ reasons: inout OutloadObstacles
  ) -> Bool {
    let number = file.descriptors[0].number
    let own = "/proc/\(process)/fd/\(number)"
    var status = stat()
    guard stat(own, &status) == 0 else { return false }
    if status.st_mode & S_IFMT == S_IFCHR {
      // A terminal is whoever inloads's own.
      if number < 3, isTerminal(number, &file) {
        file.kind = .standard
        file.offset = UInt64(number)
        return true
      }
      if ["/dev/null", "/dev/zero", "/dev/random", "/dev/urandom", "/dev/full", "/dev/tty"].contains(link) {
        return true
      }
      reasons.add("descriptor \(number) is the device \(link)")
      return false
    }
    guard OutloadProcess.isSame(own, link) else {
      reasons.add("descriptor \(number) is a file that was deleted or replaced, \(link)")
      return false
    }
    guard [S_IFREG, S_IFDIR].contains(status.st_mode & S_IFMT) else {
      if number < 3 {
        file.kind = .standard
        file.offset = UInt64(number)
        return true
      }
      reasons.add("descriptor \(number) is \(link), which is no regular file")
      return false
    }
    // A file that it writes to by itself must be the same when it comes back.
    let writes = file.flags & 3 != 0 && file.flags & UInt64(O_APPEND) == 0
    if writes, number > 2 {
      file.words = [
        UInt64(status.st_size), UInt64(status.st_mtim.tv_sec), UInt64(status.st_mtim.tv_nsec),
      ]
    }
    return true
  }

  /// Also keeps its settings (struct termios).
  private func isTerminal(_ number: Int32, _ file: inout SwapFile) -> Bool {
    let copy = xv_take_descriptor(process, process, number)
    guard copy >= 0 else { return false }
    defer { close(copy) }
    // struct termios of the kernel.
    var settings = [UInt8](repeating: 0, count: 36)
    let result = settings.withUnsafeMutableBytes {
      xv_call(16, UInt64(copy), 0x5401, UInt64(UInt(bitPattern: $0.baseAddress)), 0, 0, 0)
    }
    guard result >= 0 else { return false }
    file.content = settings
    return true
  }

  // MARK: Pipes

  /// Both ends of a pipe have to be inside, and what is in it is carried.
  private func join(
    _ pipes: [String: [Int]], _ record: inout SwapRecord, _ reasons: inout OutloadObstacles
  ) {
    for (number, ends) in pipes.sorted(by: { $0.key < $1.key }).map(\.value).enumerated() {
      let writers = ends.filter { record.files[$0].flags & 3 == 1 }
      let readers = ends.filter { record.files[$0].flags & 3 == 0 }
      guard writers.count == 1, readers.count == 1 else {
        let names = ends.flatMap { record.files[$0].descriptors.map { "\($0.number)" } }
        reasons.add("the other end of the pipe at descriptor \(names.joined(separator: ", ")) is somebody else's")
        continue
      }
      record.files[writers[0]].words = [UInt64(number), 1]
      record.files[readers[0]].words = [UInt64(number), 0]
      record.files[readers[0]].content = content(ofPipe: record.files[readers[0]].descriptors[0].number)
    }
  }

  /// A copy by tee(2), which takes nothing out.
  private func content(ofPipe number: Int32) -> [UInt8] {
    let copy = xv_take_descriptor(process, process, number)
    guard copy >= 0 else { return [] }
    defer { close(copy) }
    var ends: [Int32] = [0, 0]
    guard pipe(&ends) == 0 else { return [] }
    defer { ends.forEach { close($0) } }
    let setSize: UInt64 = 1031  // F_SETPIPE_SZ
    _ = xv_call(72, UInt64(ends[1]), setSize, 1 << 20, 0, 0, 0)
    let nonBlocking: UInt64 = 2  // SPLICE_F_NONBLOCK
    let count = xv_call(276, UInt64(copy), UInt64(ends[1]), 1 << 20, nonBlocking, 0, 0)
    guard count > 0 else { return [] }
    var bytes = [UInt8](repeating: 0, count: count)
    return read(ends[0], &bytes, count) == count ? bytes : []
  }
}

/// /proc/PID/fdinfo/N.
struct FileInformation {
  private(set) var flags: UInt64 = 0
  private(set) var position: UInt64 = 0
  private(set) var locks: [SwapWords] = []
  /// Of an epoll: descriptor, events and data each.
  private(set) var watched: [UInt64] = []
  private var fields: [Substring: Substring] = [:]

  init?(_ process: Int32, _ number: Int32) {
    guard let bytes = AddressMap.contents(of: "/proc/\(process)/fdinfo/\(number)") else { return nil }
    for line in String(decoding: bytes, as: UTF8.self).split(separator: "\n") {
      guard let colon = line.firstIndex(of: ":") else { continue }
      let rest = line[line.index(after: colon)...].drop { $0 == " " || $0 == "\t" }
      switch line[..<colon] {
      case "lock": if let lock = FileInformation.lock(rest) { locks.append(lock) }
      case "tfd": addWatched(rest)
      default: fields[line[..<colon]] = rest
      }
    }
    flags = self.number("flags", radix: 8)
    position = self.number("pos")
  }

  func number(_ field: Substring, radix: Int = 10) -> UInt64 {
    fields[field].flatMap { UInt64($0.prefix { $0 != " " }, radix: radix) } ?? 0
  }

  /// `(seconds, nanoseconds)`
  func pair(_ field: Substring) -> [UInt64] {
    (fields[field] ?? "").split { "(), ".contains($0) }.compactMap { UInt64($0) }
  }

  /// `N: POSIX  ADVISORY  WRITE PID DEVICE:INODE START END`
  private static func lock(_ text: Substring) -> SwapWords? {
    let words = text.split(separator: " ")
    guard words.count >= 8, let kind = ["FLOCK", "POSIX", "OFDLCK"].firstIndex(of: words[1]),
      let start = UInt64(words[6])
    else { return nil }
    let size = UInt64(words[7]).map { $0 - start + 1 } ?? 0
    return SwapWords([UInt64(kind), words[3] == "WRITE" ? 1 : 0, start, size])
  }

  /// `tfd:  N events: HEX data: HEX ...`
  private mutating func addWatched(_ text: Substring) {
    let words = text.split(separator: " ")
    guard words.count >= 5, let number = UInt64(words[0]), let events = UInt64(words[2], radix: 16),
      let data = UInt64(words[4], radix: 16)
    else { return }
    watched += [number, events, data]
  }
}
