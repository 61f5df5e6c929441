// SPDX-License-Identifier: GPL-3.0-only
internal import CLinux
import Glibc

/// Pages of writable code that are write-protected for as long as nobody writes to them: what was
/// translated from them need not check itself. docs/sequences/trusted-pages.md.
///
/// Protection is userfaultfd's. A thread that writes waits in the kernel until it is let through; no
/// signal, no change of the mapping's own protection, and a system call's writes wait just the same.
struct TrustedPages: ~Copyable {
  enum Access: Equatable {
    /// No page has been hot enough to ask for it.
    case unopened
    /// The process's userfaultfd, which this value owns.
    case open(Int32)
    /// The kernel or the process's rights do not allow it: all writable code checks itself.
    case refused
  }

  struct Page {
    var isProtected = false
    /// How often protection had to be given up; nil where it is not to be had.
    var writes: Int? = 0
  }

  private(set) var access = Access.unopened
  private var pages: [UInt64: Page] = [:]
  /// The last answer of `covers`, by the first page asked for.
  private var lastPage: UInt64 = .max
  private var lastAnswer = false

  deinit { if case .open(let descriptor) = access { Glibc.close(descriptor) } }

  private(set) var protections: UInt64 = 0
  private(set) var writes: UInt64 = 0

  /// How many executions of a block, on one thread, show that its page is worth protecting. A write to a
  /// protected page costs about as much as 10,000 self-checks; each raises the demand.
  func demand(at address: UInt64) -> Int32? {
    guard access != .refused else { return nil }
    guard let writes = (pages[address >> 12] ?? Page()).writes else { return nil }
    return Int32(2048) << Int32(min(writes, 14))
  }

  /// Whether an instruction at `address`, of whatever length, is sure not to change unnoticed.
  mutating func covers(_ address: UInt64) -> Bool {
    let first = address >> 12
    let last = (address &+ 14) >> 12
    if first == last, first == lastPage { return lastAnswer }
    let answer = pages[first]?.isProtected == true && (first == last || pages[last]?.isProtected == true)
    if first == last {
      lastPage = first
      lastAnswer = answer
    }
    return answer
  }

  func protectedPages(of range: Range<UInt64>) -> [UInt64] {
    guard !pages.isEmpty else { return [] }
    let numbers = TrustedPages.pages(of: range)
    guard numbers.count > pages.count else { return numbers.filter { pages[$0]?.isProtected == true } }
    return pages.filter { $0.value.isProtected && numbers.contains($0.key) }.map(\.key)
  }

  static func pages(of range: Range<UInt64>) -> Range<UInt64> {
    (range.lowerBound >> 12)..<max(range.lowerBound >> 12, (range.upperBound &+ 0xfff) >> 12)
  }

  // MARK: Changes

  /// `number`: a userfaultfd of the process, or nil when none could be had.
  mutating func open(_ number: Int32?) {
    guard let number else {
      access = .refused
      return
    }
    let status = xv_userfault_begin(number)
    access = status == 0 ? .open(number) : .refused
    if status != 0 { Glibc.close(number) }
  }

  /// Every page is writable again.
  mutating func close() {
    if case .open(let descriptor) = access { Glibc.close(descriptor) }
    access = .refused
    pages = [:]
    lastPage = .max
  }

  /// Protects the pages of a range, which are there; false when that cannot be. `mapping`: the whole mapping of a page,
  /// nil where others than who writes to it can change what it shows.
  mutating func protect(_ range: Range<UInt64>, in mapping: (UInt64) -> Range<UInt64>?) -> Bool {
    guard case .open(let descriptor) = access else { return false }
    lastPage = .max
    let numbers = TrustedPages.pages(of: range)
    for number in numbers where pages[number]?.isProtected != true {
      var status = xv_userfault_protect(descriptor, number << 12, 4096, 1)
      if status == -ENOENT, let area = mapping(number << 12) {
        status = xv_userfault_register(
          descriptor, area.lowerBound, area.upperBound - area.lowerBound)
        if status == 0 { status = xv_userfault_protect(descriptor, number << 12, 4096, 1) }
      }
      guard status == 0 else {
        pages[number, default: Page()].writes = nil
        return false
      }
      pages[number, default: Page()].isProtected = true
      protections &+= 1
    }
    return true
  }

  /// Lets writes to a page through, and the threads that wait for it.
  mutating func release(page number: UInt64) {
    lastPage = .max
    if pages[number]?.isProtected == true {
      pages[number]?.isProtected = false
      writes &+= 1
      if let count = pages[number]?.writes { pages[number]?.writes = count + 1 }
    }
    guard case .open(let descriptor) = access else { return }
    if xv_userfault_protect(descriptor, number << 12, 4096, 0) != 0 {
      // The mapping is gone; who waits finds that out.
      _ = xv_userfault_wake(descriptor, number << 12, 4096)
    }
  }

  /// Its code is no longer trusted, though writes are still held up.
  mutating func distrust(page number: UInt64) {
    guard pages[number]?.isProtected == true else { return }
    lastPage = .max
    pages[number]?.isProtected = false
    writes &+= 1
    if let count = pages[number]?.writes { pages[number]?.writes = count + 1 }
  }

  /// A mapping becomes such as the program made it: one that was registered does not merge with its neighbours. Nobody
  /// trusts code of it any more. Whether it was registered.
  mutating func unregister(_ mapping: Range<UInt64>) -> Bool {
    guard case .open(let descriptor) = access else { return false }
    forget(mapping)
    // Of a mapping that is not registered it says ENOENT (mm/userfaultfd.c, mwriteprotect_range).
    guard xv_userfault_protect(descriptor, mapping.lowerBound, 4096, 0) == 0 else { return false }
    return xv_userfault_unregister(descriptor, mapping.lowerBound, mapping.upperBound - mapping.lowerBound) == 0
  }

  /// A mapping call has changed the range, and what was protected may be no more.
  mutating func forget(_ range: Range<UInt64>) {
    guard !pages.isEmpty else { return }
    lastPage = .max
    let numbers = TrustedPages.pages(of: range)
    if case .open(let descriptor) = access {
      for (number, page) in pages where page.isProtected && numbers.contains(number) {
        _ = xv_userfault_protect(descriptor, number << 12, 4096, 0)
      }
    }
    pages = pages.filter { !numbers.contains($0.key) }
  }
}
