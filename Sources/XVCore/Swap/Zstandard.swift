// SPDX-License-Identifier: GPL-3.0-only
import Glibc

/// libzstd, which is loaded when a compressed image is written or read: a program's start has no need of it.
struct Zstandard: Sendable {
  private typealias Compress =
    @convention(c) @Sendable (
      UnsafeMutableRawPointer?, Int, UnsafeRawPointer?, Int, Int32
    ) -> Int
  private typealias Expand =
    @convention(c) @Sendable (
      UnsafeMutableRawPointer?, Int, UnsafeRawPointer?, Int
    ) -> Int

  private let compress: Compress
  private let expand: Expand
  /// Three times as fast as the library's own default, for images of a tenth more.
  private static let level: Int32 = 1
  private static let library = "libzstd.so.1"

  private static let shared: Zstandard? = {
    guard let handle = dlopen(library, RTLD_NOW | RTLD_LOCAL),
      let compress = dlsym(handle, "ZSTD_compress"), let expand = dlsym(handle, "ZSTD_decompress")
    else { return nil }
    return Zstandard(
      compress: unsafeBitCast(compress, to: Compress.self), expand: unsafeBitCast(expand, to: Expand.self))
  }()

  private static func loaded() throws(SwapDamage) -> Zstandard {
    guard let shared else { throw SwapDamage("\(library) cannot be loaded, which compresses memory") }
    return shared
  }

  /// One frame.
  static func compressed(_ bytes: [UInt8]) throws(SwapDamage) -> [UInt8] {
    let zstd = try loaded()
    // More than ZSTD_compressBound asks for.
    let room = bytes.count + bytes.count / 128 + 1024
    let frame = [UInt8](unsafeUninitializedCapacity: room) { buffer, count in
      let result = bytes.withUnsafeBytes {
        zstd.compress(buffer.baseAddress, room, $0.baseAddress, $0.count, level)
      }
      // An error is a small negative number.
      count = max(0, result)
    }
    if frame.isEmpty { throw SwapDamage("\(library) cannot compress") }
    return frame
  }

  /// The bytes of a frame, of which it is known how many they are.
  static func expanded(_ frame: [UInt8], count: Int) throws(SwapDamage) -> [UInt8] {
    let zstd = try loaded()
    let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
      let result = frame.withUnsafeBytes {
        zstd.expand(buffer.baseAddress, count, $0.baseAddress, $0.count)
      }
      filled = max(0, result)
    }
    if bytes.count != count { throw SwapDamage("its memory does not expand to what it was") }
    return bytes
  }
}
