// SPDX-License-Identifier: GPL-3.0-only
import CLinux
import Glibc
import Linux
import Testing
import WorldVM
import XVCore

/// What every kind of world does alike.
@Suite(.timeLimit(.minutes(1)), .serialized) struct ConformanceTests {
  // MARK: Memory
  @Test(arguments: WorldKind.allCases)
  func readsAcrossPagesAndFaultsByAddress(_ kind: WorldKind) throws {
    let held = try HeldWorld(kind)
    let world = held.world
    let main = try world.loadState().main
    let segments = try world.segments(of: main)
    let first = try #require(segments.first).range.lowerBound
    let header = try world.copyRead(from: first, count: 64)
    #expect(header.starts(with: [0x7f, 0x45, 0x4c, 0x46]))
    #expect(try world.copyRead(from: first + 1, count: 3) == Array(header[1..<4]))
    #expect(try world.read(first) == UInt64(littleEndian: header[..<8]))
    let (low, high) = try world.longRead(first)
    #expect(low == UInt64(littleEndian: header[..<8]))
    #expect(high == UInt64(littleEndian: header[8..<16]))
    #expect(try world.read(ShortAddress(first.rawValue - main.base.rawValue)) == low)
    // Nothing is mapped in the first page of any program.
    #expect(throws: WorldError.addressFault(Address(0x100))) { try world.read(Address(0x100)) }
    #expect(try world.copyReadAvailable(from: Address(0x100), count: 8) == [])
    // The stack ends; the kernel leaves a hole above it in every program.
    if kind != .local {
      let end = try endOfMapping(first, in: world)
      #expect(throws: WorldError.addressFault(end)) {
        try world.copyRead(from: end + UInt64(bitPattern: -16), count: 4096)
      }
      #expect(try world.copyReadAvailable(from: end + UInt64(bitPattern: -16), count: 64).count == 16)
    }
  }

  /// The first address behind `start` that cannot be read.
  private func endOfMapping(_ start: Address, in world: any World) throws -> Address {
    var address = start
    while try world.copyReadAvailable(from: address, count: 1).count == 1 { address = address + 4096 }
    return address
  }

  @Test(arguments: WorldKind.live.filter { $0 != .attached })
  func writesGoThrough(_ kind: WorldKind) throws {
    let held = try HeldWorld(kind)
    try held.run(to: "main")
    let world = held.world
    let value = try held.address(of: "value")
    #expect(try world.read(value) == Subject.value)
    try world.write(42, to: value)
    #expect(try world.read(value) == 42)
    // Over several pages, at odd addresses.
    let pages = try held.address(of: "pages") + 3
    let bytes = (0..<9000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
    try world.copyWrite(bytes, to: pages)
    #expect(try world.copyRead(from: pages, count: bytes.count) == bytes)
    // Nothing is written where nothing is.
    #expect(throws: WorldError.addressFault(Address(0x100))) {
      try world.copyWrite([1, 2, 3], to: Address(0x100))
    }
    // The program sees what was written: it ends with another status.
    try world.start(ResumePlan())
    #expect(try held.world.awaitStop().reason == .exited(42))
  }

  /// What lies before the first address that fails is written, and nothing at or behind it.
  @Test(arguments: WorldKind.live.filter { $0 != .attached })
  func aWriteEndsWhereMemoryEnds(_ kind: WorldKind) throws {
    let held = try HeldWorld(kind)
    try held.run(to: "main")
    let world = held.world
    let end = try endOfMapping(Address(held.address(of: "pages").rawValue & ~0xfff), in: world)
    let start = end + UInt64(bitPattern: -5000)
    let bytes = (0..<6000).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ 1) }
    #expect(throws: WorldError.addressFault(end)) { try world.copyWrite(bytes, to: start) }
    #expect(try world.copyReadAvailable(from: start, count: 6000) == Array(bytes.prefix(5000)))
  }

  @Test(arguments: [WorldKind.process, .ours])
  func changesOfMappingsAreLogged(_ kind: WorldKind) throws {
    let held = try HeldWorld(kind)
    try held.run(to: "main")
    let world = held.world
    _ = try world.mapLog()
    let address = try world.allocate(count: 0x3000, protection: PROT_READ | PROT_WRITE)
    let mapped = try #require(try world.mapLog().last)
    #expect(mapped.change == .map && mapped.mapping.range.contains(address))
    #expect(mapped.incarnation == world.currentIncarnation)
    try world.release(address, count: 0x3000)
    let unmapped = try #require(try world.mapLog().last)
    #expect(unmapped.change == .unmap && unmapped.mapping.range.contains(address))
  }

  @Test(arguments: WorldKind.remote + [.core, .swap, .inloaded])
  func noPageIsFetchedTwice(_ kind: WorldKind) throws {
    let held = try HeldWorld(kind)
    let remote = held.world as? RemoteWorld
    let first = try held.world.loadState().main.base
    _ = try held.world.copyRead(from: first, count: 8192)
    let before = remote?.counters
    let bytes = try held.world.copyRead(from: first, count: 8192)
    #expect(try held.world.copyRead(from: first + 100, count: 5000) == Array(bytes[100..<5100]))
    #expect(try held.world.copyReadAvailable(from: Address(0x100), count: 1) == [])
    let middle = remote?.counters
    #expect(try held.world.copyReadAvailable(from: Address(0x200), count: 1) == [])
    #expect(remote?.counters.fetches == middle?.fetches)
    if let before, let middle { #expect(middle.fetchedPages - before.fetchedPages <= 1) }
  }

  // MARK: Breakpoints
  @Test(arguments: WorldKind.live.filter { $0 != .attached })
  func breaksAreSetOnceAndKept(_ kind: WorldKind) throws {
    let held = try HeldWorld(kind)
    try held.run(to: "main")
    let world = held.world
    let deep = try held.address(of: "deep")
    let code = try world.copyRead(from: deep, count: 16)
    #expect(throws: WorldError.illegalPatch(deep)) { try world.clearBreak(deep) }
    #expect(try world.setBreak(deep) == code[0])
    #expect(throws: WorldError.illegalPatch(deep)) { try world.setBreak(deep) }
    // What is read is the program's own.
    #expect(try world.copyRead(from: deep, count: 16) == code)
    // A go from the breakpoint itself passes it, and meets it again one frame deeper.
    for argument in [Subject.depth, Subject.depth - 1, Subject.depth - 2] {
      try world.start(ResumePlan())
      #expect(held.nextStop()?.reason == .breakpoint)
      #expect(try held.programCounter == deep)
      let thread = try #require(world.lastStop?.thread)
      #expect(try world.registers(of: thread, extended: false).general.rdi == UInt64(argument))
      #expect(try world.copyRead(from: deep, count: 16) == code)
    }
    try world.clearBreak(deep)
    try world.start(ResumePlan())
    #expect(held.nextStop()?.reason == .exited(Subject.status))
    #expect(throws: WorldError.self) { try world.read(deep) }
  }

  // MARK: The processor
  @Test(arguments: WorldKind.live.filter { $0 != .attached })
  func stepsAndRegisters(_ kind: WorldKind) throws {
    let held = try HeldWorld(kind)
    try held.run(to: "wait_here")
    let world = held.world
    let thread = try #require(world.lastStop?.thread)
    #expect(world.threads.contains(thread))
    let before = world.currentIncarnation
    let start = try held.programCounter
    try world.start(ResumePlan(others: .init(.stay), threads: [thread: .init(.step)]))
    #expect(held.nextStop() == StopEvent(thread: thread, reason: .stepped))
    #expect(world.currentIncarnation == before.next)
    #expect(try held.programCounter != start)
    // Back to where it was, with another register and a vector register changed on the way.
    var registers = try world.registers(of: thread, extended: true)
    registers.general.rip = start.rawValue
    registers.general.r15 = 0x1234_5678_9abc_def0
    try world.setRegisters(registers, of: thread)
    let changed = try world.registers(of: thread, extended: true)
    #expect(changed.general.rip == start.rawValue)
    #expect(changed.general.r15 == 0x1234_5678_9abc_def0)
    #expect(changed.extended.count >= 576)
    #expect(changed.general.rsp == registers.general.rsp)
  }

  @Test(arguments: WorldKind.live.filter { $0 != .attached })
  func aLockedWorldWaits(_ kind: WorldKind) throws {
    let held = try HeldWorld(kind)
    let world = held.world
    world.lock()
    world.lock()
    let before = world.currentIncarnation
    let cancellation = try Cancellation()
    cancellation.cancel()
    // Whoever waits for the lock can be cancelled, and nothing has happened.
    #expect(throws: WorldError.cancelled) {
      try Cancellation.$current.withValue(cancellation) { try world.start(ResumePlan()) }
    }
    #expect(world.currentIncarnation == before)
    world.unlock()
    world.unlock()
    #expect(try world.go().reason == .exited(Subject.status))
    #expect(world.currentIncarnation == before.next)
  }

  /// Whoever waits for the lock goes on when the last of those who hold it gives it up.
  @Test(arguments: WorldKind.live.filter { $0 != .attached })
  func aLockedWorldGoesWhenItIsUnlocked(_ kind: WorldKind) async throws {
    let held = try HeldWorld(kind)
    let world = held.world
    let before = world.currentIncarnation
    world.lock()
    async let reason = Task.detached { try world.go().reason }.value
    #expect(world.currentIncarnation == before)
    world.unlock()
    #expect(try await reason == .exited(Subject.status))
  }

  @Test(arguments: [WorldKind.process, .ours])
  func waitingForAStopEnds(_ kind: WorldKind) async throws {
    let held = try HeldWorld(kind)
    let world = held.world
    // Nothing stops it: nobody asked for anything.
    let cancellation = try Cancellation()
    cancellation.cancel()
    #expect(throws: WorldError.cancelled) {
      try Cancellation.$current.withValue(cancellation) { try world.awaitStop() }
    }
    async let waiting = Task.detached { try world.awaitStop().reason }.value
    world.invalidate()
    do {
      let reason = try await waiting
      Issue.record("an invalid world stopped: \(reason)")
    } catch let error {
      #expect(error is WorldError)
    }
    #expect(throws: WorldError.self) { try world.awaitStop() }
  }

  @Test(arguments: [WorldKind.attached])
  func aWorldThatRunsIsInterrupted(_ kind: WorldKind) throws {
    let held = try HeldWorld(kind)
    try held.world.start(ResumePlan())
    #expect(throws: WorldError.running) { try held.world.start(ResumePlan()) }
    try held.world.interrupt()
    #expect(held.nextStop()?.reason == .interrupted)
  }

  // MARK: What is loaded
  @Test(arguments: WorldKind.allCases.filter { $0 != .attached && $0 != .local })
  func knowsWhatIsLoaded(_ kind: WorldKind) throws {
    let held = try HeldWorld(kind)
    if kind.isLive { try held.run(to: "main") }
    let world = held.world
    let program = try Subject.program.get()
    let found = try world.loadState()
    if kind != .qemu { #expect(try world.executablePath() == program) }
    #expect(found.main.buildID.count == 20)
    #expect(try world.buildID(of: found.main) == found.main.buildID)
    let libc = try #require(found.libraries.first { $0.path.hasSuffix("/libc.so.6") })
    #expect(libc.buildID.count == 20)
    let segments = try world.segments(of: libc)
    #expect(segments.contains { $0.protection == PROT_READ | PROT_EXEC })
    let symbols = try world.symbols(of: libc)
    let exit = try #require(symbols["exit"])
    #expect(symbols.symbol(at: exit.address + 1)?.address == exit.address)
    #expect(segments.contains { $0.range.contains(exit.address) })
    #expect(try world.auxiliaryVector().count > 64)
  }

  // MARK: The end
  @Test(arguments: WorldKind.allCases.filter { $0 != .local && $0 != .attached })
  func anInvalidWorldIsBad(_ kind: WorldKind) throws {
    let held = try HeldWorld(kind)
    let base = try held.world.loadState().main.base
    invalidateWorld(held.world)
    for attempt in [
      { _ = try held.world.read(base) }, { _ = try held.world.loadState() },
      { _ = try held.world.setBreak(base) }, { try held.world.start(ResumePlan()) },
    ] as [() throws -> Void] {
      do {
        try attempt()
        Issue.record("an invalid world was used")
      } catch WorldError.badWorld {
      } catch WorldError.refused where kind == .core {
        // It could not before either.
      }
    }
    // What runs is not the world's any more: the server ends it.
  }

  /// Registers and memory that are changed on disk are the program's when it lives again; the cache is no
  /// way around the file.
  @Test func anImageIsChanged() throws {
    let held = try HeldWorld(.swap)
    try held.run(to: "deep")
    let world = held.world
    let thread = try #require(world.threads.first)
    let pages = try held.address(of: "pages")
    try world.write(7, to: pages)
    try world.copyWrite([UInt8](repeating: 0xa5, count: 5000), to: pages + 100)
    var registers = try world.registers(of: thread, extended: false)
    #expect(registers.general.rdi == UInt64(Subject.depth))
    registers.general.rdi = 3
    registers.extended = []
    try world.setRegisters(registers, of: thread)
    let other = try SwapWorld(path: try #require(held.image))
    #expect(try other.read(pages) == 7)
    #expect(try other.copyRead(from: pages + 100, count: 5000) == [UInt8](repeating: 0xa5, count: 5000))
    #expect(try other.registers(of: thread, extended: false).general.rdi == 3)
    let deep = try held.address(of: "deep")
    _ = try world.setBreak(deep)
    var arguments: [UInt64] = []
    var stop = try world.go()
    while stop.reason == .breakpoint {
      arguments.append(UInt64(try world.registers(of: thread, extended: false).general.rdi))
      stop = try world.go()
    }
    // It passes the breakpoint at which it stands.
    #expect(arguments == [2, 1, 0])
    #expect(stop.reason == .exited(Subject.status))
  }

  @Test func aCoreIsLookedAtOnly() throws {
    let held = try HeldWorld(.core)
    let world = held.world
    let value = try held.address(of: "value")
    #expect(try world.read(value) == Subject.value)
    #expect(try held.programCounter == (try held.address(of: "wait_here")))
    for attempt in [
      { try world.start(ResumePlan()) }, { try world.write(1, to: value) },
      { _ = try world.setBreak(value) },
    ] as [() throws -> Void] {
      do {
        try attempt()
        Issue.record("a core file was changed")
      } catch WorldError.refused(let why) {
        #expect(why.contains("core file"))
      }
    }
    let thread = try #require(world.threads.first)
    #expect(try world.signalInformation(of: thread).count == 128)
    #expect(try world.registers(of: thread, extended: true).extended.count >= 576)
  }
}
