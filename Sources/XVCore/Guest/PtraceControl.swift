// SPDX-License-Identifier: GPL-3.0-only
internal import CLinux
import Glibc

/// What happened to a thread, as the kernel's wait status tells it.
enum ControlEvent {
  case exited(Int32)
  case killed(Int32)
  /// About to deliver a signal.
  case signal(Int32)
  case groupStop(Int32)
  /// A requested stop, or the first stop of a new thread.
  case stopped
  case systemCallStop
  case forked(child: ThreadID, sharesMemory: Bool)
  case vforkDone
  case execed
  /// On its way out: it executes no more of the program's code. A leader's end is told much later,
  /// when all its threads have ended.
  case exiting
}

/// The seam between xv and the way it holds a guest. What the tracer needs, and nothing of ptrace's
/// spelling, so that another way (a gate that handles signals in the guest) can take its place.
protocol GuestControl: Sendable {
  func nextEvent() -> (thread: ThreadID, event: ControlEvent)?
  func waitForEvent(of thread: ThreadID) -> ControlEvent?
  func registers(_ thread: ThreadID) throws(GuestError) -> user_regs_struct
  func setRegisters(_ thread: ThreadID, _ registers: user_regs_struct) throws(GuestError)
  func extendedState(_ thread: ThreadID) throws(GuestError) -> [UInt8]
  func setExtendedState(_ thread: ThreadID, _ state: [UInt8]) throws(GuestError)
  func resume(_ thread: ThreadID, signal: Int32)
  /// Delivers a signal and stops at its handler's first instruction, before it runs.
  func enterHandler(_ thread: ThreadID, signal: Int32)
  func resumeToSystemCall(_ thread: ThreadID)
  func isAtSystemCallEntry(_ thread: ThreadID) -> Bool
  /// Whether filters of system calls judge what a stopped thread does next; false when that cannot be had.
  @discardableResult func suspendFilters(_ thread: ThreadID, _ areSuspended: Bool) -> Bool
  /// Leaves a thread in its group stop; false when it is in none.
  @discardableResult func listen(_ thread: ThreadID) -> Bool
  func interrupt(_ thread: ThreadID)
  func signalInformation(_ thread: ThreadID) -> [UInt8]?
  func setSignalInformation(_ thread: ThreadID, _ information: [UInt8])
  /// siginfo_t of each signal that waits for a thread, or for its process; of the first `most`.
  func pendingSignals(_ thread: ThreadID, ofProcess: Bool, most: Int) -> [[UInt8]]
  func signalMask(_ thread: ThreadID) -> UInt64?
  func setSignalMask(_ thread: ThreadID, _ mask: UInt64)
  /// False when the kernel refuses an address.
  func setDebugRegisters(_ thread: ThreadID, _ registers: DebugRegisters) -> Bool
  /// DR6: which debug registers the last access met.
  func debugStatus(_ thread: ThreadID) -> UInt8
  func takeDebugStatus(_ thread: ThreadID) -> UInt8
  /// What the processor remembers as the place of the last x87 instruction; nil when it cannot be read.
  func floatingPointPointer(_ thread: ThreadID) -> UInt64?
  func setFloatingPointPointer(_ thread: ThreadID, _ pointer: UInt64)
  func detach(_ thread: ThreadID, signal: Int32)
}

/// Control by ptrace. Every call must come from the one thread that seized the guest.
struct PtraceControl: GuestControl {
  private static let options = 0x0010_0000 /* EXITKILL */ | 1 /* SYSGOOD */ | 2 | 4 | 8 /* FORK, VFORK, CLONE */
    | 16 /* EXEC */ | 32 /* VFORKDONE */ | 64 /* EXIT */

  func seize(_ process: Int32) throws(GuestError) {
    let result = xv_ptrace(Int32(0x4206), process, 0, UInt(PtraceControl.options))
    if result < 0 { throw .system(call: "ptrace(SEIZE)", errno: Int32(-result)) }
  }

  func nextEvent() -> (thread: ThreadID, event: ControlEvent)? {
    var status: Int32 = 0
    let thread = xv_waitpid(-1, &status, Int32(WNOHANG) | 0x6000_0000 /* __WALL, __WNOTHREAD */)
    guard thread > 0 else { return nil }
    return (ThreadID(Int32(thread)), decode(ThreadID(Int32(thread)), status))
  }

  func waitForEvent(of thread: ThreadID) -> ControlEvent? {
    var status: Int32 = 0
    while true {
      let result = xv_waitpid(thread.rawValue, &status, 0x4000_0000)
      if result == -Int(EINTR) { continue }
      return result > 0 ? decode(thread, status) : nil
    }
  }

  /// What the thread has already told; nil while it runs.
  func pollEvent(of thread: ThreadID) throws(GuestError) -> ControlEvent? {
    var status: Int32 = 0
    let result = xv_waitpid(thread.rawValue, &status, Int32(WNOHANG) | 0x4000_0000)
    guard result >= 0 else { throw .gone }
    return result > 0 ? decode(thread, status) : nil
  }

  private func decode(_ thread: ThreadID, _ status: Int32) -> ControlEvent {
    if xv_wifexited(status) != 0 { return .exited((status >> 8) & 0xff) }
    if xv_wifsignaled(status) != 0 { return .killed(status & 0x7f) }
    let signal = (status >> 8) & 0xff
    switch status >> 16 {
    case 1, 2, 3:
      let isFork = status >> 16 == 1
      return .forked(child: ThreadID(Int32(truncatingIfNeeded: message(thread))), sharesMemory: !isFork)
    case 4: return .execed
    case 5: return .vforkDone
    case 6: return .exiting
    case 128:
      return signal == SIGTRAP ? .stopped : .groupStop(signal)
    default: return signal == SIGTRAP | 0x80 ? .systemCallStop : .signal(signal)
    }
  }

  private func message(_ thread: ThreadID) -> UInt {
    var value: UInt = 0
    _ = withUnsafeMutablePointer(to: &value) {
      xv_ptrace(0x4201, thread.rawValue, 0, UInt(bitPattern: $0))
    }
    return value
  }

  func registers(_ thread: ThreadID) throws(GuestError) -> user_regs_struct {
    var registers = user_regs_struct()
    let result = withUnsafeMutablePointer(to: &registers) {
      xv_ptrace(12, thread.rawValue, 0, UInt(bitPattern: $0))
    }
    if result < 0 { throw result == -Int(ESRCH) ? .gone : .system(call: "ptrace(GETREGS)", errno: Int32(-result)) }
    return registers
  }

  func setRegisters(_ thread: ThreadID, _ registers: user_regs_struct) throws(GuestError) {
    var copy = registers
    let result = withUnsafeMutablePointer(to: &copy) {
      xv_ptrace(13, thread.rawValue, 0, UInt(bitPattern: $0))
    }
    if result < 0 { throw result == -Int(ESRCH) ? .gone : .system(call: "ptrace(SETREGS)", errno: Int32(-result)) }
  }

  private static let xstate: UInt = 0x202
  /// Asked for once: cpuid leaves a virtual machine.
  private static let stateSize = max(576, Int(xv_xsave_area_size()))

  func extendedState(_ thread: ThreadID) throws(GuestError) -> [UInt8] {
    var state = [UInt8](repeating: 0, count: PtraceControl.stateSize)
    let (result, size) = state.withUnsafeMutableBytes { bytes in
      var vector = iovec(iov_base: bytes.baseAddress, iov_len: bytes.count)
      let result = withUnsafeMutablePointer(to: &vector) {
        xv_ptrace(0x4204, thread.rawValue, PtraceControl.xstate, UInt(bitPattern: $0))
      }
      return (result, vector.iov_len)
    }
    if result < 0 { throw result == -Int(ESRCH) ? .gone : .system(call: "ptrace(GETREGSET)", errno: Int32(-result)) }
    return Array(state[..<size])
  }

  func setExtendedState(_ thread: ThreadID, _ state: [UInt8]) throws(GuestError) {
    var copy = state
    let result = copy.withUnsafeMutableBytes { bytes in
      var vector = iovec(iov_base: bytes.baseAddress, iov_len: bytes.count)
      return withUnsafeMutablePointer(to: &vector) {
        xv_ptrace(0x4205, thread.rawValue, PtraceControl.xstate, UInt(bitPattern: $0))
      }
    }
    if result < 0 { throw result == -Int(ESRCH) ? .gone : .system(call: "ptrace(SETREGSET)", errno: Int32(-result)) }
  }

  func resume(_ thread: ThreadID, signal: Int32) {
    _ = xv_ptrace(7, thread.rawValue, 0, UInt(signal))
  }
  func enterHandler(_ thread: ThreadID, signal: Int32) {
    _ = xv_ptrace(9, thread.rawValue, 0, UInt(signal))
  }
  /// Executes one instruction of the processor, wherever it stands.
  func singleStep(_ thread: ThreadID) { enterHandler(thread, signal: 0) }
  func resumeToSystemCall(_ thread: ThreadID) { _ = xv_ptrace(24, thread.rawValue, 0, 0) }
  /// PTRACE_O_SUSPEND_SECCOMP: the kernel wants CAP_SYS_ADMIN for it, and CONFIG_CHECKPOINT_RESTORE.
  @discardableResult
  func suspendFilters(_ thread: ThreadID, _ areSuspended: Bool) -> Bool {
    xv_ptrace(0x4200, thread.rawValue, 0, UInt(PtraceControl.options | (areSuspended ? 1 << 21 : 0))) == 0
  }
  @discardableResult
  func listen(_ thread: ThreadID) -> Bool { xv_ptrace(0x4208, thread.rawValue, 0, 0) == 0 }
  func interrupt(_ thread: ThreadID) { _ = xv_ptrace(0x4207, thread.rawValue, 0, 0) }
  func detach(_ thread: ThreadID, signal: Int32) {
    _ = xv_ptrace(17, thread.rawValue, 0, UInt(signal))
  }

  /// PTRACE_GET_SYSCALL_INFO: the first byte says entry (1) or exit (2).
  func isAtSystemCallEntry(_ thread: ThreadID) -> Bool {
    var information = [UInt8](repeating: 0, count: 88)
    _ = information.withUnsafeMutableBytes {
      xv_ptrace(0x420e, thread.rawValue, UInt($0.count), UInt(bitPattern: $0.baseAddress))
    }
    return information[0] == 1
  }

  func signalInformation(_ thread: ThreadID) -> [UInt8]? {
    var information = [UInt8](repeating: 0, count: 128)
    let result = information.withUnsafeMutableBytes {
      xv_ptrace(0x4202, thread.rawValue, 0, UInt(bitPattern: $0.baseAddress))
    }
    return result < 0 ? nil : information
  }

  func signalMask(_ thread: ThreadID) -> UInt64? {
    var mask: UInt64 = 0
    let result = withUnsafeMutablePointer(to: &mask) {
      xv_ptrace(0x420a, thread.rawValue, 8, UInt(bitPattern: $0))
    }
    return result < 0 ? nil : mask
  }

  /// PTRACE_PEEKSIGINFO.
  func pendingSignals(_ thread: ThreadID, ofProcess: Bool, most: Int) -> [[UInt8]] {
    var found: [[UInt8]] = []
    while found.count < most {
      // struct ptrace_peeksiginfo_args: offset, flags (PTRACE_PEEKSIGINFO_SHARED), count.
      var arguments: [UInt64] = [UInt64(found.count), (ofProcess ? 1 : 0) | 1 << 32]
      var information = [UInt8](repeating: 0, count: 128)
      let result = arguments.withUnsafeMutableBytes { arguments in
        information.withUnsafeMutableBytes {
          xv_ptrace(
            0x4209, thread.rawValue, UInt(bitPattern: arguments.baseAddress),
            UInt(bitPattern: $0.baseAddress))
        }
      }
      if result <= 0 { break }
      found.append(information)
    }
    return found
  }

  func setSignalMask(_ thread: ThreadID, _ mask: UInt64) {
    var copy = mask
    _ = withUnsafeMutablePointer(to: &copy) {
      xv_ptrace(0x420b, thread.rawValue, 8, UInt(bitPattern: $0))
    }
  }

  func setSignalInformation(_ thread: ThreadID, _ information: [UInt8]) {
    var copy = information
    _ = copy.withUnsafeMutableBytes {
      xv_ptrace(0x4203, thread.rawValue, 0, UInt(bitPattern: $0.baseAddress))
    }
  }
}
