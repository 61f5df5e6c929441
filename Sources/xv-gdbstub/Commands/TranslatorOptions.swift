// SPDX-License-Identifier: GPL-3.0-only
internal import ArgumentParser
internal import Glibc
package import XVCore

/// How programs are translated: options of every command that starts some.
package struct TranslatorOptions: ParsableArguments {
  @Flag(
    name: .customLong("guard"),
    help: "Make original code non-executable, so that a leak out of translated code faults.")
  var guardsOriginalCode = false

  @Option(help: ArgumentHelp("Discard translated code when there is more than this.", valueName: "MiB"))
  var cacheSize: Int = 0

  @Option(
    help: ArgumentHelp(
      "Make life hard for the translator: flush, collect or relocate at every N-th request.",
      valueName: "flush=N,collect=N,relocate=N"))
  var torture: Torture?

  @Option(
    help: ArgumentHelp(
      "Keep translations of files for the next run in this directory.", valueName: "directory"))
  var persistDir: String = LaunchOptions.defaultPersistDirectory ?? ""

  @Flag(help: "Neither use nor keep translations of other runs.")
  var noPersist = false

  @Option(
    help: """
      What becomes of the processes that the program makes, of which the debugger is not told: native \
      (let go), or translated.
      """)
  var children = LaunchOptions.Children.native

  package init() {}

  /// What every launch has in common.
  package var template: LaunchOptions {
    var options = LaunchOptions(program: "", arguments: [])
    options.guardOriginalCode = guardsOriginalCode
    options.torture = torture ?? Torture()
    options.cacheSize = cacheSize << 20
    options.children = children
    options.persistDirectory = noPersist || persistDir.isEmpty ? nil : persistDir
    options.debugged = true
    options.signalMask = Self.signalMask
    // A ^C at the terminal is then the program's, not the server's.
    options.newProcessGroup = true
    options.defaultSignals = Wakeup.signalsAtDefault
    return options
  }

  /// What the server was started with, and the program is to start with: bit n - 1 is signal n.
  private static var signalMask: UInt64 {
    var mask = sigset_t()
    pthread_sigmask(SIG_BLOCK, nil, &mask)
    return withUnsafeBytes(of: mask) { $0.load(as: UInt64.self) }
  }
}

extension LaunchOptions.Children: ExpressibleByArgument {}

extension Torture: ExpressibleByArgument {
  package init?(argument: String) { self.init(argument) }
}
