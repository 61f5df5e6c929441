// SPDX-License-Identifier: GPL-3.0-only
internal import ArgumentParser

/// `xv-gdbstub` stands for gdbserver, and by its first word for lldb-server's two commands.
@main
enum Entry {
  static func main() {
    let words = Array(CommandLine.arguments.dropFirst())
    switch words.first {
    case "gdbserver", "g": DebugServerCommand.main(Array(words.dropFirst()))
    case "platform", "p": PlatformCommand.main(Array(words.dropFirst()))
    default: StubCommand.main(GDBServerWords.normalized(words))
    }
  }
}
