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
        xv --outload-on USR1 --outload-to prog.swap ./prog
        xv --inload prog.swap
            the program is written to disk when kill -USR1 asks xv for it, and lives again

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

  @Option(
    help: ArgumentHelp(
      "Let the program in this image live again instead of starting one (docs/worlds.md).", valueName: "file"))
  var inload: String?

  @Option(
    help: ArgumentHelp(
      "When xv is sent this signal, write the program to disk and end.", valueName: "signal"))
  var outloadOn: String?

  @Option(help: ArgumentHelp("Where --outload-on writes; PROGRAM.PID.swap, or the image of --inload, otherwise.", valueName: "file"))
  var outloadTo: String?

  @Flag(help: "Compress the memory that --outload-on writes (zstd); debuggers then want --expand first.")
  var compress = false

  @Option(
    help: ArgumentHelp(
      "Write this image uncompressed to the file that is named behind it: a core file for debuggers.",
      valueName: "file"))
  var expand: String?

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
    let outload = try outloadOrder(of: words.first ?? "")
    if let expand { throw write(expand, to: words) }
    if let inload {
      guard words.isEmpty else { throw ValidationError("--inload names the program; '\(words[0])' is one too many.") }
      var options = LaunchOptions(program: "", arguments: [])
      translator.apply(to: &options, children: .translated)
      options.traceDescriptor = try traceDescriptor()
      options.signalMask = Wrapper.inheritedMask()
      let image: SwapImage
      do throws(GuestError) {
        image = try SwapImage(inload)
      } catch {
        Wrapper.say("xv: \(error)")
        throw ExitCode(126)
      }
      options.image = image
      Wrapper.run(options, printsStatistics: stats, outload: outload).leave()
    }
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
    let status = Wrapper.run(options, printsStatistics: stats, outload: outload)
    status.leave()
  }

  /// How it ended.
  private func write(_ image: String, to words: [String]) -> any Error {
    guard words.count == 1 else {
      return ValidationError("--expand IMAGE wants one more name: that of the core file.")
    }
    do throws(GuestError) {
      let size = try SwapImage(image).expand(to: words[0])
      Wrapper.say("xv: expanded to \(words[0]), \(size >> 10) KiB")
      return ExitCode.success
    } catch {
      var error = error
      if case .cannotInload(let path, let why) = error { error = .cannotExpand(path: path, why: why) }
      Wrapper.say("xv: \(error)")
      return ExitCode(126)
    }
  }

  private func outloadOrder(of program: String) throws -> OutloadOrder? {
    guard let outloadOn else {
      if outloadTo != nil || compress { throw ValidationError("--outload-to and --compress want --outload-on.") }
      return nil
    }
    guard let signal = OutloadOrder.signal(outloadOn) else {
      throw ValidationError("'\(outloadOn)' is no signal that can be waited for: write USR1, or a number.")
    }
    let name = program.split(separator: "/").last.map(String.init) ?? "program"
    return OutloadOrder(
      signal: signal, path: outloadTo ?? inload, program: name, isCompressed: compress)
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
