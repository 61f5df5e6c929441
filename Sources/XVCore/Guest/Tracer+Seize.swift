// SPDX-License-Identifier: GPL-3.0-only
internal import CLinux
import Glibc

/// Taking hold of a process that runs. The sequence of events: docs/sequences/attach.md.
extension Tracer {
  /// Seizes and stops every thread of the process, wherever it is. The threads keep their native
  /// state; `threads` holds it.
  func seizeAll() throws(GuestError) {
    while true {
      // All are on their way to their stops before the first is waited for. Each has to be waited for,
      // whatever happens: nothing can be done to one that runs.
      var seized: [ThreadID] = []
      var refusal: GuestError?
      for thread in tasks() where threads[thread] == nil && refusal == nil {
        do throws(GuestError) {
          if try seize(thread) { seized.append(thread) }
        } catch {
          refusal = error
        }
      }
      for thread in seized where threads[thread] != nil { stopNative(thread) }
      if let refusal { throw refusal }
      var isComplete = seized.isEmpty
      // An exec of one thread ends the stops of all others.
      for thread in threads.keys where (try? control.registers(thread)) == nil {
        isComplete = false
        stopNative(thread)
      }
      guard !isFinished else {
        throw .cannotAttach(process: process, why: "it has ended meanwhile")
      }
      if isComplete { return }
    }
  }

  private func tasks() -> [ThreadID] { Tracer.tasks(of: process) }

  /// The threads that the kernel has of a process, in the order of their making (fs/proc/base.c, next_tid), also
  /// those that have ended and wait for somebody.
  static func tasks(of process: Int32) -> [ThreadID] { numbers(in: "/proc/\(process)/task").map { ThreadID($0) } }

  /// The names in a folder that are numbers, in its order.
  static func numbers(in folder: String) -> [Int32] {
    guard let directory = opendir(folder) else { return [] }
    defer { closedir(directory) }
    var found: [Int32] = []
    while let entry = readdir(directory) {
      // The record is as long as its name: a copy of the whole tuple would reach beyond it.
      let name = UnsafeRawPointer(entry) + MemoryLayout<dirent>.offset(of: \.d_name)!
      let text = String(cString: name.assumingMemoryBound(to: CChar.self))
      if let number = Int32(text) { found.append(number) }
    }
    return found
  }

  /// False for a thread that has ended or is about to.
  private func seize(_ thread: ThreadID) throws(GuestError) -> Bool {
    do throws(GuestError) {
      try control.seize(thread.rawValue)
    } catch {
      guard case .system(_, let errno) = error else { throw error }
      let state = ProcessStatus(of: thread.rawValue)?.state ?? "X"
      if errno == ESRCH || "ZX".contains(state) {
        if thread.rawValue != process { return false }
        throw .cannotAttach(process: process, why: "it has ended meanwhile")
      }
      throw AttachTarget.refusal(process, errno)
    }
    threads[thread] = newThread(of: process)
    control.interrupt(thread)
    return true
  }

  /// Waits until a seized thread stands still on its way to its own code. Nothing of xv's is in the
  /// process yet, so what else happens may go its native way.
  private func stopNative(_ thread: ThreadID) {
    while let event = nextEvent(of: thread) {
      switch event {
      case .stopped: return keepNative(thread)
      case .groupStop:
        keepNative(thread)
        threads[thread]?.hasLeftGroupStop = true
        return
      case .exited, .killed:
        threads[thread] = nil
        if thread.rawValue == process { isFinished = true }
        return
      case .forked(let child, _): takeNativeChild(child)
      case .exiting where thread.rawValue == process:
        // Its end is told when all others have ended, and these are being stopped.
        control.resume(thread, signal: 0)
        threads[thread] = nil
        return
      case .execed:
        threads = [thread: newThread(of: process)]
      default: break
      }
      // The kernel forgets an interrupt at any other stop.
      control.interrupt(thread)
      if case .signal(let signal) = event {
        control.resume(thread, signal: signal)
      } else {
        control.resume(thread, signal: 0)
      }
    }
    threads[thread] = nil
  }

  private func keepNative(_ thread: ThreadID) {
    guard var registers = try? control.registers(thread) else { return }
    SpuriousInterruption.undo(&registers, of: thread)
    threads[thread]?.registers = Registers(general: registers)
    threads[thread]?.state = .canonical
  }

  /// What a thread makes while it is being seized is seized with it: another thread stays, a process
  /// goes its own way.
  private func takeNativeChild(_ child: ThreadID) {
    guard let event = control.waitForEvent(of: child) else { return }
    switch event {
    case .exited, .killed: return
    case .exiting: return control.resume(child, signal: 0)
    default: break
    }
    if access("/proc/\(process)/task/\(child.rawValue)", F_OK) == 0 {
      threads[child] = newThread(of: process)
      keepNative(child)
    } else {
      control.detach(child, signal: 0)
    }
  }
}

/// System calls that the kernel does not restart after a stop (signal(7)) although no signal came:
/// natively the program would not have noticed the stop, because there would have been none.
enum SpuriousInterruption {
  /// read, write, readv, writev, connect, accept, sendto, recvfrom, sendmsg, recvmsg (with a timeout on the socket), semop,
  /// rt_sigtimedwait, io_getevents, semtimedop, epoll_wait, epoll_pwait, accept4, recvmmsg, sendmmsg, io_pgetevents,
  /// io_uring_enter, epoll_pwait2. Those that transfer say EINTR when they have not transferred anything.
  private static let calls: Set<UInt64> = [
    0, 1, 19, 20, 42, 43, 44, 45, 46, 47, 65, 128, 208, 220, 232, 281, 288, 299, 307, 333, 426, 441,
  ]

  /// Turns an EINTR that a tracer's stop has caused into ERESTARTNOHAND: the call is made again unless
  /// a handler runs first.
  static func undo(_ registers: inout user_regs_struct, of thread: ThreadID) {
    guard let status = ProcessStatus(of: thread.rawValue) else { return }
    let pending = status.signals("SigPnd") | status.signals("ShdPnd")
    if pending & ~status.signals("SigBlk") == 0 { _ = undo(&registers) }
  }

  /// The same where it is known that nothing else has. Whether it was so.
  static func undo(_ registers: inout user_regs_struct) -> Bool {
    guard UInt64(registers.rax) == 0 &- UInt64(EINTR), calls.contains(UInt64(registers.orig_rax)) else { return false }
    registers.rax = 0 &- 514
    return true
  }
}
