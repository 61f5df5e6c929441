// SPDX-License-Identifier: GPL-3.0-only
internal import CLinux

/// getrlimit, setrlimit and prlimit64 for RLIMIT_AS, as if xv were not there.
extension Engine {
  static func concernsAddressLimit(_ number: Int32, _ arguments: [UInt64]) -> Bool {
    let resource = arguments[number == InterceptedCall.prlimit64 ? 1 : 0]
    return resource & 0xffff_ffff == 9
  }

  /// What xv has in the program's address space.
  var ownBytes: UInt64 {
    UInt64(RegionLayout.regionSize + translator.pointee.arenaCount * Arena.size)
  }

  /// What of it can be executed: gate and arenas.
  var mappedCode: UInt64 {
    let shared = VirtualizationState.pieces.filter { $0.protection & 4 != 0 }.reduce(0) { $0 + $1.size }
    return UInt64(shared + translator.pointee.arenaCount * Arena.size)
  }

  /// Makes the kernel's limits fit what xv has mapped now.
  func imposeAddressLimits() {
    for (process, limit) in addressLimits { limit.impose(on: process, own: ownBytes) }
  }

  func answerAddressLimit(
    _ thread: ThreadID, _ context: Context, _ number: Int32, _ arguments: [UInt64]
  ) {
    let own = processOf(thread)
    let (target, newPlace, oldPlace): (Int32, UInt64, UInt64) =
      switch number {
      case InterceptedCall.getrlimit: (own, 0, arguments[1])
      case InterceptedCall.setrlimit: (own, arguments[1], 0)
      default: (limitTarget(Int32(truncatingIfNeeded: arguments[0]), own), arguments[2], arguments[3])
      }
    // A null pointer is an error for the older calls.
    let needsPlace = number != InterceptedCall.prlimit64
    guard target != 0, !needsPlace || newPlace | oldPlace != 0 else {
      return makePlainly(thread, context, number, arguments)
    }
    let (result, old) = changeAddressLimit(thread, target, newPlace)
    guard result == 0, oldPlace != 0, let old else {
      return complete(thread, context, result: -Int64(result))
    }
    let words = [old.soft, old.hard]
    prepareWrite(Range(at: oldPlace, count: 16))
    let written = xv_write_remote(memoryOwner, oldPlace, words, 16)
    complete(thread, context, result: written == 16 ? 0 : -Int64(EFAULT))
  }

  /// Returns errno, or 0, and what the limit was.
  private func changeAddressLimit(
    _ thread: ThreadID, _ process: Int32, _ place: UInt64
  ) -> (Int32, AddressLimit?) {
    guard let present = addressLimits[process] ?? AddressLimit(of: process) else { return (ESRCH, nil) }
    guard place != 0 else { return (0, present) }
    guard let words = readWords(place, 2) else { return (EFAULT, nil) }
    let wanted = AddressLimit(soft: words[0], hard: words[1])
    if wanted.soft > wanted.hard { return (EINVAL, nil) }
    if wanted.hard > present.hard, !mayRaiseLimits(thread) { return (EPERM, nil) }
    let failure = wanted.impose(on: process, own: wanted.isUnlimited ? 0 : ownBytes)
    if failure == 0 { addressLimits[process] = wanted.isUnlimited ? nil : wanted }
    return (failure, present)
  }

  /// CAP_SYS_RESOURCE.
  private func mayRaiseLimits(_ thread: ThreadID) -> Bool {
    (ProcessStatus(of: thread.rawValue)?.signals("CapEff") ?? 0) >> 24 & 1 != 0
  }

  /// The process that a thread belongs to: a vfork child is one of its own.
  func processOf(_ thread: ThreadID) -> Int32 {
    if thread.rawValue == process { return process }
    return ProcessStatus(of: thread.rawValue)?.number("Tgid").map { Int32($0) } ?? process
  }

  func limit(forChildOf thread: ThreadID) -> AddressLimit? {
    addressLimits.isEmpty ? nil : addressLimits[processOf(thread)]
  }

  /// The process of this address space that prlimit names; 0 for another one, whose limit the kernel has.
  private func limitTarget(_ named: Int32, _ own: Int32) -> Int32 {
    if named == 0 || named == own { return own }
    return contexts[ThreadID(named)] == nil ? 0 : processOf(ThreadID(named))
  }
}
