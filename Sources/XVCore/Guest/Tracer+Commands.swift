// SPDX-License-Identifier: GPL-3.0-only
internal import CLinux
import Glibc

/// What `Guest` asks of the tracer. All of it runs on the tracer's thread.
extension Tracer {
  func extendedState(_ thread: ThreadID) throws(GuestError) -> [UInt8] {
    var state = try control.extendedState(thread)
    // The x87 instruction pointer (FXSAVE bytes 8...15) was left by an instruction in the cache.
    guard let engine, state.count >= 512 else { return state }
    let pointer = (0..<8).reduce(UInt64(0)) { $0 | UInt64(state[8 + $1]) << UInt64($1 * 8) }
    if let original = engine.lock.locked({ engine.originalInstruction(at: pointer) }) {
      for index in 0..<8 {
        state[8 + index] = UInt8(truncatingIfNeeded: original >> UInt64(index * 8))
      }
    }
    return state
  }

  func setGeneralRegisters(_ registers: user_regs_struct, of thread: ThreadID) {
    snapshot.forget()
    if threads[thread]?.toldBreakpoint != UInt64(registers.rip) { threads[thread]?.toldBreakpoint = nil }
    if threads[thread]?.registers.general.rip != registers.rip { threads[thread]?.hasMoved = true }
    threads[thread]?.registers.general = registers
    engine?.lock.locked {
      engine?.contexts[thread]?.store64(ContextLayout.guestGSBase, UInt64(registers.gs_base))
    }
  }

  func insertBreakpoint(_ address: UInt64) -> Bool {
    engine != nil && breakpoints.insert(address).inserted
  }

  func removeBreakpoint(_ address: UInt64) -> Bool {
    engine != nil && breakpoints.remove(address) != nil
  }

  /// Puts the probes where the breakpoints are, before a thread runs. Debuggers take all breakpoints away at
  /// a stop, step, and set the same ones again: then nothing in the cache has to change. A step needs no
  /// probes.
  func applyBreakpoints() {
    guard hasNewBreakpoints, let engine else { return }
    hasNewBreakpoints = false
    engine.lock.locked {
      let changed = engine.translator.pointee.breakpoints.symmetricDifference(breakpoints)
      engine.translator.pointee.breakpoints = breakpoints
      for address in changed { engine.forgetCode(Range(at: address, count: 1)) }
    }
  }

  func readMemory(_ address: UInt64, _ count: Int) -> [UInt8] {
    withMemoryFile { descriptor in
      var bytes = [UInt8](repeating: 0, count: count)
      var done = 0
      while done < count {
        let place = address &+ UInt64(done)
        // A page at a time: a read that meets an unmapped page fails as a whole.
        let chunk = min(count - done, Int(0x1000 - (place & 0xfff)))
        let got = bytes.withUnsafeMutableBytes {
          pread(descriptor, $0.baseAddress! + done, chunk, off_t(truncatingIfNeeded: place))
        }
        if got <= 0 { break }
        done += got
      }
      bytes.removeLast(count - done)
      return bytes
    } ?? []
  }

  func writeMemory(_ bytes: [UInt8], _ address: UInt64) -> Int {
    engine?.lock.locked { engine?.prepareWrite(Range(at: address, count: UInt64(bytes.count))) }
    let written = withMemoryFile { descriptor in
      var done = 0
      while done < bytes.count {
        let place = address &+ UInt64(done)
        let chunk = min(bytes.count - done, Int(0x1000 - (place & 0xfff)))
        let put = bytes.withUnsafeBytes {
          pwrite(descriptor, $0.baseAddress! + done, chunk, off_t(truncatingIfNeeded: place))
        }
        if put <= 0 { break }
        done += put
      }
      return done
    }
    guard let written, written > 0, let engine else { return written ?? 0 }
    engine.lock.locked { engine.forgetCode(Range(at: address, count: UInt64(written))) }
    return written
  }

  /// /proc/PID/mem reads and writes past protections, as ptrace does (mm/memory.c, FOLL_FORCE).
  private func withMemoryFile<Value>(_ body: (Int32) -> Value) -> Value? {
    guard !isFinished else { return nil }
    // A leader that has ended before its threads has no memory any more.
    let owner = threads.first { $0.value.processID == process && !$0.value.isExiting }
    let descriptor = xv_open(
      "/proc/\(owner?.key.rawValue ?? process)/mem", O_RDWR | O_CLOEXEC, 0)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    return body(descriptor)
  }

  func interruptAll(for pid: Int32) {
    guard !isStopped, !isFinished else { return }
    stopWorld(ThreadID(pid), .interrupted)
  }

  func killAndWait() {
    guard !isFinished else { return }
    killAndReap(process)
    leaveToSharers()
    threads = [:]
    isFinished = true
    tracees.debuggees.forget(process)
    tracees.ended(self)
  }

  /// Kills a process and takes the ends of all its threads. The first thread's end comes last, and each may
  /// stop once more on its way out. The kernel knows threads of which nobody has been told yet.
  func killAndReap(_ process: Int32) {
    Glibc.kill(process, SIGKILL)
    let others = Tracer.tasks(of: process).filter { $0.rawValue != process }
    for thread in others + [ThreadID(process)] {
      while let event = control.waitForEvent(of: thread) {
        if case .exited = event { break }
        if case .killed = event { break }
        control.resume(thread, signal: 0)
      }
    }
  }

  func block(at address: UInt64) -> BlockListing? {
    guard let engine else { return nil }
    // Before the first resume there is no arena to translate into.
    if case .needsArena = engine.lock.locked({ engine.block(at: address, entry: .linked) }),
      let thread = threads.first(where: { $0.value.state == .canonical })?.key
    {
      guard mapArena(near: address, by: thread) else { return nil }
    }
    return engine.lock.locked { engine.listing(at: address) }
  }
}

extension Engine {
  /// The original instruction whose translation holds a cache address.
  func originalInstruction(at address: UInt64) -> UInt64? {
    guard let arena = translator.pointee.arena(containing: address) else { return nil }
    let offset = UInt32(address &- translator.pointee.arenas[arena].guest)
    if let original = translator.pointee.arenas[arena].floatingPoint[offset] { return original }
    return translator.pointee.arenas[arena].recovery(at: offset)?.original
  }

  func statistics() -> Statistics {
    var sum = Statistics()
    sum.engines = 1
    sum.counters = translator.pointee.counters
    sum.lookups = active.reduce(retiredLookups) { $0 + $1.context.load64(ContextLayout.lookups) }
    sum.arenas = UInt64(translator.pointee.arenaCount)
    for index in 0..<translator.pointee.arenaCount {
      sum.hotBytes += UInt64(translator.pointee.arenas[index].hot)
      sum.coldBytes += UInt64(translator.pointee.arenas[index].cold - Arena.hotEnd)
      sum.literalBytes += UInt64(translator.pointee.arenas[index].literal - Arena.coldEnd)
    }
    sum.trustedPages = translator.pointee.trusted.protections
    sum.trustedWrites = translator.pointee.trusted.writes
    sum.relocations = virtualization.relocations
    sum.bounds = virtualization.bounds()
    sum.regionBytes = virtualization.regionBytes
    return sum
  }

  /// Original and translated code of the block at an address.
  func listing(at address: UInt64) -> BlockListing? {
    guard case .block(let number) = block(at: address, entry: .linked) else { return nil }
    let block = translator.pointee.blocks[Int(number)]
    guard block.unit >= 0 else { return nil }
    let unit = translator.pointee.units[Int(block.unit)]
    let arena = Int(block.arena)
    // Where a call's entry pushes, the body begins in the cold part.
    let start = block.body < UInt32(Arena.hotEnd) ? block.body : block.callEntry
    let end = unit.hotEnd
    let range = block.original..<(block.original &+ UInt64(block.length))
    let inlined = inlinedCode(of: unit)
    var found: [(original: UInt64, offset: UInt32)] = []
    var last = start
    for entry in translator.pointee.arenas[arena].hotRecovery.entries(in: start..<end) {
      let isOwn = range.contains(entry.original) || inlined.contains { $0.contains(entry.original) }
      if entry.form == .at, entry.spilled.isEmpty, !isOwn { break }
      last = entry.offset
      if found.last?.original != entry.original, isOwn { found.append((entry.original, entry.offset)) }
    }
    let next =
      translator.pointee.arenas[arena].hotRecovery.entries(in: (last + 1)..<end).first?.offset ?? end
    let server = translator.pointee.arenas[arena].server + Int(start)
    let entries = found.indices.map { index in
      let original = found[index].original
      let isOwn = range.contains(original)
      // What follows in the block without a translation of its own belongs to it.
      let end =
        isOwn ? found[(index + 1)...].first { range.contains($0.original) }?.original ?? range.upperBound : original &+ 15
      var bytes = [UInt8](repeating: 0, count: Int(max(end, original) - original))
      let count = max(0, xv_read_remote(process, original, &bytes, bytes.count))
      let length = isOwn ? count : Int(translator.pointee.decoder.decode(bytes, available: count, address: original)?.length ?? 0)
      return BlockListing.Entry(
        original: OriginalAddress(original), originalBytes: Array(bytes.prefix(length)),
        cacheOffset: Int(found[index].offset - start))
    }
    return BlockListing(
      cache: translator.pointee.arenas[arena].address(Int(start)),
      cacheBytes: Array(UnsafeRawBufferPointer(start: server, count: Int(next - start))), entries: entries)
  }

  /// The code of called functions that a unit holds copies of.
  private func inlinedCode(of unit: Unit) -> [Range<UInt64>] {
    var ranges: [Range<UInt64>] = []
    var number = unit.firstBlock
    while number >= 0 {
      let block = translator.pointee.blocks[Int(number)]
      if block.isInlined { ranges.append(Range(at: block.original, count: UInt64(block.length))) }
      number = block.nextInUnit
    }
    return ranges
  }
}
