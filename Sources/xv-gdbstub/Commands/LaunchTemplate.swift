// SPDX-License-Identifier: GPL-3.0-only
internal import Glibc
package import XVCore
package import XVOptions

extension TranslatorOptions {
  /// What every launch of a server has in common.
  package var template: LaunchOptions {
    var options = LaunchOptions(program: "", arguments: [])
    apply(to: &options, children: .native)
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
