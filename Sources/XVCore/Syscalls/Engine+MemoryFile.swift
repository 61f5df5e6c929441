// SPDX-License-Identifier: GPL-3.0-only
internal import CLinux
import Glibc

/// The program writes to its own memory by /proc/PID/mem, as Julia's JIT does.
///
/// The kernel writes past all protection there (mm/memory.c, FOLL_FORCE): also to code that is taken to stay as it is
/// because nobody may write to it, and it fails with EIO where a page is trusted, since it does not wait for a
/// userfaultfd. So once such a file has been opened for writing, calls that write to files are seen, and what they write to
/// one is noted as a change of code. The sequence of events: docs/sequences/invalidation.md.
extension Engine {
  enum MemoryFile {
    case unopened
    /// It has been opened just now. Fragments have calls inside that are not seen, and no thread enters one before they
    /// are discarded.
    case opened
    case watched
  }

  /// A call that is writing to a memory file.
  struct MemoryWrite {
    /// Where, if nobody else moves the file's position.
    var range: Range<UInt64>
    /// What has the position; nil where the call names one.
    var descriptor: Int32?
  }

  /// From now on the server sees what writes to files.
  func watchMemoryFile(from state: MemoryFile) {
    memoryFile = state
    for (_, context) in active { context.ask(about: InterceptedCall.fileWrites) }
  }

  /// A file has been opened.
  func noteOpened(_ thread: ThreadID, _ descriptor: Int64) {
    guard memoryFile == .unopened, Engine.isMemoryFile(thread.rawValue, Int32(truncatingIfNeeded: descriptor)) else { return }
    watchMemoryFile(from: .opened)
  }

  /// Whether a descriptor is of some process's memory. Which one's is not asked: whoever has opened its own may have ended, and
  /// the numbers of another pid namespace say nothing. To note a write that has gone elsewhere costs time only.
  /// Its name may be any, by a mount of its own.
  private static func isMemoryFile(_ thread: Int32, _ descriptor: Int32) -> Bool {
    xv_is_memory_file("/proc/\(thread)/fd/\(descriptor)") != 0
  }

  /// Whether a process to which xv attaches has such a file open already.
  static func hasMemoryFile(_ process: Int32) -> Bool {
    let compareFiles: UInt64 = 2
    return Tracer.tasks(of: process).contains { task in
      // kcmp(2): most threads share their descriptors.
      let isShared =
        task.rawValue != process && xv_call(312, UInt64(process), UInt64(task.rawValue), compareFiles, 0, 0, 0) == 0
      return !isShared
        && Tracer.numbers(in: "/proc/\(task.rawValue)/fd").contains { isMemoryFile(task.rawValue, $0) }
    }
  }

  /// A call that writes to a file. To this one no others can: it has no operation for what splices (fs/proc/base.c,
  /// `proc_mem_operations`).
  func writeFile(_ thread: ThreadID, _ context: Context, _ number: Int32, _ arguments: [UInt64]) {
    guard let write = memoryWrite(thread, number, arguments) else {
      return makePlainly(thread, context, number, arguments)
    }
    prepareWrite(write.range)
    memoryWrites[thread] = write
    makeNatively(context, number, arguments)
  }

  /// A write to a memory file has been made, or has failed. `result`: nil when the thread has ended in it.
  func noteMemoryWrite(_ thread: ThreadID, result: Int64?) {
    guard let write = memoryWrites.removeValue(forKey: thread) else { return }
    guard let result else { return forgetCode(write.range) }
    guard result > 0 else { return }
    let count = UInt64(result)
    forgetCode(write.range.lowerBound..<(write.range.lowerBound &+ count))
    // Another thread's write may have come between the look at the position and the call.
    if let descriptor = write.descriptor, let end = position(of: descriptor, thread), end >= count {
      forgetCode((end - count)..<end)
    }
  }

  /// Whether a page of a range is being written to, or waits to be: it cannot be trusted meanwhile.
  func isBeingWritten(_ range: Range<UInt64>) -> Bool {
    let pages = TrustedPages.pages(of: range)
    return heldWrites.values.contains(where: pages.contains)
      || memoryWrites.values.contains { TrustedPages.pages(of: $0.range).overlaps(pages) }
      || lastWrites.values.joined().contains { TrustedPages.pages(of: $0).overlaps(pages) }
  }

  /// What a call is going to write to a memory file; nil when its descriptor is of something else, or nothing can be written.
  private func memoryWrite(_ thread: ThreadID, _ number: Int32, _ arguments: [UInt64]) -> MemoryWrite? {
    let descriptor = Int32(truncatingIfNeeded: arguments[0])
    guard Engine.isMemoryFile(thread.rawValue, descriptor) else { return nil }
    let namesPlace =
      number == InterceptedCall.pwrite64 || number == InterceptedCall.pwritev
      || number == InterceptedCall.pwritev2 && arguments[3] != UInt64.max
    let isOnePiece = number == InterceptedCall.write || number == InterceptedCall.pwrite64
    guard let start = namesPlace ? arguments[3] : position(of: descriptor, thread), start < Engine.addressEnd,
      let count = isOnePiece ? arguments[2] : bytes(ofPieces: arguments[1], arguments[2])
    else { return nil }
    let range = start..<min(start + min(count, Engine.mostWritten), Engine.addressEnd)
    return MemoryWrite(range: range, descriptor: namesPlace ? nil : descriptor)
  }

  /// What one call writes at most (fs/read_write.c, MAX_RW_COUNT).
  private static let mostWritten: UInt64 = 0x7fff_f000

  /// Where a file is read and written next: proc_pid_fdinfo(5).
  private func position(of descriptor: Int32, _ thread: ThreadID) -> UInt64? {
    guard let text = AddressMap.contents(of: "/proc/\(thread.rawValue)/fdinfo/\(descriptor)") else { return nil }
    let words = String(decoding: text, as: UTF8.self).split { $0 == "\t" || $0 == "\n" }
    guard let name = words.firstIndex(of: "pos:"), words.indices.contains(name + 1) else { return nil }
    return UInt64(words[name + 1])
  }

  /// The length of all pieces of an array of `struct iovec`.
  private func bytes(ofPieces place: UInt64, _ count: UInt64) -> UInt64? {
    let mostPieces: UInt64 = 1024  // UIO_MAXIOV
    guard count <= mostPieces, let words = readWords(place, Int(count) * 2) else { return nil }
    return stride(from: 1, to: words.count, by: 2).reduce(0) { $0 + min(words[$1], Engine.mostWritten) }
  }
}
