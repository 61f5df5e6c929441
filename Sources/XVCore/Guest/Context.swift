// SPDX-License-Identifier: GPL-3.0-only
internal import CLinux

/// The server's view of one thread's context in the shared region.
///
/// The guest can write here, so nothing read from it is trusted: ids are checked by their tables and
/// addresses are looked up, never followed.
struct Context {
  let index: Int
  let base: UnsafeMutableRawPointer
  /// Where the thread sees it: its %gs base.
  let guestAddress: UInt64

  /// About 150 us of looking before a thread sleeps, for to be woken takes longer than most answers; none where server and guest share one processor.
  private static let spins: UInt32 = xv_allowed_processors() > 1 ? 2400 : 1

  @inline(__always)
  func load64(_ offset: Int) -> UInt64 { base.load(fromByteOffset: offset, as: UInt64.self) }
  @inline(__always)
  func store64(_ offset: Int, _ value: UInt64) {
    base.storeBytes(of: value, toByteOffset: offset, as: UInt64.self)
  }
  @inline(__always)
  func load32(_ offset: Int) -> UInt32 { base.load(fromByteOffset: offset, as: UInt32.self) }
  @inline(__always)
  func store32(_ offset: Int, _ value: UInt32) {
    base.storeBytes(of: value, toByteOffset: offset, as: UInt32.self)
  }

  func register(_ number: Int) -> UInt64 { load64(ContextLayout.slot(number)) }
  func setRegister(_ number: Int, _ value: UInt64) { store64(ContextLayout.slot(number), value) }

  @inline(__always)
  var state: UInt32 { xv_load32(word(ContextLayout.state)) }

  /// Takes a posted request back; for a thread that was stopped while it waited.
  func cancelRequest() {
    xv_store32(word(ContextLayout.state), MailboxState.idle)
    store32(ContextLayout.asleep, 0)
  }

  /// Lets the thread go on at one of the gate's labels.
  @inline(__always)
  func answer(next: UInt64) {
    store64(ContextLayout.next, next)
    _ = xv_exchange32(word(ContextLayout.state), MailboxState.answered)
    if load32(ContextLayout.asleep) != 0 { xv_futex_wake(word(ContextLayout.state)) }
  }

  @inline(__always)
  private func word(_ offset: Int) -> UnsafeMutablePointer<UInt32> {
    (base + offset).assumingMemoryBound(to: UInt32.self)
  }

  /// What a context holds of the guest's addresses in the region.
  struct Pointers {
    var gate: Gate
    var doorbell: UInt64
    var masterReturns: UInt64
    var masterJumps: UInt64
  }

  func point(_ pointers: Pointers) {
    store64(ContextLayout.gateMiss, pointers.gate.miss)
    store64(ContextLayout.gateReturnLookup, pointers.gate.returnLookup)
    store64(ContextLayout.gateJumpLookup, pointers.gate.jumpLookup)
    store64(ContextLayout.gateSystemCall, pointers.gate.systemCall)
    store64(ContextLayout.gateProbe, pointers.gate.probe)
    store64(ContextLayout.masterReturns, pointers.masterReturns)
    store64(ContextLayout.masterJumps, pointers.masterJumps)
    store64(ContextLayout.doorbell, pointers.doorbell)
    store64(ContextLayout.contextAddress, guestAddress)
    store64(ContextLayout.stackTop, guestAddress + UInt64(ContextLayout.stackEnd))
  }

  /// Prepares a context for a new thread.
  func initialize(_ pointers: Pointers) {
    memset(base, 0, ContextLayout.stackEnd)
    point(pointers)
    store32(ContextLayout.spins, Context.spins)
    ask(about: InterceptedCall.numbers)
    // x32 system calls (bit 30) use numbers of their own: the server answers ENOSYS.
    ask(about: 512..<548)
    map(TimedCall.numbers, to: CallKind.timed)
  }

  /// Has the server see calls whose numbers are not known when their code is translated.
  func ask(about numbers: some Sequence<Int32>) { map(numbers, to: CallKind.asked) }

  private func map(_ numbers: some Sequence<Int32>, to kind: UInt8) {
    for number in numbers { (base + ContextLayout.callMap).storeBytes(of: kind, toByteOffset: Int(number), as: UInt8.self) }
  }

  /// Lets the executions of a block be counted from the start again.
  func resetCount(_ block: Int32) { store32(ContextLayout.count(block), 0) }

  // MARK: Windows

  /// Shows the thread the tables of a window: of which upper half, and its number.
  func open(_ upperHalf: Int, as window: Int) {
    store64(
      ContextLayout.returnWindows + upperHalf * 8,
      TargetTables.displacement(of: window, .returns, context: index))
    store64(
      ContextLayout.jumpWindows + upperHalf * 8,
      TargetTables.displacement(of: window, .jumps, context: index))
  }

  /// Whether a lookup of this thread has left a value in rdx. It is a distance between two places of the
  /// region, which no program has reason to make.
  func isLeftover(_ value: UInt64) -> Bool {
    let first = TargetTables.displacement(of: 0, .returns, context: index)
    let size = UInt64(RegionLayout.tableSize)
    return value >= first && (value &- first) % size == 0
      && (value &- first) / size < UInt64(2 * RegionLayout.maximumWindows)
  }
}
