// SPDX-License-Identifier: GPL-3.0-only
package import ArgumentParser
internal import Glibc
internal import Linux
internal import RSP
internal import WorldVM
internal import XVCore
package import XVOptions

/// `xv-gdbstub gdbserver`: lldb-server's command of that name, as lldb itself starts it.
///
/// One client, one session. What the program prints goes to the client, unless that names files for
/// it.
package struct DebugServerCommand: ParsableCommand {
  package static let configuration = CommandConfiguration(
    commandName: "xv-gdbstub gdbserver",
    abstract: "Serves one debugger, with the command line of lldb-server gdbserver.",
    usage: """
      xv-gdbstub gdbserver [OPTIONS] [HOST]:PORT [--] [PROG [ARGS]]
      xv-gdbstub gdbserver --fd N [OPTIONS] [--] [PROG [ARGS]]
      """,
    discussion: """
      lldb uses it for "run" and "attach" when the environment variable LLDB_DEBUGSERVER_PATH names \
      xv-gdbstub; LLDB_DEBUGSERVER_EXTRA_ARG_1 and so on are put behind lldb's own options. Without a \
      program the debugger starts one or attaches to one.
      """)

  @Option(help: ArgumentHelp("The debugger is at this descriptor.", valueName: "number"))
  package var fd: Int32?

  @Flag(help: "Connect to the debugger, which listens at HOST:PORT.")
  package var reverseConnect = false

  @Option(help: ArgumentHelp("Write the port to this file or named pipe.", valueName: "path"))
  package var namedPipe: String?

  @Option(help: ArgumentHelp("Write the port to this descriptor.", valueName: "number"))
  package var pipe: Int32?

  @Flag(help: ArgumentHelp("End when who reads --pipe ends before a debugger came.", visibility: .hidden))
  var waitsWithReader = false

  @Option(help: ArgumentHelp("Take hold of a running process.", valueName: "pid or name"))
  package var attach: String?

  @Flag(help: "Run in a session of its own.")
  package var setsid = false

  @Flag(help: "Taken and without effect: the registers are always the program's own.")
  package var nativeRegs = false

  @Option(help: ArgumentHelp("Write each packet to this file.", valueName: "path"))
  package var logFile: String?

  @Option(help: ArgumentHelp("Taken and without effect: packets are what is logged.", valueName: "text"))
  package var logChannels: String?

  @OptionGroup(title: "Translation") package var translator: TranslatorOptions

  @Argument(
    parsing: .captureForPassthrough,
    help: "Where to wait for the debugger (without --fd), the program, and its arguments.")
  package var words: [String] = []

  package init() {}

  package func validate() throws {
    guard let word = words.first, word != "--", word.hasPrefix("-") else { return }
    // What follows the options is taken as it is, and so is the first word that is none of them.
    if ["--help", "-h"].contains(word) { throw CleanExit.helpRequest(self) }
    throw ValidationError("Unknown option '\(word)'.")
  }

  /// Where the debugger is; nil when that is said by --fd, or nowhere.
  package var address: String? {
    fd == nil ? words.first { $0 != "--" } : nil
  }

  /// The program and its arguments; empty when there is none.
  package var command: [String] {
    let rest = fd == nil ? words.drop { $0 == "--" }.dropFirst() : words[...]
    return Array(rest.first == "--" ? rest.dropFirst() : rest)
  }

  package func run() throws {
    do {
      try serve()
    } catch let error as EndpointError {
      throw failure("\(error)")
    } catch let error as WorldError {
      throw failure("\(error)")
    }
  }

  private func failure(_ text: String) -> ExitCode {
    Diagnostics.print("xv-gdbstub: \(text)")
    return .failure
  }

  private func serve() throws {
    if fd == nil, address == nil {
      throw ValidationError("Missing the place of the debugger: [HOST]:PORT, or --fd.")
    }
    InheritedDescriptors.closeAtExec()
    if let logFile { try Diagnostics.redirect(to: logFile) }
    if setsid { _ = Glibc.setsid() }
    if let fd {
      try serve(try Channel.inherited(fd))
    } else if reverseConnect {
      try serve(try Channel.connecting(to: try Endpoint(url: address ?? "")))
    } else {
      var listener = try Listener.listening(at: try Endpoint(url: address ?? ""))
      listener.onRefusal = { Diagnostics.print("xv-gdbstub: \($0)") }
      Diagnostics.print(listener.announcement)
      try tellPort(listener.port)
      try serve(listener)
    }
  }

  private func tellPort(_ port: UInt16) throws {
    // As lldb-server does, the digits end with a zero byte.
    let text = Array("\(port)".utf8) + [0]
    if let pipe {
      _ = write(pipe, text, text.count)
      if !waitsWithReader { close(pipe) }
    }
    guard let namedPipe else { return }
    let number = open(namedPipe, O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
    guard number >= 0 else {
      throw EndpointError.failed(what: namedPipe, reason: String(cString: strerror(errno)))
    }
    let file = OwnedDescriptor(owning: number)
    _ = write(file.number, text, text.count)
  }

  private func serve(_ listener: consuming Listener) throws {
    let server = try start()
    while true {
      // A pipe that nobody reads any more is broken, which is told without asking.
      let reader = waitsWithReader ? pipe ?? -1 : -1
      var readiness = Readiness([listener.descriptor, server.wakeup.descriptor, reader])
      readiness.wait()
      if readiness.isReadable(1) || readiness.isReadable(2) { return server.session.end() }
      guard let channel = try listener.accept() else { continue }
      return finish(server, channel)
    }
  }

  private func serve(_ channel: consuming Channel) throws { finish(try start(), channel) }

  private func finish(_ server: borrowing Server, _ channel: borrowing Channel) {
    if server.serve(channel) { server.session.letGoOnError() }
    server.session.end()
  }

  private func start() throws -> Server {
    guard let wakeup = Wakeup() else {
      throw failure("no pipe: \(String(cString: strerror(errno)))")
    }
    var launcher = Launcher(translator.template)
    launcher.forwardsOutput = true
    launcher.settings.startsWithShell = false
    let command = command
    if !command.isEmpty {
      launcher.settings.program = command[0]
      launcher.settings.arguments = Array(command.dropFirst())
    }
    let session = StubSession(launcher: launcher)
    if let attach {
      try session.attach(to: try process(attach))
    } else if !command.isEmpty {
      try session.launch()
    }
    // What a client launches has the environment that the client tells.
    session.launcher?.settings.inheritsEnvironment = false
    wakeup.arm()
    return Server(
      session: session, wakeup: wakeup, servesOnce: false, logsPackets: logFile != nil,
      outlivesPrograms: true)
  }

  private func process(_ text: String) throws -> Int32 {
    if let number = Int32(text), number > 0 { return number }
    let found = ProcessList.processes(named: text)
    switch found.count {
    case 1: return found[0]
    case 0: throw failure("no process is named \(text)")
    default: throw failure("\(found.count) processes are named \(text): name one by its number")
    }
  }
}
