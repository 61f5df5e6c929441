// SPDX-License-Identifier: GPL-3.0-only
internal import CLinux

/// What the kernel writes for a thread that ends: the word that its joiner waits for, and those of robust mutexes that it
/// has locked. It does not wait for a userfaultfd then (fs/userfaultfd.c, handle_userfault, PF_EXITING): the word
/// would stay as it is. So pages with such words are given up before.
extension Engine {
  /// The thread stands before its end. The lock is held.
  func prepareLastWrites(_ thread: ThreadID) {
    guard case .open = translator.pointee.trusted.access else { return }
    let words = (clearedWords[thread].map { [$0] } ?? []) + robustWords(thread)
    let ranges = words.map { Range(at: $0, count: 4) }
    // Until it is gone nobody trusts these.
    lastWrites[thread] = ranges.isEmpty ? nil : ranges
    ranges.forEach(prepareWrite)
  }

  /// The word that a new thread's end clears (clone(2), CLONE_CHILD_CLEARTID). `maker` stands in the call.
  func clearedWord(by maker: ThreadID, _ flags: UInt64) -> UInt64? {
    guard flags & UInt64(CLONE_CHILD_CLEARTID) != 0, let context = contexts[maker] else { return nil }
    switch Int32(truncatingIfNeeded: context.register(Register.rax)) {
    case InterceptedCall.clone: return context.register(Register.r10)
    case InterceptedCall.clone3: return readWords(context.register(Register.rdi) &+ 16, 1)?[0]
    default: return nil
    }
  }

  /// Words of the mutexes that a thread says it has locked: get_robust_list(2), and linux/futex.h,
  /// `struct robust_list_head`, whose three words are the first entry, the distance of an entry's word, and the entry
  /// that is being taken.
  private func robustWords(_ thread: ThreadID) -> [UInt64] {
    let getRobustList = 274
    let mostEntries = 2048  // ROBUST_LIST_LIMIT
    var place: UInt64 = 0
    var size: UInt64 = 0
    let status = withUnsafeMutablePointer(to: &place) { place in
      withUnsafeMutablePointer(to: &size) { size in
        xv_call(
          getRobustList, UInt64(thread.rawValue), UInt64(UInt(bitPattern: place)), UInt64(UInt(bitPattern: size)), 0, 0, 0)
      }
    }
    guard status == 0, place != 0, let head = readWords(place, 3) else { return [] }
    // The lowest bit tells mutexes with priority inheritance.
    var words = head[2] & ~1 == 0 ? [] : [(head[2] & ~1) &+ head[1]]
    var entry = head[0] & ~1
    while entry != place, words.count < mostEntries, let next = readWords(entry, 1) {
      words.append(entry &+ head[1])
      entry = next[0] & ~1
    }
    return words
  }
}
