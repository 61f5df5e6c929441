// SPDX-License-Identifier: GPL-3.0-only
internal import CLinux
import Glibc

/// The limit of files' sizes (RLIMIT_FSIZE, `ulimit -f`). What xv shares with a program is a file in memory
/// that is larger than most limits, so that xv raises its own; its programs get what it was started under.
enum FileSizeLimit {
  private static let resource: Int32 = 1
  private static let unlimited = UInt64.max

  /// Soft and hard, where they had to be raised; and why they could not be.
  private static let outcome: (inherited: [UInt64]?, refusal: String?) = {
    catchSignal()
    var limit: [UInt64] = [0, 0]
    let needed = UInt64(RegionLayout.regionSize)
    guard xv_prlimit(0, resource, nil, &limit) == 0, limit[0] < needed else { return (nil, nil) }
    let wanted = limit[1] < needed ? [unlimited, unlimited] : [limit[1], limit[1]]
    guard xv_prlimit(0, resource, wanted, nil) == 0 else {
      return (
        nil,
        "xv shares a file in memory of \(needed >> 30) GiB with it, and the limit of files' sizes (ulimit -Hf) "
          + "is \(limit[1] >> 10) KiB: start xv under a higher one"
      )
    }
    return (limit, nil)
  }()

  /// Raises the limit of this process, once; why xv cannot run then, or nil.
  static func refusal() -> String? { outcome.refusal }

  /// Gives a program, which has executed nothing yet, the limit that it has natively.
  static func impose(on process: Int32) {
    guard let limit = outcome.inherited else { return }
    _ = xv_prlimit(process, resource, limit, nil)
  }

  /// A write beyond the limit is an error like that of a full disk, and not the end of this process and its
  /// program. A handler, which no program inherits.
  static func catchSignal() {
    var action = sigaction()
    guard sigaction(SIGXFSZ, nil, &action) == 0, action.__sigaction_handler.sa_handler == nil else { return }
    action.__sigaction_handler.sa_handler = { _ in }
    action.sa_flags = SA_RESTART
    sigaction(SIGXFSZ, &action, nil)
  }
}
