// SPDX-License-Identifier: GPL-3.0-only
internal import Glibc
internal import RSP
package import WorldVM
internal import XVCore

extension StubSession {
  func respond(to packet: LaunchPacket) throws(WorldError) -> Answer {
    // Without a launcher the session is about the one program that it was given.
    guard launcher != nil else { return .reply(.empty) }
    switch packet {
    case .extend:
      isExtended = true
      return .reply(.ok)
    case .run(let path, let arguments):
      try run(path.map(text), arguments.map(text))
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
    case .attach(let process):
      guard hasEnded else { throw present }
      guard let process = Int32(exactly: process), process > 0 else { return .reply(.malformed) }
      try attach(to: process)
      return .reply(stopReply())
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

  private var present: WorldError {
    .badWorld("a program is there already: kill or detach it first")
  }

  private func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

  /// Starts a program; nil means the one that ran last, and its arguments.
  private func run(_ program: String?, _ arguments: [String]?) throws(WorldError) {
    guard hasEnded else { throw present }
    if let program { launcher?.settings.program = program }
    if let arguments { launcher?.settings.arguments = arguments }
    do throws(WorldError) {
      try launch()
    } catch {
      Diagnostics.print("xv-gdbstub: \(error)")
      throw error
    }
  }

  /// Starts what the launcher's settings say, in place of the world that was there.
  package func launch() throws(WorldError) {
    guard let launcher else { throw .badWorld("this session cannot start programs") }
    reapDetached()
    adopt(try launcher.launch())
    Diagnostics.print(
      "Process \(launcher.settings.program ?? "") created; pid = \(world.processID)")
  }

  /// Takes hold of a running process, in place of the world that was there.
  package func attach(to process: Int32) throws(WorldError) {
    guard let launcher else { throw .badWorld("this session cannot attach") }
    reapDetached()
    adopt(try launcher.attach(to: process))
    Diagnostics.print("Attached; pid = \(world.processID)")
  }

  /// Takes the ends of programs that were let go, so that none stays a zombie.
  private func reapDetached() {
    detachedProcesses.removeAll { waitpid($0, nil, WNOHANG) != 0 }
  }
}
