// SPDX-License-Identifier: GPL-3.0-only
package import ArgumentParser
internal import Glibc
internal import RSP
internal import WorldVM
package import XVCore
package import XVOptions

/// `xv-gdbstub`: starts a program under xv and serves it to a debugger.
package struct StubCommand: ParsableCommand {
  package static let version = "0.1"
  package static let configuration = CommandConfiguration(
    commandName: "xv-gdbstub",
    abstract: "Runs a program as translated code and serves it to gdb or lldb.",
    usage: """
      xv-gdbstub [OPTIONS] PLACE [--] PROG [ARGS]
      xv-gdbstub --attach [OPTIONS] PLACE PID
      xv-gdbstub --multi [OPTIONS] PLACE
      xv-gdbstub --world WHERE [--world WHERE ...] [OPTIONS] PLACE
      """,
    discussion: """
      PLACE is [HOST]:PORT, unix:PATH, or - for stdin and stdout. Options come before it; everything \
      after PROG belongs to the program. The options of gdbserver are known by their names.

      EXAMPLES

        xv-gdbstub :2345 ./prog one two
            then in gdb: target remote :2345 -- or in lldb: gdb-remote 2345
        xv-gdbstub --once :0 ./prog
            a free port, which is printed; ends with the client
        xv-gdbstub --attach :2345 4711
            a running process, which goes on natively when it is detached, when the connection ends, \
      and when the server ends
        xv-gdbstub --multi :2345
            then in gdb: target extended-remote :2345, set remote exec-file /bin/ls, run
        gdb -ex 'target remote | xv-gdbstub - ./prog' ./prog
            through a pipe; with ssh from another machine
        xv-gdbstub --wrapper env LD_PRELOAD=./lib.so -- :2345 ./prog
            a command that starts the program

      EXIT STATUS

        0   the session is over
        1   it could not begin: no place to listen at, no such program or process
        64  the command line is wrong

      xv-gdbstub gdbserver --help: the command line of lldb-server gdbserver, by which lldb starts it.
      xv-gdbstub platform --help: the command line of lldb-server platform, for lldb on another machine.
      """,
    version: """
      xv-gdbstub \(version)
      It speaks the remote protocol of gdb and lldb, for programs of x86-64 Linux. Licence: GPL-3.0-only.
      """)

  @Flag(help: "End with the first client, and end the program with it.")
  package var once = false

  @Flag(help: "Take hold of the running process PID instead of starting a program.")
  package var attach = false

  @Option(
    help: ArgumentHelp(
      """
      Serve the world at WHERE: another server's program, a core file, a process or a name. Given several \
      times, each world is a process of its own. Several clients may look at the same time.
      """,
      valueName: "HOST:PORT|unix:PATH|core:FILE|swap:FILE|pid:N|NAME"))
  package var world: [String] = []

  @Flag(help: "Wait for a debugger without a program, and go on when a program has ended.")
  package var multi = false

  @Flag(
    inversion: .prefixedNo,
    help: "Start programs through the shell that SHELL names, or /bin/sh.")
  package var startupWithShell = true

  @Flag(
    inversion: .prefixedNo,
    help: "Start the program with address-space randomization off.")
  var disableRandomization = true

  @Option(
    parsing: .unconditionalSingleValue,
    help: ArgumentHelp(
      "Start programs through this command, which executes them; it may have arguments, and -- ends it.",
      valueName: "command ... --"))
  package var wrapper: [String] = []

  @Flag(
    help: """
      Let processes of other users of this machine connect. Without it only the server's own user and \
      root may, at loopback addresses and at Unix sockets.
      """)
  package var allowAnyUser = false

  @OptionGroup(title: "Debugging the server") package var debugging: DebugOptions

  @OptionGroup(title: "Translation") package var translator: TranslatorOptions

  @Argument(
    help: """
      Where to wait for the debugger. Without a host only this machine can connect; port 0 takes a \
      free one; - (or stdio) is stdin and stdout.
      """)
  package var endpoint: String

  @Argument(parsing: .captureForPassthrough, help: "The program and its arguments, or PID.")
  var program: [String] = []

  package init() {}

  package func run() throws {
    do {
      try launchAndServe()
    } catch let error as EndpointError {
      throw failure("\(error)")
    } catch let error as WorldError {
      throw failure("\(error)")
    }
  }

  func failure(_ text: String) -> ExitCode {
    Diagnostics.print("xv-gdbstub: \(text)")
    return .failure
  }

  /// What is to be launched; nil when no program was named.
  package var launchOptions: LaunchOptions? {
    let words = program.first == "--" ? Array(program.dropFirst()) : program
    guard let path = words.first else { return nil }
    var options = template
    options.program = path
    options.arguments = words
    return options
  }

  private var template: LaunchOptions {
    var options = translator.template
    options.disableRandomization = disableRandomization
    return options
  }

  /// The process to attach to; nil when none is named, or something else is.
  package var attachedProcess: Int32? {
    let words = program.first == "--" ? Array(program.dropFirst()) : program
    guard attach, words.count == 1, let process = Int32(words[0]), process > 0 else { return nil }
    return process
  }

  /// The place to listen at comes first: if it cannot be had, no program was started for nothing.
  private func launchAndServe() throws {
    if debugging.selftest {
      throw failure("there are no self-tests in the program: run scripts/test of its source")
    }
    if !world.isEmpty, attach || multi || launchOptions != nil {
      throw ValidationError("--world serves what is there: neither --attach, --multi nor a program.")
    }
    try debugging.arm()
    if attach, attachedProcess == nil {
      throw ValidationError("--attach wants one process id after '\(endpoint)'.")
    }
    guard multi || !world.isEmpty || launchOptions != nil else {
      throw ValidationError("Missing the program to debug: write it after '\(endpoint)'.")
    }
    switch try Endpoint(endpoint) {
    case .standardIO:
      let channel = try Channel.standardIO()
      let server = try start(redirectsStandardIO: true)
      _ = server.serve(channel)
      finish(server)
    case .tcp(let host, let port):
      try serve(at: try Listener.tcp(host: host, port: port))
    case .unix(let path):
      try serve(at: try Listener.unix(path: path))
    }
  }

  private func serve(at listener: consuming Listener) throws {
    var listener = listener
    listener.allowsAnyUser = allowAnyUser
    listener.onRefusal = { Diagnostics.print("xv-gdbstub: \($0)") }
    let server = try start()
    Diagnostics.print(listener.announcement)
    do {
      if world.isEmpty { try server.run(listener) } else { try server.share(listener) }
    } catch {
      server.session.end()
      throw error
    }
    // The socket goes before a program that was let go ends.
    _ = consume listener
    finish(server)
  }

  private func start(redirectsStandardIO: Bool = false) throws -> Server {
    guard let wakeup = Wakeup() else {
      throw failure("no pipe: \(String(cString: strerror(errno)))")
    }
    var options = template
    options.redirectStandardIO = redirectsStandardIO
    options.traceDescriptor = debugging.topics.contains(.threads) ? STDERR_FILENO : nil
    var launcher = Launcher(options)
    launcher.wrapper = wrapper
    launcher.settings.startsWithShell = startupWithShell
    launcher.settings.program = launchOptions?.program
    launcher.settings.arguments = Array(launchOptions?.arguments.dropFirst() ?? [])
    launcher.commandLine = launchOptions?.arguments ?? []
    if !world.isEmpty { return try serve(world, options, wakeup) }
    let session = StubSession(launcher: launcher)
    session.disabledPackets = debugging.disabledPackets
    if let attachedProcess {
      try session.attach(to: attachedProcess)
    } else if launchOptions != nil {
      try session.launch()
    }
    wakeup.arm()
    return Server(
      session: session, wakeup: wakeup, servesOnce: once,
      logsPackets: debugging.topics.contains(.remote),
      outlivesPrograms: multi)
  }

  /// Ends the program; one that was let go keeps the terminal until it has ended by itself.
  private func finish(_ server: borrowing Server) {
    server.session.end()
    guard server.session.isDetached, !server.session.world.isAttached, !multi else { return }
    server.wakeup.disarm()
    for process in server.session.detachedProcesses {
      while waitpid(process, nil, 0) < 0, errno == EINTR {}
    }
  }
}

extension RegisterLayout {
  init(world: any World) throws(WorldError) { try self.init(worlds: [world]) }

  /// The layout of what the processors of all the worlds have: XCR0's image stands at byte 464 of the
  /// XSAVE area.
  init(worlds: [any World]) throws(WorldError) {
    var common = UInt64.max
    for world in worlds {
      let thread = world.threads.first ?? ThreadID(world.processID)
      let area = try world.registers(of: thread, extended: true).extended
      let image = area.count >= 472 ? area[464..<472] : []
      common &= image.reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }
    self.init(xcr0: common)
  }
}
