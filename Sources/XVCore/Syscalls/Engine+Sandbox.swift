// SPDX-License-Identifier: GPL-3.0-only
internal import CLinux
import Synchronization

/// A program that is judged by seccomp: the kernel would end or mislead it for a call of the gate's that
/// its filter does not allow. So the gate makes none: its threads do not sleep, and find the doorbell
/// quiet, since the dispatcher looks by itself from time to time.
extension Engine {
  /// Before the program is judged for the first time. The dispatcher is awake, or not yet started.
  func enterSandbox() {
    isSandboxed.store(true, ordering: .relaxed)
    tortureClock.stopRelocating()
    for context in contexts.values { quieten(context) }
    xv_store32(doorbell, 0)
  }

  func quieten(_ context: Context) {
    context.store32(ContextLayout.spins, UInt32.max)
  }

  /// How long a request may wait where nobody rings.
  static let sandboxPeriod = 200_000  // nanoseconds
}
