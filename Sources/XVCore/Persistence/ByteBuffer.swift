// SPDX-License-Identifier: GPL-3.0-only
import Glibc

/// Bytes that grow at their end.
struct ByteBuffer: ~Copyable {
  private(set) var base: UnsafeMutableRawPointer
  private(set) var count = 0
  private var capacity: Int

  init(capacity: Int = 1 << 16) {
    self.capacity = capacity
    base = malloc(capacity)!
  }

  deinit { free(base) }

  var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: base, count: count) }

  /// Room for `size` more bytes; they are counted already.
  mutating func extend(by size: Int) -> UnsafeMutableRawPointer {
    if count + size > capacity {
      capacity = max(capacity * 2, count + size)
      base = realloc(base, capacity)!
    }
    defer { count += size }
    return base + count
  }

  mutating func append<Value: BitwiseCopyable>(_ value: Value) {
    extend(by: MemoryLayout<Value>.stride).storeBytes(of: value, as: Value.self)
  }

  mutating func append(_ source: UnsafeRawPointer, count size: Int) {
    extend(by: size).copyMemory(from: source, byteCount: size)
  }

  /// Zeros up to a multiple of `alignment`.
  mutating func pad(to alignment: Int) {
    let missing = -count & (alignment - 1)
    memset(extend(by: missing), 0, missing)
  }
}
