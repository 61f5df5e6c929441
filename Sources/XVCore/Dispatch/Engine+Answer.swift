// SPDX-License-Identifier: GPL-3.0-only
internal import CLinux

extension Engine {
  /// Handles one posted request. The lock is held.
  func answer(_ thread: ThreadID, _ context: Context) {
    guard let kind = RequestKind(rawValue: context.load32(ContextLayout.kind)) else {
      // The guest has scribbled over its own context: its own death, not the server's.
      return die(context)
    }
    translator.pointee.process = thread.rawValue
    translator.pointee.counters.requests &+= 1
    translator.pointee.request &+= 1
    if kind != .systemCall, kind != .systemCallDone { requestsSinceFlush &+= 1 }
    mendFrame(thread)
    if isFlushDue, active.count > 1, kind.mayFlush {
      // Others may be inside the cache: the tracer stops them first, and the thread asks again.
      return park(thread, .flush)
    }
    switch kind {
    case .miss:
      guard let exit = exit(context) else { return die(context) }
      if exit.kind == .stale { forgetCode(exit.target..<(exit.target &+ 1)) }
      if flushIfDue(context) {
        // The exit's number means nothing any more, should the thread be stopped before it goes on.
        context.store64(ContextLayout.originalPC, exit.target)
        context.store32(ContextLayout.exit, Exit.none)
      }
      answerTarget(
        thread, context,
        Wanted(kind: .miss, target: exit.target, entry: exit.kind == .call ? .call : .linked))
    case .returnLookup, .jumpLookup:
      translator.pointee.counters.lookupMisses &+= 1
      var wanted = Wanted(
        kind: kind, target: context.load64(ContextLayout.target),
        entry: kind == .returnLookup ? .ret : .jump)
      let adjustment = translator.pointee.transferAdjustment(
        retry: context.load64(ContextLayout.retry))
      context.store64(ContextLayout.adjustment, adjustment)
      if flushIfDue(context) {
        wanted.fragmentIsGone = true
        context.store64(ContextLayout.originalPC, wanted.target)
        context.store64(ContextLayout.retry, 0)
      }
      answerTarget(thread, context, wanted)
    case .systemCall:
      flushIfDue(context)
      answerSystemCall(thread, context)
    case .systemCallDone: finishSystemCall(thread, context)
    case .probe:
      guard let exit = exit(context) else { return die(context) }
      park(thread, .exit(exit.kind))
    case .serviceDone: finishService(thread, context)
    }
  }

  // MARK: Missing fragments

  /// A target that a thread waits for.
  struct Wanted {
    var kind: RequestKind
    var target: UInt64
    var entry: EntryKind
    /// The fragment that asks was discarded meanwhile: the lookup cannot go back to it.
    var fragmentIsGone = false
  }

  func answerTarget(_ thread: ThreadID, _ context: Context, _ wanted: Wanted) {
    switch block(at: wanted.target, entry: wanted.entry) {
    case .block(let number): resume(context, wanted, at: number)
    case .needsArena(let guest): requestArena(thread, context, wanted, guest: guest)
    case .noCode where translator.pointee.ranges.hasVsyscall && Vsyscall.number(at: wanted.target) != nil:
      park(thread, .exit(.rare))
    case .noCode:
      trace("no code at \(OriginalAddress(wanted.target))")
      // The processor itself must raise the fault, with the program's own state, so that rip, cr2
      // and the error code are what they are natively.
      context.store64(ContextLayout.resume, wanted.target)
      context.store64(ContextLayout.originalPC, wanted.target)
      context.answer(next: wanted.kind == .miss ? gate.finishMiss : gate.finishTransfer)
    }
  }

  private func exit(_ context: Context) -> Exit? {
    let number = Int(context.load32(ContextLayout.exit))
    guard number < translator.pointee.exits.count else { return nil }
    return translator.pointee.exits[number]
  }

  enum Lookup {
    case block(Int32)
    /// No arena can hold code for this address; one could be mapped there.
    case needsArena(at: UInt64)
    case noCode
  }

  /// Finds or translates the block at an address.
  func block(at target: UInt64, entry: EntryKind) -> Lookup {
    if let number = translator.pointee.liveBlock(target) { return .block(number) }
    guard let arena = translator.pointee.arena(for: target) else {
      guard translator.pointee.ranges.area(containing: target) != nil,
        !arenaRequests.free.isEmpty,
        let place = placeForArena(near: target)
      else { return .noCode }
      return .needsArena(at: place)
    }
    guard translator.pointee.arenas[arena].hasRoom else { return cacheIsFull() }
    let start = xv_rdtsc()
    if let number = translator.pointee.installPersisted(for: target) {
      translator.pointee.counters.translationCycles &+= xv_rdtsc() &- start
      return .block(number)
    }
    let made = translator.pointee.translate(target, mode: .normal, entry: entry, arena: arena)
    translator.pointee.counters.translationCycles &+= xv_rdtsc() &- start
    guard let made else { return .noCode }
    if trace.descriptor != nil { traceUnit(made.block) }
    return .block(made.block)
  }

  /// A flush comes first wherever a thread waits for code; a place that has no room even so is out of
  /// reach of any.
  private func cacheIsFull() -> Lookup {
    say("the code cache is full where no flush is possible; the program is killed")
    kill(process, SIGKILL)
    return .noCode
  }

  func say(_ text: String) {
    let line = Array("xv: \(text)\n".utf8)
    _ = line.withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }
  }

  private func traceUnit(_ number: Int32) {
    let block = translator.pointee.blocks[Int(number)]
    let arena = translator.pointee.arenas[Int(block.arena)].address(Int(block.linked))
    trace("translate \(OriginalAddress(block.original)) -> \(arena)")
  }

  /// Lets a thread that asked for a target go on there.
  private func resume(_ context: Context, _ wanted: Wanted, at number: Int32) {
    switch wanted.kind {
    case .returnLookup:
      let entry = translator.pointee.returnEntry(number)
      context.setTarget(ContextLayout.returnTable, wanted.target, entry)
    case .jumpLookup:
      let entry = translator.pointee.jumpEntry(number)
      context.setTarget(ContextLayout.jumpTable, wanted.target, entry)
    default: break
    }
    if wanted.kind == .miss || wanted.fragmentIsGone {
      context.store64(ContextLayout.resume, linked(number).rawValue)
      context.store64(ContextLayout.originalPC, wanted.target)
      context.answer(next: wanted.kind == .miss ? gate.finishMiss : gate.finishTransfer)
    } else {
      context.answer(next: gate.finishLookup)
    }
  }

  func linked(_ number: Int32) -> CacheAddress {
    let block = translator.pointee.blocks[Int(number)]
    return translator.pointee.arenas[Int(block.arena)].address(Int(block.linked))
  }

  // MARK: Service calls

  /// A call for the gate to make: unused arguments are zero.
  func setCall(_ context: Context, _ number: UInt64, _ arguments: [UInt64]) {
    context.store64(ContextLayout.callNumber, number)
    for index in 0..<6 {
      context.store64(
        ContextLayout.callArguments + index * 8, index < arguments.count ? arguments[index] : 0)
    }
  }

  /// Drops what a stopped thread had asked for; it asks again when it goes on.
  func cancelRequest(_ thread: ThreadID, _ context: Context) {
    context.cancelRequest()
    parked[thread] = nil
    stepping.remove(thread)
    mendFrame(thread)
    dropArenaRequest(thread)
  }

  /// Ends a guest whose shared state makes no sense.
  func die(_ context: Context) {
    say("the program has damaged xv's state; it is killed")
    kill(process, SIGKILL)
  }

  // MARK: Torture

  /// Torture or a full cache asks for a flush.
  ///
  /// After a flush every thread has requests of its own, also one that only waits in a system call. If
  /// these alone brought the next flush, nobody would get on: hence n requests for each thread.
  private var isFlushDue: Bool {
    options.flushEvery > 0 && requestsSinceFlush >= options.flushEvery * UInt64(active.count)
      || translator.pointee.isFull
  }

  /// Discards the whole cache when it is due. Whether it was done.
  ///
  /// At once only while the one thread stands in the gate: it owes the cache nothing but what its
  /// request says.
  @discardableResult
  private func flushIfDue(_ context: Context) -> Bool {
    guard isFlushDue, active.count == 1 else { return false }
    flush()
    return true
  }

  /// Discards the whole cache. No thread is inside.
  func flush() {
    requestsSinceFlush = 0
    translator.pointee.flush()
    for (_, context) in active { context.forgetTargets() }
  }
}
