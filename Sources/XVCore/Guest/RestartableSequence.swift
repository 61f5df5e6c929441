// SPDX-License-Identifier: GPL-3.0-only
internal import CLinux
import Glibc

/// One thread's registration of a restartable sequence area (rseq(2), include/uapi/linux/rseq.h).
///
/// The kernel looks whether a preempted thread's rip is in the program's critical section. It would
/// find the cache's instead and never abort one; so the area is unregistered while the thread is
/// under xv, and libraries fall back.
struct RestartableSequence: Hashable {
  static let call: UInt64 = 334
  private static let unregister: UInt64 = 1

  var area: UInt64
  var size: UInt64
  var signature: UInt64

  init(area: UInt64, size: UInt64, signature: UInt64) {
    self.area = area
    self.size = size
    self.signature = signature
  }

  var registration: [UInt64] { [area, size, 0, signature] }
  var unregistration: [UInt64] { [area, size, RestartableSequence.unregister, signature] }

  /// What a program finds in an area that the kernel does not serve: cpu_id_start 0, cpu_id -1.
  static let unserved: [UInt8] = [0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff]

  /// Does what the kernel does to a preempted thread on its way back to its code: in a critical section
  /// the thread goes on at the abort address, and rseq_cs is cleared.
  func abort(_ registers: inout user_regs_struct, process: Int32) {
    var section: UInt64 = 0
    guard xv_read_remote(process, area &+ 8, &section, 8) == 8, section != 0 else { return }
    // struct rseq_cs: version and flags, start, length up to the commit, abort address.
    var fields = [UInt64](repeating: 0, count: 4)
    guard xv_read_remote(process, section, &fields, 32) == 32 else { return }
    let offset = UInt64(registers.rip) &- fields[1]
    if offset < fields[2] { registers.rip = numericCast(fields[3]) }
    var none: UInt64 = 0
    xv_write_remote(process, area &+ 8, &none, 8)
  }
}

extension PtraceControl {
  /// PTRACE_GET_RSEQ_CONFIGURATION: pointer, size and signature, flags and padding.
  func restartableSequence(_ thread: ThreadID) -> RestartableSequence? {
    var words = [UInt64](repeating: 0, count: 3)
    let size = words.count * 8
    let result = words.withUnsafeMutableBytes {
      xv_ptrace(0x420f, thread.rawValue, UInt(size), UInt(bitPattern: $0.baseAddress))
    }
    guard result >= 0, words[0] != 0 else { return nil }
    return RestartableSequence(
      area: words[0], size: words[1] & 0xffff_ffff, signature: words[1] >> 32)
  }
}
