// SPDX-License-Identifier: GPL-3.0-only
import CLinux
import Glibc
import Testing
import WorldVM
import XVCore

/// The kinds of worlds that the suite goes through.
enum WorldKind: String, CaseIterable, Sendable {
  case process, attached, gdbserver, qemu, ours, core, local
  /// Written to disk again after each `run`, so that all is done to the image.
  case swap
  /// An image that lives again.
  case inloaded

  /// The program can run.
  var isLive: Bool { self != .core && self != .local }
  static var live: [WorldKind] { allCases.filter(\.isLive) }
  static var remote: [WorldKind] { [.gdbserver, .qemu, .ours] }
}

/// A world of a kind, with the subject at its first instruction, and what serves it.
final class HeldWorld {
  let kind: WorldKind
  private(set) var world: any World
  /// The last one that was written.
  private(set) var image: String?
  private let server: Command?
  private let socket: String?

  init(_ kind: WorldKind) throws {
    self.kind = kind
    let program = try Subject.program.get()
    var server: Command?
    var socket: String?
    switch kind {
    case .process:
      var options = LaunchOptions(program: program, arguments: [program])
      options.debugged = true
      world = try ProcessWorld.launch(options)
    case .swap, .inloaded:
      var options = LaunchOptions(program: program, arguments: [program])
      options.debugged = true
      // Sockets and pipes that the tests' runner leaves open could not be carried.
      let closing = "import os, sys; os.closerange(3, 4096); os.execv(sys.argv[1], sys.argv[1:])"
      options.prelude = .init(command: ["/usr/bin/python3", "-I", "-c", closing, program], execs: 1)
      (world, image) = try Self.outloaded(try ProcessWorld.launch(options))
    case .attached:
      server = try Command(["sleep", "1000"])
      world = try getWorld(where: "pid:\(server!.process)")
    case .core: world = try getWorld(where: "core:\(Subject.core.get())")
    case .local: world = try localWorld()
    case .gdbserver, .qemu, .ours:
      let place: String
      if kind == .gdbserver {
        // gdbserver listens at ports only: it is the other end of a pipe instead.
        place = "|timeout -k 5 55 gdbserver --once - \(program) 2>/dev/null"
      } else {
        let path = try Subject.directory.get() + "/\(kind.rawValue)-\(UInt32.random(in: 0 ... .max))"
        let stub = try Self.stub()
        let command =
          kind == .qemu
          ? ["qemu-x86_64", "-g", path, program]
          : [stub, "--no-persist", "unix:\(path)", program]
        server = try Command(["timeout", "-k", "5", "55"] + command)
        socket = path
        place = "unix:\(path)"
      }
      // Returns when the server listens, however long it takes to start.
      world = try getWorld(where: place)
    }
    self.server = server
    self.socket = socket
    if kind == .inloaded { try world.go(ResumePlan(others: .init(.step))) }
  }

  /// The world of an image in which a world's program is from now on.
  private static func outloaded(_ world: any World) throws -> (any World, image: String) {
    let path = try Subject.directory.get() + "/image-\(UInt32.random(in: 0 ... .max))"
    let swapped = try outload(world, to: path).world
    #expect(try otherWorld().name == "Outload")
    return (swapped, path)
  }

  /// The server of this build, beside the tests.
  static func stub() throws -> String {
    var path = [UInt8](repeating: 0, count: Int(PATH_MAX))
    let count = readlink("/proc/self/exe", &path, path.count)
    let own = String(decoding: path[..<max(0, count)], as: UTF8.self)
    var folder = own.split(separator: "/").dropLast()
    while !folder.isEmpty {
      for place in ["", "/release", "/x86_64-unknown-linux-gnu/release"] {
        let candidate = "/" + folder.joined(separator: "/") + place + "/xv-gdbstub"
        if access(candidate, X_OK) == 0, !isDirectory(candidate) { return candidate }
      }
      folder = folder.dropLast()
    }
    // The runner is another program: then the tests are run from the package's folder.
    return ".build/testing/release/xv-gdbstub"
  }

  private static func isDirectory(_ path: String) -> Bool {
    var status = stat()
    return lstat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
  }

  deinit {
    if kind == .attached { try? world.detach(signal: 0) }
    if kind.isLive, kind != .attached { try? world.kill() }
    // An invalid world leaves its process alone.
    if kind == .process || kind == .inloaded { Glibc.kill(world.processID, SIGKILL) }
    if kind != .local { world.invalidate() }
    if let socket { unlink(socket) }
  }

  func nextStop() -> StopEvent? {
    var entry = pollfd(fd: world.stopDescriptor, events: Int16(POLLIN), revents: 0)
    while poll(&entry, 1, -1) < 0 {}
    return world.takeStop()
  }

  /// A function or variable of the subject, where it is in this world.
  func address(of name: String) throws -> Address {
    var main = try world.loadState().main
    // Old versions of qemu do not say what they run.
    if main.path.isEmpty { main.path = try Subject.program.get() }
    let symbols = try world.symbols(of: main)
    return try #require(symbols[name]).address
  }

  var programCounter: Address {
    get throws {
      let thread = try #require(world.lastStop?.thread)
      return Address(try world.registers(of: thread, extended: false).general.rip)
    }
  }

  /// Goes to a function of the subject and takes the breakpoint away again.
  func run(to name: String) throws {
    let address = try address(of: name)
    _ = try world.setBreak(address)
    try world.start(ResumePlan())
    let stop = nextStop()
    #expect(stop?.reason == .breakpoint)
    try world.clearBreak(address)
    if kind == .swap { (world, image) = try Self.outloaded(world) }
  }
}
