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
    if kind != .systemCall, kind != .systemCallDone { tortureClock.tick() }
    if kind.mayFlush, let due = dueDiscard, needsTracer(due) {
      // Others may be inside the cache: the tracer stops them first, and the thread asks again.
      return park(thread, .discard(due))
    }
    switch kind {
    case .miss:
      guard let exit = exit(context) else { return die(context) }
      if exit.kind == .stale { forgetCode(exit.target..<(exit.target &+ 1)) }
      if exit.kind == .hot {
        if translator.pointee.trusted.access == .unopened { return park(thread, .needsTrust) }
        trust(thread, exit.target)
      }
      if discardIfDue() {
        // The exit's number means nothing any more, should the thread be stopped before it goes on.
        context.store64(ContextLayout.originalPC, exit.target)
        context.store32(ContextLayout.exit, Exit.none)
      }
      answerTarget(
        thread, context,
        Wanted(kind: .miss, target: exit.target, entry: exit.entry))
    case .returnLookup, .jumpLookup:
      translator.pointee.counters.lookupMisses &+= 1
      var wanted = Wanted(
        kind: kind, target: context.load64(ContextLayout.target),
        entry: kind == .returnLookup ? .ret : .jump)
      let transfer = translator.pointee.transfer(retry: context.load64(ContextLayout.retry))
      context.store64(ContextLayout.adjustment, transfer.adjustment)
      wanted.instruction = transfer.instruction
      if let returnAddress = transfer.returnAddress {
        wanted.isCall = true
        context.store64(ContextLayout.returnAddress, returnAddress)
      }
      if discardIfDue() {
        wanted.fragmentIsGone = true
        context.store64(ContextLayout.originalPC, wanted.isCall ? transfer.instruction ?? wanted.target : wanted.target)
        context.store64(ContextLayout.retry, 0)
      }
      answerTarget(thread, context, wanted)
    case .systemCall:
      discardIfDue()
      answerSystemCall(thread, context)
    case .systemCallDone: finishSystemCall(thread, context)
    case .probe:
      guard let exit = exit(context) else { return die(context) }
      park(thread, .exit(exit.kind))
    }
  }

  // MARK: Missing fragments

  /// A target that a thread waits for.
  struct Wanted {
    var kind: RequestKind
    var target: UInt64
    var entry: EntryKind
    /// A call, which has still to push its return address.
    var isCall = false
    /// Where the instruction stands that asks by a lookup.
    var instruction: UInt64? = nil
    /// The fragment that asks was discarded meanwhile: the lookup cannot go back to it.
    var fragmentIsGone = false
  }

  func answerTarget(_ thread: ThreadID, _ context: Context, _ wanted: Wanted) {
    switch block(at: wanted.target, entry: wanted.entry) {
    case .block(let number): resume(context, wanted, at: number)
    case .needsArena: park(thread, .needsArena(near: wanted.target))
    case .noRoom(let kind): park(thread, .discard(kind))
    case .noCode where translator.pointee.ranges.hasVsyscall && Vsyscall.number(at: wanted.target) != nil:
      park(thread, .exit(.rare))
    case .noCode:
      trace("no code at \(OriginalAddress(wanted.target))")
      if Engine.isImpossible(wanted.target), let instruction = wanted.instruction, !options.guardOriginalCode {
        return undo(context, to: instruction)
      }
      // The processor itself must raise the fault, with the program's own state, so that rip, cr2
      // and the error code are what they are natively.
      finish(context, wanted, at: wanted.target)
    }
  }

  /// Lets a thread make an instruction in its own place that faults before it has done anything, as natively.
  private func undo(_ context: Context, to instruction: UInt64) {
    context.store64(ContextLayout.adjustment, 0)
    context.store64(ContextLayout.resume, instruction)
    context.store64(ContextLayout.originalPC, instruction)
    context.answer(next: gate.finishTransfer)
  }

  /// Not canonical: the bits above the 48th differ from that (AMD64 Architecture Programmer's Manual, volume 2, 5.3.1).
  private static func isImpossible(_ target: UInt64) -> Bool {
    let upper = Int64(bitPattern: target) >> 47
    return upper != 0 && upper != -1
  }

  /// Lets a thread go on at the target of its transfer, without its fragment.
  private func finish(_ context: Context, _ wanted: Wanted, at resume: UInt64) {
    context.store64(ContextLayout.resume, resume)
    // A call stands where it stood until it has pushed.
    guard !wanted.isCall else { return context.answer(next: gate.finishCall) }
    context.store64(ContextLayout.originalPC, wanted.target)
    context.answer(next: wanted.kind == .miss ? gate.finishMiss : gate.finishTransfer)
  }

  private func exit(_ context: Context) -> Exit? {
    let number = Int(context.load32(ContextLayout.exit))
    guard number < translator.pointee.exits.count else { return nil }
    return translator.pointee.exits[number]
  }

  enum Lookup {
    case block(Int32)
    /// No arena can hold code for this address; one could be mapped there.
    case needsArena
    /// Something has to be thrown away first.
    case noRoom(Discard)
    case noCode
  }

  /// Finds or translates the block at an address.
  func block(at target: UInt64, entry: EntryKind) -> Lookup {
    if memoryFile == .opened { return .noRoom(.flush) }
    let found = knownBlock(at: target, entry: entry)
    // Before a thread is left to the processor, which is to fault, the kernel is asked.
    guard case .noCode = found, translator.pointee.ranges.area(containing: target) == nil,
      learnArea(containing: target)
    else { return found }
    return knownBlock(at: target, entry: entry)
  }

  private func knownBlock(at target: UInt64, entry: EntryKind) -> Lookup {
    if let number = translator.pointee.liveBlock(target) { return .block(number) }
    guard let arena = translator.pointee.arena(for: target) else {
      guard translator.pointee.ranges.area(containing: target) != nil else { return .noCode }
      return translator.pointee.arenaCount < RegionLayout.maximumArenas ? .needsArena : .noRoom(.arenas)
    }
    guard translator.pointee.hasRoom(in: arena) else { return .noRoom(.collect) }
    defer { forgetMovedReturns() }
    let start = xv_rdtsc()
    if let number = translator.pointee.revive(target) ?? translator.pointee.installPersisted(for: target)
    {
      translator.pointee.counters.translationCycles &+= xv_rdtsc() &- start
      return .block(number)
    }
    let made = translator.pointee.translate(target, mode: .normal, entry: entry, arena: arena)
    translator.pointee.counters.translationCycles &+= xv_rdtsc() &- start
    guard let made else { return .noCode }
    if trace.descriptor != nil { traceUnit(made.block) }
    return .block(made.block)
  }

  /// What the tables by address know leads to their old entries: right, but mispredicted.
  private func forgetMovedReturns() {
    for original in translator.pointee.movedReturns { virtualization.forgetTarget(original, .returns) }
    translator.pointee.movedReturns.removeAll(keepingCapacity: true)
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
    virtualization.openTables(near: wanted.target)
    let entry: CacheAddress? =
      switch wanted.kind {
      case .returnLookup: translator.pointee.returnEntry(number)
      case .jumpLookup: translator.pointee.jumpEntry(number)
      default: nil
      }
    if let entry, !wanted.fragmentIsGone {
      context.store64(ContextLayout.resume, entry.rawValue)
      context.answer(next: gate.finishLookup)
    } else {
      finish(context, wanted, at: linked(number).rawValue)
    }
  }

  func linked(_ number: Int32) -> CacheAddress {
    let block = translator.pointee.blocks[Int(number)]
    return translator.pointee.arenas[Int(block.arena)].address(Int(block.linked))
  }

  // MARK: Requests

  /// A call for the gate to make: unused arguments are zero.
  func setCall(_ context: Context, _ number: UInt64, _ arguments: [UInt64]) {
    context.store64(ContextLayout.callNumber, number)
    context.store64(ContextLayout.callBegan, xv_rdtsc())
    for index in 0..<6 {
      context.store64(
        ContextLayout.callArguments + index * 8, index < arguments.count ? arguments[index] : 0)
    }
  }

  /// Drops what a stopped thread had asked for; it asks again when it goes on.
  func cancelRequest(_ thread: ThreadID, _ context: Context) {
    context.cancelRequest()
    parked[thread] = nil
    releaseHeldWrite(thread)
    stepping.remove(thread)
  }

  /// A lookup that begins again may have filled an entry for a target that died meanwhile, and not have come to look
  /// for that: whoever removed the target found no number, and nothing to empty (`Gate.buildFill`).
  func emptyDeadTarget(_ context: Context) {
    let target = context.load64(ContextLayout.target)
    if translator.pointee.returns.lookup(target) == nil { virtualization.forgetTarget(target, .returns) }
    if translator.pointee.jumps.lookup(target) == nil { virtualization.forgetTarget(target, .jumps) }
  }

  /// Ends a guest whose shared state makes no sense.
  func die(_ context: Context) {
    // Its requests are seen until it is gone.
    guard !isDying else { return }
    isDying = true
    say("the program has damaged xv's state; it is killed")
    kill(process, SIGKILL)
  }

  // MARK: Discarding

  /// What torture or a full cache asks for.
  private var dueDiscard: Discard? {
    if let due = tortureClock.due(threads: active.count) { return due }
    return translator.pointee.isFull || virtualization.targets.isWornOut ? .collect : nil
  }

  /// The dispatcher discards by itself only while the one thread stands in the gate: it owes the cache
  /// nothing but what its request says. The guest's mappings are the tracer's to change, and so are
  /// the addresses that the processor itself keeps.
  private func needsTracer(_ kind: Discard) -> Bool {
    active.count > 1 || kind == .relocate || kind == .arenas
      || translator.pointee.hasManyFloatingPoint
  }

  /// Discards what is due. Whether anything was.
  @discardableResult
  private func discardIfDue() -> Bool {
    guard let due = dueDiscard, !needsTracer(due) else { return false }
    discard(due, keepingFloatingPoint: true)
    return true
  }

  /// Discards fragments. No thread is inside.
  func discard(_ kind: Discard, keepingFloatingPoint: Bool = false) {
    tortureClock.done(kind)
    let hasUnseenCalls = memoryFile == .opened
    defer {
      if hasUnseenCalls {
        // What a collection has kept was made before the file was opened, too.
        translator.pointee.survivors = nil
        memoryFile = .watched
      }
    }
    switch kind {
    case .flush: virtualization.flush(keepingFloatingPoint: keepingFloatingPoint)
    case .collect: virtualization.collect(keepingFloatingPoint: keepingFloatingPoint)
    case .arenas, .relocate:
      virtualization.forgetArenas()
      imposeAddressLimits()
    }
  }
}
