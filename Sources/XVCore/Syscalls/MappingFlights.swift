// SPDX-License-Identifier: GPL-3.0-only

/// Mapping calls that threads are making, and what was noted meanwhile.
///
/// The kernel orders such calls, but they are noted in the order in which their threads come back. One that another
/// has overtaken must not be noted as if it were the latest: memory that a thread has given back may have become
/// another thread's code before that is known.
struct MappingFlights {
  private var begun: [ThreadID: Int] = [:]
  private var noted: [(number: Int, range: Range<UInt64>)] = []
  private var count = 0
  private static let mostNoted = 256

  mutating func begin(_ thread: ThreadID) { begun[thread] = count }

  mutating func forget(_ thread: ThreadID) { begun[thread] = nil }

  /// A thread's call is noted now. Whether others that overlap it were noted since it began.
  mutating func land(_ thread: ThreadID, changing ranges: [Range<UInt64>]) -> Bool {
    let start = begun.removeValue(forKey: thread) ?? count
    let isOvertaken = noted.contains { earlier in
      earlier.number > start && ranges.contains { $0.overlaps(earlier.range) }
    }
    guard let oldest = begun.values.min() else {
      noted.removeAll(keepingCapacity: true)
      return isOvertaken
    }
    count += 1
    noted.removeAll { $0.number <= oldest }
    for range in ranges where !range.isEmpty { noted.append((count, range)) }
    if noted.count > MappingFlights.mostNoted {
      // Wider than it was: what is asked for once too often is only looked up.
      let first = noted.removeFirst().range
      let second = noted[0].range
      noted[0].range = min(first.lowerBound, second.lowerBound)..<max(first.upperBound, second.upperBound)
    }
    return isOvertaken
  }
}
