// SPDX-License-Identifier: GPL-3.0-only
internal import CLinux
import Glibc

/// Attaching to a process that runs. The sequence of events and what can come between them:
/// docs/sequences/attach.md.
extension Tracer {
  func attach(to process: Int32) throws(GuestError) {
    self.process = process
    try AttachTarget.check(process)
    if let why = FileSizeLimit.refusal() { throw .cannotAttach(process: process, why: why) }
    do throws(GuestError) {
      try seizeAll()
      try moveIn()
    } catch {
      letGo(signal: 0)
      switch error {
      case .cannotLaunch(_, let why): throw .cannotAttach(process: process, why: why)
      case .gone: throw .cannotAttach(process: process, why: "it has ended meanwhile")
      default: throw error
      }
    }
    trace("process \(process) attached to, \(threads.count) threads")
  }

  /// Gives a process whose threads stand still, all in native state, its region, gate and contexts.
  func moveIn() throws(GuestError) {
    guard threads.count <= RegionLayout.maximumThreads else {
      throw .cannotAttach(
        process: process,
        why: "it has \(threads.count) threads; xv holds \(RegionLayout.maximumThreads) at most")
    }
    // The one that makes calls for all: one that is not inside a call of its own, if there is one.
    let order = threads.keys.sorted()
    guard let first = order.first(where: { !isInCall($0) }) ?? order.first,
      let registers = threads[first]?.registers.general
    else { throw .gone }
    if Tracer.isFiltered(ProcessStatus(of: process)) {
      guard control.suspendFilters(first, true) else {
        throw .cannotAttach(
          process: process,
          why: "it has a seccomp filter, which might kill it for xv's calls; with CAP_SYS_ADMIN xv can suspend it for these")
      }
      control.suspendFilters(first, false)
    }
    let map = AddressMap(process: process)
    guard let stub = systemCallInstruction(map) else {
      throw .cannotAttach(process: process, why: "it has no vdso with a system call instruction")
    }
    vdsoCall = stub
    guard let core = RegionPlace.first(map) else {
      throw .cannotAttach(process: process, why: "there is no room for xv in its address space")
    }
    regionAddress = core
    if let limit = AddressLimit(of: process), limit.soft != AddressLimit.unlimited {
      addressLimit = limit
      AddressLimit.lift(process)
    }
    let scratch = try mapScratch(first, registers)
    self.scratch = scratch
    if locksWhatIsMapped(scratch) {
      // Only pages that are touched: xv's address space is larger than any memory.
      let futureOnFault: UInt64 = 2 | 4
      _ = try inject(first, registers, at: stub, 151, [futureOnFault])
      locksFuture = true
    }
    let region = try makeRegion(first, registers, scratch: scratch, core: core)
    let handlers = try learnHandlers(first, registers, scratch: scratch)
    _ = try inject(first, registers, at: stub, 11, [scratch, 0x1000])
    self.scratch = nil
    leaveSequences()
    let engine = makeEngine(region: region, core: core, map: map)
    self.engine = engine
    if Tracer.isFiltered(ProcessStatus(of: process)) { engine.enterSandbox() }
    if Engine.hasMemoryFile(process) { engine.watchMemoryFile(from: .watched) }
    for call in guardCalls(engine) {
      _ = try inject(first, registers, at: engine.gate.injectedCall, call.number, call.arguments)
    }
    engine.sequences = [:]
    for thread in order {
      guard let context = engine.addThread(thread) else {
        throw .system(call: "context", errno: ENOMEM)
      }
      if let base = threads[thread]?.registers.general.gs_base {
        context.store64(ContextLayout.guestGSBase, UInt64(base))
      }
      engine.handlers[thread] = handlers
    }
    limitAddresses(engine)
    try engine.startDispatcher()
  }

  private func isInCall(_ thread: ThreadID) -> Bool {
    guard let registers = threads[thread]?.registers.general else { return true }
    return Int64(bitPattern: UInt64(registers.orig_rax)) >= 0
  }

  // MARK: Memory

  private func mapScratch(
    _ thread: ThreadID, _ registers: user_regs_struct
  ) throws(GuestError) -> UInt64 {
    let readWrite: UInt64 = 3
    let privateAnonymous: UInt64 = 0x22
    let result = try inject(
      thread, registers, at: vdsoCall, 9,
      [0, 0x1000, readWrite, privateAnonymous, UInt64.max, 0])
    guard result > 0 else {
      throw .cannotAttach(
        process: process, why: "it can map no memory (\(String(cString: strerror(Int32(-result)))))")
    }
    return UInt64(bitPattern: result)
  }

  /// Whether the process has said mlockall(MCL_FUTURE) without MCL_ONFAULT, of which only what it maps tells: proc_pid_smaps(5),
  /// VmFlags, `lo` and `lf`.
  private func locksWhatIsMapped(_ scratch: UInt64) -> Bool {
    guard let locked = ProcessStatus(of: process)?.kilobytes("VmLck"), locked > 0,
      let text = AddressMap.contents(of: "/proc/\(process)/smaps")
    else { return false }
    let lines = String(decoding: text, as: UTF8.self).split(separator: "\n")
    guard let start = lines.firstIndex(where: { AddressMap.parse(Array($0.utf8)[...])?.range.contains(scratch) == true }),
      let flags = lines[start...].first(where: { $0.hasPrefix("VmFlags:") })
    else { return false }
    let words = flags.split(separator: " ")
    return words.contains("lo") && !words.contains("lf")
  }

  private func makeRegion(
    _ thread: ThreadID, _ registers: user_regs_struct, scratch: UInt64, core: UInt64
  ) throws(GuestError) -> Region {
    do throws(GuestError) {
      let file = try makeRegionFile(thread, registers, at: vdsoCall, name: scratch)
      defer { _ = try? inject(thread, registers, at: vdsoCall, 3, [UInt64(file)]) }
      let region = try Region(process: process, descriptor: file)
      for call in regionCalls(core: core, file: file, replacing: false) where call.number != 3 {
        let result = try inject(thread, registers, at: vdsoCall, call.number, call.arguments)
        if result < 0, result >= -4095 { throw .system(call: "mmap", errno: Int32(-result)) }
      }
      return region
    } catch {
      guard case .system(let call, let errno) = error else { throw error }
      throw .cannotAttach(
        process: process,
        why: "xv's memory cannot be mapped into it (\(call): \(String(cString: strerror(errno)))); are its address space or its descriptors limited (ulimit -v, -n), or its locked memory (ulimit -l)?")
    }
  }

  // MARK: What the kernel knows about the process

  private func learnHandlers(
    _ thread: ThreadID, _ registers: user_regs_struct, scratch: UInt64
  ) throws(GuestError) -> SignalHandlers {
    let handlers = SignalHandlers()
    guard let status = ProcessStatus(of: process) else { throw .gone }
    let changed = status.signals("SigCgt") | status.signals("SigIgn")
    for signal in Int32(1)...64 where changed >> UInt64(signal - 1) & 1 != 0 {
      let result = try inject(
        thread, registers, at: vdsoCall, 13, [UInt64(signal), 0, scratch, 8])
      var words: [UInt64] = [0, 0]
      guard result == 0, xv_read_remote(process, scratch, &words, 16) == 16 else {
        throw .cannotAttach(process: process, why: "what it does at signal \(signal) cannot be read (rt_sigaction: \(result))")
      }
      handlers[signal] = SignalHandlers.Action(handler: words[0], flags: words[1])
    }
    return handlers
  }

  // MARK: Restartable sequences

  /// Learns what the threads have registered, and takes them out of their critical sections. They stay
  /// registered until somebody runs: a look around costs no thread a call.
  private func leaveSequences() {
    for thread in threads.keys {
      guard let sequence = control.restartableSequence(thread),
        var registers = threads[thread]?.registers.general
      else { continue }
      sequence.abort(&registers, process: process)
      threads[thread]?.registers.general = registers
      registeredSequences[thread] = sequence
    }
  }

  /// Unregisters them, before the first thread runs.
  func unregisterSequences() {
    guard !registeredSequences.isEmpty, let engine else { return }
    let sequences = registeredSequences.filter { threads[$0.key] != nil }
    registeredSequences = [:]
    engine.lock.locked { engine.sequences = sequences }
    do throws(GuestError) {
      _ = try injectEach(
        sequences.mapValues {
          InjectedCall(number: RestartableSequence.call, arguments: $0.unregistration)
        }, at: vdsoCall)
    } catch {
      trace("process \(process) vanished before it ran")
    }
  }
}
