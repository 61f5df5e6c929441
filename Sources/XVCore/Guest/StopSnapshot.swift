// SPDX-License-Identifier: GPL-3.0-only
import Synchronization

/// What a debugger asks at each stop of the whole program, kept where its own thread can read it: an answer
/// of the tracer's costs two switches between threads.
///
/// Filled on the tracer's thread when a stop is told, and emptied there before anything of it changes.
final class StopSnapshot: Sendable {
  private struct Content {
    var thread: ThreadID
    var registers: Registers
    var threads: [ThreadID]
  }

  private let content = Mutex<Content?>(nil)

  func keep(_ registers: Registers, of thread: ThreadID, among threads: [ThreadID]) {
    content.withLock { $0 = Content(thread: thread, registers: registers, threads: threads) }
  }

  func forget() { content.withLock { $0 = nil } }

  /// Of the thread whose stop was told.
  func registers(of thread: ThreadID) -> Registers? {
    content.withLock { $0?.thread == thread ? $0?.registers : nil }
  }

  var threads: [ThreadID]? { content.withLock { $0?.threads } }
}

extension Tracer {
  /// All threads of the process stand still, and its debugger is about to be told.
  func keepSnapshot(_ thread: ThreadID) {
    guard !isNonStop, isStopped, let state = threads[thread], state.processID == process,
      state.state == .canonical
    else { return snapshot.forget() }
    snapshot.keep(state.registers, of: thread, among: ownThreads)
  }

  var ownThreads: [ThreadID] { threads(of: process) }

  /// In the order of their making, as gdbserver lists them: a debugger numbers them so.
  func threads(of process: Int32) -> [ThreadID] {
    threads.filter { $0.value.processID == process }
      .sorted { $0.value.birth < $1.value.birth }
      .map(\.key)
  }
}
