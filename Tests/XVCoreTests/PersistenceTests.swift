// SPDX-License-Identifier: GPL-3.0-only
import CLinux
import Glibc
import Testing

@testable import XVCore

extension Guest {
  func statistic(_ name: String) -> UInt64 {
    statistics.first { $0.name == name }?.value ?? 0
  }
}

/// What one run keeps of its translations, and when the next one uses it.
@Suite(.timeLimit(.minutes(1))) struct PersistenceTests {
  /// Runs a program to its end: how many units came from earlier runs, and how many were made anew.
  private static func run(
    _ program: borrowing AssemblyProgram, in directory: String
  ) throws -> (installed: UInt64, made: UInt64) {
    let stops = StopQueue()
    var options = LaunchOptions(program: program.path, arguments: [program.path])
    options.debugged = true
    options.persistDirectory = directory
    let guest = try Guest.launch(options) { stops.put($0.reason) }
    try guest.resume(ResumePlan())
    try #require(stops.next(seconds: 20) == .exited(7))
    return (
      guest.statistic("units of earlier runs installed"), guest.statistic("units translated")
    )
  }

  private static func files(in directory: String) -> [String] {
    guard let stream = opendir(directory) else { return [] }
    defer { closedir(stream) }
    var names: [String] = []
    while let entry = readdir(stream) {
      let name = withUnsafeBytes(of: &entry.pointee.d_name) {
        String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
      }
      if name != ".", name != ".." { names.append(directory + "/" + name) }
    }
    return names
  }

  @Test func secondRunTranslatesNothing() throws {
    let program = try AssemblyProgram.built("calls", flags: ["-static-pie"])
    let directory = program.directory + "/persist"
    let first = try Self.run(program, in: directory)
    #expect(first.installed == 0)
    let second = try Self.run(program, in: directory)
    #expect(second.installed == first.made)
    #expect(second.made == 0)
  }

  @Test func fileMappedTwiceIsKeptTwice() throws {
    let program = try AssemblyProgram.built(
      "mapped", flags: ["-static-pie", "-Wl,--section-start=.other=0x800000"])
    let directory = program.directory + "/persist"
    let first = try Self.run(program, in: directory)
    let second = try Self.run(program, in: directory)
    #expect(second.installed == first.made)
    #expect(second.made == 0)
  }

  /// A debugger makes the program end otherwise; the next run is the file's again.
  @Test func whatADebuggerHasWrittenIsNotKept() throws {
    let program = try AssemblyProgram.built("calls", flags: ["-static-pie"])
    let directory = program.directory + "/persist"
    let stops = StopQueue()
    var options = LaunchOptions(program: program.path, arguments: [program.path])
    options.debugged = true
    options.persistDirectory = directory
    do {
      let guest = try Guest.launch(options) { stops.put($0.reason) }
      let thread = try #require(guest.threads.first)
      let start = try guest.registers(of: thread, extended: false).general.rip & ~0xfff
      let code = guest.readMemory(at: OriginalAddress(start), count: 4096)
      // mov edi, 7
      let status = try #require((0..<4090).first { Array(code[$0..<$0 + 5]) == [0xbf, 7, 0, 0, 0] })
      #expect(guest.writeMemory([8], at: OriginalAddress(start + UInt64(status) + 1)) == 1)
      try guest.resume(ResumePlan())
      #expect(stops.next(seconds: 20) == .exited(8))
    }
    #expect(try Self.run(program, in: directory).made > 0)
  }

  @Test func changedProgramIsTranslatedAnew() throws {
    let program = try AssemblyProgram.built("calls", flags: ["-static-pie"])
    let directory = program.directory + "/persist"
    let first = try Self.run(program, in: directory)
    // The same bytes in another file.
    try #require(AssemblyProgram.run(["cp", program.path, program.path + ".new"]) == 0)
    try #require(rename(program.path + ".new", program.path) == 0)
    let second = try Self.run(program, in: directory)
    #expect(second.installed == 0)
    #expect(second.made == first.made)
  }

  @Test(arguments: [0, 60, 200, 1_000, 4_000])
  func whatIsDamagedIsNotUsed(_ position: Int) throws {
    let program = try AssemblyProgram.built("calls", flags: ["-static-pie"])
    let directory = program.directory + "/persist"
    _ = try Self.run(program, in: directory)
    let whole = try Self.run(program, in: directory).installed
    let file = try #require(Self.files(in: directory).first)
    let descriptor = open(file, O_RDWR)
    try #require(descriptor >= 0)
    defer { close(descriptor) }
    var byte: UInt8 = 0
    try #require(pread(descriptor, &byte, 1, position) == 1)
    byte ^= 0x80
    try #require(pwrite(descriptor, &byte, 1, position) == 1)
    #expect(try Self.run(program, in: directory).installed < whole)
    // What could be used of it was not thrown away, or it was replaced by a good one.
    #expect(try Self.run(program, in: directory).installed > 0)
  }

  @Test func cutFileIsNotUsed() throws {
    let program = try AssemblyProgram.built("calls", flags: ["-static-pie"])
    let directory = program.directory + "/persist"
    _ = try Self.run(program, in: directory)
    let file = try #require(Self.files(in: directory).first)
    try #require(truncate(file, 700) == 0)
    #expect(try Self.run(program, in: directory).installed == 0)
  }

  @Test func filesThatOthersMayWriteAreNotUsed() throws {
    let program = try AssemblyProgram.built("calls", flags: ["-static-pie"])
    let directory = program.directory + "/persist"
    _ = try Self.run(program, in: directory)
    let file = try #require(Self.files(in: directory).first)
    try #require(chmod(file, 0o622) == 0)
    #expect(try Self.run(program, in: directory).installed == 0)
  }

  @Test func directoryThatCannotBeMadeIsNoHindrance() throws {
    let program = try AssemblyProgram.built("calls", flags: ["-static-pie"])
    let run = try Self.run(program, in: "/dev/null/persist")
    #expect(run.made > 0)
  }
}
