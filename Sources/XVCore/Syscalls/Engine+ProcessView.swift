// SPDX-License-Identifier: GPL-3.0-only
internal import CLinux
import Glibc

/// The program opens a file of /proc about itself: it is given a copy as it would be natively.
extension Engine {
  /// A copy that the program is about to open, and the call as it was.
  struct OpenView {
    var descriptor: Int32
    var number: Int32
    var arguments: [UInt64]
  }

  /// open, creat, openat, openat2.
  func openFile(
    _ thread: ThreadID, _ context: Context, _ number: Int32, _ arguments: [UInt64]
  ) {
    closeView(thread)
    let hasDirectory = number == InterceptedCall.openat || number == InterceptedCall.openat2
    let flags: UInt64? =
      switch number {
      case InterceptedCall.open: arguments[1]
      case InterceptedCall.creat: UInt64(O_CREAT | O_WRONLY | O_TRUNC)
      case InterceptedCall.openat: arguments[2]
      default: readWords(arguments[2], 1)?[0]
      }
    guard let flags else { return makePlainly(thread, context, number, arguments) }
    guard flags & UInt64(O_ACCMODE) == UInt64(O_RDONLY) else {
      // By whatever path the program comes to its memory, the descriptor will tell.
      return memoryFile == .unopened
        ? makeNatively(context, number, arguments) : makePlainly(thread, context, number, arguments)
    }
    let directory = hasDirectory ? Int32(truncatingIfNeeded: arguments[0]) : Int32(-100)
    guard let path = readPath(arguments[hasDirectory ? 1 : 0]),
      let copy = view(thread, of: path, in: directory, flags: flags)
    else { return makePlainly(thread, context, number, arguments) }
    openViews[thread] = OpenView(descriptor: copy, number: number, arguments: arguments)
    let link = Array("/proc/\(getpid())/fd/\(copy)".utf8) + [0]
    (context.base + ContextLayout.path).copyMemory(from: link, byteCount: link.count)
    let place = context.guestAddress &+ UInt64(ContextLayout.path)
    let kept = flags & UInt64(O_CLOEXEC | O_NONBLOCK)
    makeNatively(context, InterceptedCall.open, [place, kept])
  }

  /// The copy could not be opened (another user's process, another /proc): the file itself is. True when
  /// the call is made again.
  func retryOpen(_ thread: ThreadID, _ context: Context, _ result: Int64) -> Bool {
    guard let view = openViews[thread] else { return false }
    closeView(thread)
    guard result < 0 else { return false }
    context.store32(ContextLayout.kind, RequestKind.systemCall.rawValue)
    makeNatively(context, view.number, view.arguments)
    return true
  }

  func closeView(_ thread: ThreadID) {
    if let view = openViews.removeValue(forKey: thread) { close(view.descriptor) }
  }

  // MARK: Paths

  private static let longestPath = 4096

  private func readPath(_ address: UInt64) -> [UInt8]? {
    var path: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 256)
    while path.count < Engine.longestPath {
      let place = address &+ UInt64(path.count)
      // Not across a page that may not be there.
      let wanted = min(256, Int(0x1000 - (place & 0xfff)))
      guard xv_read_remote(memoryOwner, place, &chunk, wanted) == wanted else { return nil }
      if let end = chunk[..<wanted].firstIndex(of: 0) { return path + chunk[..<end] }
      path += chunk[..<wanted]
    }
    return nil
  }

  /// A descriptor of a copy when the path names such a file of the program's, to be read.
  private func view(
    _ thread: ThreadID, of path: [UInt8], in directory: Int32, flags: UInt64
  ) -> Int32? {
    let slash = UInt8(ascii: "/")
    guard let last = path.split(separator: slash).last,
      let view = ProcessView(rawValue: String(decoding: last, as: UTF8.self)),
      flags & UInt64(0x20_0000 /* O_PATH */ | O_DIRECTORY) == 0,
      let file = processFile(thread, path, directory)
    else { return nil }
    var differences = ProcessView.Differences()
    if options.guardOriginalCode { differences.guarded = translator.pointee.ranges.areas }
    differences.isReader = file.thread == thread.rawValue
    differences.ownBytes = ownBytes
    differences.ownCode = mappedCode
    if let limited = addressLimits[processOf(ThreadID(file.thread))] { differences.addressLimit = limited }
    guard let text = AddressMap.contents(of: file.path) else { return nil }
    let copy = memfd_create(view.rawValue, UInt32(MFD_CLOEXEC))
    guard copy >= 0 else { return nil }
    let native = view.native(text, differences)
    guard native.withUnsafeBytes({ write(copy, $0.baseAddress, $0.count) }) == native.count else {
      close(copy)
      return nil
    }
    return copy
  }

  /// The kernel's path for a path of the program's, and the thread that it is about; nil when it is not
  /// about the program.
  private func processFile(
    _ thread: ThreadID, _ path: [UInt8], _ directory: Int32
  ) -> (path: String, thread: Int32)? {
    var text = String(decoding: path, as: UTF8.self)
    if !text.hasPrefix("/") {
      let base = directory == -100 ? "cwd" : "fd/\(directory)"
      guard let prefix = Engine.link("/proc/\(thread.rawValue)/\(base)") else { return nil }
      text = prefix + "/" + text
    }
    var parts: [Substring] = []
    for part in text.split(separator: "/") where part != "." {
      if part == ".." { _ = parts.popLast() } else { parts.append(part) }
    }
    guard parts.count >= 3, parts[0] == "proc" else { return nil }
    let own = Int32(ProcessStatus(of: thread.rawValue)?.number("Tgid") ?? 0)
    var about: Int32
    var isTask = false
    switch parts[1] {
    case "self": about = own
    case "thread-self":
      about = thread.rawValue
      isTask = true
    default: about = Int32(parts[1]) ?? 0
    }
    if parts.count == 5, parts[2] == "task" {
      about = Int32(parts[3]) ?? 0
      isTask = true
    } else if parts.count != 3 {
      return nil
    }
    guard about == own || contexts[ThreadID(about)] != nil else { return nil }
    let middle = isTask ? "\(own)/task/\(about)" : "\(about)"
    return ("/proc/\(middle)/\(parts[parts.count - 1])", about)
  }

  static func link(_ path: String) -> String? {
    withUnsafeTemporaryAllocation(of: CChar.self, capacity: longestPath) { buffer in
      let count = readlink(path, buffer.baseAddress!, longestPath)
      guard count > 0 else { return nil }
      return String(decoding: buffer[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
  }
}
