// SPDX-License-Identifier: GPL-3.0-only
import CCapstone
import CLinux
import Testing

@testable import XVCore

/// Stopped anywhere in the cache or the gate, a thread's recovered state is one that the program has
/// natively, and the states come in the native order.
@Suite(.serialized, .timeLimit(.minutes(2))) struct RecoveryTests {
  private static let programs = [
    "branches", "calls", "pushing", "jumps", "system", "segments", "operands", "redzone", "selfmodify", "far",
    "inlined",
  ]
  /// Programs of one unit that is not kept: it holds x87 instructions, or its code is writable.
  private static let unpersisted = ["operands", "selfmodify"]
  /// Return addresses that fit an immediate, and those that do not.
  private static let layouts = ["-static", "-static-pie"]

  private static func launch(
    _ path: String, flushEvery: UInt64 = 0, persistDirectory: String? = nil,
    disableRandomization: Bool = true, checksAccesses: Bool = false, stops: StopQueue = StopQueue()
  ) throws -> Guest {
    var options = LaunchOptions(program: path, arguments: [path])
    options.disableRandomization = disableRandomization
    options.persistDirectory = persistDirectory
    options.guardOriginalCode = true
    options.debugged = true
    options.torture.flush = flushEvery
    options.torture.watch = checksAccesses
    return try Guest.launch(options) { stops.put($0.reason) }
  }

  @Test(arguments: programs, layouts)
  func everyPlaceOfTheCacheHasANativeState(_ name: String, layout: String) throws {
    let program = try AssemblyProgram.built(name, flags: [layout])
    let native = try NativeRun.states(program.path, limit: 100_000)
    let guest = try Self.launch(program.path)
    defer { guest.kill() }
    let run = try guest.microstep(limit: 400_000, seconds: 30)
    #expect(run.ending == .exited(7))
    Self.compare(run, native)
  }

  /// Code that an earlier run has made, loaded where the program lies this time.
  @Test(arguments: programs, layouts)
  func everyPlaceOfPersistedCodeHasANativeState(_ name: String, layout: String) throws {
    let program = try AssemblyProgram.built(name, flags: [layout])
    let native = try NativeRun.states(program.path, limit: 100_000)
    let directory = program.directory + "/persist"
    let first = StopQueue()
    let guest = try Self.launch(
      program.path, persistDirectory: directory, disableRandomization: false, stops: first)
    try guest.resume(ResumePlan())
    try #require(first.next(seconds: 20) == .exited(7))

    let again = try Self.launch(program.path, persistDirectory: directory)
    defer { again.kill() }
    let run = try again.microstep(limit: 400_000, seconds: 30)
    #expect(run.ending == .exited(7))
    Self.compare(run, native)
    let installed = again.statistic("units of earlier runs installed")
    #expect(installed > 0 || Self.unpersisted.contains(name))
  }

  @Test(arguments: programs)
  func everyPlaceHasANativeStateUnderFlushes(_ name: String) throws {
    let program = try AssemblyProgram.built(name, flags: ["-static"])
    let native = try NativeRun.states(program.path, limit: 100_000)
    let guest = try Self.launch(program.path, flushEvery: 3)
    defer { guest.kill() }
    let run = try guest.microstep(limit: 400_000, seconds: 30)
    #expect(run.ending == .exited(7))
    Self.compare(run, native)
  }

  /// The call's entry puts the pushed register where the call has left a cache address.
  @Test func whatIsCalledPushesAtOnce() throws {
    let program = try AssemblyProgram.built("pushing", flags: ["-static", "-Wl,-Ttext=0x401000"])
    let stops = StopQueue()
    let guest = try Self.launch(program.path, stops: stops)
    defer { guest.kill() }
    let function = OriginalAddress(0x401080)
    #expect(guest.readMemory(at: function, count: 1) == [0x53])  // push rbx
    #expect(try guest.insertBreakpoint(at: OriginalAddress(0x401060)))
    try guest.resume(ResumePlan())
    #expect(stops.next(seconds: 20) != nil)
    let listing = try #require(try guest.block(at: function))
    #expect(listing.cacheBytes.starts(with: [0x48, 0x89, 0x1c, 0x24]))  // mov [rsp], rbx
    #expect(listing.entries.first.map { $0.original } == function)
  }

  /// The caller's fragment holds the instructions of functions that only compute, also of those behind slots that
  /// nobody may write to; a breakpoint in one of them or in a stub is met all the same.
  @Test func smallFunctionsStandInTheirCallers() throws {
    let program = try AssemblyProgram.built("inlined", flags: ["-static", "-Wl,-Ttext=0x401000"])
    let stops = StopQueue()
    let guest = try Self.launch(program.path, stops: stops)
    defer { guest.kill() }
    let again = OriginalAddress(0x401006)
    let throughSlots = OriginalAddress(0x401200)
    let roundsEnd = OriginalAddress(0x401280)
    let protect = OriginalAddress(0x4012c0)
    let stubs = [OriginalAddress(0x401300), OriginalAddress(0x401310)]
    let straight = OriginalAddress(0x401340)
    let branches = OriginalAddress(0x401360)
    let changes = OriginalAddress(0x4013a0)
    func runs(to place: OriginalAddress) throws {
      #expect(try guest.insertBreakpoint(at: place))
      try guest.resume(ResumePlan())
      #expect(stops.next(seconds: 20) != nil)
      let thread = try #require(guest.threads.first)
      #expect(try guest.registers(of: thread, extended: false).general.rip == place.rawValue)
      #expect(try guest.removeBreakpoint(at: place))
    }
    try runs(to: roundsEnd)
    let callers = try #require(try guest.block(at: again)).entries.map(\.original)
    for function in [straight, branches, changes] { #expect(callers.contains(function)) }
    try runs(to: straight)
    try runs(to: stubs[0])
    try runs(to: branches)
    try runs(to: stubs[1])
    // Where the calls went is read again: the fourth round's slots are `straight`'s.
    try runs(to: roundsEnd)
    try runs(to: throughSlots)
    try runs(to: protect)
    let followed = try #require(try guest.block(at: throughSlots)).entries.map(\.original)
    #expect(followed.contains(branches) || followed.contains(straight))
    for stub in stubs { #expect(!followed.contains(stub)) }
    try guest.resume(ResumePlan())
    #expect(stops.next(seconds: 20) == .exited(7))
  }

  /// A target dies while a thread that has found it fills its table entry, and a stop takes that thread back to its
  /// jump before it has looked again whether the target lives.
  @Test func aFillThatIsRolledBackLeavesNoDeadTarget() throws {
    let program = try AssemblyProgram.built("refill", flags: ["-static", "-Wl,-Ttext=0x401000"])
    let stops = StopQueue()
    let guest = try Self.launch(program.path, stops: stops)
    defer { guest.kill() }
    let target = OriginalAddress(0x401040)
    let exchange: [UInt8] = [0x65, 0x66, 0x87, 0x0b]  // xchg gs:[rbx], cx: the gate gives out a number
    let moves: [UInt8] = [0xbf, 8, 0, 0, 0]  // mov edi, 8
    #expect(guest.readMemory(at: target, count: 5) == [0xbf, 7, 0, 0, 0])
    let run = try guest.microstep(
      limit: 100_000, seconds: 30, until: MicrostepRace(before: exchange, writing: moves, at: target))
    try #require(run.isRaced)
    try guest.resume(ResumePlan())
    #expect(stops.next(seconds: 20) == .exited(8))
  }

  /// What fragments look at before an access: nothing that is watched; what looks watched at first; what
  /// is left to the server each time.
  @Test(arguments: programs, [nil, far, everything])
  func everyPlaceOfAccessChecksHasANativeState(_ name: String, watched: Watchpoint?) throws {
    let program = try AssemblyProgram.built(name, flags: ["-static"])
    let native = try NativeRun.states(program.path, limit: 100_000)
    let guest = try Self.launch(program.path, checksAccesses: true)
    defer { guest.kill() }
    if let watched { try guest.insertWatchpoint(watched) }
    let run = try guest.microstep(limit: 1_000_000, seconds: 60)
    #expect(run.ending == .exited(7))
    Self.compare(run, native)
  }

  /// All low halves of addresses, and no program's high ones.
  private static let far = Watchpoint(.access, at: OriginalAddress(0x1234_5678_0000), length: 0x1_0000)
  private static let everything = Watchpoint(.access, at: OriginalAddress(0), length: 1 << 47)

  /// A debugger's steps show what the processor's steps show natively, but for string instructions,
  /// whose repetitions are one step.
  @Test(arguments: programs)
  func debuggersStepsAreNativeOnes(_ name: String) throws {
    let program = try AssemblyProgram.built(name, flags: ["-static"])
    let native = try NativeRun.states(program.path, limit: 100_000).map {
      $0.state.withoutPushedTrapFlag
    }
    let stops = StopQueue()
    let guest = try Self.launch(program.path, stops: stops)
    defer { guest.kill() }
    var index = 0
    while true {
      let state = try Self.state(of: guest).withoutPushedTrapFlag
      while index > 0, index + 1 < native.count, native[index] != state,
        native[index].pc == native[index - 1].pc
      {
        index += 1
      }
      guard native[index] == state else {
        Issue.record("step \(index): \(state.differences(from: native[index]))")
        return
      }
      index += 1
      if index == native.count { return }
      try guest.resume(ResumePlan(others: ResumePlan.Action(.step)))
      let reason = stops.next(seconds: 20)
      try #require(reason == .stepped, "after step \(index)")
    }
  }

  private static func state(of guest: Guest) throws -> GuestState {
    let registers = try guest.registers(of: ThreadID(guest.pid), extended: false).general
    let bytes = guest.readMemory(at: OriginalAddress(UInt64(registers.rsp)), count: 8)
    let top = bytes.reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    return GuestState(registers, stackTop: top)
  }

  /// Each state is the native one that was seen last, or the next.
  private static func compare(_ run: MicrostepRun, _ native: [NativeRun.State]) {
    var index = 0
    var told: Set<CacheAddress> = []
    for (number, step) in run.steps.enumerated() {
      let state = GuestState(step.registers, stackTop: step.stackTop)
      if let found = successor(of: index, in: native, equalTo: state) {
        index = found
        continue
      }
      guard told.insert(step.place).inserted, told.count <= 8 else { continue }
      let next = native[min(index + 1, native.count - 1)].state
      Issue.record(
        """
        step \(number) at \(step.place), \(disassembly(run.code[step.place.rawValue] ?? [])): \
        from native state \(index): \(state.differences(from: native[index].state)); \
        from the next: \(state.differences(from: next))
        """)
    }
    #expect(index == native.count - 1, "the run does not reach the last native state")
  }

  private static func successor(
    of index: Int, in native: [NativeRun.State], equalTo state: GuestState
  ) -> Int? {
    if native[index].state == state { return index }
    var next = index + 1
    while next < native.count {
      if native[next].state == state { return next }
      guard native[next].isBeforeJump else { return nil }
      next += 1
    }
    return nil
  }

  private static func disassembly(_ bytes: [UInt8]) -> String {
    var handle = csh()
    guard cs_open(CS_ARCH_X86, CS_MODE_64, &handle) == CS_ERR_OK else { return "" }
    defer { cs_close(&handle) }
    var instructions: UnsafeMutablePointer<cs_insn>?
    let count = cs_disasm(handle, bytes, bytes.count, 0, 1, &instructions)
    guard count > 0, let instructions else { return "no instruction" }
    defer { cs_free(instructions, count) }
    return withUnsafeBytes(of: instructions[0].mnemonic) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
      + " "
      + withUnsafeBytes(of: instructions[0].op_str) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
  }
}
