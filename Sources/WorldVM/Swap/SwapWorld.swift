// SPDX-License-Identifier: GPL-3.0-only
import Glibc
import Synchronization
package import XVCore

/// A program on disk. It can be looked at and changed there; `go` lets it live again, and from then on
/// the world is that process.
package final class SwapWorld: TranslatedWorld {
  package let name: String
  let image: SwapImage
  let state: RunState
  private let options: LaunchOptions
  private let memory: CachedMemory<SwapMemory>
  private let process = Mutex<ProcessWorld?>(nil)

  /// `.badWorld` when the file is no image, or a damaged one.
  package init(
    path: String, name: String? = nil,
    options: LaunchOptions = LaunchOptions(program: "", arguments: [])
  ) throws(WorldError) {
    if access(path, F_OK) != 0 { throw .lookupFailed("the image \(path)") }
    do throws(GuestError) {
      image = try SwapImage(path)
    } catch {
      throw .badWorld("\(error)")
    }
    self.name = name ?? "swap:\(path)"
    self.options = options
    state = try RunState(in: Incarnation(number: max(1, image.incarnation)))
    memory = CachedMemory(source: SwapMemory(image: image), state: state)
    state.find(
      at: StopEvent(
        thread: image.current, reason: image.signal == 0 ? .interrupted : .signal(image.signal)))
    OtherWorld.current.withLock { $0 = self }
  }

  /// The process that the image has become; nil while it is on disk.
  var live: ProcessWorld? { process.withLock { $0 } }

  package var isElsewhere: Bool { live == nil }
  package var currentIncarnation: Incarnation { state.incarnation }
  package var processID: Int32 { live?.processID ?? image.processID }
  package func invalidate() { state.invalidate(because: "the world \(name) was invalidated") }

  private func onDisk<Value>(
    _ body: (SwapImage) throws(GuestError) -> Value
  ) throws(WorldError) -> Value {
    try state.requireValid()
    do throws(GuestError) {
      return try body(image)
    } catch {
      throw WorldError(error)
    }
  }

  // MARK: Memory
  package func read(_ address: Address) throws(WorldError) -> UInt64 {
    try copyRead(from: address, count: 8).word(at: 0)
  }
  package func write(_ value: UInt64, to address: Address) throws(WorldError) {
    try copyWrite([UInt8](littleEndian: value), to: address)
  }
  package func copyRead(from address: Address, count: Int) throws(WorldError) -> [UInt8] {
    if let live { return try live.copyRead(from: address, count: count) }
    return try memory.read(from: address, count: count)
  }
  package func copyReadAvailable(from address: Address, count: Int) throws(WorldError) -> [UInt8] {
    if let live { return try live.copyReadAvailable(from: address, count: count) }
    return try memory.readAvailable(from: address, count: count)
  }
  package func copyWrite(_ bytes: [UInt8], to address: Address) throws(WorldError) {
    if let live { return try live.copyWrite(bytes, to: address) }
    try memory.write(bytes, to: address)
  }
  package func mappings() throws(WorldError) -> [MemoryMapping] {
    if let live { return try live.mappings() }
    return try onDisk { image in image.mappings }
  }
  package func mapLog() throws(WorldError) -> [MapLog.Entry] { try live?.mapLog() ?? [] }

  private var refusal: WorldError { .refused("the program is on disk: continue it first") }

  package func allocate(count: UInt64, protection: Int32) throws(WorldError) -> Address {
    guard let live else { throw refusal }
    return try live.allocate(count: count, protection: protection)
  }
  package func release(_ address: Address, count: UInt64) throws(WorldError) {
    guard let live else { throw refusal }
    try live.release(address, count: count)
  }

  // MARK: Breakpoints
  package func setBreak(_ address: Address) throws(WorldError) -> UInt8 {
    if let live { return try live.setBreak(address) }
    let byte = try copyRead(from: address, count: 1)[0]
    let isNew = try onDisk { image throws(GuestError) in
      try image.setBreakpoint(address.rawValue, isSet: true)
    }
    guard isNew else { throw .illegalPatch(address) }
    return byte
  }
  package func clearBreak(_ address: Address) throws(WorldError) {
    if let live { return try live.clearBreak(address) }
    let wasThere = try onDisk { image throws(GuestError) in
      try image.setBreakpoint(address.rawValue, isSet: false)
    }
    guard wasThere else { throw .illegalPatch(address) }
  }
  package func filterBreaks(by filter: BreakpointFilter?) throws(WorldError) -> Bool {
    try live?.filterBreaks(by: filter) ?? false
  }
  package func setWatch(_ watchpoint: Watchpoint) throws(WorldError) {
    guard let live else { throw refusal }
    try live.setWatch(watchpoint)
  }
  package func clearWatch(_ watchpoint: Watchpoint) throws(WorldError) {
    guard let live else { throw .illegalPatch(watchpoint.address) }
    try live.clearWatch(watchpoint)
  }
  package func catchCalls(_ calls: CaughtCalls) throws(WorldError) {
    guard let live else {
      if calls == .none { return }
      throw refusal
    }
    try live.catchCalls(calls)
  }

  // MARK: The processor
  package func lock() { state.lock() }
  package func unlock() { state.unlock() }
  package var lastStop: StopEvent? { state.lastStop }
  package var stopDescriptor: Int32 { state.stopDescriptor }
  package func takeStop() -> StopEvent? { state.takeStop() }
  package func awaitStop() throws(WorldError) -> StopEvent { try state.awaitStop() }

  /// The first one inloads.
  package func start(_ plan: ResumePlan) throws(WorldError) {
    if let live { return try live.start(plan) }
    try state.requireValid()
    try state.waitUntilUnlocked()
    let made = try ProcessWorld.inload(image, options, state: state)
    guard made.processID == image.processID, made.threads == image.threads else {
      try made.kill()
      throw .refused("the ids of its threads are in use, or cannot be given: 'xv --inload' does without")
    }
    process.withLock { $0 = made }
    memory.forget()
    try made.start(plan)
  }
  package func interrupt() throws(WorldError) { try live?.interrupt() }
  /// The image stays as it is.
  package func kill() throws(WorldError) {
    if let live { return try live.kill() }
    try state.requireValid()
    state.end(with: StopEvent(thread: image.current, reason: .killed(SIGKILL)))
  }
  package func detach(signal: Int32) throws(WorldError) {
    if let live { return try live.detach(signal: signal) }
    invalidate()
  }
  package func setNonStop(_ isWanted: Bool) throws(WorldError) {
    guard let live else {
      if isWanted { throw refusal }
      return
    }
    try live.setNonStop(isWanted)
  }
  package func stop(_ thread: ThreadID) throws(WorldError) { try live?.stop(thread) }
  package var heldThreads: Set<ThreadID> { live?.heldThreads ?? Set(threads) }
  package var threadsWithStops: Set<ThreadID> { state.threadsWithStops }
  package func tellEvents(_ told: ToldEvents) throws(WorldError) { try live?.tellEvents(told) }
  package func setOptions(_ options: [ThreadID: ThreadOptions]) throws(WorldError) {
    guard let live else {
      if options.values.contains(where: { !$0.isEmpty }) { throw refusal }
      return
    }
    try live.setOptions(options)
  }
  package func child(_ process: Int32) throws(WorldError) -> any World {
    guard let live else { throw .badWorld("\(name) has made no process \(process)") }
    return try live.child(process)
  }

  // MARK: Threads and registers
  package var threads: [ThreadID] {
    if let live { return live.threads }
    if case .killed? = state.lastStop?.reason { return [] }
    return image.threads
  }
  package func registers(of thread: ThreadID, extended: Bool) throws(WorldError) -> Registers {
    if let live { return try live.registers(of: thread, extended: extended) }
    guard var found = try onDisk({ image in image.registers(of: thread) }) else {
      throw .failed(call: "thread \(thread)", errno: ESRCH)
    }
    if !extended { found.extended = [] }
    return found
  }
  package func setRegisters(_ registers: Registers, of thread: ThreadID) throws(WorldError) {
    if let live { return try live.setRegisters(registers, of: thread) }
    try onDisk { image throws(GuestError) in try image.setRegisters(registers, of: thread) }
  }
  package func signalInformation(of thread: ThreadID) throws(WorldError) -> [UInt8] {
    guard let live else { throw .refused("no signal of thread \(thread) is in the image") }
    return try live.signalInformation(of: thread)
  }
  package func setSignalInformation(_ bytes: [UInt8], of thread: ThreadID) throws(WorldError) {
    guard let live else { throw refusal }
    try live.setSignalInformation(bytes, of: thread)
  }
  package func threadLocal(
    at offset: UInt64, linkMap: Address, of thread: ThreadID
  ) throws(WorldError) -> Address {
    guard let live else { throw .refused("thread-local storage of a program on disk is not looked for") }
    return try live.threadLocal(at: offset, linkMap: linkMap, of: thread)
  }

  // MARK: What is loaded
  package func auxiliaryVector() throws(WorldError) -> [UInt8] {
    try onDisk { image in image.auxiliaryVector }
  }
  package func executablePath() throws(WorldError) -> String {
    try onDisk { image in image.executable }
  }
  package func loadState() throws(WorldError) -> LoadState {
    if let live { return try live.loadState() }
    let path = try executablePath()
    let reader = LoadStateReader(
      memory: memory, auxiliary: AuxiliaryVector(try auxiliaryVector()))
    var found = try reader.read(main: path, entryInFile: ELFFile(path)?.entry)
    found.main.buildID = try buildID(of: found.main)
    for index in found.libraries.indices {
      found.libraries[index].buildID = try buildID(of: found.libraries[index])
    }
    return found
  }

  // MARK: The translator
  private func translated() throws(WorldError) -> ProcessWorld {
    guard let live else { throw refusal }
    return live
  }
  package var statistics: [(name: String, value: UInt64)] { live?.statistics ?? [] }
  package func block(at address: Address) throws(WorldError) -> BlockListing? {
    try translated().block(at: address)
  }
  package func flush() throws(WorldError) { try translated().flush() }
  package func collect() throws(WorldError) { try translated().collect() }
  package func relocate(to address: Address?) throws(WorldError) -> Address {
    try translated().relocate(to: address)
  }
}

/// Which image is the current one: the last that was written or opened.
private enum OtherWorld {
  static let current = Mutex<SwapWorld?>(nil)
}

/// The world of the current swap image; the same value at each call.
public func otherWorld() throws(WorldError) -> any World {
  guard let world = OtherWorld.current.withLock({ $0 }) else {
    throw .badWorld("there is no swap image")
  }
  return world
}
