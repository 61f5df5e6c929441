// SPDX-License-Identifier: GPL-3.0-only
internal import CLinux
import Glibc

/// The server's thread that answers writes to protected code. Neither the dispatcher nor the tracer may
/// do it: both wait for guest threads, which may wait for this.
final class WriteWatcher: @unchecked Sendable {
  // Nothing changes after the start but `thread`, which is the tracer's.
  private let engine: Engine
  private let descriptor: Int32
  private let end = eventfd(0, Int32(EFD_CLOEXEC))
  private var thread: pthread_t? = nil

  /// `descriptor`: a userfaultfd that outlives the watcher.
  init(_ engine: Engine, descriptor: Int32) {
    self.engine = engine
    self.descriptor = descriptor
  }

  deinit { close(end) }

  func start() {
    var thread = pthread_t()
    let box = Unmanaged.passRetained(self)
    let status = pthread_create(
      &thread, nil,
      { argument in
        xv_take_precedence(Engine.precedence)
        Unmanaged<WriteWatcher>.fromOpaque(argument!).takeRetainedValue().watch()
        return nil
      }, box.toOpaque())
    precondition(status == 0, "pthread_create failed: \(status)")
    self.thread = thread
  }

  func stop() {
    guard let thread else { return }
    var one: UInt64 = 1
    write(end, &one, 8)
    pthread_join(thread, nil)
    self.thread = nil
  }

  private func watch() {
    while true {
      var descriptors = [
        pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0),
        pollfd(fd: end, events: Int16(POLLIN), revents: 0),
      ]
      poll(&descriptors, 2, -1)
      if descriptors[1].revents != 0 { return }
      var fault = xv_write_fault()
      while xv_userfault_next(descriptor, &fault) == 1 {
        engine.lock.locked { engine.answerWrite(fault.thread, at: fault.address) }
      }
    }
  }
}
