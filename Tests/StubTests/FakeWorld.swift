// SPDX-License-Identifier: GPL-3.0-only
import CLinux
import Glibc
import Synchronization
import WorldVM
import XVCore

/// A world in memory: what it is told to do is noted, and each `go` ends as the test wrote down.
final class FakeWorld: TranslatedWorld {
  /// How a `go` ends.
  enum Outcome: Sendable {
    case stop(StopReason)
    /// It runs until it is interrupted or killed.
    case runsOn
  }

  struct State {
    var memory: [UInt8] = (0..<0x2000).map { UInt8(truncatingIfNeeded: $0) }
    var breaks: Set<Address> = []
    var watches: Set<Watchpoint> = []
    var allocations: [Address: UInt64] = [:]
    var registers: [ThreadID: Registers] = [:]
    var outcomes: [Outcome] = []
    var plans: [ResumePlan] = []
    var interrupts = 0
    /// What happens just before an interrupt reaches the program.
    var overtaking: StopReason?
    var flushes = 0
    var collections = 0
    var isKilled = false
    var threads: [ThreadID] = []
    var options: [ThreadID: ThreadOptions] = [:]
    /// Those that stand still where threads stop one by one; nil where they stop together.
    var held: Set<ThreadID>?
    var detachSignal: Int32?
    var signalInformation: [UInt8] = [5] + Array(repeating: 0, count: 127)
  }

  static let base: UInt64 = 0x40_0000
  let name = "fake"
  let processID: Int32
  let state: Mutex<State>
  private let run: RunState

  init(processID: Int32 = 0x1234, threads: [Int32] = [0x1234], outcomes: [Outcome] = []) throws {
    self.processID = processID
    let threads = threads.map { ThreadID($0) }
    run = try RunState()
    var initial = State()
    initial.outcomes = outcomes
    initial.threads = threads
    // The main program's dynamic section: DT_DEBUG and its value, DT_NULL.
    initial.memory.replaceSubrange(
      0x1000..<0x1020, with: [21, 0, 0, 0, 0, 0, 0, 0, 0xe0, 0x7f] + Array(repeating: 0, count: 22))
    for thread in threads {
      var general = user_regs_struct()
      general.rip = Self.base
      general.rsp = 0x7fff_0000
      general.rbp = 0x7fff_0010
      initial.registers[thread] = Registers(
        general: general, extended: Array(repeating: 0, count: 4096))
    }
    state = Mutex(initial)
    run.find(at: StopEvent(thread: threads[0], reason: .signal(SIGTRAP)))
  }

  var threads: [ThreadID] { state.withLock { $0.threads } }

  var plans: [ResumePlan] { state.withLock { $0.plans } }

  /// What happens to a world that runs.
  func happen(_ reason: StopReason) { run.post(StopEvent(thread: threads[0], reason: reason)) }

  /// What happens to one thread, where threads stop one by one.
  func happen(_ reason: StopReason, to thread: Int32) {
    _ = state.withLock { $0.held?.insert(ThreadID(thread)) }
    run.post(StopEvent(thread: ThreadID(thread), reason: reason))
  }

  /// A thread is gone.
  func end(_ thread: Int32) {
    state.withLock { state in
      state.threads.removeAll { $0 == ThreadID(thread) }
      state.registers[ThreadID(thread)] = nil
    }
  }

  // MARK: Memory
  var currentIncarnation: Incarnation { run.incarnation }

  func read(_ address: Address) throws(WorldError) -> UInt64 {
    try copyRead(from: address, count: 8).reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }

  func write(_ value: UInt64, to address: Address) throws(WorldError) {
    try copyWrite((0..<8).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }, to: address)
  }

  func copyRead(from address: Address, count: Int) throws(WorldError) -> [UInt8] {
    let bytes = try copyReadAvailable(from: address, count: count)
    if bytes.count < count { throw .addressFault(address + UInt64(bytes.count)) }
    return bytes
  }

  func copyReadAvailable(from address: Address, count: Int) throws(WorldError) -> [UInt8] {
    try run.requireValid()
    let (offset, isBelow) = address.rawValue.subtractingReportingOverflow(Self.base)
    return state.withLock { state in
      guard !isBelow, offset < state.memory.count else { return [] }
      let start = Int(offset)
      return Array(state.memory[start..<min(start + count, state.memory.count)])
    }
  }

  func copyWrite(_ bytes: [UInt8], to address: Address) throws(WorldError) {
    _ = try copyRead(from: address, count: bytes.count)
    let start = Int(address.rawValue - Self.base)
    state.withLock { $0.memory.replaceSubrange(start..<start + bytes.count, with: bytes) }
  }

  func mappings() throws(WorldError) -> [MemoryMapping] {
    let start = Address(Self.base)
    let code = MemoryMapping(
      range: start..<(start + 0x1000), protection: PROT_READ | PROT_EXEC, isShared: false,
      path: "/bin/prog")
    let data = MemoryMapping(
      range: (start + 0x1000)..<(start + 0x2000), protection: PROT_READ | PROT_WRITE,
      isShared: false, path: "")
    return [code, data]
  }

  func allocate(count: UInt64, protection: Int32) throws(WorldError) -> Address {
    state.withLock { state in
      let address = Address(0x7000_0000 + 0x1000 * UInt64(state.allocations.count))
      state.allocations[address] = count
      return address
    }
  }

  func release(_ address: Address, count: UInt64) throws(WorldError) {
    guard state.withLock({ $0.allocations.removeValue(forKey: address) }) == count else {
      throw .addressFault(address)
    }
  }

  // MARK: Breakpoints
  func setBreak(_ address: Address) throws(WorldError) -> UInt8 {
    let byte = try copyRead(from: address, count: 1)[0]
    if !state.withLock({ $0.breaks.insert(address).inserted }) { throw .illegalPatch(address) }
    return byte
  }

  func clearBreak(_ address: Address) throws(WorldError) {
    if state.withLock({ $0.breaks.remove(address) }) == nil { throw .illegalPatch(address) }
  }

  func setWatch(_ watchpoint: Watchpoint) throws(WorldError) {
    try state.withLock { state throws(WorldError) in
      if state.watches.count == 4 { throw .failed(call: "watching memory", errno: ENOSPC) }
      state.watches.insert(watchpoint)
    }
  }

  func clearWatch(_ watchpoint: Watchpoint) throws(WorldError) {
    if state.withLock({ $0.watches.remove(watchpoint) }) == nil {
      throw .illegalPatch(watchpoint.address)
    }
  }

  // MARK: The processor
  func lock() { run.lock() }
  func unlock() { run.unlock() }
  var lastStop: StopEvent? { run.lastStop }
  var stopDescriptor: Int32 { run.stopDescriptor }
  func takeStop() -> StopEvent? { run.takeStop() }
  func awaitStop() throws(WorldError) -> StopEvent { try run.awaitStop() }

  func start(_ plan: ResumePlan) throws(WorldError) {
    guard try run.tryGo() else { throw .running }
    let outcome = state.withLock { state in
      state.plans.append(plan)
      state.held = state.held?.filter { (plan.threads[$0] ?? plan.others).kind == .stay }
      return state.outcomes.isEmpty ? Outcome.runsOn : state.outcomes.removeFirst()
    }
    if case .stop(let reason) = outcome { happen(reason) }
  }

  func setNonStop(_ isWanted: Bool) throws(WorldError) {
    state.withLock { $0.held = isWanted ? Set($0.threads) : nil }
    run.setNonStop(isWanted)
  }
  var heldThreads: Set<ThreadID> { state.withLock { $0.held ?? Set($0.threads) } }
  var threadsWithStops: Set<ThreadID> { run.threadsWithStops }

  func setOptions(_ options: [ThreadID: ThreadOptions]) throws(WorldError) {
    state.withLock { $0.options.merge(options) { $1 } }
  }

  func interrupt() throws(WorldError) {
    guard run.isRunning else { return }
    let overtaking = state.withLock { state in
      state.interrupts += 1
      defer { state.overtaking = nil }
      return state.overtaking
    }
    happen(overtaking ?? .interrupted)
  }

  func kill() throws(WorldError) {
    state.withLock { $0.isKilled = true }
    run.end(with: StopEvent(thread: threads[0], reason: .killed(SIGKILL)))
  }

  func detach(signal: Int32) throws(WorldError) { state.withLock { $0.detachSignal = signal } }

  // MARK: Threads and registers
  func registers(of thread: ThreadID, extended: Bool) throws(WorldError) -> Registers {
    try run.requireValid()
    guard let registers = state.withLock({ $0.registers[thread] }) else {
      throw .failed(call: "registers", errno: ESRCH)
    }
    return registers
  }

  func setRegisters(_ registers: Registers, of thread: ThreadID) throws(WorldError) {
    state.withLock { $0.registers[thread] = registers }
  }

  func signalInformation(of thread: ThreadID) throws(WorldError) -> [UInt8] {
    state.withLock { $0.signalInformation }
  }

  func setSignalInformation(_ bytes: [UInt8], of thread: ThreadID) throws(WorldError) {
    state.withLock { $0.signalInformation = bytes }
  }

  /// The thread's number stands for its thread pointer, far from the module's.
  func threadLocal(
    at offset: UInt64, linkMap: Address, of thread: ThreadID
  ) throws(WorldError) -> Address {
    guard linkMap.rawValue != 0 else { throw .refused("no storage") }
    return Address(UInt64(thread.rawValue) << 8 &+ linkMap.rawValue &- 0x4E00 &+ offset)
  }

  // MARK: What is loaded
  func loadState() throws(WorldError) -> LoadState {
    let main = LoadState.Module(
      path: "/bin/prog", base: Address(0), linkMap: Address(0x7000),
      dynamicSection: Address(Self.base + 0x1000),
      buildID: [])
    let library = LoadState.Module(
      path: "/lib/a&b.so", base: Address(0x1000), linkMap: Address(0x7100),
      dynamicSection: Address(0x1d00), buildID: [])
    var linker = library
    linker.linkMap = Address(0)
    return LoadState(main: main, libraries: [linker, library])
  }

  func executablePath() throws(WorldError) -> String { "/bin/prog" }
  func auxiliaryVector() throws(WorldError) -> [UInt8] { Array(repeating: 0, count: 16) }
  func invalidate() { run.invalidate(because: "invalidated") }

  // MARK: For people
  var statistics: [(name: String, value: UInt64)] { [("fragments", 12), ("requests made", 3)] }
  func block(at address: Address) throws(WorldError) -> BlockListing? { nil }
  func flush() throws(WorldError) { state.withLock { $0.flushes += 1 } }
  func collect() throws(WorldError) { state.withLock { $0.collections += 1 } }
  func relocate(to address: Address?) throws(WorldError) -> Address {
    guard address?.rawValue != 0x1001 else { throw .refused("xv cannot move there") }
    return address ?? Address(0x3f00_0000_0000)
  }
}

extension FakeWorld {
  var isKilled: Bool { state.withLock { $0.isKilled } }
  var breaks: Set<Address> { state.withLock { $0.breaks } }
}
