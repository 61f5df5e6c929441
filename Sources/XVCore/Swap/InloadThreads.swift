// SPDX-License-Identifier: GPL-3.0-only
internal import CLinux
import Glibc

/// Threads, signals and timers of a program that comes back from disk.
extension Inloader {
  func restoreSignals(_ record: SwapRecord) throws(GuestError) {
    for signal in 1...64 where signal != Int(SIGKILL) && signal != Int(SIGSTOP) {
      let action = Array(record.actions[(signal - 1) * 4..<signal * 4])
      try call("rt_sigaction(\(signal))", 13, [UInt64(signal), try put(action), 0, 8])
    }
  }

  /// Makes all threads but the first. Returns the new ids by the old ones.
  func makeThreads(_ record: SwapRecord) throws(GuestError) -> [Int32: ThreadID] {
    // Nothing is delivered before all is in its place.
    tracer.control.setSignalMask(main, UInt64.max)
    var ids = [record.process: main]
    for thread in record.threads where thread.id != record.process {
      let made = try makeThread(wanted: thread.id)
      guard let event = tracer.control.waitForEvent(of: made), case .stopped = event else { throw .gone }
      tracer.threads[made] = tracer.newThread(of: tracer.process)
      tracer.threads[made]?.state = .canonical
      tracer.control.setSignalMask(made, UInt64.max)
      ids[thread.id] = made
    }
    return ids
  }

  private func makeThread(wanted: Int32) throws(GuestError) -> ThreadID {
    // CLONE_VM, FS, FILES, SIGHAND, THREAD, SYSVSEM
    let flags: UInt64 = 0x100 | 0x200 | 0x400 | 0x800 | 0x1_0000 | 0x4_0000
    let id = try put([UInt64(wanted)], at: 0x100)
    // struct clone_args: set_tid and set_tid_size are words 8 and 9.
    let arguments = try put([flags, 0, 0, 0, 0, 0, 0, 0, id, 1, 0])
    let result = try ask(435, [arguments, 88])
    if result > 0 { return ThreadID(Int32(result)) }
    let other = try call("clone", 56, [flags, 0, 0, 0, 0])
    return ThreadID(Int32(other))
  }

  /// What a thread had told the kernel of itself.
  func restore(_ thread: SwapThread, as id: ThreadID) throws(GuestError) {
    let isDisabled = thread.alternateStack[1] & 2 != 0
    if !isDisabled {
      // SS_ONSTACK is no flag to be set.
      let stack = [thread.alternateStack[0], thread.alternateStack[1] & ~1, thread.alternateStack[2]]
      try call("sigaltstack", 131, [try put(stack), 0], by: id)
    }
    if thread.robustList[0] != 0 {
      try call("set_robust_list", 273, thread.robustList, by: id)
    }
    try call("set_tid_address", 218, [thread.tidAddress], by: id)
    if id.rawValue != thread.id { rename(thread, to: id) }
    if thread.sequence.count == 3 {
      try call(
        "rseq", RestartableSequence.call, [thread.sequence[0], thread.sequence[1], 0, thread.sequence[2]],
        by: id)
    }
    if !thread.name.isEmpty { try call("prctl(PR_SET_NAME)", 157, [15, try put(thread.name)], by: id) }
  }

  /// glibc keeps a thread's id where the kernel clears it at the thread's end.
  private func rename(_ thread: SwapThread, to id: ThreadID) {
    var word: Int32 = 0
    guard thread.tidAddress != 0, xv_read_remote(tracer.process, thread.tidAddress, &word, 4) == 4,
      word == thread.id
    else { return }
    word = id.rawValue
    xv_write_remote(tracer.process, thread.tidAddress, &word, 4)
  }

  func restoreTimers(_ record: SwapRecord, _ ids: [Int32: ThreadID]) throws(GuestError) {
    for which in 0..<3 {
      let time = Array(record.intervalTimers[which * 4..<which * 4 + 4])
      if time[2] | time[3] != 0 {
        try call("setitimer", 38, [UInt64(which), try put(time), 0])
      }
    }
    // Their ids are counted up from 0; those between are made and deleted.
    var passed: [UInt64] = []
    for timer in record.timers.map(\.words).sorted(by: { $0[0] < $1[0] }) {
      let target = ids[Int32(truncatingIfNeeded: timer[5])]?.rawValue ?? 0
      // struct sigevent: value, signal and notification, thread.
      let event = [timer[4], timer[3] | timer[2] << 32, UInt64(UInt32(bitPattern: target)), 0, 0, 0, 0, 0]
      while true {
        let place = try put(event)
        try call("timer_create", 222, [timer[1], place, try put([UInt64(0)], at: 0x100)])
        var id: Int32 = 0
        guard xv_read_remote(tracer.process, scratch + 0x100, &id, 4) == 4 else { throw .gone }
        if UInt64(id) == timer[0] { break }
        guard UInt64(id) < timer[0], passed.count < 10_000 else {
          throw failure("its timer \(timer[0]) cannot have its id")
        }
        passed.append(UInt64(id))
      }
      let time = Array(timer[6...])
      try call("timer_settime", 223, [timer[0], 0, try put(time), 0])
    }
    for id in passed { try call("timer_delete", 226, [id]) }
  }

  /// Signals that were sent and not delivered; all are blocked now.
  func restorePending(_ record: SwapRecord, _ ids: [Int32: ThreadID]) throws(GuestError) {
    let process = UInt64(tracer.process)
    for information in record.pending {
      let signal = UInt64(information.unsigned(at: 0, as: UInt32.self))
      try ask(129, [process, signal, try put(information)])  // rt_sigqueueinfo
    }
    for thread in record.threads {
      guard let id = ids[thread.id] else { continue }
      for information in thread.pending {
        let signal = UInt64(information.unsigned(at: 0, as: UInt32.self))
        try ask(297, [process, UInt64(id.rawValue), signal, try put(information)], by: id)
      }
    }
  }
}
