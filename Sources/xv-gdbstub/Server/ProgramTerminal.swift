// SPDX-License-Identifier: GPL-3.0-only
internal import CLinux
internal import Glibc
internal import Linux

/// A terminal that the program has as stdin, stdout and stderr, and whose other end is the client's:
/// what the program prints goes to it in `O` packets, what it sends in `I` packets is typed.
final class ProgramTerminal {
  private let server: OwnedDescriptor
  /// Held open, so that the server's end is never hung up while programs come and go.
  private let program: OwnedDescriptor
  let path: String

  /// Nil when the kernel gives no terminal.
  init?() {
    var name = [CChar](repeating: 0, count: 128)
    let number = xv_open_terminal(&name, name.count)
    guard number >= 0 else { return nil }
    server = OwnedDescriptor(owning: number)
    path = String(decoding: name.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    let other = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC)
    guard other >= 0 else { return nil }
    program = OwnedDescriptor(owning: other)
    // The client's own terminal shows what is typed, and knows how lines end.
    var settings = termios()
    tcgetattr(other, &settings)
    settings.c_lflag &= ~tcflag_t(ECHO)
    settings.c_oflag &= ~tcflag_t(ONLCR)
    tcsetattr(other, TCSANOW, &settings)
  }

  var descriptor: Int32 { server.number }

  /// What was printed and not taken yet.
  func take() -> [UInt8] {
    var content: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65536)
    // A program that prints without end is not to keep the server here.
    while content.count < buffer.count, case let count = read(server.number, &buffer, buffer.count),
      count > 0
    {
      content += buffer[..<count]
    }
    return content
  }

  /// What does not fit into the terminal's buffer is lost, as at a keyboard.
  func type(_ text: [UInt8]) { _ = write(server.number, text, text.count) }
}
