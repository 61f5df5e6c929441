// SPDX-License-Identifier: GPL-3.0-only
import Glibc

/// A growable array of trivial values without reference counts or exclusivity checks.
///
/// The translator's tables are touched several times for every instruction it emits; `Array` inside
/// a class pays a uniqueness test and `swift_beginAccess` each time.
struct Pool<Element: BitwiseCopyable>: ~Copyable {
  let base: UnsafeMutablePointer<Element>
  private(set) var count = 0
  let capacity: Int
  /// Elements whose memory needs no more care.
  private var ready = 0
  private static var smallPages: Int { 2 << 20 }
  private static var step: Int { 16 << 10 }

  /// Reserves address space for `limit` elements. Memory is taken as it is touched, so nothing is
  /// ever moved and an element's place never changes.
  init(limit: Int) {
    capacity = limit
    let bytes = limit * MemoryLayout<Element>.stride
    let memory = mmap(
      nil, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)
    guard let memory, Int(bitPattern: memory) != -1 else {
      fatalError("xv: cannot reserve \(bytes) bytes of address space (ulimit -v?)")
    }
    // Small programs would pay for clearing whole huge pages.
    let first = Pool.smallPages
    if bytes > first { madvise(memory + first, bytes - first, MADV_HUGEPAGE) }
    base = memory.bindMemory(to: Element.self, capacity: limit)
  }

  deinit { munmap(base, capacity * MemoryLayout<Element>.stride) }

  /// There will be about as many elements: memory for these may be taken in huge pages from the start.
  mutating func expect(_ elements: Int) {
    guard count == 0, elements * MemoryLayout<Element>.stride > Pool.smallPages / 2 else { return }
    madvise(base, Pool.smallPages, MADV_HUGEPAGE)
    ready = capacity
  }

  @inline(__always)
  mutating func append(_ element: Element) {
    if count >= ready { prepare() }
    base[count] = element
    count &+= 1
  }

  /// Takes the next pages at once: a page fault for each would cost several times as much.
  @inline(never)
  private mutating func prepare() {
    precondition(count < capacity)
    let stride = MemoryLayout<Element>.stride
    let start = (ready * stride) & ~0xfff
    let end = min(start + max(Pool.step, start), capacity * stride)
    if end <= Pool.smallPages {
      // MADV_POPULATE_WRITE (madvise(2), Linux 5.14); without it the pages fault one by one.
      _ = madvise(UnsafeMutableRawPointer(base) + start, end - start, 23)
      ready = end / stride
    } else {
      ready = capacity
    }
  }

  @inline(__always)
  subscript(index: Int) -> Element {
    get {
      precondition(index >= 0 && index < count)
      return base[index]
    }
    nonmutating _modify {
      precondition(index >= 0 && index < count)
      yield &base[index]
    }
  }

  mutating func removeAll() { count = 0 }

  /// Whether one unit's elements certainly fit.
  var hasRoom: Bool { capacity - count > 1 << 16 }

  /// Close to its limit.
  var isCrowded: Bool { count > capacity - capacity / 16 }
}
