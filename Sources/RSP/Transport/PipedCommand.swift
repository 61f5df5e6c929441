// SPDX-License-Identifier: GPL-3.0-only
internal import CLinux
internal import Glibc
internal import Linux

/// A channel to a server, and the command that serves it if there is one.
package struct ServerConnection: ~Copyable {
  let channel: Channel
  let command: PipedCommand?

  package init(channel: consuming Channel, command: PipedCommand? = nil) {
    self.channel = channel
    self.command = command
  }

  /// Connects once; whoever wants to try again does.
  package static func open(
    _ place: ServerPlace, _ patience: Patience
  ) throws(ClientError) -> ServerConnection {
    switch place {
    case .endpoint(let endpoint):
      return ServerConnection(channel: try Channel.connect(to: endpoint, patience))
    case .command(let command): return try PipedCommand.start(command)
    }
  }
}

/// A command that is the other end of a channel; it ends with its owner.
package final class PipedCommand {
  private let process: pid_t

  /// Starts a command by the shell, its stdin and stdout at the channel's ends.
  package static func start(_ command: String) throws(ClientError) -> ServerConnection {
    var ends: [Int32] = [-1, -1]
    let kind = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
    guard socketpair(AF_UNIX, kind, 0, &ends) == 0 else {
      throw .unreachable(place: command, reason: errorText(errno))
    }
    let own = OwnedDescriptor(owning: ends[0])
    let other = OwnedDescriptor(owning: ends[1])
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_adddup2(&actions, other.number, STDIN_FILENO)
    posix_spawn_file_actions_adddup2(&actions, other.number, STDOUT_FILENO)
    var process: pid_t = 0
    let words = ["sh", "-c", command]
    var pointers = words.map { strdup($0) } + [nil]
    defer { for pointer in pointers { free(pointer) } }
    let code = posix_spawn(&process, "/bin/sh", &actions, nil, &pointers, Glibc.environ)
    guard code == 0 else { throw .unreachable(place: command, reason: errorText(code)) }
    return ServerConnection(channel: Channel(socket: own), command: PipedCommand(process: process))
  }

  private init(process: pid_t) { self.process = process }

  deinit {
    Glibc.kill(process, SIGTERM)
    while waitpid(process, nil, 0) < 0, errno == EINTR {}
  }
}
