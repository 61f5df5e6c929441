// SPDX-License-Identifier: GPL-3.0-only
internal import CLinux
import Glibc

/// The relation of the processor's time stamp counter to CLOCK_MONOTONIC, measured from the first use on.
enum Clock {
  private struct Moment {
    var nanoseconds: UInt64
    var cycles: UInt64

    /// Both clocks at nearly the same time: of some readings the one that took the shortest.
    static func now() -> Moment {
      var best: (span: UInt64, moment: Moment)?
      for _ in 0..<5 {
        var time = timespec()
        let before = xv_rdtsc()
        clock_gettime(CLOCK_MONOTONIC, &time)
        let span = xv_rdtsc() &- before
        guard best.map({ span < $0.span }) ?? true else { continue }
        let nanoseconds = UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
        best = (span, Moment(nanoseconds: nanoseconds, cycles: before &+ span / 2))
      }
      return best!.moment
    }
  }

  private static let origin = Moment.now()

  /// Measuring begins: what is asked later is known the better.
  static func start() { _ = origin }

  static var cyclesPerNanosecond: Double { measure().rate }

  private static func measure() -> (now: Moment, rate: Double) {
    let shortest: UInt64 = 2_000_000
    var now = Moment.now()
    while now.nanoseconds - origin.nanoseconds < shortest { now = Moment.now() }
    return (now, Double(now.cycles &- origin.cycles) / Double(now.nanoseconds - origin.nanoseconds))
  }

  /// The time since the counter stood at `cycles`; 0 when that is still to come.
  static func nanoseconds(since cycles: UInt64) -> UInt64 {
    let (now, rate) = measure()
    return now.cycles > cycles ? UInt64(Double(now.cycles - cycles) / rate) : 0
  }
}
