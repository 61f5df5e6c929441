// SPDX-License-Identifier: GPL-3.0-only
internal import CLinux
import Glibc

/// Copies of pages of original code, so that decoding costs no system call an instruction.
///
/// A page's copy is followed by the first bytes of the next page: an instruction may straddle. Copies
/// of pages that are writable, shared or no file's serve one request only.
struct CodeReader: ~Copyable {
  private struct Entry: BitwiseCopyable {
    var page: UInt64
    /// Bytes that were readable, from the page's start.
    var valid: Int32
    /// The request for which a volatile copy was made; 0 for a stable one.
    var request: UInt64
  }

  /// 8 MiB of code: with a quarter of it, the start of node reads its pages twice over.
  private static let entries = 2048
  private static let stride = 4096 + 32
  /// Pages that one call reads, where the pages behind the wanted one are code of the same kind.
  private static let pagesAhead = 4
  private static let overlap = 16
  private let index = UnsafeMutablePointer<Entry>.allocate(capacity: entries)
  private let bytes = UnsafeMutablePointer<UInt8>.allocate(capacity: entries * stride)

  /// Which of 64 pages are a file's still, not the process's own copies.
  private struct Group: BitwiseCopyable {
    var number: UInt64
    var filePages: UInt64
  }
  private static let groupEntries = 64
  private let groups = UnsafeMutablePointer<Group>.allocate(capacity: groupEntries)

  init() { forgetAll() }

  deinit {
    index.deallocate()
    bytes.deallocate()
    groups.deallocate()
  }

  func forgetAll() {
    index.initialize(
      repeating: Entry(page: .max, valid: 0, request: 0), count: CodeReader.entries)
    groups.initialize(repeating: Group(number: .max, filePages: 0), count: CodeReader.groupEntries)
  }

  func forget(pages: Range<UInt64>) {
    for slot in 0..<CodeReader.groupEntries where groups[slot].number != .max {
      let first = groups[slot].number << 6
      if pages.overlaps(first..<first + 64) { groups[slot].number = .max }
    }
    // The copy of the page before holds the first page's first bytes.
    let first = pages.lowerBound &- 1
    for distance in 0..<min(UInt64(CodeReader.entries), UInt64(pages.count) &+ 1) {
      let slot = Int((first &+ distance) % UInt64(CodeReader.entries))
      let page = index[slot].page
      if page != .max, pages.contains(page) || pages.contains(page + 1) { index[slot].page = .max }
    }
  }

  /// The code bytes at `address` and how many follow, at most to 16 bytes into the next page; nil when unreadable.
  ///
  /// `area`: what else is as it is there. Pages of a file are read several at once: a system call costs as
  /// much as copying eight of them.
  mutating func code(
    at address: UInt64, in area: Range<UInt64>, process: Int32, isVolatile: Bool, request: UInt64
  ) -> (UnsafePointer<UInt8>, Int)? {
    let page = address >> 12
    let slot = Int(page % UInt64(CodeReader.entries))
    let copy = bytes + slot * CodeReader.stride
    let entry = index[slot]
    let fresh =
      entry.page == page && (isVolatile ? entry.request == request : entry.request == 0)
    if !fresh, isVolatile || !readAhead(page, in: area, process) {
      var count = xv_read_remote(process, page << 12, copy, 4096 + CodeReader.overlap)
      if count < 4096 { count = xv_read_remote(process, page << 12, copy, 4096) }
      if count < 4096 { count = CodeReader.readUnreadable(page, copy, process) }
      guard count >= 4096 else {
        index[slot].page = .max
        return nil
      }
      index[slot] = Entry(page: page, valid: Int32(count), request: isVolatile ? request : 0)
    }
    let offset = Int(address & 0xfff)
    return (UnsafePointer(copy + offset), Int(index[slot].valid) - offset)
  }

  /// Memory that may be executed but not read: process_vm_readv(2) refuses it, /proc/PID/mem does not (mm/gup.c,
  /// FOLL_FORCE).
  private static func readUnreadable(_ page: UInt64, _ copy: UnsafeMutablePointer<UInt8>, _ process: Int32) -> Int {
    let descriptor = xv_open("/proc/\(process)/mem", O_RDONLY | O_CLOEXEC, 0)
    guard descriptor >= 0 else { return -1 }
    defer { close(descriptor) }
    let count = pread(descriptor, copy, 4096 + overlap, off_t(truncatingIfNeeded: page << 12))
    return count >= 4096 ? count : pread(descriptor, copy, 4096, off_t(truncatingIfNeeded: page << 12))
  }

  /// Copies a page of a file and those behind it. False when that brings nothing.
  private func readAhead(_ page: UInt64, in area: Range<UInt64>, _ process: Int32) -> Bool {
    let slot = Int(page % UInt64(CodeReader.entries))
    let end = (area.upperBound &+ 4095) >> 12
    let pages = min(CodeReader.pagesAhead, CodeReader.entries - slot, Int(clamping: end &- page))
    guard pages > 1 else { return false }
    let first = bytes + slot * CodeReader.stride
    let read = xv_read_remote_pages(process, page << 12, first, pages, CodeReader.stride, CodeReader.overlap)
    guard read >= 4096 + CodeReader.overlap else {
      for number in 0..<pages { index[slot + number].page = .max }
      return false
    }
    for number in 0..<pages {
      let copy = first + number * CodeReader.stride
      let left = read - number * 4096
      guard left >= 4096 + CodeReader.overlap else {
        index[slot + number].page = .max
        continue
      }
      if number + 1 < pages { (copy + 4096).update(from: copy + CodeReader.stride, count: CodeReader.overlap) }
      index[slot + number] = Entry(page: page + UInt64(number), valid: Int32(4096 + CodeReader.overlap), request: 0)
    }
    return true
  }

  /// Whether what a process has at these addresses, in a private mapping of a file that nobody may write to, is
  /// the file's: nobody has ever written there.
  func holdsFile(_ range: Range<UInt64>, process: Int32) -> Bool {
    for page in (range.lowerBound >> 12)...((range.upperBound &- 1) >> 12) {
      let slot = Int((page >> 6) % UInt64(CodeReader.groupEntries))
      if groups[slot].number != page >> 6 {
        let first = page & ~63
        var filePages = UInt64.max
        for own in PageMap(process: process).ownPages(of: first << 12..<(first + 64) << 12) {
          for page in (own.lowerBound >> 12)..<(own.upperBound >> 12) { filePages &= ~(1 << (page & 63)) }
        }
        groups[slot] = Group(number: page >> 6, filePages: filePages)
      }
      if groups[slot].filePages >> (page & 63) & 1 == 0 { return false }
    }
    return true
  }
}
