// SPDX-License-Identifier: GPL-3.0-only
import Glibc
import Synchronization
import Testing

/// What a thread is started with: a C function takes one untyped pointer.
private final class Work: Sendable {
  let body: @Sendable () -> Void
  init(_ body: @escaping @Sendable () -> Void) { self.body = body }
}

/// A thread whose end is waited for.
final class JoinedThread<Result: Sendable>: Sendable {
  private final class Box: Sendable { let result = Mutex<Result?>(nil) }

  private let box = Box()
  private let thread: Mutex<pthread_t?>

  init(_ body: @escaping @Sendable () -> Result) throws {
    let box = box
    let work = Unmanaged.passRetained(
      Work {
        let result = body()
        box.result.withLock { $0 = result }
      }
    ).toOpaque()
    var started = pthread_t()
    let code = pthread_create(
      &started, nil,
      { argument in
        guard let argument else { return nil }
        Unmanaged<Work>.fromOpaque(argument).takeRetainedValue().body()
        return nil
      }, work)
    thread = Mutex(code == 0 ? started : nil)
    try #require(code == 0)
  }

  /// What the thread's body returned, once it has.
  func join() -> Result? {
    if let started = thread.withLock({ $0.take() }) { pthread_join(started, nil) }
    return box.result.withLock { $0 }
  }
}
