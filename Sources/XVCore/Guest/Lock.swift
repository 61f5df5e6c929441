// SPDX-License-Identifier: GPL-3.0-only
internal import CLinux

/// A pthread mutex: the engine's state is reached through raw pointers, so `Mutex<State>` would add a
/// copy of what it cannot protect.
final class Lock: @unchecked Sendable {
  // The mutex never moves and is only touched through the pthread calls.
  private let mutex: UnsafeMutablePointer<pthread_mutex_t>

  init() {
    mutex = .allocate(capacity: 1)
    mutex.initialize(to: pthread_mutex_t())
    pthread_mutex_init(mutex, nil)
  }

  deinit {
    pthread_mutex_destroy(mutex)
    mutex.deallocate()
  }

  func locked<Result, Failure: Error>(_ body: () throws(Failure) -> Result) throws(Failure) -> Result {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    return try body()
  }
}
