// SPDX-License-Identifier: GPL-3.0-only
internal import CLinux
import Glibc

/// The relation of the processor's time stamp counter to time, measured once.
enum Clock {
  static let cyclesPerNanosecond: Double = {
    func now() -> Double {
      var time = timespec()
      clock_gettime(CLOCK_MONOTONIC, &time)
      return Double(time.tv_sec) * 1e9 + Double(time.tv_nsec)
    }
    let (startTime, startCycles) = (now(), xv_rdtsc())
    while now() - startTime < 2e6 {}
    return Double(xv_rdtsc() - startCycles) / (now() - startTime)
  }()
}
