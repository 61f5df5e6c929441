// SPDX-License-Identifier: GPL-3.0-only

/// A shadow of the guest's rt_sigaction table.
///
/// The kernel keeps the real one, with the guest's own handler addresses; the tracer must know
/// beforehand whether a signal will enter a handler. Shared by the threads that share the kernel's
/// (CLONE_SIGHAND); reached with the engine's lock held.
final class SignalHandlers {
  struct Action: Hashable {
    var handler: UInt64 = 0
    var flags: UInt64 = 0
  }

  private var actions = [Action](repeating: Action(), count: 65)

  /// Bit n - 1 says that signal n is ignored.
  init(ignored: UInt64 = 0) {
    for signal in 1...64 where ignored >> UInt64(signal - 1) & 1 != 0 { actions[signal].handler = 1 }
  }

  /// The table of a new process, made with the given CLONE_ flags.
  init(copying other: SignalHandlers, _ flags: UInt64) {
    actions = other.actions
    let clearHandlers: UInt64 = 0x1_0000_0000  // CLONE_CLEAR_SIGHAND
    guard flags & clearHandlers != 0 else { return }
    for signal in 1...64 where actions[signal].handler > 1 { actions[signal] = Action() }
  }

  subscript(signal: Int32) -> Action {
    get { (1...64).contains(signal) ? actions[Int(signal)] : Action() }
    set { if (1...64).contains(signal) { actions[Int(signal)] = newValue } }
  }

  /// Whether a delivery of the signal runs code of the guest (not SIG_DFL = 0, not SIG_IGN = 1).
  func isCaught(_ signal: Int32) -> Bool { self[signal].handler > 1 }

  /// The kernel resets a SA_RESETHAND handler when it delivers the signal.
  func delivered(_ signal: Int32) {
    let resetHand: UInt64 = 0x8000_0000
    if self[signal].flags & resetHand != 0 { self[signal].handler = 0 }
  }
}
