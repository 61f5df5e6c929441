// SPDX-License-Identifier: GPL-3.0-only
internal import Glibc
package import RSP
internal import WorldVM

/// A client of the platform: it looks at the machine, copies files, and has servers started for its
/// debugging sessions. There is no program here.
///
/// One session a process, because the working directory, which the client chooses, is the process's.
package final class PlatformSession: Responder {
  private var host = HostServices()
  private var files = FileTable()
  private var servers: DebugServers
  private var understandsErrorStrings = false

  package init(servers: DebugServers) { self.servers = servers }

  package func clientConnected() {}
  package func answerWhileRunning(_ packet: Packet) -> Answer? { answer(packet) }
  package func interrupt() {}
  package func takeStopReply() -> Reply? { nil }
  package var stopDescriptor: Int32 { -1 }

  package func answer(_ packet: Packet) -> Answer {
    do throws(WorldError) {
      return .reply(try reply(to: packet))
    } catch {
      return .reply(errorReply(error))
    }
  }

  private func reply(to packet: Packet) throws(WorldError) -> Reply {
    switch packet {
    case .supported:
      let size = String(Connection.packetSize, radix: 16)
      return Reply("PacketSize=\(size);QStartNoAckMode+;qEcho+;native-signals+")
    case .platform(let packet):
      if let reply = host.answer(packet) { return reply }
      return try respond(to: packet)
    case .file(let packet): return files.answer(packet)
    case .debugger(let packet): return try respond(to: packet)
    case .launch(.workingDirectory(let path)): return try setWorkingDirectory(path)
    // How programs are started is told again to the server that starts them.
    case .launch(.set), .launch(.unset), .launch(.resetEnvironment), .launch(.standardFile),
      .launch(.randomization), .launch(.detachOnError), .launch(.architecture):
      return .ok
    case .thread(.current): return Reply("QC0")
    case .malformed: return .malformed
    default: return .empty
    }
  }

  private func respond(to packet: DebuggerPacket) throws(WorldError) -> Reply {
    switch packet {
    case .host: return Reply(HostDescription().text)
    case .serverVersion: return Reply("name:xv-gdbstub;version:\(StubCommand.version);")
    case .workingDirectory: return Reply(Hex.encode(try workingDirectory()))
    case .echo(let text): return Reply(text)
    case .errorStrings:
      understandsErrorStrings = true
      return .ok
    case .module(let path): return Reply(try ModuleDescription(path: path).text)
    case .modules(let paths): return Reply(ModuleDescription.list(paths))
    case .threadSuffix, .threadsInStops: return .ok
    default: return .empty
    }
  }

  private func respond(to packet: PlatformPacket) throws(WorldError) -> Reply {
    switch packet {
    case .launchServer(let port): return Reply(try servers.start(port: UInt16(port)).text)
    // Servers that wait for nobody in particular there are none.
    case .servers: return Reply("[]")
    case .endServer(let process):
      return servers.end(process) ? .ok : .error(ESRCH)
    default: return .empty
    }
  }

  private func workingDirectory() throws(WorldError) -> [UInt8] {
    var path = [CChar](repeating: 0, count: Int(PATH_MAX))
    guard getcwd(&path, path.count) != nil else { throw .failed(call: "getcwd", errno: errno) }
    return path.prefix { $0 != 0 }.map(UInt8.init(bitPattern:))
  }

  private func setWorkingDirectory(_ path: [UInt8]) throws(WorldError) -> Reply {
    let code = FileTable.errorNumber(of: path) { chdir($0) }
    guard code == 0 else { throw .failed(call: "chdir", errno: code) }
    return .ok
  }

  private func errorReply(_ error: WorldError) -> Reply {
    var number = EINVAL
    switch error {
    case .failed(_, let errno): number = errno
    case .lookupFailed: number = ENOENT
    default: break
    }
    return understandsErrorStrings ? .error(number, error.description) : .error(number)
  }
}
