// SPDX-License-Identifier: GPL-3.0-only
internal import CLinux
internal import Glibc
internal import Linux

/// The next process of a name, for which a client waits (`vAttachWait`).
///
/// Nothing tells of new processes without rights of its own, so they are looked for; a timer, which
/// the server's one wait includes, says when.
final class AwaitedProcess {
  private let name: String
  private let known: Set<Int32>
  private let timer: OwnedDescriptor
  /// The client does not want to wait any longer.
  var isGivenUp = false

  /// Those that run now do not count; nil when the kernel gives no timer.
  init?(named name: String) {
    let number = xv_open_timer(5_000_000)
    guard number >= 0 else { return nil }
    timer = OwnedDescriptor(owning: number)
    self.name = name
    known = Set(ProcessList.processes(named: name))
  }

  /// Readable when it is time to look.
  var descriptor: Int32 { timer.number }

  func look() -> Int32? {
    var count: UInt64 = 0
    _ = read(timer.number, &count, 8)
    return ProcessList.processes(named: name).first { !known.contains($0) }
  }
}
