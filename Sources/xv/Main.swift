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
    discussion: """
      The program behaves as it does natively: same output, same exit status, death by the same \
      signal. Options come before the program; everything after it belongs to the program.
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
      if ["-h", "-help", "--help"].contains(program) { throw CleanExit.helpRequest(self) }
      throw ValidationError("Unknown option '\(program)'")
    }
    var options = LaunchOptions(program: program, arguments: words)
    translator.apply(to: &options, children: .translated)
    options.traceDescriptor = try traceDescriptor()
    options.signalMask = Wrapper.inheritedMask()
    let status = Wrapper.run(options, printsStatistics: stats)
    status.leave()
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
