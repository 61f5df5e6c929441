// SPDX-License-Identifier: GPL-3.0-only
import Glibc

/// Starts an OS thread for a closure. ptrace ties a guest to the thread that seized it, which no pool
/// of threads can promise.
enum TracerThread {
  private final class Box {
    let body: @Sendable () -> Void
    init(_ body: @escaping @Sendable () -> Void) { self.body = body }
  }

  static func start(_ body: @escaping @Sendable () -> Void) {
    var thread = pthread_t()
    let box = Unmanaged.passRetained(Box(body))
    let status = pthread_create(
      &thread, nil,
      { argument in
        // Who wants to know of children says so.
        ChildEvents.blockSignal()
        Unmanaged<Box>.fromOpaque(argument!).takeRetainedValue().body()
        return nil
      }, box.toOpaque())
    precondition(status == 0, "pthread_create failed: \(status)")
    pthread_detach(thread)
  }
}
