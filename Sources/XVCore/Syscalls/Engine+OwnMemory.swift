// SPDX-License-Identifier: GPL-3.0-only
internal import CLinux
import Glibc

/// Calls of the program about ranges in which xv has memory: to the program that is a hole.
extension Engine {
  /// A call that is made for the parts of its range that are not xv's, one after the other.
  struct PartialCall {
    var number: Int32
    /// Those of the piece that was made last; at first the whole call's.
    var arguments: [UInt64]
    var pieces: ArraySlice<Range<UInt64>>
    /// What the call says in the end, if no piece failed.
    var result: Int64
  }

  func overlapsXV(_ address: UInt64, _ length: UInt64) -> Bool {
    let range = address..<max(address, address &+ roundedUp(length))
    return virtualization.ownRanges.contains { $0.overlaps(range) }
  }

  /// munmap, mprotect, madvise, msync, mlock, munlock: a range and what is to be done with it.
  func changeRange(
    _ thread: ThreadID, _ context: Context, _ number: Int32, _ arguments: [UInt64]
  ) {
    // What the kernel refuses as a whole is left to it (mm/vma.c, do_vmi_munmap).
    let taskSize: UInt64 = 0x7fff_ffff_f000
    let isRefused =
      number == InterceptedCall.munmap
      && (arguments[0] > taskSize || arguments[1] > taskSize - arguments[0])
    guard !isRefused, arguments[0] & 0xfff == 0, overlapsXV(arguments[0], arguments[1]) else {
      // A hole in it is no place for an arena before the call is done.
      claims[thread] = arguments[0]..<max(arguments[0], arguments[0] &+ roundedUp(arguments[1]))
      return makeNatively(context, number, protecting(number, arguments))
    }
    var pieces: [Range<UInt64>] = []
    var start = arguments[0]
    let end = arguments[0] &+ roundedUp(arguments[1])
    for own in virtualization.ownRanges where own.upperBound > start && own.lowerBound < end {
      if own.lowerBound > start { pieces.append(start..<own.lowerBound) }
      start = own.upperBound
    }
    if start < end { pieces.append(start..<end) }
    var result = -Int64(ENOMEM)
    switch number {
    case InterceptedCall.munmap: result = 0
    // They go on behind a hole, and say so in the end.
    case InterceptedCall.madvise, InterceptedCall.msync: break
    default:
      // These end at the first hole, with what came before it done (mm/mprotect.c, mm/mlock.c).
      pieces = pieces.filter { $0.lowerBound == arguments[0] }
    }
    trace("the program means xv's memory by system call \(number): \(pieces.count) pieces are its own")
    guard !pieces.isEmpty else { return complete(thread, context, result: result) }
    partialCalls[thread] = PartialCall(
      number: number, arguments: arguments, pieces: pieces[...], result: result)
    makePiece(thread, context)
  }

  func makePiece(_ thread: ThreadID, _ context: Context) {
    guard var call = partialCalls[thread], let piece = call.pieces.popFirst() else { return }
    call.arguments[0] = piece.lowerBound
    call.arguments[1] = piece.upperBound - piece.lowerBound
    partialCalls[thread] = call
    claims[thread] = piece
    mappingFlights.begin(thread)
    // Until the next piece is made the thread stands before its call, which can begin again.
    context.store32(ContextLayout.kind, RequestKind.systemCall.rawValue)
    makeNatively(context, call.number, protecting(call.number, call.arguments))
  }

  /// The arguments of mprotect as the guard mode wants them.
  private func protecting(_ number: Int32, _ arguments: [UInt64]) -> [UInt64] {
    guard number == InterceptedCall.mprotect || number == InterceptedCall.pkeyMprotect else {
      return arguments
    }
    var native = arguments
    native[2] = guarded(arguments[2])
    return native
  }

  // MARK: The program maps something where xv is

  /// A thread is about to map something at a place. False when it first has to wait until xv has moved
  /// away; it then makes its call again.
  func claim(
    _ thread: ThreadID, _ context: Context, _ address: UInt64, _ length: UInt64
  ) -> Bool {
    // Until the call is done no arena comes there.
    let end = address.addingReportingOverflow(max(roundedUp(length), 0x1000))
    guard !end.overflow else { return true }
    claims[thread] = (address & ~0xfff)..<end.partialValue
    guard overlapsXV(address & ~0xfff, end.partialValue - (address & ~0xfff)) else { return true }
    guard immovable != thread else {
      immovable = nil
      claims[thread] = nil
      trace("the program maps over xv's memory: refused")
      complete(thread, context, result: -Int64(ENOMEM))
      return false
    }
    trace("the program maps something at \(OriginalAddress(address)), where xv is")
    park(thread, .discard(.relocate))
    return false
  }

  /// mremap from or to xv's memory.
  func moveMemory(_ thread: ThreadID, _ context: Context, _ arguments: [UInt64]) {
    let fixed: UInt64 = 2
    if overlapsXV(arguments[0], max(arguments[1], 1)) {
      return complete(thread, context, result: -Int64(EFAULT))
    }
    if arguments[3] & fixed != 0 {
      guard claim(thread, context, arguments[4], arguments[2]) else { return }
    } else if arguments[2] > arguments[1] {
      // What grows stays where it is if there is nothing behind it.
      guard claim(thread, context, arguments[0], arguments[2]) else { return }
    }
    // Several mappings are moved one after the other, those before one that is registered, too (mm/mremap.c, remap_move).
    let end = arguments[0].addingReportingOverflow(arguments[1])
    if arguments[3] & fixed != 0, arguments[1] == arguments[2], !end.overflow {
      unregisterIfSeveral(arguments[0]..<end.partialValue)
    }
    makeNatively(context, InterceptedCall.mremap, arguments)
  }

  /// A call that wants one mapping has met several, which were one before some of their code came to be trusted. True when
  /// it is made again.
  func retryUnregistered(_ thread: ThreadID, _ context: Context, _ result: Int64) -> Bool {
    let number = Int32(truncatingIfNeeded: context.register(Register.rax))
    let arguments = callArguments(context)
    guard unregisterAny(of: concernedRanges(number, arguments, result)) else { return false }
    context.store32(ContextLayout.kind, RequestKind.systemCall.rawValue)
    switch number {
    case InterceptedCall.mremap:
      mappingFlights.begin(thread)
      moveMemory(thread, context, arguments)
    case InterceptedCall.madvise: changeRange(thread, context, number, arguments)
    default: makeNatively(context, number, arguments)
    }
    return true
  }

  /// What a call was about that may have failed because of a registered mapping.
  private func concernedRanges(_ number: Int32, _ arguments: [UInt64], _ result: Int64) -> [Range<UInt64>] {
    let collapse: UInt64 = 25
    // Address and length of each.
    let pieces: [UInt64]
    switch (number, result) {
    case (InterceptedCall.mremap, -Int64(EFAULT)): pieces = Array(arguments[..<2])
    case (InterceptedCall.madvise, -Int64(EINVAL)) where arguments[2] & 0xffff_ffff == collapse:
      pieces = Array(arguments[..<2])
    case (InterceptedCall.processMadvise, _) where arguments[3] & 0xffff_ffff == collapse:
      pieces = advisedPieces(arguments)
      let bytes = stride(from: 1, to: pieces.count, by: 2).reduce(0) { $0 &+ pieces[$1] }
      // It says how much it has done.
      if result == Int64(bitPattern: bytes) { return [] }
    default: return []
    }
    return stride(from: 0, to: pieces.count, by: 2).compactMap { index in
      let end = pieces[index].addingReportingOverflow(pieces[index + 1])
      return end.overflow ? nil : pieces[index]..<end.partialValue
    }
  }

  private func unregisterAny(of ranges: [Range<UInt64>]) -> Bool {
    var hasAny = false
    for range in ranges where unregister(range) { hasAny = true }
    return hasAny
  }

  /// shmat to a place of the program's choice.
  ///
  /// How large a segment is only its own namespace knows (ipc_namespaces(7)): where the program is in another one, all that may be
  /// in the way moves.
  func attachShared(_ thread: ThreadID, _ context: Context, _ arguments: [UInt64]) {
    if arguments[1] != 0 {
      var information = shmid_ds()
      let isOfOurs = Engine.link("/proc/\(thread.rawValue)/ns/ipc") == Engine.link("/proc/self/ns/ipc")
      let isKnown = isOfOurs && shmctl(Int32(truncatingIfNeeded: arguments[0]), IPC_STAT, &information) == 0
      let length = isKnown ? UInt64(information.shm_segsz) : isOfOurs ? 0x1000 : freeBytes(from: arguments[1])
      guard claim(thread, context, arguments[1], length) else { return }
    }
    makeNatively(context, InterceptedCall.shmat, arguments)
  }

  /// How much lies between an address and the next mapping of the program's.
  private func freeBytes(from address: UInt64) -> UInt64 {
    let own = virtualization.ownRanges
    let next = AddressMap(process: memoryOwner).lines.first { line in
      line.range.upperBound > address && !own.contains { $0.overlaps(line.range) }
    }
    return max(next?.range.lowerBound ?? Engine.addressEnd, address &+ 0x1000) &- address
  }
}
