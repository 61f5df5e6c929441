// SPDX-License-Identifier: GPL-3.0-only
internal import CLinux

/// System calls that the server must see. The lock is held in all of these.
///
/// A call comes here with all registers in the context's file. Either it is answered at once
/// (`complete`), or the gate makes it natively, with the arguments that the server put down, and
/// comes back (`finishSystemCall`) so that the server sees the result.
extension Engine {
  func answerSystemCall(_ thread: ThreadID, _ context: Context) {
    let number = Int32(truncatingIfNeeded: context.register(Register.rax))
    if !stepping.contains(thread), caughtCalls.contains(number) { return park(thread, .beforeCall(number)) }
    translator.pointee.counters.systemCalls &+= 1
    partialCalls[thread] = nil
    let arguments = callArguments(context)
    trace("[\(thread)] system call \(number)\(describe(arguments))")
    if InterceptedCall.changesMappings(number) { mappingFlights.begin(thread) }
    switch number {
    case InterceptedCall.rseq:
      complete(thread, context, result: restartableSequence(thread, arguments))
    case 512..<548: complete(thread, context, result: -Int64(ENOSYS))
    case _ where number > 0 && number & InterceptedCall.x32Bit != 0:
      complete(thread, context, result: -Int64(ENOSYS))
    case InterceptedCall.archPrctl: archPrctl(thread, context, arguments)
    case InterceptedCall.rtSigreturn: returnFromSignal(thread, context)
    case InterceptedCall.mmap: mapMemory(thread, context, arguments)
    case InterceptedCall.munmap, InterceptedCall.mprotect, InterceptedCall.pkeyMprotect,
      InterceptedCall.madvise, InterceptedCall.msync, InterceptedCall.mlock, InterceptedCall.mlock2, InterceptedCall.munlock:
      changeRange(thread, context, number, arguments)
    case InterceptedCall.mremap: moveMemory(thread, context, arguments)
    case InterceptedCall.shmat: attachShared(thread, context, arguments)
    case InterceptedCall.mlockall:
      // xv's memory, of which the program knows nothing, is not to be filled: MCL_ONFAULT.
      makeNatively(context, number, [arguments[0] | 4] + arguments.dropFirst())
    case InterceptedCall.rtSigaction:
      if arguments[1] != 0, let action = readWords(arguments[1], 4) {
        handlersToBe[thread] = SignalHandlers.Action(handler: action[0], flags: action[1])
      }
      makeNatively(context, number, arguments)
    case InterceptedCall.clone, InterceptedCall.clone3, InterceptedCall.vfork:
      makeThreadOrProcess(thread, context, number, arguments)
    case InterceptedCall.open, InterceptedCall.creat, InterceptedCall.openat, InterceptedCall.openat2:
      openFile(thread, context, number, arguments)
    case _ where isFilter(number, arguments):
      tracing.isFiltered = true
      enterSandbox()
      makePlainly(thread, context, number, arguments)
    case InterceptedCall.prctl, InterceptedCall.ptrace:
      if number == InterceptedCall.ptrace, let process = processToBeTraced(thread, arguments) {
        return park(thread, .isToBeTraced(process))
      }
      if let result = answerAboutTracing(thread, number, arguments) {
        complete(thread, context, result: result)
      } else {
        makePlainly(thread, context, number, arguments)
      }
    case InterceptedCall.getrlimit, InterceptedCall.setrlimit, InterceptedCall.prlimit64:
      if Engine.concernsAddressLimit(number, arguments) {
        answerAddressLimit(thread, context, number, arguments)
      } else {
        makePlainly(thread, context, number, arguments)
      }
    case InterceptedCall.execve, InterceptedCall.execveat:
      reachMemory(otherwiseThan: thread)
      makeNatively(context, number, arguments)
    case InterceptedCall.mincore where overlapsXV(arguments[0], arguments[1]):
      complete(thread, context, result: arguments[0] & 0xfff == 0 ? -Int64(ENOMEM) : -Int64(EINVAL))
    case InterceptedCall.mincore: makePlainly(thread, context, number, arguments)
    // It looks at the whole range first (mm/mseal.c): what is sealed could not move any more.
    case InterceptedCall.mseal where arguments[0] & 0xfff == 0 && arguments[2] == 0 && overlapsXV(arguments[0], arguments[1]):
      complete(thread, context, result: -Int64(ENOMEM))
    case _ where memoryFile != .unopened && InterceptedCall.fileWrites.contains(number):
      writeFile(thread, context, number, arguments)
    // Seen only because calls are caught.
    case _ where !InterceptedCall.isIntercepted(number):
      makePlainly(thread, context, number, arguments)
    default: makeNatively(context, number, arguments)
    }
  }

  /// Which calls fragments that are made from now on leave to the server.
  func decideAboutCalls() {
    translator.pointee.askedCalls = caughtCalls != .none ? .all : memoryFile == .unopened ? .intercepted : .writesToo
  }

  private func isFilter(_ number: Int32, _ arguments: [UInt64]) -> Bool {
    let setSeccomp: UInt64 = 22
    let setModeFilter: UInt64 = 1
    return number == InterceptedCall.seccomp && arguments[0] & 0xffff_ffff <= setModeFilter
      || number == InterceptedCall.prctl && arguments[0] & 0xffff_ffff == setSeccomp
  }

  func callArguments(_ context: Context) -> [UInt64] {
    [Register.rdi, Register.rsi, Register.rdx, Register.r10, Register.r8, Register.r9].map {
      context.register($0)
    }
  }

  private func describe(_ arguments: [UInt64]) -> String {
    "(" + arguments.map { "0x" + String($0, radix: 16) }.joined(separator: ", ") + ")"
  }

  func makeNatively(_ context: Context, _ number: Int32, _ arguments: [UInt64]) {
    setCall(context, UInt64(number), arguments)
    context.answer(next: gate.nativeCall)
  }

  /// Lets the gate make a call with the program's own arguments, of whose result nothing need be noted:
  /// the thread goes on behind it without another question.
  func makePlainly(_ thread: ThreadID, _ context: Context, _ number: Int32, _ arguments: [UInt64]) {
    let next = context.load64(ContextLayout.originalPC) &+ 2
    guard !stepping.contains(thread), case .block(let block) = block(at: next, entry: .linked) else {
      return makeNatively(context, number, arguments)
    }
    context.store64(ContextLayout.target, next)
    context.store64(ContextLayout.resume, linked(block).rawValue)
    setCall(context, UInt64(number), arguments)
    context.answer(next: gate.plainCall)
  }

  /// Gives the program the result of a call that the server answered itself.
  func complete(_ thread: ThreadID, _ context: Context, result: Int64) {
    afterCall(context, result: result)
    leave(thread, context, to: context.load64(ContextLayout.originalPC))
  }

  /// The state right behind the `syscall` instruction: rcx = next pc, r11 = flags.
  func afterCall(_ context: Context, result: Int64) {
    let next = context.load64(ContextLayout.originalPC) &+ 2
    context.setRegister(Register.rax, UInt64(bitPattern: result))
    context.setRegister(Register.rcx, next)
    context.setRegister(Register.r11, context.load64(ContextLayout.flags))
    context.store64(ContextLayout.originalPC, next)
    // From here on the thread stands behind the call, whatever it still waits for.
    context.store32(ContextLayout.kind, 0)
  }

  /// Lets a thread whose registers are all in the file go on at an original address.
  func leave(_ thread: ThreadID, _ context: Context, to target: UInt64) {
    if stepping.contains(thread) { return park(thread, .exit(.stepped)) }
    switch block(at: target, entry: .linked) {
    case .block(let number):
      context.store64(ContextLayout.resume, linked(number).rawValue)
      context.answer(next: gate.loadAll)
    case .needsArena: park(thread, .needsArena(near: target))
    case .noRoom(let kind): park(thread, .discard(kind))
    case .noCode:
      context.store64(ContextLayout.resume, target)
      context.answer(next: gate.loadAll)
    }
  }

  /// A call that the gate made has returned.
  func finishSystemCall(_ thread: ThreadID, _ context: Context) {
    var result = Int64(bitPattern: context.load64(ContextLayout.callResult))
    noteResult(thread, context, result)
    if retryOpen(thread, context, result) || retryUnregistered(thread, context, result) { return }
    if let next = partialCalls[thread] {
      if result == 0, !next.pieces.isEmpty { return makePiece(thread, context) }
      partialCalls[thread] = nil
      if result == 0 { result = next.result }
    }
    complete(thread, context, result: result)
  }

  /// What a finished call changed about mappings and handlers. Also for a call whose thread was
  /// stopped before it could report.
  func noteResult(_ thread: ThreadID, _ context: Context, _ result: Int64) {
    claims[thread] = nil
    noteMemoryWrite(thread, result: result)
    let number = Int32(truncatingIfNeeded: context.register(Register.rax))
    let arguments = partialCalls[thread]?.arguments ?? callArguments(context)
    trace("  = \(result)")
    let handler = handlersToBe.removeValue(forKey: thread)
    let ranges = changedRanges(number, arguments, result)
    let isOvertaken = InterceptedCall.changesMappings(number) && mappingFlights.land(thread, changing: ranges)
    guard result >= 0 || result < -4095 else {
      // The handler is set before the old one is written (kernel/signal.c, rt_sigaction).
      if let handler, result == -Int64(EFAULT) { handlers[thread]?[Int32(truncatingIfNeeded: arguments[0])] = handler }
      return noteFailed(number, arguments)
    }
    if isOvertaken, !options.guardOriginalCode { return ranges.forEach(relearn) }
    let value = UInt64(bitPattern: result)
    switch number {
    case InterceptedCall.mmap: noteMapped(at: value, arguments)
    case InterceptedCall.open, InterceptedCall.creat, InterceptedCall.openat, InterceptedCall.openat2:
      noteOpened(thread, result)
    case InterceptedCall.munmap: noteUnmapped(arguments[0], arguments[1])
    case InterceptedCall.brk: noteBreak(value, arguments[0])
    case InterceptedCall.madvise: noteAdvised(arguments)
    case InterceptedCall.processMadvise: noteAdvisedPieces(arguments)
    case InterceptedCall.mprotect, InterceptedCall.pkeyMprotect: noteProtected(arguments)
    case InterceptedCall.mremap: noteMoved(arguments, to: value)
    case InterceptedCall.shmat: noteAttached(value)
    case InterceptedCall.shmdt: rereadMap()
    case InterceptedCall.rtSigaction:
      if let handler { handlers[thread]?[Int32(truncatingIfNeeded: arguments[0])] = handler }
    default: break
    }
  }

  // MARK: Restartable sequences

  /// rseq(2). An area is taken note of at most: no processor serves it before the thread is detached.
  private func restartableSequence(_ thread: ThreadID, _ arguments: [UInt64]) -> Int64 {
    guard sequences != nil else { return -Int64(ENOSYS) }
    let wanted = RestartableSequence(
      area: arguments[0], size: arguments[1] & 0xffff_ffff, signature: arguments[3] & 0xffff_ffff)
    let known = sequences?[thread]
    switch arguments[2] & 0xffff_ffff {
    case 0:
      if let known { return known == wanted ? -Int64(EBUSY) : -Int64(EINVAL) }
      sequences?[thread] = wanted
    case 1:
      guard known == wanted else { return -Int64(EINVAL) }
      sequences?[thread] = nil
    default: return -Int64(EINVAL)
    }
    let area = RestartableSequence.unserved
    prepareWrite(Range(at: wanted.area, count: UInt64(area.count)))
    return xv_write_remote(memoryOwner, wanted.area, area, area.count) == area.count
      ? 0 : -Int64(EFAULT)
  }

  // MARK: arch_prctl

  private func archPrctl(_ thread: ThreadID, _ context: Context, _ arguments: [UInt64]) {
    let setGS: UInt64 = 0x1001
    let getGS: UInt64 = 0x1004
    let shadowStackEnable: UInt64 = 0x5001
    // The kernel takes an int.
    switch arguments[0] & 0xffff_ffff {
    case setGS:
      let isCanonical = arguments[1] < 0x8000_0000_0000
      if isCanonical { context.store64(ContextLayout.guestGSBase, arguments[1]) }
      complete(thread, context, result: isCanonical ? 0 : -Int64(EPERM))
    case getGS:
      var base = context.load64(ContextLayout.guestGSBase)
      prepareWrite(Range(at: arguments[1], count: 8))
      let written = xv_write_remote(memoryOwner, arguments[1], &base, 8)
      complete(thread, context, result: written == 8 ? 0 : -Int64(EFAULT))
    case shadowStackEnable:
      // A shadow stack would hold cache addresses.
      complete(thread, context, result: -Int64(EOPNOTSUPP))
    default: makeNatively(context, InterceptedCall.archPrctl, arguments)
    }
  }

  // MARK: Mappings

  private func mapMemory(_ thread: ThreadID, _ context: Context, _ arguments: [UInt64]) {
    // With a hint alone the program natively gets the place that it names, too.
    if arguments[0] != 0, !claim(thread, context, arguments[0], arguments[1]) { return }
    var native = arguments
    native[2] = guarded(arguments[2])
    makeNatively(context, InterceptedCall.mmap, native)
  }

  /// In guard mode nothing of the program's is executable in place.
  func guarded(_ protection: UInt64) -> UInt64 {
    guard options.guardOriginalCode, protection & 4 != 0 else { return protection }
    return protection & ~4 | 1
  }

  /// The process's memory is reached through a thread that lives: a leader that has ended has none.
  var memoryOwner: Int32 { translator.pointee.process }

  func roundedUp(_ length: UInt64) -> UInt64 { (length &+ 0xfff) & ~0xfff }

  func readWords(_ address: UInt64, _ count: Int) -> [UInt64]? {
    var words = [UInt64](repeating: 0, count: count)
    return xv_read_remote(memoryOwner, address, &words, count * 8) == count * 8 ? words : nil
  }
}
