// SPDX-License-Identifier: GPL-3.0-only

/// Why a guest that had been resumed no longer runs. Signal numbers are Linux's.
public enum StopReason: Hashable, Sendable {
  /// A probe set by `insertBreakpoint` was reached; pc is the probe's own address.
  case breakpoint
  /// An instruction accessed what `insertWatchpoint` has named; pc is behind it.
  case watchpoint(WatchHit)
  /// The step (or the step range) that was asked for is done.
  case stepped
  /// A signal is about to be delivered. It is delivered only if the resume asks for it.
  case signal(Int32)
  /// `interrupt()` was asked for and nothing else happened first.
  case interrupted
  /// The thread stands at the entry of a system call; pc is behind the instruction, as the kernel has it.
  case systemCallEntry(Int32)
  /// The thread has returned from a system call.
  case systemCallReturn(Int32)
  /// The thread has made a process, which stands still; its id is also its first thread's.
  case forked(child: Int32)
  /// As `forked`; the thread waits in the kernel until the child calls exec or ends.
  case vforked(child: Int32)
  /// The thread's wait for a child is over.
  case vforkDone
  /// The thread was just made, and has not run yet.
  case threadCreated
  /// The thread has made another one, which has not run yet and stands still.
  case cloned(child: ThreadID)
  /// The thread is gone, with a status; others of its process go on.
  case threadExited(Int32)
  /// All threads that were resumed have ended; those that were not stand still.
  case noneResumed
  /// The program called execve; it stands at the first instruction of the new image.
  case execed(path: String)
  /// The whole program is gone: exit status.
  case exited(Int32)
  /// The whole program is gone: signal that killed it.
  case killed(Int32)
}

/// A stop of the whole guest (all threads stand still), and the thread that caused it.
public struct StopEvent: Hashable, Sendable {
  public var thread: ThreadID
  public var reason: StopReason

  public init(thread: ThreadID, reason: StopReason) {
    self.thread = thread
    self.reason = reason
  }
}
