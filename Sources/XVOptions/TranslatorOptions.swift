// SPDX-License-Identifier: GPL-3.0-only
package import ArgumentParser
package import XVCore

/// How programs are translated: options of every command that starts some.
package struct TranslatorOptions: ParsableArguments {
  @Flag(
    name: .customLong("guard"),
    help: "Make original code non-executable, so that a leak out of translated code faults.")
  package var guardsOriginalCode = false

  @Option(help: ArgumentHelp("Discard translated code when there is more than this.", valueName: "MiB"))
  package var cacheSize: Int = 0

  @Option(
    help: ArgumentHelp(
      "Make life hard for the translator: flush, collect or relocate at every N-th request; watch all accesses.",
      valueName: "flush=N,collect=N,relocate=N,watch"))
  package var torture: Torture?

  @Option(
    help: ArgumentHelp(
      "Keep translations of files for the next run in this directory.", valueName: "directory"))
  package var persistDir: String = LaunchOptions.defaultPersistDirectory ?? ""

  @Flag(help: "Neither use nor keep translations of other runs.")
  package var noPersist = false

  @Option(
    help: """
      What becomes of the processes that the program makes and no debugger is told of: native (let go, \
      xv-gdbstub's default), or translated (xv's default).
      """)
  package var children: LaunchOptions.Children?

  package init() {}

  /// Puts what was asked for into a launch.
  package func apply(to options: inout LaunchOptions, children unnamed: LaunchOptions.Children) {
    options.guardOriginalCode = guardsOriginalCode
    options.torture = torture ?? Torture()
    options.cacheSize = cacheSize << 20
    options.persistDirectory = noPersist || persistDir.isEmpty ? nil : persistDir
    options.children = children ?? unnamed
  }

  /// The same options for another command of ours.
  package var words: [String] {
    var words = ["--cache-size", "\(cacheSize)"]
    if let children { words += ["--children", children.rawValue] }
    words += noPersist || persistDir.isEmpty ? ["--no-persist"] : ["--persist-dir", persistDir]
    if guardsOriginalCode { words.append("--guard") }
    let switches = [("flush", torture?.flush), ("collect", torture?.collect), ("relocate", torture?.relocate)]
    let counts = switches.compactMap { name, count in count.flatMap { $0 > 0 ? "\(name)=\($0)" : nil } }
    let set = counts + (torture?.watch == true ? ["watch"] : [])
    if !set.isEmpty { words += ["--torture", set.joined(separator: ",")] }
    return words
  }
}

extension LaunchOptions.Children: ExpressibleByArgument {}

extension Torture: ExpressibleByArgument {
  package init?(argument: String) { self.init(argument) }
}
