// SPDX-License-Identifier: GPL-3.0-only
internal import Glibc
package import WorldVM
package import XVCore

/// Starts programs for a session, as its client asks.
package struct Launcher {
  /// What every launch has in common: the translator's switches, masks, standard input and output.
  package var template: LaunchOptions
  package var settings = LaunchSettings()
  /// A command before the program, which executes it (`--wrapper`).
  package var wrapper: [String] = []
  /// Whether the program's output goes to the client, unless that names files for it.
  package var forwardsOutput = false
  /// The program and its arguments that the server was started with.
  package var commandLine: [String] = []
  private let start: (LaunchOptions) throws(WorldError) -> any World
  private let seize: (Int32, LaunchOptions) throws(WorldError) -> any World

  /// Starts and takes hold of processes of this machine.
  package init(_ template: LaunchOptions) {
    self.init(
      template,
      start: { options throws(WorldError) in
        do throws(GuestError) {
          return try ProcessWorld.launch(options)
        } catch {
          throw WorldError(error)
        }
      },
      attach: { process, options throws(WorldError) in
        do throws(GuestError) {
          return try ProcessWorld.attach(process, options)
        } catch {
          throw WorldError(error)
        }
      })
  }

  package init(
    _ template: LaunchOptions,
    start: @escaping (LaunchOptions) throws(WorldError) -> any World,
    attach: @escaping (Int32, LaunchOptions) throws(WorldError) -> any World
  ) {
    self.template = template
    self.start = start
    seize = attach
    settings.disablesRandomization = template.disableRandomization
  }

  /// Starts the program; `terminal` is what it has instead of files that were not named.
  package func launch(terminal: String? = nil) throws(WorldError) -> any World {
    guard let program = settings.program else { throw .badWorld("no program was named yet") }
    var options = template
    options.program = Self.absolute(program)
    options.arguments = [options.program] + settings.arguments
    options.disableRandomization = settings.disablesRandomization
    options.environment = settings.environment
    options.workingDirectory = settings.workingDirectory
    options.standardFiles = settings.standardFiles
    if let terminal {
      for number in 0..<3 where options.standardFiles[number] == nil {
        options.standardFiles[number] = terminal
      }
    }
    options.prelude = prelude(options.arguments)
    return try start(options)
  }

  package func attach(to process: Int32) throws(WorldError) -> any World {
    try seize(process, template)
  }

  /// A file that is there is meant, whatever the working directory will be; other names are searched.
  private static func absolute(_ program: String) -> String {
    var status = stat()
    guard !program.hasPrefix("/"), stat(program, &status) == 0, status.st_mode & S_IFMT == S_IFREG,
      let directory = getcwd(nil, 0)
    else { return program }
    defer { free(directory) }
    return String(cString: directory) + "/" + program
  }

  private func prelude(_ words: [String]) -> LaunchOptions.Prelude? {
    let command = wrapper + words
    let wrapped = wrapper.isEmpty ? 0 : 1
    if settings.startsWithShell {
      var line = "exec " + command.map(ShellWords.quoted).joined(separator: " ")
      if let text = settings.argumentText {
        line = "exec " + (wrapper + [words[0]]).map(ShellWords.quoted).joined(separator: " ") + " " + text
      }
      return LaunchOptions.Prelude(command: [Self.shell, "-c", line], execs: 1 + wrapped)
    }
    return wrapper.isEmpty ? nil : LaunchOptions.Prelude(command: command, execs: 1)
  }

  private static var shell: String {
    guard let shell = getenv("SHELL"), shell.pointee != 0 else { return "/bin/sh" }
    return String(cString: shell)
  }
}

/// What a client said about the program to be run next; it holds until something else is said.
package struct LaunchSettings {
  package var program: String?
  package var arguments: [String] = [] {
    didSet { argumentText = nil }
  }
  /// The arguments as somebody wrote them for the shell, which is to expand them; nil when they are to
  /// arrive as they are.
  package var argumentText: String?
  package var workingDirectory: String?
  /// As gdbserver: the shell's settings reach the program.
  package var startsWithShell = true
  package var disablesRandomization = true
  /// What is opened as stdin, stdout and stderr.
  package var standardFiles: [Int: String] = [:]
  /// Whether the variables of the server's own environment are there too.
  package var inheritsEnvironment = true
  /// Variables by name; nil takes one of the server's away.
  private var changes: [String: String?] = [:]

  package init() {}

  package mutating func set(_ variable: String) {
    let parts = variable.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
    changes[String(parts[0])] = .some(parts.count > 1 ? String(parts[1]) : "")
  }

  package mutating func unset(_ name: String) { changes.updateValue(nil, forKey: name) }

  package mutating func resetEnvironment() { changes = [:] }

  /// Nil when it is the server's own.
  var environment: [String]? {
    if changes.isEmpty { return inheritsEnvironment ? nil : [] }
    var result: [String] = []
    var left = changes
    for entry in inheritsEnvironment ? Self.own : [] {
      let name = String(entry.prefix { $0 != "=" })
      guard let change = left.removeValue(forKey: name) else {
        result.append(entry)
        continue
      }
      if let value = change { result.append("\(name)=\(value)") }
    }
    for (name, change) in left.sorted(by: { $0.key < $1.key }) {
      if let value = change { result.append("\(name)=\(value)") }
    }
    return result
  }

  private static var own: [String] {
    var entries: [String] = []
    var place = environ
    while let entry = place.pointee {
      entries.append(String(cString: entry))
      place += 1
    }
    return entries
  }
}
