// SPDX-License-Identifier: GPL-3.0-only
internal import CLinux

extension Tracer {
  /// Gets a userfaultfd of the process, for the thread that asks for its code to be trusted, and lets it
  /// go on. The thread is canonical.
  func openTrust(_ thread: ThreadID) {
    guard let engine, let registers = threads[thread]?.registers.general else { return }
    if engine.lock.locked({ engine.translator.pointee.trusted.access == .unopened }) {
      let descriptor = userfaultDescriptor(thread, registers, at: engine.gate.injectedCall)
      if descriptor == nil { trace("no userfaultfd: writable code checks itself each time it runs") }
      let watched = engine.lock.locked { () -> Int32? in
        engine.translator.pointee.trusted.open(descriptor)
        guard case .open(let watched) = engine.translator.pointee.trusted.access else { return nil }
        return watched
      }
      if let watched {
        engine.writeWatcher = WriteWatcher(engine, descriptor: watched)
        engine.writeWatcher?.start()
      }
    }
    engine.lock.locked { engine.trust(thread, UInt64(registers.rip)) }
    enter(thread)
  }

  /// A descriptor of the server's. The program has none afterwards.
  private func userfaultDescriptor(
    _ thread: ThreadID, _ registers: user_regs_struct, at instruction: UInt64
  ) -> Int32? {
    // A filter may kill the program for a call that is not its own.
    guard ProcessStatus(of: thread.rawValue)?.number("Seccomp") == 0 else { return nil }
    let closesAtExecAndNeverWaits: UInt64 = 0x8_0800
    guard
      let number = try? inject(
        thread, registers, at: instruction, 323, [closesAtExecAndNeverWaits]), number >= 0
    else { return nil }
    let taken = xv_take_descriptor(thread.rawValue, process, Int32(truncatingIfNeeded: number))
    _ = try? inject(thread, registers, at: instruction, 3, [UInt64(number)])
    return taken >= 0 ? taken : nil
  }
}
