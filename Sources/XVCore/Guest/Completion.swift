// SPDX-License-Identifier: GPL-3.0-only
import Glibc

/// Lets one thread wait for a value of another.
package final class Completion<Value>: @unchecked Sendable {
  // `value` is written before the semaphore is posted and read after it was waited for.
  private var value: Value?
  private let semaphore: UnsafeMutablePointer<sem_t>

  package init() {
    semaphore = .allocate(capacity: 1)
    sem_init(semaphore, 0, 0)
  }

  deinit {
    sem_destroy(semaphore)
    semaphore.deallocate()
  }

  package func finish(_ value: Value) {
    self.value = value
    sem_post(semaphore)
  }

  /// The stops of children wake the tracer only.
  package func wait() -> Value? {
    ChildEvents.withSignalBlocked { while sem_wait(semaphore) != 0 {} }
    return value
  }
}
