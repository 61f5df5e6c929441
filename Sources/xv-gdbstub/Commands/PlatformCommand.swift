// SPDX-License-Identifier: GPL-3.0-only
package import ArgumentParser
internal import Glibc
internal import Linux
internal import RSP
internal import XVCore
package import XVOptions

/// `xv-gdbstub platform`: lldb-server's command of that name.
package struct PlatformCommand: ParsableCommand {
  package static let configuration = CommandConfiguration(
    commandName: "xv-gdbstub platform",
    abstract: "Lets lldb on another machine work here, with the command line of lldb-server platform.",
    usage: "xv-gdbstub platform [--server] [OPTIONS] --listen [HOST]:PORT",
    discussion: """
      Then, in lldb: platform select remote-linux, platform connect connect://HOST:PORT. From then on \
      run, attach, platform process list, platform shell, put-file and get-file are carried out here, \
      with the rights of the user who started this. Whoever can connect has all of them.
      """)

  @Option(help: ArgumentHelp("Where to wait for lldb.", valueName: "[HOST]:PORT"))
  package var listen: String?

  @Flag(help: "Serve any number of clients, also at the same time; else end with the first one.")
  package var server = false

  @Option(
    name: [.customShort("f"), .customLong("socket-file"), .customLong("port-file")],
    help: ArgumentHelp("Write the port to this file.", valueName: "path"))
  package var socketFile: String?

  @Option(
    name: [.customShort("P"), .customLong("gdbserver-port")],
    help: ArgumentHelp("The only port for debugging sessions.", valueName: "port"))
  package var serverPort: UInt16?

  @Option(
    name: [.customShort("m"), .customLong("min-gdbserver-port")],
    help: ArgumentHelp("The lowest port for debugging sessions.", valueName: "port"))
  package var lowestPort: UInt16?

  @Option(
    name: [.customShort("M"), .customLong("max-gdbserver-port")],
    help: ArgumentHelp("The highest one.", valueName: "port"))
  package var highestPort: UInt16?

  @Option(help: ArgumentHelp("Write each packet to this file.", valueName: "path"))
  package var logFile: String?

  @Option(help: ArgumentHelp("Taken and without effect: packets are what is logged.", valueName: "text"))
  package var logChannels: String?

  @Option(help: ArgumentHelp("One client, at this descriptor.", visibility: .hidden))
  var childFd: Int32?

  @OptionGroup(title: "Translation") package var translator: TranslatorOptions

  package init() {}

  package func validate() throws {
    if listen == nil { throw ValidationError("Missing the place to wait at: --listen [HOST]:PORT.") }
    if (lowestPort == nil) != (highestPort == nil) {
      throw ValidationError("--min-gdbserver-port and --max-gdbserver-port go together.")
    }
    if let lowestPort, let highestPort, lowestPort > highestPort {
      throw ValidationError("--min-gdbserver-port is above --max-gdbserver-port.")
    }
  }

  /// The ports that sessions may have; nil: any.
  package var ports: ClosedRange<UInt16>? {
    if let serverPort { return serverPort...serverPort }
    guard let lowestPort, let highestPort else { return nil }
    return lowestPort...highestPort
  }

  package func run() throws {
    do {
      try serve()
    } catch let error as EndpointError {
      Diagnostics.print("xv-gdbstub: \(error)")
      throw ExitCode.failure
    }
  }

  private func serve() throws {
    InheritedDescriptors.closeAtExec()
    if let logFile { try Diagnostics.redirect(to: logFile) }
    guard let wakeup = Wakeup() else {
      throw EndpointError.failed(what: "pipe", reason: String(cString: strerror(errno)))
    }
    wakeup.arm()
    let endpoint = try Endpoint(url: listen ?? "")
    if let childFd { return serve(try Channel.inherited(childFd), endpoint, wakeup) }
    let listener = try Listener.listening(at: endpoint)
    Diagnostics.print(listener.announcement)
    try tellPort(listener.port)
    if !server {
      guard let channel = try nextClient(listener, wakeup) else { return }
      return serve(channel, endpoint, wakeup)
    }
    var clients: [Int32] = []
    while let channel = try nextClient(listener, wakeup) {
      clients.removeAll { waitpid($0, nil, WNOHANG) != 0 }
      if let client = serveElsewhere(channel) { clients.append(client) }
    }
    for client in clients { _ = kill(client, SIGTERM) }
    for client in clients { while waitpid(client, nil, 0) < 0, errno == EINTR {} }
  }

  /// Nil when the server is to end.
  private func nextClient(
    _ listener: borrowing Listener, _ wakeup: borrowing Wakeup
  ) throws(EndpointError) -> Channel? {
    while true {
      var readiness = Readiness([listener.descriptor, wakeup.descriptor])
      readiness.wait()
      if readiness.isReadable(1) { return nil }
      if let channel = try listener.accept() { return channel }
    }
  }

  private func serve(
    _ channel: borrowing Channel, _ endpoint: Endpoint, _ wakeup: borrowing Wakeup
  ) {
    var host = "127.0.0.1"
    if case .tcp(let name, _) = endpoint, !name.isEmpty { host = name }
    let servers = DebugServers(host: host, ports: ports, words: translator.words)
    var log: ((Connection.Direction, [UInt8]) -> Void)?
    if logFile != nil { log = { Diagnostics.packet($0, $1) } }
    var loop = ServerLoop(
      responder: PlatformSession(servers: servers), wakeupDescriptor: wakeup.descriptor, log: log)
    _ = loop.serve(channel)
  }

  /// A process for one client.
  private func serveElsewhere(_ channel: borrowing Channel) -> Int32? {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    // A copy of itself, which is open in the new program.
    posix_spawn_file_actions_adddup2(&actions, channel.input, channel.input)
    var words = ["xv-gdbstub", "platform", "--listen", listen ?? "", "--child-fd", "\(channel.input)"]
    if let ports {
      words += ["--min-gdbserver-port", "\(ports.lowerBound)"]
      words += ["--max-gdbserver-port", "\(ports.upperBound)"]
    }
    words += translator.words
    return ChildProcess.spawn("/proc/self/exe", words, &actions)
  }

  private func tellPort(_ port: UInt16) throws(EndpointError) {
    guard let socketFile else { return }
    // Under another name first, so that nobody reads half of it.
    let text = Array("\(port)\n".utf8)
    let draft = socketFile + ".new"
    let number = open(draft, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
    guard number >= 0 else {
      throw .failed(what: socketFile, reason: String(cString: strerror(errno)))
    }
    _ = write(number, text, text.count)
    close(number)
    guard rename(draft, socketFile) == 0 else {
      throw .failed(what: socketFile, reason: String(cString: strerror(errno)))
    }
  }
}
