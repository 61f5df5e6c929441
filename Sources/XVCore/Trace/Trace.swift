// SPDX-License-Identifier: GPL-3.0-only
internal import CLinux

/// Lines about what the translator does, for `xv -v`. Silent without a descriptor.
struct Trace: Sendable {
  let descriptor: Int32?
  /// The process that the lines are about.
  let process: Int32

  @inline(__always)
  func callAsFunction(_ line: @autoclosure () -> String) {
    guard let descriptor else { return }
    emit(descriptor, line())
  }

  @inline(never)
  private func emit(_ descriptor: Int32, _ line: String) {
    let bytes = Array("xv: \(process): \(line)\n".utf8)
    _ = bytes.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
  }
}
