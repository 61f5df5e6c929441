// SPDX-License-Identifier: GPL-3.0-only
internal import CLinux
import Glibc

/// Writing a program to disk. The sequence of events: docs/sequences/swap.md.
extension Tracer {
  /// All threads stand in canonical state. Writes the image, and ends the process when that is safe on
  /// disk; throws when it is not, and then nothing has changed. Returns the image's size on disk.
  func outload(
    to path: String, isCompressed: Bool, incarnation: UInt64
  ) throws(GuestError) -> UInt64 {
    guard let engine, !isFinished else { throw .gone }
    isStopping = true
    for thread in threads.keys.sorted() { enterHandlers(thread, 0) }
    isStopping = false
    guard !isFinished else { throw .gone }
    var reasons = OutloadObstacles(process: process)
    reasons.look(at: self)
    var record = SwapRecord(process: process)
    OutloadFiles(process: process).describe(&record, &reasons)
    let caller = threads.keys.sorted().first { threads[$0]?.stoppedBySignal == 0 } ?? ThreadID(process)
    guard reasons.all.isEmpty, let registers = threads[caller]?.registers.general else {
      throw .cannotOutload(reasons.text)
    }
    let place = try inject(
      caller, registers, at: engine.gate.injectedCall, 9, [0, 0x1000, 3, 0x22, UInt64.max, 0])
    guard place > 0 else { throw .cannotOutload("it can map no memory") }
    let scratch = UInt64(place)
    var isScratchMapped = true
    defer {
      if isScratchMapped {
        _ = try? inject(caller, registers, at: engine.gate.injectedCall, 11, [scratch, 0x1000])
      }
    }
    try describeProcess(&record, caller, scratch, &reasons)
    for thread in threads(of: process) {
      record.threads.append(try describe(thread, scratch))
    }
    let memory = OutloadMemory(process: process, without: scratch, ownRanges: ownRanges(engine))
    memory.describe(&record, &reasons)
    guard reasons.all.isEmpty else { throw .cannotOutload(reasons.text) }
    var notes = SwapNotes(record: record)
    notes.incarnation = incarnation
    notes.breakpoints = breakpoints
    for thread in record.threads { notes.registers[thread.id] = try imageRegisters(thread.id) }
    let size = try memory.write(notes, to: path, isCompressed: isCompressed)
    // From here on the image is the program.
    isScratchMapped = false
    trace("process \(process) outloaded to \(path)")
    killAndWait()
    return size
  }

  private func ownRanges(_ engine: Engine) -> [Range<UInt64>] {
    engine.lock.locked {
      var ranges = (0..<engine.translator.pointee.arenaCount).map { index -> Range<UInt64> in
        let start = engine.translator.pointee.arenas[index].guest
        return start..<start + UInt64(Arena.size)
      }
      if let regionAddress { ranges.append(Range(at: regionAddress, count: UInt64(RegionLayout.regionSize))) }
      return ranges
    }
  }

  /// A thread's registers as it would have them if it made its interrupted call again. What a call has
  /// left in the kernel to be gone on with cannot be carried, so such a call begins anew.
  private func imageRegisters(_ number: Int32) throws(GuestError) -> Registers {
    let thread = ThreadID(number)
    guard let state = threads[thread] else { throw .gone }
    var general = state.registers.general
    if UInt64(general.rax) == 0 &- 516, Int64(bitPattern: UInt64(general.orig_rax)) >= 0 {
      general.rax = 0 &- 514
    }
    rewindCall(thread, &general)
    general.orig_rax = numericCast(UInt64.max)
    return Registers(general: general, extended: try extendedState(thread))
  }

  // MARK: What calls tell

  /// Makes a thread carry out a call that fills memory at the scratch page.
  private func ask(
    _ thread: ThreadID, _ number: UInt64, _ arguments: [UInt64], _ scratch: UInt64, words: Int
  ) throws(GuestError) -> [UInt64]? {
    guard let engine, let registers = threads[thread]?.registers.general else { throw .gone }
    let result = try inject(thread, registers, at: engine.gate.injectedCall, number, arguments)
    guard result >= 0 else { return nil }
    var answer = [UInt64](repeating: 0, count: words)
    guard xv_read_remote(process, scratch, &answer, words * 8) == words * 8 else { return nil }
    return answer
  }

  private func describe(_ thread: ThreadID, _ scratch: UInt64) throws(GuestError) -> SwapThread {
    guard let engine, let state = threads[thread] else { throw .gone }
    var told = SwapThread(id: thread.rawValue)
    let stopped = state.stoppedBySignal != 0 ? control.signalInformation(thread) : nil
    told.mask = state.mask ?? control.signalMask(thread) ?? 0
    let folder = "/proc/\(process)/task/\(thread)"
    let name = AddressMap.contents(of: folder + "/comm") ?? []
    told.name = String(decoding: name.prefix { $0 != 10 }, as: UTF8.self)
    guard let stack = try ask(thread, 131, [0, scratch], scratch, words: 3) else {
      throw .cannotOutload("thread \(thread) does not tell its alternate stack")
    }
    told.alternateStack = stack
    guard let address = try ask(thread, 157, [40, scratch], scratch, words: 1) else {
      throw .cannotOutload("the kernel does not tell thread ids' addresses (CONFIG_CHECKPOINT_RESTORE)")
    }
    told.tidAddress = address[0]
    var list: [UInt64] = [0, 0]
    let result = list.withUnsafeMutableBytes { words in
      xv_call(
        274, UInt64(thread.rawValue), UInt64(UInt(bitPattern: words.baseAddress)),
        UInt64(UInt(bitPattern: words.baseAddress! + 8)), 0, 0, 0)
    }
    if result < 0 { throw .system(call: "get_robust_list", errno: Int32(-result)) }
    told.robustList = list
    let unregistered = engine.lock.locked { engine.sequences?[thread] }
    if let sequence = unregistered ?? registeredSequences[thread] {
      told.sequence = [sequence.area, sequence.size, sequence.signature]
    }
    // By the calls it has lost the signal before which it stood; where it goes on, that is sent again.
    if stopped != nil { threads[thread]?.stoppedBySignal = 0 }
    // It is the first.
    if let stopped, state.pending != nil { told.pending.append(stopped) }
    told.pending += control.pendingSignals(thread, ofProcess: false, most: .max)
    return told
  }

  private func describeProcess(
    _ record: inout SwapRecord, _ caller: ThreadID, _ scratch: UInt64, _ reasons: inout OutloadObstacles
  ) throws(GuestError) {
    guard let engine, let registers = threads[caller]?.registers.general else { throw .gone }
    record.pending = control.pendingSignals(caller, ofProcess: true, most: .max)
    for signal in UInt64(1)...64 {
      record.actions += try ask(caller, 13, [signal, 0, scratch, 8], scratch, words: 4) ?? [0, 0, 0, 0]
    }
    for which in UInt64(0)..<3 {
      record.intervalTimers += try ask(caller, 36, [which, scratch], scratch, words: 4) ?? [0, 0, 0, 0]
    }
    for timer in OutloadProcess.timers(process) {
      let time = try ask(caller, 224, [timer[0], scratch], scratch, words: 4) ?? [0, 0, 0, 0]
      record.timers.append(SwapWords(timer + time))
    }
    let end = try inject(caller, registers, at: engine.gate.injectedCall, 12, [0])
    OutloadProcess.describe(process, &record, end: UInt64(bitPattern: end), &reasons)
    if let limit = engine.lock.locked({ engine.addressLimits[process] }) {
      record.limits[18] = limit.soft
      record.limits[19] = limit.hard
    }
  }
}
