// SPDX-License-Identifier: GPL-3.0-only
import CLinux
import Testing
import WorldVM
import XVCore

/// A real program under xv, driven through its world.
@Suite(.timeLimit(.minutes(1))) struct ProcessWorldTests {
  private static let entryTag: UInt64 = 9

  private func launch(_ program: String, _ arguments: String...) throws -> ProcessWorld {
    var options = LaunchOptions(program: program, arguments: [program] + arguments)
    options.debugged = true
    options.guardOriginalCode = true
    return try ProcessWorld.launch(options)
  }

  /// The program's entry point, AT_ENTRY.
  private func entry(of world: ProcessWorld) throws -> Address {
    let vector = try world.auxiliaryVector()
    let words = stride(from: 0, to: vector.count, by: 8).map { start in
      vector[start..<start + 8].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    }
    for index in stride(from: 0, to: words.count - 1, by: 2)
    where words[index] == Self.entryTag { return Address(words[index + 1]) }
    throw WorldError.lookupFailed("AT_ENTRY")
  }

  private func nextStop(of world: ProcessWorld) -> StopEvent? {
    var entry = pollfd(fd: world.stopDescriptor, events: Int16(POLLIN), revents: 0)
    return poll(&entry, 1, -1) == 1 ? world.takeStop() : nil
  }

  @Test func standsAtItsFirstInstruction() throws {
    let world = try launch("/bin/true")
    defer { try? world.kill() }
    #expect(world.lastStop?.reason == .signal(SIGTRAP))
    #expect(world.takeStop() == nil)
    #expect(world.currentIncarnation == .first)
    #expect(world.threads == [ThreadID(world.processID)])
    // Only the dynamic linker is loaded, and the program stands in it.
    let found = try world.loadState()
    #expect(found.main.path == (try world.executablePath()))
    #expect(found.main.linkMap == Address(0))
    #expect(found.libraries.count == 1)
    let linker = try #require(found.libraries.first)
    let pc = try world.registers(of: world.threads[0], extended: false).general.rip
    #expect(pc > linker.base.rawValue && pc < linker.base.rawValue + 0x100000)
  }

  @Test func runsToABreakAndToItsEnd() throws {
    let world = try launch("/bin/true")
    defer { try? world.kill() }
    let entry = try entry(of: world)
    let code = try world.copyRead(from: entry, count: 16)
    #expect(try world.setBreak(entry) == code[0])
    #expect(throws: WorldError.illegalPatch(entry)) { try world.setBreak(entry) }
    #expect(try world.copyRead(from: entry, count: 16) == code)

    try world.start(ResumePlan())
    #expect(nextStop(of: world)?.reason == .breakpoint)
    #expect(world.currentIncarnation == Incarnation.first.next)
    let registers = try world.registers(of: world.threads[0], extended: true)
    #expect(registers.general.rip == entry.rawValue)
    #expect(registers.extended.count >= 576)
    #expect(try world.copyRead(from: entry, count: 16) == code)
    let libraries = try world.loadState().libraries
    #expect(libraries.contains { $0.path.hasSuffix("/libc.so.6") && $0.buildID.count == 20 })

    try world.clearBreak(entry)
    #expect(throws: WorldError.illegalPatch(entry)) { try world.clearBreak(entry) }
    try world.start(ResumePlan())
    #expect(nextStop(of: world)?.reason == .exited(0))
    #expect(world.lastStop?.reason == .exited(0))
  }

  @Test func faultsAreTyped() throws {
    let world = try launch("/bin/true")
    defer { try? world.kill() }
    let nowhere = Address(0x10)
    #expect(throws: WorldError.addressFault(nowhere)) { try world.read(nowhere) }
    #expect(throws: WorldError.addressFault(nowhere)) { try world.write(1, to: nowhere) }
    #expect(throws: WorldError.addressFault(nowhere)) { try world.setBreak(nowhere) }
    #expect(throws: WorldError.self) {
      try world.registers(of: ThreadID(1), extended: false)
    }
  }

  @Test func writesReachTheProgram() throws {
    let world = try launch("/bin/true")
    defer { try? world.kill() }
    let stack = Address(
      try world.registers(of: world.threads[0], extended: false).general.rsp - 4096)
    try world.write(0x0102_0304_0506_0708, to: stack)
    #expect(try world.read(stack) == 0x0102_0304_0506_0708)
    try world.copyWrite([9], to: stack + 7)
    #expect(try world.read(stack) == 0x0902_0304_0506_0708)
  }

  @Test func aRunningWorldCanBeInterruptedAndKilled() throws {
    let world = try launch("/bin/sleep", "60")
    defer { try? world.kill() }
    try world.start(ResumePlan())
    #expect(throws: WorldError.running) { try world.start(ResumePlan()) }
    try world.interrupt()
    #expect(nextStop(of: world)?.reason == .interrupted)
    try world.start(ResumePlan())
    try world.kill()
    #expect(world.lastStop?.reason == .killed(SIGKILL))
    #expect(CLinux.kill(world.processID, 0) == -1)
  }

  @Test func anInvalidatedWorldRaisesBadWorld() throws {
    let world = try launch("/bin/true")
    let pid = world.processID
    defer { _ = CLinux.kill(pid, SIGKILL) }
    invalidateWorld(world)
    let bad = WorldError.badWorld("the world pid:\(pid) was invalidated")
    #expect(throws: bad) { try world.read(Address(0)) }
    #expect(throws: bad) { try world.start(ResumePlan()) }
    #expect(throws: bad) { try world.loadState() }
    #expect(throws: bad) { try world.executablePath() }
    #expect(throws: bad) { try world.kill() }
  }

  /// Each guest has a tracer thread of its own; none may take what another waits for.
  @Test func severalWorldsEndAtOnce() throws {
    let worlds = try (0..<4).map { try launch("/bin/sh", "-c", "exit \($0)") }
    defer { worlds.forEach { try? $0.kill() } }
    for world in worlds { try world.start(ResumePlan()) }
    for (status, world) in worlds.enumerated() {
      #expect(nextStop(of: world)?.reason == .exited(Int32(status)))
    }
  }
}
