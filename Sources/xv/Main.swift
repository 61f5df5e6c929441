// SPDX-License-Identifier: GPL-3.0-only
import ArgumentParser
import Glibc
import XVCore
import XVOptions

@main
struct XV: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "xv",
    abstract: "Runs a program under the xv translator, without a debugger.",
    usage: "xv [OPTIONS] [--] PROG [ARGS]",
    discussion: """
      The program behaves as it does natively: same output, same exit status, death by the same \
      signal. Options come before the program; everything after it belongs to the program.

      EXAMPLES

        xv ls -l
        xv --stats ./prog one two
            what the translator did, at the end
        xv --log trace -v ./prog
            each translation and each system call that is seen, in a file

      EXIT STATUS

        The program's, or death by its signal. 126 when it cannot be run, 127 when there is none of that \
      name, 64 when the command line is wrong.
      """,
    version: """
      xv 0.1
      A translator for programs of x86-64 Linux. Licence: GPL-3.0-only.
      """)

  @Flag(name: .shortAndLong, help: "Trace translation and intercepted system calls to stderr.")
  var verbose = false

  @Option(help: "Write the trace to this file.")
  var log: String?

  @Flag(help: "Print at exit what happened, to stderr.")
  var stats = false

  @OptionGroup(title: "Translation") var translator: TranslatorOptions

  @Argument(parsing: .captureForPassthrough, help: "The program and its arguments.")
  var command: [String] = []

  /// Without options there is nothing to parse, and the parser's own start-up takes longer than many
  /// a program.
  static func main() {
    let words = Array(CommandLine.arguments.dropFirst())
    guard let program = words.first, !program.hasPrefix("-") else { return main(nil) }
    var options = LaunchOptions(program: program, arguments: words)
    options.persistDirectory = LaunchOptions.defaultPersistDirectory
    options.signalMask = Wrapper.inheritedMask()
    Wrapper.run(options, printsStatistics: false).leave()
  }

  mutating func run() throws {
    let words = command.first == "--" ? Array(command.dropFirst()) : command
    guard let program = words.first else {
      throw ValidationError("No program is named. Try: xv ls -l")
    }
    // What the parser does not know it takes for the program's first word.
    if command.first != "--", program.hasPrefix("-") {
      try answer(program, words.dropFirst().first)
      throw ValidationError("Unknown option '\(program)'")
    }
    var options = LaunchOptions(program: program, arguments: words)
    translator.apply(to: &options, children: .translated)
    options.traceDescriptor = try traceDescriptor()
    options.signalMask = Wrapper.inheritedMask()
    let status = Wrapper.run(options, printsStatistics: stats)
    status.leave()
  }

  /// What the parser would answer if it did not take it for a program's name.
  private func answer(_ word: String, _ value: String?) throws {
    switch word {
    case "-h", "-help", "--help": throw CleanExit.helpRequest(self)
    case "--version": throw CleanExit.message(Self.configuration.version)
    case "--experimental-dump-help": throw CleanExit.message(Self._dumpHelp())
    case "--generate-completion-script":
      guard let shell = value.flatMap({ CompletionShell(rawValue: $0) }) else { return }
      throw CleanExit.message(Self.completionScript(for: shell))
    default: break
    }
  }

  private func traceDescriptor() throws -> Int32? {
    if let log {
      let descriptor = open(log, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
      guard descriptor >= 0 else {
        throw ValidationError("Cannot write \(log): \(String(cString: strerror(errno)))")
      }
      return descriptor
    }
    return verbose ? STDERR_FILENO : nil
  }
}
