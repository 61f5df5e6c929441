// SPDX-License-Identifier: GPL-3.0-only
internal import CLinux
import Glibc

/// Bringing a program back from disk. The sequence of events: docs/sequences/swap.md.
extension Tracer {
  func inload(_ image: SwapImage) throws(GuestError) {
    let record = image.record
    do throws(SwapDamage) {
      try SwapFiles.check(record)
      try InloadFiles.check(record)
    } catch {
      throw .cannotInload(path: image.path, why: error.why)
    }
    do throws(GuestError) {
      try spawn(wanted: record.process)
    } catch {
      throw .cannotInload(path: image.path, why: "\(error)")
    }
    do throws(GuestError) {
      try rebuild(image, record)
      breakpoints = image.breakpoints
      try moveIn()
      // That it stands there has been told: it goes past a breakpoint of that place.
      if let state = threads[image.current] {
        threads[image.current]?.toldBreakpoint = UInt64(state.registers.general.rip)
      }
    } catch {
      engine?.stopDispatcher()
      killAndReap(process)
      switch error {
      case .cannotInload: throw error
      case .cannotAttach(_, let why): throw .cannotInload(path: image.path, why: why)
      default: throw .cannotInload(path: image.path, why: "\(error)")
      }
    }
    trace("process \(process) inloaded from \(image.path), \(threads.count) threads")
  }

  /// All threads stand in canonical state, without anything of xv's, where they were.
  private func rebuild(_ image: SwapImage, _ record: SwapRecord) throws(GuestError) {
    let main = ThreadID(process)
    threads = [main: newThread(of: process)]
    let registers = try synchronize(main)
    threads[main]?.registers.general = registers
    threads[main]?.state = .canonical
    var maker = Inloader(tracer: self, image: image, main: main, registers: registers)
    try maker.clear(record)
    try maker.map(record)
    try maker.fill(record)
    try maker.arrange(record)
    try InloadFiles(maker: maker).open(record)
    try maker.restoreSignals(record)
    let ids = try maker.makeThreads(record)
    for thread in record.threads {
      guard let id = ids[thread.id] else { continue }
      try maker.restore(thread, as: id)
    }
    try maker.restoreTimers(record, ids)
    try maker.restorePending(record, ids)
    try maker.close(record)
    for thread in record.threads {
      guard let id = ids[thread.id], let state = image.registers(of: ThreadID(thread.id)) else { continue }
      control.setSignalMask(id, thread.mask)
      if !state.extended.isEmpty { try control.setExtendedState(id, state.extended) }
      try control.setRegisters(id, state.general)
      threads[id]?.registers = Registers(general: state.general)
    }
    // The first of them was the debugger's.
    for (resource, pair) in stride(from: 0, to: record.limits.count - 1, by: 2).enumerated() {
      _ = xv_prlimit(process, Int32(resource), Array(record.limits[pair..<pair + 2]), nil)
    }
  }
}
