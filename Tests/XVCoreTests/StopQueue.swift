// SPDX-License-Identifier: GPL-3.0-only
import Glibc

@testable import XVCore

/// Lets a test wait for a guest's stops, but not for ever.
final class StopQueue: @unchecked Sendable {
  // `reasons` is touched with the lock held; the semaphore is only touched through its calls.
  private let lock = Lock()
  private var reasons: [StopReason] = []
  private let semaphore: UnsafeMutablePointer<sem_t>

  init() {
    semaphore = .allocate(capacity: 1)
    sem_init(semaphore, 0, 0)
  }

  deinit {
    sem_destroy(semaphore)
    semaphore.deallocate()
  }

  func put(_ reason: StopReason) {
    lock.locked { reasons.append(reason) }
    sem_post(semaphore)
  }

  /// The next stop; nil when none comes within the limit.
  func next(seconds: Int) -> StopReason? {
    var deadline = timespec(tv_sec: time(nil) + seconds, tv_nsec: 0)
    while sem_timedwait(semaphore, &deadline) != 0 {
      if errno != EINTR { return nil }
    }
    return lock.locked { reasons.removeFirst() }
  }
}
