// SPDX-License-Identifier: GPL-3.0-only
import Glibc
import Linux
import XVCore

/// `--outload-on`: which signal to this process has the program written to disk, and where.
struct OutloadOrder {
  var signal: Int32
  /// Nil: the program's name and process id, in the working directory.
  var path: String?
  var program: String
  var isCompressed = false

  private static let names: [String: Int32] = [
    "HUP": SIGHUP, "INT": SIGINT, "QUIT": SIGQUIT, "USR1": SIGUSR1, "USR2": SIGUSR2, "ALRM": SIGALRM,
    "TERM": SIGTERM, "TSTP": SIGTSTP, "URG": SIGURG, "XCPU": SIGXCPU, "VTALRM": SIGVTALRM,
    "PROF": SIGPROF, "WINCH": SIGWINCH, "IO": SIGIO, "PWR": SIGPWR,
  ]

  /// By name, with or without SIG, or by number.
  static func signal(_ text: String) -> Int32? {
    if let number = Int32(text) {
      return names.values.contains(number) || (35...64).contains(number) ? number : nil
    }
    let name = text.uppercased()
    return names[name.hasPrefix("SIG") ? String(name.dropFirst(3)) : name]
  }

  private var set: sigset_t {
    var set = sigset_t()
    sigemptyset(&set)
    sigaddset(&set, signal)
    return set
  }

  /// Before there is any other thread: the signal is then for nobody but `wait`.
  func block() {
    var set = set
    pthread_sigmask(SIG_BLOCK, &set, nil)
  }

  /// Waits for the signal in a thread of its own, as often as the program could not be written to disk.
  func wait(for guest: Guest, done: @escaping @Sendable () -> Void) {
    let (set, path) = (set, path ?? "\(program).\(guest.pid).swap")
    let isCompressed = isCompressed
    DetachedThread.start {
      var set = set
      var number: Int32 = 0
      while sigwait(&set, &number) == 0 {
        do throws(GuestError) {
          let size = try guest.outload(to: path, isCompressed: isCompressed, incarnation: 0)
          Wrapper.say("xv: outloaded to \(path), \(size >> 10) KiB; xv --inload \(path) goes on")
          return done()
        } catch {
          Wrapper.say("xv: \(error)")
        }
      }
    }
  }
}
