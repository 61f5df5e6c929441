// SPDX-License-Identifier: GPL-3.0-only
import Glibc
import Synchronization
import XVCore

/// Runs a guest and ends as it ends.
enum Wrapper {
  enum Ending {
    case exited(Int32)
    case killed(Int32)

    /// Ends this process the same way.
    func leave() -> Never {
      switch self {
      case .exited(let status): exit(status)
      case .killed(let number):
        // Without a second core file.
        var none = rlimit(rlim_cur: 0, rlim_max: 0)
        setrlimit(__rlimit_resource_t(RLIMIT_CORE.rawValue), &none)
        signal(number, SIG_DFL)
        var mask = sigset_t()
        sigemptyset(&mask)
        sigprocmask(SIG_SETMASK, &mask, nil)
        kill(getpid(), number)
        exit(128 + number)
      }
    }
  }

  private static let guestProcess = Atomic<Int32>(0)

  /// The signal mask to hand on to the program.
  static func inheritedMask() -> UInt64 {
    var mask = sigset_t()
    sigprocmask(SIG_BLOCK, nil, &mask)
    return withUnsafeBytes(of: &mask) { $0.load(as: UInt64.self) }
  }

  static func run(
    _ options: LaunchOptions, printsStatistics: Bool, outload: OutloadOrder? = nil
  ) -> Ending {
    let end = Completion<StopReason>()
    var options = options
    options.ignoredSignals = forwardSignals(except: outload?.signal)
    outload?.block()
    options.onGroupStop = { Wrapper.stop(by: $0) }
    do {
      let guest: Guest
      if let image = options.image {
        guest = try Guest.inload(image, options) { end.finish($0.reason) }
      } else {
        guest = try Guest.launch(options) { end.finish($0.reason) }
      }
      guestProcess.store(guest.pid, ordering: .relaxed)
      outload?.wait(for: guest) { end.finish(.exited(0)) }
      let reason = end.wait()
      if printsStatistics { printStatistics(guest.statistics) }
      switch reason {
      case .exited(let status): return .exited(status)
      case .killed(let number): return .killed(number)
      case nil, .breakpoint, .watchpoint, .stepped, .signal, .interrupted, .execed, .systemCallEntry,
        .systemCallReturn, .forked, .vforked, .vforkDone, .threadCreated, .cloned, .threadExited,
        .noneResumed:
        return .exited(126)
      }
    } catch {
      say("xv: \(error)")
      return .exited(Wrapper.statusOfFailure(error))
    }
  }

  /// Whoever sends a signal to the program that he started sends it to us. The guest shares our terminal, whose
  /// signals come from the kernel, to both.
  ///
  /// Returns which of them this process found ignored, as a background process of a shell does SIGINT: the
  /// program has to find them so, and may catch them all the same.
  private static func forwardSignals(except one: Int32?) -> UInt64 {
    var ignored: UInt64 = 0
    let named = [
      SIGHUP, SIGINT, SIGQUIT, SIGUSR1, SIGUSR2, SIGALRM, SIGTERM, SIGTSTP, SIGTTIN, SIGTTOU, SIGURG,
      SIGXCPU, SIGVTALRM, SIGPROF, SIGWINCH, SIGIO, SIGPWR,
    ]
    for number in named + Array(34...64) where number != one {
      let wasIgnored = catchSignal(number) { number, information, _ in
        guard let information else { return }
        let process = Wrapper.guestProcess.load(ordering: .relaxed)
        // SI_USER and below: from a process. SIGHUP of a terminal goes to its session's leader alone.
        guard process > 0, information.pointee.si_code <= 0 || number == SIGHUP else { return }
        let sender = information.pointee._sifields._kill.si_pid
        if information.pointee.si_code <= 0, sender == process {
          kill(getppid(), number)  // the program takes us for its parent
        } else if information.pointee.si_code == Int32(SI_QUEUE) {
          sigqueue(process, number, information.pointee._sifields._rt.si_sigval)
        } else {
          kill(process, number)
        }
      }
      if wasIgnored { ignored |= 1 << UInt64(number - 1) }
    }
    return ignored
  }

  /// Stops this process as its guest has been stopped: a shell waits for us, not for the guest.
  ///
  /// Without a terminal there is no such shell, and whoever stops the guest may continue it alone.
  private static func stop(by number: Int32) {
    let terminal = open("/dev/tty", O_RDONLY | O_NOCTTY | O_CLOEXEC)
    guard terminal >= 0 else { return }
    close(terminal)
    var byDefault = sigaction()
    var old = sigaction()
    byDefault.__sigaction_handler.sa_handler = nil  // SIG_DFL
    if number != SIGSTOP { sigaction(number, &byDefault, &old) }
    var mask = sigset_t()
    sigemptyset(&mask)
    sigaddset(&mask, number)
    pthread_sigmask(SIG_UNBLOCK, &mask, nil)
    raise(number)
    if number != SIGSTOP { sigaction(number, &old, nil) }
    // A shell continues the whole process group. Somebody who continued us alone means the guest.
    let process = guestProcess.load(ordering: .relaxed)
    if process > 0, !isContinued(process) { kill(process, SIGCONT) }
  }

  /// Whether a SIGCONT waits for a process that is stopped and traced.
  private static func isContinued(_ process: Int32) -> Bool {
    let descriptor = open("/proc/\(process)/status", O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return true }
    defer { close(descriptor) }
    var text = [UInt8](repeating: 0, count: 4096)
    let count = read(descriptor, &text, text.count)
    let lines = text.prefix(max(0, count)).split(separator: UInt8(ascii: "\n"))
    return ["SigPnd:\t", "ShdPnd:\t"].contains { name in
      guard let line = lines.first(where: { $0.starts(with: name.utf8) }) else { return false }
      let pending = UInt64(String(decoding: line.dropFirst(name.utf8.count), as: UTF8.self), radix: 16)
      return (pending ?? 0) >> UInt64(SIGCONT - 1) & 1 != 0
    }
  }

  /// As a shell: 127 when there is no such program, 126 when it cannot run.
  private static func statusOfFailure(_ error: GuestError) -> Int32 {
    if case .cannotLaunch(_, let why) = error, why.hasPrefix("No such") || why.hasPrefix("no such") {
      return 127
    }
    return 126
  }

  private typealias Handler =
    @convention(c) (Int32, UnsafeMutablePointer<siginfo_t>?, UnsafeMutableRawPointer?) -> Void

  /// Whether the signal was ignored before.
  private static func catchSignal(_ number: Int32, _ handler: @escaping Handler) -> Bool {
    var old = sigaction()
    var action = sigaction()
    action.__sigaction_handler.sa_sigaction = handler
    action.sa_flags = SA_RESTART | SA_SIGINFO
    sigaction(number, &action, &old)
    return unsafeBitCast(old.__sigaction_handler.sa_handler, to: Int.self) == 1
  }

  private static func printStatistics(_ statistics: [(name: String, value: UInt64)]) {
    say("xv: statistics")
    for (name, value) in statistics {
      let digits = String(value)
      say(String(repeating: " ", count: max(0, 14 - digits.utf8.count)) + digits + "  " + name)
    }
  }

  static func say(_ line: String) {
    let bytes = Array((line + "\n").utf8)
    _ = bytes.withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }
  }
}
