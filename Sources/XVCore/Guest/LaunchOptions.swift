// SPDX-License-Identifier: GPL-3.0-only
import Glibc

/// How a guest is launched and translated.
package struct LaunchOptions: Sendable {
  /// Path of the program; searched in PATH when it contains no slash.
  package var program: String
  /// The program's arguments, argv[0] first.
  package var arguments: [String]
  /// Turn address-space randomization off, as gdbserver does.
  package var disableRandomization = false
  /// Take PROT_EXEC from original code, so that any leak out of the cache faults at once.
  package var guardOriginalCode = false
  package var torture = Torture()
  /// Bytes of translated code after which all of it is discarded (0: as much as the arenas hold).
  package var cacheSize = 0
  /// Where translations of files outlive the process (an absolute path); nil: nowhere.
  package var persistDirectory: String? = nil
  /// Print translation and intercepted system calls to this descriptor; nil is silent.
  package var traceDescriptor: Int32? = nil
  /// Whether a debugger wants the stops (signals, exec); otherwise signals pass and only the end is told.
  package var debugged = false

  /// What becomes of the processes that the program makes.
  package enum Children: String, CaseIterable, Sendable {
    /// They are let go, without xv.
    case native
    /// Each has an engine of its own.
    case translated
  }

  package var children = Children.translated

  /// Put the program into a process group of its own and give it the terminal.
  package var newProcessGroup = false
  /// stdin from /dev/null and stdout to stderr: for a stub that talks over its own 0 and 1.
  package var redirectStandardIO = false
  /// What is opened as stdin, stdout and stderr, by number; the others are the server's own.
  package var standardFiles: [Int: String] = [:]
  /// The signal mask that the program starts with (bit n-1 is signal n).
  package var signalMask: UInt64 = 0
  /// The signals that it finds ignored although this process catches them (the same bits).
  package var ignoredSignals: UInt64 = 0

  /// Where a user's caches belong (XDG Base Directory Specification), in a folder of xv's.
  package static var defaultPersistDirectory: String? {
    func variable(_ name: String) -> String? {
      getenv(name).map { String(cString: $0) }.flatMap { $0.hasPrefix("/") ? $0 : nil }
    }
    return (variable("XDG_CACHE_HOME") ?? variable("HOME").map { $0 + "/.cache" }).map { $0 + "/xv" }
  }

  /// Told, on the tracer thread, that job control has stopped the program, and by which signal; not
  /// with a debugger.
  package var onGroupStop: (@Sendable (Int32) -> Void)? = nil

  /// Signals that the server ignores or handles and that the program is to find at their default.
  package var defaultSignals: UInt64 = 0
  /// `NAME=VALUE` each; nil is the server's own environment.
  package var environment: [String]? = nil
  /// Where the program starts; nil is where the server is.
  package var workingDirectory: String? = nil
  /// What runs natively first and executes the program in the end: a shell, a wrapper.
  package var prelude: Prelude? = nil

  /// The program is not started but goes on where it was when it was written to disk.
  package var image: SwapImage? = nil

  package struct Prelude: Hashable, Sendable {
    package var command: [String]
    /// How many calls of exec follow its start; the last one is the program's.
    package var execs: Int

    package init(command: [String], execs: Int) {
      self.command = command
      self.execs = execs
    }
  }

  package init(program: String, arguments: [String]) {
    self.program = program
    self.arguments = arguments
  }
}
