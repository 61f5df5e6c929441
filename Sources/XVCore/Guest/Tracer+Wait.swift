// SPDX-License-Identifier: GPL-3.0-only
internal import CLinux

/// Waiting for one thread. What may come meanwhile: docs/sequences/threads.md, "Threads that end last".
extension Tracer {
  /// What happens to a thread next; nil when there is no such thread any more.
  ///
  /// The kernel tells the end of a process's first thread after all others' (kernel/exit.c, delay_group_leader), and one
  /// that calls exec waits for the others (fs/exec.c, de_thread). These stand before their ends until somebody lets them
  /// through: while one is waited for, they are.
  func nextEvent(of thread: ThreadID) -> ControlEvent? {
    let process = threads[thread]?.processID ?? process
    return tracees.waitForEvent(of: thread) { letOthersEnd(of: process, butFor: thread) }
  }

  /// Also threads of which nobody has been told yet. Whether there were any.
  private func letOthersEnd(of process: Int32, butFor awaited: ThreadID) -> Bool {
    var hasTaken = false
    for thread in Tracer.tasks(of: process) where thread != awaited && xv_is_ending(thread.rawValue) != 0 {
      guard let event = try? control.pollEvent(of: thread) else { continue }
      hasTaken = true
      threads[thread]?.isExiting = true
      if case .exiting = event { control.resume(thread, signal: 0) } else { tracees.postpone(thread, event) }
    }
    return hasTaken
  }

  /// As `nextEvent`, for a thread that makes a call for xv: one on its way out makes none.
  func nextEvent(ofCaller thread: ThreadID) throws(GuestError) -> ControlEvent {
    guard let event = nextEvent(of: thread) else { throw .gone }
    switch event {
    // Another thread's exec ends a first thread, too, and takes its number.
    case .exited, .killed, .execed: tracees.postpone(thread, event)
    case .exiting: control.resume(thread, signal: 0)
    default: return event
    }
    threads[thread]?.isExiting = true
    throw .gone
  }
}
