// SPDX-License-Identifier: GPL-3.0-only
internal import Glibc
internal import RSP
package import WorldVM
internal import XVCore

extension StubSession {
  func respond(to packet: LaunchPacket) throws(WorldError) -> Answer {
    // Without a launcher the session is about the programs that it was given.
    guard launcher != nil else {
      switch packet {
      case .extend where inferiors.contains(where: \.isOneOfSeveral):
        isExtended = true
        return .reply(.ok)
      case .attach(let process): return .reply(try attach(toWorld: process))
      default: return .reply(.empty)
      }
    }
    switch packet {
    case .extend:
      isExtended = true
      return .reply(.ok)
    case .run(let path, let arguments):
      if client.sendsOneArgument {
        let line = arguments.first.map(text) ?? ""
        launcher?.settings.arguments = ShellWords.split(line)
        launcher?.settings.argumentText = line
        try run(path.map(text), nil)
      } else {
        try run(path.map(text), arguments.map(text))
      }
      return .reply(stopReply())
    case .restart:
      kill()
      try run(nil, nil)
      return .silence
    case .runByArguments(let words):
      do throws(WorldError) {
        try run(words.first.map(text), words.dropFirst().map(text))
        launchFailure = nil
      } catch {
        launchFailure = error
      }
      return .reply(.ok)
    case .result:
      if let failure = launchFailure { return .reply(Reply("E\(failure)")) }
      return .reply(.ok)
    case .commandLineWanted: return .reply(commandLine)
    case .attach(let process):
      try requireRoom()
      if inferior(of: process) != nil { throw .refused("process \(process) is debugged already") }
      guard let process = Int32(exactly: process), process > 0 else { return .reply(.malformed) }
      try attach(to: process)
      if isNonStop { return announceHeld() }
      return .reply(stopReply())
    case .attachByName(let name, let which): return try attach(toProcessNamed: text(name), which)
    case .attachByNameWanted: break
    case .standardFile(let number, let path): launcher?.settings.standardFiles[number] = text(path)
    case .detachOnError(let isWanted): detachesOnError = isWanted
    // Programs are x86-64.
    case .architecture: break
    case .set(let variable): launcher?.settings.set(text(variable))
    case .unset(let variable): launcher?.settings.unset(text(variable))
    case .resetEnvironment: launcher?.settings.resetEnvironment()
    case .workingDirectory(let path):
      launcher?.settings.workingDirectory = path.isEmpty ? nil : text(path)
    case .shell(let isWanted): launcher?.settings.startsWithShell = isWanted
    case .randomization(let isDisabled):
      launcher?.settings.disablesRandomization = isDisabled
    }
    return .reply(.ok)
  }

  /// What the server was started with, its arguments quoted as for a shell.
  private var commandLine: Reply {
    guard let words = launcher?.commandLine, let program = words.first else { return Reply("U") }
    let arguments = words.dropFirst().map(ShellWords.quoted).joined(separator: " ")
    return Reply(
      Array("S;".utf8) + Hex.encode(Array(program.utf8)) + Array(";".utf8)
        + Hex.encode(Array(arguments.utf8)) + Array(";".utf8))
  }

  /// One more program needs a client whose names of threads say which process they are of. lldb has a
  /// connection for each.
  private func requireRoom() throws(WorldError) {
    if hasEnded || isExtended && client.isMultiprocess && !client.isLLDB { return }
    throw .badWorld("a program is there already: kill or detach it first")
  }

  private func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

  /// Starts a program; nil means the one that ran last, and its arguments.
  private func run(_ program: String?, _ arguments: [String]?) throws(WorldError) {
    try requireRoom()
    if let program { launcher?.settings.program = program }
    if let arguments { launcher?.settings.arguments = arguments }
    do throws(WorldError) {
      try launch()
    } catch {
      Diagnostics.print("xv-gdbstub: \(error)")
      throw error
    }
  }

  /// Starts what the launcher's settings say.
  package func launch() throws(WorldError) {
    guard let launcher else { throw .badWorld("this session cannot start programs") }
    reapDetached()
    if launcher.forwardsOutput, terminal == nil { terminal = ProgramTerminal() }
    adopt(try launcher.launch(terminal: launcher.forwardsOutput ? terminal?.path : nil))
    Diagnostics.print(
      "Process \(launcher.settings.program ?? "") created; pid = \(world.processID)")
  }

  /// Takes hold of a running process.
  package func attach(to process: Int32) throws(WorldError) {
    guard let launcher else { throw .badWorld("this session cannot attach") }
    reapDetached()
    adopt(try launcher.attach(to: process))
    Diagnostics.print("Attached; pid = \(world.processID)")
  }

  private func attach(
    toProcessNamed name: String, _ which: LaunchPacket.Which
  ) throws(WorldError) -> Answer {
    try requireRoom()
    let running = which == .next ? [] : ProcessList.processes(named: name)
    switch running.count {
    case 1:
      try attach(to: running[0])
      return .reply(stopReply())
    case 0 where which != .running:
      awaited = AwaitedProcess(named: name)
      if awaited == nil { throw .failed(call: "a timer", errno: EMFILE) }
      return .resumed
    case 0: throw .lookupFailed("a process named \(name)")
    default: throw .refused("\(running.count) processes are named \(name): attach by number")
    }
  }

  /// The reply that a client waits for who wants the next process of a name.
  func attachToAwaited() -> Reply? {
    if awaited?.isGivenUp == true {
      awaited = nil
      return errorReply(.failed(call: "the wait for a process", errno: EINTR))
    }
    guard let process = awaited?.look() else { return nil }
    awaited = nil
    do throws(WorldError) {
      try attach(to: process)
      return stopReply()
    } catch {
      return errorReply(error)
    }
  }

  /// Takes the ends of programs that were let go, so that none stays a zombie.
  private func reapDetached() {
    detachedProcesses.removeAll { waitpid($0, nil, WNOHANG) != 0 }
  }
}
