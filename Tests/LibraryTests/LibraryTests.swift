// SPDX-License-Identifier: GPL-3.0-only
import Glibc
import Testing
import WorldVM

/// The interface as another package sees it: this target sees nothing but what is public, and imports
/// WorldVM alone.
@Suite(.timeLimit(.minutes(1)), .serialized) struct LibraryTests {
  /// A program that turns in a loop until it is killed.
  private final class Spinner {
    let process: pid_t
    private(set) var isTaken = false

    init() throws {
      let words = ["/bin/sh", "-c", "echo; while :; do :; done"]
      var pointers: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
      defer { for pointer in pointers { free(pointer) } }
      var process: pid_t = 0
      // The threads that run tests block most signals.
      var attributes = posix_spawnattr_t()
      posix_spawnattr_init(&attributes)
      defer { posix_spawnattr_destroy(&attributes) }
      var none = sigset_t()
      sigemptyset(&none)
      posix_spawnattr_setsigmask(&attributes, &none)
      posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
      // Sockets and pipes that the tests' runner leaves open could not be carried.
      var actions = posix_spawn_file_actions_t()
      posix_spawn_file_actions_init(&actions)
      defer { posix_spawn_file_actions_destroy(&actions) }
      var ends: [Int32] = [0, 0]
      try #require(pipe(&ends) == 0)
      posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO)
      for number in 3..<Int32(1000) { posix_spawn_file_actions_addclose(&actions, number) }
      for number in [STDIN_FILENO, STDERR_FILENO] {
        posix_spawn_file_actions_addopen(&actions, number, "/dev/null", O_RDWR, 0)
      }
      let code = posix_spawn(&process, "/bin/sh", &actions, &attributes, &pointers, environ)
      try #require(code == 0)
      self.process = process
      // It is in its loop.
      close(ends[1])
      var byte: UInt8 = 0
      let count = read(ends[0], &byte, 1)
      close(ends[0])
      try #require(count == 1)
    }

    /// Waits for its end.
    func take() {
      isTaken = true
      while waitpid(process, nil, 0) < 0, errno == EINTR {}
    }

    deinit {
      kill(process, SIGKILL)
      if !isTaken { take() }
    }
  }

  private func counter(of world: any World) throws -> Address {
    let thread = try #require(world.threads.first)
    return try world.registers(of: thread, extended: false).programCounter
  }

  /// Of the error that a call throws.
  private func kind(_ call: () throws -> Void) -> String {
    do {
      try call()
      return "none"
    } catch {
      switch error as? WorldError {
      case .badWorld: return "bad"
      case .lookupFailed: return "lookup"
      default: return "\(error)"
      }
    }
  }

  // MARK: I
  @Test func worldsAreFound() throws {
    #expect(throws: WorldError.self) { try getWorld(where: "pid:nonsense") }
    let registry = WorldRegistry(paths: ["/nonexistent/worlds.toml"])
    #expect(kind { _ = try getWorld(where: "nobody", registry: registry) } == "lookup")
    #expect(kind { _ = try getWorld(where: "core:/etc/passwd", onLinkChange: { _ in }) } == "bad")
    // A command that ends before it answers is not started again and again.
    #expect(kind { _ = try getWorld(where: "|exit 3") } == "bad")
    #expect(kind { _ = try getWorld(where: "|/no/such/server --stdio 2>/dev/null") } == "bad")
    #expect(try localWorld() === localWorld())
    #expect(try localWorld().name == "Local")
    #expect(kind { _ = try noWorld().read(Address(0)) } == "bad")
  }

  @Test func anInvalidWorldIsBad() throws {
    let spinner = try Spinner()
    let path = "/tmp/xv-worlds-\(spinner.process).toml"
    let file = try #require(fopen(path, "w"))
    fputs("[worlds]\nspinner = \"pid:\(spinner.process)\"\n", file)
    fclose(file)
    defer { unlink(path) }
    let world = try getWorld(where: "spinner", registry: WorldRegistry(paths: [path]))
    #expect(world.name == "spinner")
    #expect(world.currentIncarnation == .first)
    invalidateWorld(world)
    #expect(kind { _ = try world.loadState() } == "bad")
  }

  // MARK: II
  @Test func memoryIsReadAndWritten() throws {
    let world = try localWorld()
    let bytes = UnsafeMutablePointer<UInt64>.allocate(capacity: 2000)
    defer { bytes.deallocate() }
    for index in 0..<2000 { bytes[index] = UInt64(index) &* 0x0101_0101 }
    let address = Address(UInt64(UInt(bitPattern: bytes)))
    #expect(try world.read(address + 8) == 0x0101_0101)
    let pair = try world.longRead(address + 8)
    #expect(pair.low == 0x0101_0101 && pair.high == 0x0202_0202)
    try world.write(7, to: address)
    try world.longWrite((low: 8, high: 9), to: address + 8)
    #expect(bytes[0] == 7 && bytes[1] == 8 && bytes[2] == 9)
    try world.copyWrite([UInt8](repeating: 3, count: 9001), to: address + 3)
    #expect(try world.copyRead(from: address + 3, count: 9001).allSatisfy { $0 == 3 })
    #expect(throws: WorldError.addressFault(Address(8))) { try world.read(Address(8)) }
    #expect(try world.copyReadAvailable(from: Address(8), count: 8).isEmpty)
    #expect(try world.mappings().contains { $0.range.contains(address) && $0.protection & PROT_WRITE != 0 })
    // What is short counts from the base of the main program.
    let main = try world.loadState().main
    #expect(try world.long(ShortAddress(16)) == main.base + 16)
    #expect(try world.read(ShortAddress(0)) == world.read(main.base))
  }

  // MARK: III and IV
  @Test func breaksAndGoes() async throws {
    let spinner = try Spinner()
    let world = try getWorld(where: "pid:\(spinner.process)")
    defer { do { try world.kill() } catch {} }
    // It stops when it is asked to, and goes on from where it stands.
    async let first = Task.detached { try world.go() }.value
    while world.currentIncarnation == .first { await Task.yield() }
    try world.interrupt()
    #expect(try await first.reason == .interrupted)
    #expect(world.currentIncarnation == Incarnation.first.next)
    // Where it stands it comes by again.
    let place = try counter(of: world)
    let byte = try world.copyRead(from: place, count: 1)[0]
    #expect(try world.setBreak(place) == byte)
    #expect(throws: WorldError.illegalPatch(place)) { try world.setBreak(place) }
    if try isInside(place, world) {
      #expect(try world.go().reason == .breakpoint)
      #expect(try counter(of: world) == place)
    }
    try world.clearBreak(place)
    #expect(throws: WorldError.illegalPatch(place)) { try world.clearBreak(place) }
    // While somebody holds a lock it does not go, and who waits for that can be cancelled.
    world.lock()
    let cancellation = try Cancellation()
    cancellation.cancel()
    #expect(throws: WorldError.cancelled) {
      try Cancellation.$current.withValue(cancellation) { try world.go() }
    }
    world.unlock()
    let step = ResumePlan(others: ResumePlan.Action(.step))
    #expect(try world.go(step).reason == .stepped)
    #expect(try world.mapLog().allSatisfy { $0.incarnation >= .first })
  }

  /// A world is marked as running a moment before it runs.
  @Test func noInterruptIsTooEarly() async throws {
    let spinner = try Spinner()
    let world = try getWorld(where: "pid:\(spinner.process)")
    defer { do { try world.kill() } catch {} }
    for _ in 0..<40 {
      let stood = world.currentIncarnation
      async let stop = Task.detached { try world.go() }.value
      while world.currentIncarnation == stood { await Task.yield() }
      try world.interrupt()
      #expect(try await stop.reason == .interrupted)
    }
  }

  /// The shell's own code, which its loop comes by; what the kernel or the C library does may be once.
  private func isInside(_ address: Address, _ world: any World) throws -> Bool {
    let main = try world.loadState().main
    return try world.segments(of: main).contains { $0.range.contains(address) }
  }

  // MARK: V
  @Test func whatIsLoadedIsKnown() throws {
    let spinner = try Spinner()
    let world = try getWorld(where: "pid:\(spinner.process)")
    defer { do { try world.kill() } catch {} }
    let found = try world.loadState()
    let library = try #require(found.libraries.first { $0.path.hasSuffix("/libc.so.6") })
    #expect(library.buildID.count == 20)
    let symbols = try world.symbols(of: library)
    let exit = try #require(symbols["exit"])
    #expect(try world.segments(of: library).contains { $0.range.contains(exit.address) })
    #expect(symbols.symbol(at: exit.address)?.size == exit.size)
  }

  // MARK: World swap
  @Test(arguments: [false, true])
  func worldsAreSwapped(isCompressed: Bool) throws {
    let spinner = try Spinner()
    let path = "/tmp/xv-library-\(spinner.process).swap"
    defer { unlink(path) }
    let world = try getWorld(where: "pid:\(spinner.process)")
    let place = try counter(of: world)
    let (swapped, size) = try outload(world, to: path, isCompressed: isCompressed)
    spinner.take()
    #expect(size > 4096)
    #expect(swapped.name == "Outload")
    #expect(try otherWorld() === swapped)
    #expect(try otherWorld() === otherWorld())
    #expect(throws: WorldError.self) { try world.read(place) }
    #expect(try counter(of: swapped) == place)
    let opened = try getWorld(where: "swap:\(path)")
    #expect(try opened.copyRead(from: place, count: 8) == swapped.copyRead(from: place, count: 8))
    #expect(try opened.go(ResumePlan(others: ResumePlan.Action(.step))).reason == .stepped)
    #expect(opened.processID == spinner.process)
    try opened.kill()
    #expect(throws: WorldError.self) { try outload(localWorld(), to: path) }
  }
}
