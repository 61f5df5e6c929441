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
    madvise(memory, bytes, MADV_HUGEPAGE)
    base = memory.bindMemory(to: Element.self, capacity: limit)
  }

  deinit { munmap(base, capacity * MemoryLayout<Element>.stride) }

  @inline(__always)
  mutating func append(_ element: Element) {
    precondition(count < capacity)
    base[count] = element
    count &+= 1
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

  /// Close to its limit.
  var isCrowded: Bool { count > capacity - capacity / 16 }
}
