// SPDX-License-Identifier: GPL-3.0-only
internal import CLinux
import Glibc

/// A process gets other memory. The sequence of events: docs/sequences/fork-exec.md.
extension Tracer {
  func execed(_ thread: ThreadID) {
    guard thread.rawValue == process else { return leftByExec(thread) }
    leaveToSharers()
    do throws(GuestError) {
      try begin()
    } catch {
      return cannotBegin(error)
    }
    if isDebugged {
      stopWorld(thread, .execed(path: executablePath()))
    } else {
      enter(thread)
    }
  }

  /// A process that shared this one's memory got a program of its own.
  private func leftByExec(_ thread: ThreadID) {
    // The thread that called exec has the first one's number now, and nobody tells of the end of its own.
    let ended = threads.filter { $0.value.processID == thread.rawValue }.keys
    let limit = engine.map { engine in
      engine.lock.locked {
        let limit = engine.addressLimits[thread.rawValue]
        ended.forEach(engine.removeThread)
        return limit
      }
    } ?? nil
    for other in ended { threads[other] = nil }
    let isTold = debuggedSharers.remove(thread.rawValue) != nil
    guard isTold || options.children == .translated else {
      limit?.impose(on: thread.rawValue, own: 0)
      return control.detach(thread, signal: 0)
    }
    let tracer = Tracer(childOf: self, process: thread.rawValue)
    tracer.addressLimit = limit
    if isTold { tracer.takeOver(from: self) }
    tracees.add(tracer)
    tracer.execed(thread)
  }

  /// The new image cannot be translated: it is let go. A debugger would wait for it in vain.
  private func cannotBegin(_ error: GuestError) {
    trace("cannot follow execve: \(error)")
    guard !isDebugged else {
      _ = Glibc.kill(process, SIGKILL)
      return
    }
    goOnNatively()
  }

  /// Lets a process of one thread go that stands in canonical or native state, whatever xv has already
  /// put into it.
  private func goOnNatively() {
    let thread = ThreadID(process)
    restoreAddressLimit(of: process)
    if let engine { tracees.retire(engine) }
    engine = nil
    if let regionAddress, let registers = threads[thread]?.registers.general {
      _ = try? inject(
        thread, registers, at: vdsoCall, 11, [regionAddress, UInt64(RegionLayout.regionSize)])
    }
    regionAddress = nil
    threads = [:]
    control.detach(thread, signal: 0)
    tracees.wentNative(self)
  }

  private func executablePath() -> String {
    withUnsafeTemporaryAllocation(of: CChar.self, capacity: 4097) { buffer in
      let count = readlink("/proc/\(process)/exe", buffer.baseAddress!, 4096)
      return String(decoding: buffer[..<max(0, count)].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
  }

  /// This process ends or gets other memory while another one shares what it had (vfork, CLONE_VM):
  /// that one takes over engine and region.
  func leaveToSharers() {
    let left = threads.filter { $0.value.processID != process }
    guard let engine, let heir = left.values.map(\.processID).min() else { return }
    let tracer = Tracer(childOf: self, process: heir)
    tracer.threads = left
    tracer.births = births
    tracer.engine = engine
    tracer.regionAddress = regionAddress
    engine.lock.locked {
      engine.process = heir
      for thread in engine.contexts.keys where left[thread] == nil { engine.removeThread(thread) }
    }
    addressLimit = engine.lock.locked { engine.addressLimits.removeValue(forKey: process) }
    self.engine = nil
    regionAddress = nil
    threads = threads.filter { $0.value.processID == process }
    tracees.add(tracer)
    trace("process \(heir) goes on in the memory of \(process)")
  }
}
