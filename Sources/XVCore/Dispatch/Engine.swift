// SPDX-License-Identifier: GPL-3.0-only
internal import CLinux
import Synchronization

/// Everything xv knows about one guest process: the shared region, the translator, the threads'
/// contexts.
///
/// Two threads of the server use it: the dispatcher, which answers requests, and the tracer, which
/// handles what only ptrace can do. `lock` serializes them.
final class Engine: @unchecked Sendable {
  // Rule for the unchecked conformance: every stored variable is reached with `lock` held, except
  // `stopping`, `highestContext` and the doorbell, which are atomic words, and `dispatcher` and
  // `writeWatcher`, which are the tracer's. Where the region lies in the guest only the tracer changes,
  // and may read without.
  let lock = Lock()
  var process: Int32
  var virtualization: VirtualizationState
  let options: LaunchOptions
  /// Another process of the program's made it.
  var isChild = false
  let trace: Trace
  /// The same as `virtualization`'s.
  let translator: UnsafeMutablePointer<Translator>
  /// The server's mapping of the region.
  let server: UnsafeMutableRawPointer
  /// Counted by threads that have ended.
  var retiredLookups: UInt64 = 0
  /// Shadow of the signal handlers; threads share one, a vfork child has a copy.
  var handlers: [ThreadID: SignalHandlers] = [:]
  /// Threads that shall stop after the system call they are in.
  var stepping: Set<ThreadID> = []
  /// Executable areas as they last were, also those that are not executable now: what kind of mapping
  /// they are does not change with their protection.
  var formerly = ExecutableRanges()
  /// Handlers that threads are about to install: read before the call, which may overwrite them.
  var handlersToBe: [ThreadID: SignalHandlers.Action] = [:]
  var mappingFlights = MappingFlights()
  /// Where the program's data ends, brk(2), once it has asked; 0 before.
  var programBreak: UInt64 = 0
  /// Calls of which some pieces are still to be made.
  var partialCalls: [ThreadID: PartialCall] = [:]
  /// What each thread of an attached process had registered, or believes it has; nil for a launched
  /// one, which is refused. Libraries take a refusal for fatal where they were served before.
  var sequences: [ThreadID: RestartableSequence]? = nil
  var openViews: [ThreadID: OpenView] = [:]
  /// Threads that wait to write to a page of code until they are interrupted.
  var heldWrites: [ThreadID: UInt64] = [:]
  /// The word that each thread's end clears.
  var clearedWords: [ThreadID: UInt64] = [:]
  /// What the kernel writes for threads that are ending.
  var lastWrites: [ThreadID: [Range<UInt64>]] = [:]
  /// Whether the program is in another pid namespace than xv (pid_namespaces(7)).
  lazy var hasOwnPIDs = Engine.link("/proc/\(process)/ns/pid") != Engine.link("/proc/self/ns/pid")
  /// What the program believes about being traced, and about who may.
  var tracing = TracingBelief()
  /// Calls of which a debugger is told.
  var caughtCalls = CaughtCalls.none { didSet { decideAboutCalls() } }
  /// Whether the program may write to its own memory past all protection.
  var memoryFile = MemoryFile.unopened { didSet { decideAboutCalls() } }
  /// Calls that are being made and write past it.
  var memoryWrites: [ThreadID: MemoryWrite] = [:]
  /// Limited address spaces, by process: this one, and vfork children that have limited theirs.
  var addressLimits: [Int32: AddressLimit] = [:]
  var tortureClock: TortureClock
  var isDying = false
  /// A thread for whose mapping xv could not move away: its call is refused.
  var immovable: ThreadID? = nil
  /// Threads that wait in the gate for the tracer: probes, steps, rare instructions.
  var parked: [ThreadID: Parking] = [:]
  private var parkings: UInt64 = 0
  /// Watched by checks in fragments, and what the contexts' tables say about that.
  var checked: Set<Watchpoint> = []
  private var watchFilter: WatchFilter? = nil
  /// Rung when `parked` has something new.
  private let bell: ParkingBell
  /// Set once, under the lock; the dispatcher reads it without.
  let isSandboxed = Atomic<Bool>(false)
  private let stopping: UnsafeMutablePointer<UInt32>
  /// Contexts below this number have been used.
  private let highestContext: UnsafeMutablePointer<UInt32>
  private var dispatcher: pthread_t? = nil
  /// Answers writes to trusted code once there is some; the tracer's.
  var writeWatcher: WriteWatcher? = nil
  /// What the dispatcher does at its end; written before it is told to end.
  private var retirement: (@Sendable (Engine) -> Void)? = nil

  struct Parking {
    enum Reason: Equatable {
      case exit(Exit.Kind)
      /// Something is to be discarded before the thread goes on.
      case discard(Discard)
      /// What it runs next is out of reach of all arenas.
      case needsArena(near: UInt64)
      /// It runs writable code that could be trusted, for which a descriptor of the process is needed.
      case needsTrust
      /// It waits to write to code of which it stands in a fragment.
      case writesCode
      /// It stands before a system call that may have to be told.
      case beforeCall(Int32)
      /// A process is to be traced by another one, and has to be let go for that.
      case isToBeTraced(Int32)

      /// Whether it is about the instruction at which the thread stands, and not about where that is translated.
      var isOfInstruction: Bool {
        switch self {
        case .exit, .beforeCall, .isToBeTraced, .writesCode: true
        case .discard, .needsArena, .needsTrust: false
        }
      }
    }

    var reason: Reason
    /// How many parked before it.
    var order: UInt64
  }

  init(
    process: Int32, region: consuming Region, guestCore: UInt64, options: LaunchOptions, trace: Trace,
    bell: ParkingBell
  ) {
    self.process = process
    self.bell = bell
    self.options = options
    self.trace = trace
    server = region.server
    Clock.start()
    virtualization = VirtualizationState(process: process, region: region, at: guestCore)
    translator = virtualization.translator
    if options.cacheSize > 0 { translator.pointee.cacheLimit = options.cacheSize }
    tortureClock = TortureClock(options.torture)
    if options.torture.watch { translator.pointee.checks = .all }
    stopping = .allocate(capacity: 1)
    stopping.initialize(to: 0)
    highestContext = .allocate(capacity: 1)
    highestContext.initialize(to: 0)
  }

  deinit {
    stopping.deallocate()
    highestContext.deallocate()
  }

  var doorbell: UnsafeMutablePointer<UInt32> {
    (server + RegionLayout.sharedOffset).assumingMemoryBound(to: UInt32.self)
  }

  // MARK: Contexts

  /// Gives a thread its context; nil when there are too many threads.
  func addThread(_ thread: ThreadID) -> Context? {
    guard let (index, context) = virtualization.makeContext(for: thread) else { return nil }
    if isSandboxed.load(ordering: .relaxed) { quieten(context) }
    if memoryFile != .unopened { context.ask(about: InterceptedCall.fileWrites) }
    if let watchFilter { context.fill(watchFilter) } else { context.fillRanges(.none) }
    if index >= Int(xv_load32(highestContext)) { xv_store32(highestContext, UInt32(index + 1)) }
    return context
  }

  /// Tells all contexts what is watched by checks.
  func check(_ watchpoints: Set<Watchpoint>) {
    checked = watchpoints
    let filter = WatchFilter(watchpoints)
    for (_, context) in active { context.fill(filter) }
    watchFilter = watchpoints.isEmpty ? nil : filter
  }

  func removeThread(_ thread: ThreadID) {
    guard let context = contexts[thread] else { return }
    retiredLookups &+= context.load64(ContextLayout.lookups)
    _ = virtualization.releaseContext(of: thread)
    partialCalls[thread] = nil
    noteMemoryWrite(thread, result: nil)
    if thread.rawValue != process { addressLimits[thread.rawValue] = nil }
    claims[thread] = nil
    mappingFlights.forget(thread)
    tortureClock.leave(thread)
    closeView(thread)
    parked[thread] = nil
    releaseHeldWrite(thread)
    clearedWords[thread] = nil
    lastWrites[thread] = nil
    handlers[thread] = nil
    stepping.remove(thread)
    sequences?[thread] = nil
    reachMemory(otherwiseThan: thread)
  }

  /// The program's memory is reached through a thread that lives (the first one may be a zombie) and that
  /// has this memory: a vfork child that executes a program has another as soon as the kernel has made it, before
  /// anybody is told.
  func reachMemory(otherwiseThan thread: ThreadID) {
    guard translator.pointee.process == thread.rawValue else { return }
    let others = contexts.keys.filter { $0 != thread }
    guard let other = others.first(where: { $0.rawValue == process }) ?? others.first else { return }
    translator.pointee.process = other.rawValue
  }

  // MARK: The dispatcher thread

  func startDispatcher() throws(GuestError) {
    var thread = pthread_t()
    let box = Unmanaged.passRetained(self)
    let status = pthread_create(
      &thread, nil,
      { argument in
        ChildEvents.blockSignal()
        let engine = Unmanaged<Engine>.fromOpaque(argument!).takeRetainedValue()
        let gained = xv_take_precedence(Engine.precedence)
        engine.dispatch()
        xv_take_precedence(-gained)
        engine.retirement?(engine)
        return nil
      }, box.toOpaque())
    guard status == 0 else {
      box.release()
      throw .system(call: "pthread_create", errno: status)
    }
    dispatcher = thread
  }

  /// Ends the dispatcher and waits for it.
  func stopDispatcher() {
    guard let dispatcher else { return }
    stopWatching()
    xv_store32(stopping, 1)
    wakeDispatcher()
    pthread_join(dispatcher, nil)
    self.dispatcher = nil
  }

  /// Ends the dispatcher without waiting for it. What is left to do, it does in `body`, and the engine is
  /// freed when it is done.
  func retire(_ body: @escaping @Sendable (Engine) -> Void) {
    guard let dispatcher else { return body(self) }
    stopWatching()
    pthread_detach(dispatcher)
    self.dispatcher = nil
    retirement = body
    xv_store32(stopping, 1)
    wakeDispatcher()
  }

  private func stopWatching() {
    writeWatcher?.stop()
    writeWatcher = nil
    lock.locked { translator.pointee.trusted.close() }
  }

  func wakeDispatcher() {
    xv_store32(doorbell, 0)
    xv_futex_wake(doorbell)
  }

  /// Nice levels. A thread of the program waits for each answer: were the dispatcher to wait its turn behind
  /// the program's other threads, one of them would get two turns.
  static let precedence: Int32 = 10

  /// About 200 us of idling before the dispatcher sleeps.
  private static let spins = xv_allowed_processors() > 1 ? 4000 : 1

  private func dispatch() {
    var idle = 0
    // Only a request brings new code within reach of what is kept.
    var mayInstall = true
    while xv_load32(stopping) == 0 {
      if round() {
        idle = 0
        mayInstall = true
        continue
      }
      // With many threads a round takes longer.
      idle += 1 + Int(xv_load32(highestContext)) / 32
      if Engine.spins > 1, mayInstall {
        mayInstall = installAhead()
        idle = 0
        continue
      }
      if idle < Engine.spins {
        xv_pause()
        continue
      }
      if isSandboxed.load(ordering: .relaxed) {
        xv_futex_wait(doorbell, 0, Engine.sandboxPeriod)
        continue
      }
      // Sleep: say so, look once more, then wait until a guest rings.
      _ = xv_exchange32(doorbell, 1)
      if round() || xv_load32(stopping) != 0 {
        xv_store32(doorbell, 0)
        idle = 0
        continue
      }
      xv_futex_wait(doorbell, 1, -1)
      xv_store32(doorbell, 0)
      idle = 0
    }
  }

  /// Answers what is posted; whether there was anything.
  private func round() -> Bool {
    // Looking costs no lock: contexts never move, and what is posted is looked at again below.
    guard isAnythingPosted else { return false }
    return lock.locked {
      var found = false
      for index in active.indices {
        let (thread, context) = active[index]
        if context.state == MailboxState.posted, parked[thread] == nil {
          keepApart(context)
          answer(thread, context)
          found = true
          if index >= active.count - 1 { break }
        }
      }
      return found
    }
  }

  /// Moves the dispatcher off the processor that a guest thread spins on: the scheduler sees two
  /// threads that take turns and leaves them together, and then each request costs two switches.
  private func keepApart(_ context: Context) {
    let processor = Int32(bitPattern: context.load32(ContextLayout.processor)) - 1
    if processor >= 0, processor == sched_getcpu() { xv_leave_processor(processor) }
  }

  var isAnythingPosted: Bool {
    let contexts = server + RegionLayout.contextsOffset + ContextLayout.state
    let used = Int(xv_load32(highestContext))
    for index in 0..<used {
      let word = contexts + index * RegionLayout.contextStride
      if xv_load32(word.assumingMemoryBound(to: UInt32.self)) == MailboxState.posted { return true }
    }
    return false
  }

  /// Tells the tracer that a thread waits for it.
  func park(_ thread: ThreadID, _ reason: Parking.Reason) {
    parkings &+= 1
    parked[thread] = Parking(reason: reason, order: parkings)
    bell.ring(process)
  }
}

/// What the engine uses of the state most.
extension Engine {
  var gate: Gate {
    @inline(__always) get { virtualization.gate }
  }
  /// Where the guest sees the region.
  var guestCore: UInt64 { virtualization.address }
  var contexts: [ThreadID: Context] {
    @inline(__always) get { virtualization.contexts }
  }
  var active: [(thread: ThreadID, context: Context)] {
    @inline(__always) get { virtualization.active }
  }
  var claims: [ThreadID: Range<UInt64>] {
    get { virtualization.claims }
    _modify { yield &virtualization.claims }
  }
}
