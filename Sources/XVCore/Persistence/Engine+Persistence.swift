// SPDX-License-Identifier: GPL-3.0-only
internal import CLinux

extension Engine {
  /// The number of a file whose code the guest has just mapped; -1 when nothing is kept of it. `isSure`: whether
  /// the file under that path is the mapped one; a path of the guest's may be another file here.
  func persistedModule(
    path: @autoclosure () -> String, slide: UInt64, isWanted: Bool, isSure: (FileIdentity) -> Bool
  ) -> Int16 {
    guard isWanted, let persisted = translator.pointee.persisted else { return -1 }
    return persisted.module(path: path(), slide: slide, isSure: isSure) { number in
      translator.pointee.ranges.areas.contains { $0.module == number }
    }
  }

  /// While nobody waits: installs some of what earlier runs have made. Whether there was any.
  func installAhead() -> Bool {
    lock.locked {
      let start = xv_rdtsc()
      guard translator.pointee.installAhead(until: { isAnythingPosted }) else { return false }
      translator.pointee.counters.translationCycles &+= xv_rdtsc() &- start
      return true
    }
  }

  /// The guest is gone: what was translated is written down for the next run of its program.
  func keepTranslations() {
    lock.locked { translator.pointee.persisted?.save() }
  }
}
