// SPDX-License-Identifier: GPL-3.0-only
internal import CLinux

/// The debug registers of a stopped thread, as words of `struct user` (sys/user.h).
extension PtraceControl {
  /// offsetof(struct user, u_debugreg)
  private static let debugRegisters: UInt = 848

  func setDebugRegisters(_ thread: ThreadID, _ registers: DebugRegisters) -> Bool {
    // Off first: the kernel compares each address with the length that its register has now.
    guard poke(thread, 7, 0) else { return false }
    for index in 0..<DebugRegisters.count {
      if let piece = registers[index], !poke(thread, index, piece.address) { return false }
    }
    return registers.isEmpty || poke(thread, 7, registers.control)
  }

  func debugStatus(_ thread: ThreadID) -> UInt8 {
    var status: UInt = 0
    let result = withUnsafeMutablePointer(to: &status) {
      xv_ptrace(3, thread.rawValue, PtraceControl.debugRegisters + 6 * 8, UInt(bitPattern: $0))
    }
    return result < 0 ? 0 : UInt8(truncatingIfNeeded: status) & DebugRegisters.all
  }

  /// The processor only adds to it.
  func takeDebugStatus(_ thread: ThreadID) -> UInt8 {
    defer { _ = poke(thread, 6, 0) }
    return debugStatus(thread)
  }

  private func poke(_ thread: ThreadID, _ index: Int, _ value: UInt64) -> Bool {
    xv_ptrace(6, thread.rawValue, PtraceControl.debugRegisters + UInt(index) * 8, UInt(value)) >= 0
  }
}

extension PtraceControl {
  /// user_fpregs_struct is the FXSAVE area; the pointer stands at byte 8.
  private func floatingPoint(_ thread: ThreadID) -> [UInt64]? {
    var area = [UInt64](repeating: 0, count: 64)
    let result = area.withUnsafeMutableBytes {
      xv_ptrace(14, thread.rawValue, 0, UInt(bitPattern: $0.baseAddress))
    }
    return result < 0 ? nil : area
  }

  func floatingPointPointer(_ thread: ThreadID) -> UInt64? { floatingPoint(thread)?[1] }

  func setFloatingPointPointer(_ thread: ThreadID, _ pointer: UInt64) {
    guard var area = floatingPoint(thread) else { return }
    area[1] = pointer
    _ = area.withUnsafeMutableBytes {
      xv_ptrace(15, thread.rawValue, 0, UInt(bitPattern: $0.baseAddress))
    }
  }
}
