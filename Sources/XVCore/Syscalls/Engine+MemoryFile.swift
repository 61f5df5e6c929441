// SPDX-License-Identifier: GPL-3.0-only
internal import CLinux
import Glibc

/// The program writes to its own memory by /proc/PID/mem, as Julia's JIT does.
///
/// The kernel writes past all protection there (mm/memory.c, FOLL_FORCE): also to code that is taken to stay as it is
/// because nobody may write to it, and it fails with EIO where a page is trusted, since it does not wait for a
/// userfaultfd. So once the file has been opened for writing, calls that write to files are seen, and what they write to this
/// one is noted as a change of code. The sequence of events: docs/sequences/invalidation.md.
extension Engine {
  /// From now on writes to files are seen. What was translated before has some inside.
  func watchMemoryFile() {
    watchesMemoryFile = true
    for (_, context) in active { context.ask(about: InterceptedCall.fileWrites) }
  }

  /// Whether a process to which xv attaches has such a file open already.
  static func hasMemoryFile(_ process: Int32) -> Bool {
    let folder = "/proc/\(process)/fd"
    guard let directory = opendir(folder) else { return false }
    defer { closedir(directory) }
    while let entry = readdir(directory) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if let link = link("\(folder)/\(name)"), link.hasPrefix("/proc/"), link.hasSuffix("/mem") { return true }
    }
    return false
  }

  /// Whether a file that is about to be opened is this memory, to be written to.
  func isMemoryFile(_ thread: ThreadID, _ path: [UInt8], in directory: Int32, flags: UInt64) -> Bool {
    let pathOnly: UInt64 = 0x20_0000
    return flags & UInt64(O_ACCMODE) != UInt64(O_RDONLY) && flags & pathOnly == 0
      && path.suffix(3).elementsEqual("mem".utf8) && processFile(thread, path, directory)?.path.hasSuffix("/mem") == true
  }

  /// A call that writes to a file. To this one no others can: it has no operation for what splices (fs/proc/base.c,
  /// `proc_mem_operations`).
  func writeFile(_ thread: ThreadID, _ context: Context, _ number: Int32, _ arguments: [UInt64]) {
    guard let range = writtenMemory(thread, number, arguments) else {
      return makePlainly(thread, context, number, arguments)
    }
    prepareWrite(range)
    memoryWrites[thread] = range
    makeNatively(context, number, arguments)
  }

  /// A write to the memory file has been made, or has failed.
  func noteMemoryWrite(_ thread: ThreadID) {
    if let range = memoryWrites.removeValue(forKey: thread) { forgetCode(range) }
  }

  /// A page has come to be trusted between the preparation of a write and the write. True when the call is made again.
  func retryMemoryWrite(_ thread: ThreadID, _ context: Context, _ result: Int64) -> Bool {
    let number = Int32(truncatingIfNeeded: context.register(Register.rax))
    guard result == -Int64(EIO), watchesMemoryFile, InterceptedCall.fileWrites.contains(number) else { return false }
    let arguments = callArguments(context)
    guard let range = writtenMemory(thread, number, arguments), translator.pointee.trusted.isProtected(range) else {
      return false
    }
    context.store32(ContextLayout.kind, RequestKind.systemCall.rawValue)
    writeFile(thread, context, number, arguments)
    return true
  }

  /// Which memory a call is going to write to by the memory file; nil when its descriptor is of something else.
  private func writtenMemory(_ thread: ThreadID, _ number: Int32, _ arguments: [UInt64]) -> Range<UInt64>? {
    let descriptor = Int32(truncatingIfNeeded: arguments[0])
    guard let link = Engine.link("/proc/\(thread.rawValue)/fd/\(descriptor)"), link.hasSuffix("/mem"),
      processFile(thread, Array(link.utf8), descriptor) != nil
    else { return nil }
    let position: UInt64? =
      switch number {
      case InterceptedCall.pwrite64, InterceptedCall.pwritev: arguments[3]
      case InterceptedCall.pwritev2 where arguments[3] != UInt64.max: arguments[3]
      default: place(of: descriptor, thread)
      }
    let isOnePiece = number == InterceptedCall.write || number == InterceptedCall.pwrite64
    guard let position, let count = isOnePiece ? arguments[2] : bytes(ofPieces: arguments[1], arguments[2]) else { return nil }
    let end = position.addingReportingOverflow(min(count, Engine.mostWritten))
    return end.overflow ? nil : position..<end.partialValue
  }

  /// What one call writes at most (fs/read_write.c, MAX_RW_COUNT).
  private static let mostWritten: UInt64 = 0x7fff_f000

  /// Where a file is read and written next: proc_pid_fdinfo(5).
  private func place(of descriptor: Int32, _ thread: ThreadID) -> UInt64? {
    guard let text = AddressMap.contents(of: "/proc/\(thread.rawValue)/fdinfo/\(descriptor)") else { return nil }
    let words = String(decoding: text, as: UTF8.self).split { $0 == "\t" || $0 == "\n" || $0 == " " }
    guard let name = words.firstIndex(of: "pos:"), words.indices.contains(name + 1) else { return nil }
    return UInt64(words[name + 1]) ?? Int64(words[name + 1]).map { UInt64(bitPattern: $0) }
  }

  /// The length of all pieces of an array of `struct iovec`.
  private func bytes(ofPieces place: UInt64, _ count: UInt64) -> UInt64? {
    let mostPieces: UInt64 = 1024  // UIO_MAXIOV
    guard count <= mostPieces, let words = readWords(place, Int(count) * 2) else { return nil }
    return stride(from: 1, to: words.count, by: 2).reduce(0) { $0 + min(words[$1], Engine.mostWritten) }
  }
}
