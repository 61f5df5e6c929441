// SPDX-License-Identifier: GPL-3.0-only
public import XVCore

/// An address in a world's memory.
public typealias Address = OriginalAddress

/// Somebody's memory and processor: a process here, another machine, a swapped image, or nothing.
///
/// After Xerox Cedar's WorldVM (Birrell 1983, Atkinson 1985). Safe from any thread. Memory is read
/// through a page cache that the incarnation makes stale: within one incarnation no page that fits
/// into the cache is fetched twice, and writes go through.
public protocol World: AnyObject, Sendable {
  /// What the world is, for people and messages: "pid:1234" for a process.
  var name: String { get }
  /// Starts at the first value and rises by one at each `go`.
  var currentIncarnation: Incarnation { get }

  // MARK: Memory
  /// Reads one 8-byte word.
  func read(_ address: Address) throws(WorldError) -> UInt64
  /// Writes one 8-byte word.
  func write(_ value: UInt64, to address: Address) throws(WorldError)
  /// Reads `count` bytes of any alignment, across pages; `.addressFault` names the first byte that
  /// failed.
  func copyRead(from address: Address, count: Int) throws(WorldError) -> [UInt8]
  /// The bytes that can be read: shorter than `count` at the first unreadable page, possibly empty.
  func copyReadAvailable(from address: Address, count: Int) throws(WorldError) -> [UInt8]
  /// Writes through. On `.addressFault` nothing at or after the named address was written.
  func copyWrite(_ bytes: [UInt8], to address: Address) throws(WorldError)

  /// What is mapped where, in the order of addresses.
  func mappings() throws(WorldError) -> [MemoryMapping]
  /// What changed in the mappings since the world was got.
  func mapLog() throws(WorldError) -> [MapLog.Entry]
  /// Maps fresh memory for the debugger's own use; `protection` is PROT_READ, PROT_WRITE and
  /// PROT_EXEC.
  func allocate(count: UInt64, protection: Int32) throws(WorldError) -> Address
  /// Takes memory of `allocate` away.
  func release(_ address: Address, count: UInt64) throws(WorldError)

  // MARK: Breakpoints
  /// Sets a breakpoint and returns the byte that stands there; `.illegalPatch` when there is a break
  /// already.
  func setBreak(_ address: Address) throws(WorldError) -> UInt8
  /// Takes a breakpoint away; `.illegalPatch` when there is none.
  func clearBreak(_ address: Address) throws(WorldError)

  /// Who decides, at each breakpoint that is met, whether it is told; nil: all are. False when nobody
  /// can decide in this world: then each hit is told.
  func filterBreaks(by filter: BreakpointFilter?) throws(WorldError) -> Bool

  /// Stops the world behind each access to memory; `.failed` when the processor cannot watch it too.
  func setWatch(_ watchpoint: Watchpoint) throws(WorldError)
  /// Takes a watchpoint away; `.illegalPatch` when there is none.
  func clearWatch(_ watchpoint: Watchpoint) throws(WorldError)

  /// Names the system calls of whose entry and return a stop tells.
  func catchCalls(_ calls: CaughtCalls) throws(WorldError)

  // MARK: The processor
  /// While the lock count is over zero the world does not get the processor.
  func lock()
  /// Takes one from the lock count.
  func unlock()
  /// Starts the world as planned, as soon as the lock count is zero; does not wait for the stop,
  /// which `takeStop` and `awaitStop` tell. `go` waits for it too.
  func start(_ plan: ResumePlan) throws(WorldError)
  /// The stop that ended the last `go`, or nil while the world runs. The first is the launch, a
  /// `.signal(SIGTRAP)`; `takeStop` does not tell that one.
  var lastStop: StopEvent? { get }
  /// A descriptor that is readable when a stop waits in `takeStop()`.
  var stopDescriptor: Int32 { get }
  /// The next stop that was not taken yet, without waiting.
  func takeStop() -> StopEvent?
  /// Waits for the next stop that was not taken yet, and takes it. `.badWorld` when the world becomes
  /// invalid meanwhile, `.cancelled` when the caller does not want it any more: the world runs on.
  func awaitStop() throws(WorldError) -> StopEvent
  /// Asks a running world to stop; the stop comes by `takeStop`. Nothing happens to one that stands.
  func interrupt() throws(WorldError)
  /// Ends what runs in the world; no stop tells of it.
  func kill() throws(WorldError)
  /// Lets what runs in the world go on by itself, with a signal if it is not 0.
  func detach(signal: Int32) throws(WorldError)

  // MARK: Threads and registers
  /// The kernel's id of the process in the world.
  var processID: Int32 { get }
  /// Whether what runs in the world ran before there was the world: then the world's end is not its end.
  var isAttached: Bool { get }
  /// Whether it is no process that this server holds: /proc tells nothing of it here, and the server's
  /// end is not its end.
  var isElsewhere: Bool { get }
  /// Live threads in the order of their making, where that is known; empty when the world has ended.
  var threads: [ThreadID] { get }
  /// The general registers, and with `extended` the XSAVE area.
  func registers(of thread: ThreadID, extended: Bool) throws(WorldError) -> Registers
  /// Writes the general registers, and the extended ones unless they are empty.
  func setRegisters(_ registers: Registers, of thread: ThreadID) throws(WorldError)
  /// The siginfo_t (128 bytes) of the signal at which the thread stands.
  func signalInformation(of thread: ThreadID) throws(WorldError) -> [UInt8]

  /// Gives the signal at which the thread stands another siginfo_t.
  func setSignalInformation(_ bytes: [UInt8], of thread: ThreadID) throws(WorldError)

  // MARK: What is loaded
  /// The program and its libraries, as its memory tells them now.
  func loadState() throws(WorldError) -> LoadState
  /// The same, perhaps without build ids: where each takes a look at its module's memory.
  func modules() throws(WorldError) -> LoadState
  /// Where a thread has a variable of its own: an offset in the storage of the module with that
  /// link_map; 0 is the main program.
  func threadLocal(
    at offset: UInt64, linkMap: Address, of thread: ThreadID
  ) throws(WorldError) -> Address
  /// The absolute path of the program that the world runs.
  func executablePath() throws(WorldError) -> String
  /// The auxiliary vector as the kernel laid it out: pairs of 8-byte words, AT_NULL last.
  func auxiliaryVector() throws(WorldError) -> [UInt8]

  // MARK: Threads one by one
  /// Has threads stop and go on one by one: a stop of one leaves the others running, and `go` is for those
  /// that stand still. Back again, all of them stop.
  func setNonStop(_ isWanted: Bool) throws(WorldError)
  /// Stops one thread that runs; the stop comes by `takeStop`.
  func stop(_ thread: ThreadID) throws(WorldError)
  /// Those threads that stand still.
  var heldThreads: Set<ThreadID> { get }
  /// Those that have a stop which `takeStop` has not handed out.
  var threadsWithStops: Set<ThreadID> { get }

  // MARK: Processes that it makes
  /// Names what is to be told besides stops.
  func tellEvents(_ told: ToldEvents) throws(WorldError)
  /// Names what is to be told of single threads.
  func setOptions(_ options: [ThreadID: ThreadOptions]) throws(WorldError)
  /// The world of a process that this one has made and of which a stop told; it stands still.
  func child(_ process: Int32) throws(WorldError) -> any World

  // MARK: The end
  /// Makes every later use raise `.badWorld`. What runs in the world is left as it is: `kill` or
  /// `detach` come first.
  func invalidate()
}

/// Makes every later use of a world raise `.badWorld`.
public func invalidateWorld(_ world: any World) { world.invalidate() }

extension World {
  /// Starts the world as planned, as soon as the lock count is zero, and returns at its next stop.
  @discardableResult
  public func go(_ plan: ResumePlan = ResumePlan()) throws(WorldError) -> StopEvent {
    try start(plan)
    return try awaitStop()
  }

  public func modules() throws(WorldError) -> LoadState { try loadState() }

  public var isAttached: Bool { false }
  public func filterBreaks(by filter: BreakpointFilter?) throws(WorldError) -> Bool { false }

  public func setNonStop(_ isWanted: Bool) throws(WorldError) {
    if isWanted { throw .refused("\(name) stops as a whole only") }
  }
  public func stop(_ thread: ThreadID) throws(WorldError) {}
  public var heldThreads: Set<ThreadID> { lastStop == nil ? [] : Set(threads) }
  public var threadsWithStops: Set<ThreadID> { [] }

  public func tellEvents(_ told: ToldEvents) throws(WorldError) {}
  public func setOptions(_ options: [ThreadID: ThreadOptions]) throws(WorldError) {
    if options.values.contains(where: { !$0.isEmpty }) {
      throw .refused("\(name) cannot tell of single threads")
    }
  }
  public func child(_ process: Int32) throws(WorldError) -> any World {
    throw .badWorld("\(name) has made no process \(process)")
  }

  public func catchCalls(_ calls: CaughtCalls) throws(WorldError) {
    throw .refused("\(name) cannot tell of system calls")
  }
  public func setSignalInformation(
    _ bytes: [UInt8], of thread: ThreadID
  ) throws(WorldError) {
    throw .refused("signals of this world cannot be changed")
  }
  public func threadLocal(
    at offset: UInt64, linkMap: Address, of thread: ThreadID
  ) throws(WorldError) -> Address {
    throw .refused("thread-local storage of this world cannot be found")
  }

  public var isElsewhere: Bool { false }

  /// Without a log of its own: what is mapped, and nothing of what was.
  public func mapLog() throws(WorldError) -> [MapLog.Entry] { [] }
}
