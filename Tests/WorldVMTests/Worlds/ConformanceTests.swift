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
    let world = held.world
    try held.run(to: "main")
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
    try world.go(ResumePlan())
    #expect(held.nextStop()?.reason == .exited(42))
  }

  @Test(arguments: WorldKind.remote + [.core])
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
    let world = held.world
    try held.run(to: "main")
    let deep = try held.address(of: "deep")
    let code = try world.copyRead(from: deep, count: 16)
    #expect(throws: WorldError.illegalPatch(deep)) { try world.clearBreak(deep) }
    #expect(try world.setBreak(deep) == code[0])
    #expect(throws: WorldError.illegalPatch(deep)) { try world.setBreak(deep) }
    // What is read is the program's own.
    #expect(try world.copyRead(from: deep, count: 16) == code)
    // A go from the breakpoint itself passes it, and meets it again one frame deeper.
    for argument in [Subject.depth, Subject.depth - 1, Subject.depth - 2] {
      try world.go(ResumePlan())
      #expect(held.nextStop()?.reason == .breakpoint)
      #expect(try held.programCounter == deep)
      let thread = try #require(world.lastStop?.thread)
      #expect(try world.registers(of: thread, extended: false).general.rdi == UInt64(argument))
      #expect(try world.copyRead(from: deep, count: 16) == code)
    }
    try world.clearBreak(deep)
    try world.go(ResumePlan())
    #expect(held.nextStop()?.reason == .exited(Subject.status))
    #expect(throws: WorldError.self) { try world.read(deep) }
  }

  // MARK: The processor
  @Test(arguments: WorldKind.live.filter { $0 != .attached })
  func stepsAndRegisters(_ kind: WorldKind) throws {
    let held = try HeldWorld(kind)
    let world = held.world
    try held.run(to: "wait_here")
    let thread = try #require(world.lastStop?.thread)
    #expect(world.threads.contains(thread))
    let before = world.currentIncarnation
    let start = try held.programCounter
    try world.go(ResumePlan(others: .init(.stay), threads: [thread: .init(.step)]))
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
    let cancellation = try Cancellation()
    cancellation.cancel()
    // Whoever waits for the lock can be cancelled, and nothing has happened.
    #expect(throws: WorldError.cancelled) {
      try Cancellation.$current.withValue(cancellation) { try world.go(ResumePlan()) }
    }
    #expect(world.currentIncarnation == .first)
    world.unlock()
    world.unlock()
    try world.go(ResumePlan())
    #expect(held.nextStop()?.reason == .exited(Subject.status))
  }

  @Test(arguments: [WorldKind.attached])
  func aWorldThatRunsIsInterrupted(_ kind: WorldKind) throws {
    let held = try HeldWorld(kind)
    try held.world.go(ResumePlan())
    #expect(throws: WorldError.running) { try held.world.go(ResumePlan()) }
    try held.world.interrupt()
    #expect(held.nextStop()?.reason == .interrupted)
  }

  // MARK: What is loaded
  @Test(arguments: WorldKind.allCases.filter { $0 != .attached && $0 != .local })
  func knowsWhatIsLoaded(_ kind: WorldKind) throws {
    let held = try HeldWorld(kind)
    let world = held.world
    if kind.isLive { try held.run(to: "main") }
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
      { _ = try held.world.setBreak(base) }, { try held.world.go(ResumePlan()) },
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

  @Test func aCoreIsLookedAtOnly() throws {
    let held = try HeldWorld(.core)
    let world = held.world
    let value = try held.address(of: "value")
    #expect(try world.read(value) == Subject.value)
    #expect(try held.programCounter == (try held.address(of: "wait_here")))
    for attempt in [
      { try world.go(ResumePlan()) }, { try world.write(1, to: value) },
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
