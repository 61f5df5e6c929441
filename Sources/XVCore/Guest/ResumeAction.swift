// SPDX-License-Identifier: GPL-3.0-only

/// What one thread is to do at a resume.
public enum ResumeKind: Hashable, Sendable {
  case stay
  case run
  /// Execute exactly one original instruction.
  case step
  /// Execute while pc is inside the range; stop at the first instruction outside it.
  case stepWithin(OriginalRange)
}

/// A resume: the default for all threads and exceptions to it.
public struct ResumePlan: Sendable {
  public struct Action: Hashable, Sendable {
    public var kind: ResumeKind
    /// Linux number of a signal to deliver first; 0 is none.
    public var signal: Int32
    public init(_ kind: ResumeKind, signal: Int32 = 0) {
      self.kind = kind
      self.signal = signal
    }
  }

  public var others: Action
  public var threads: [ThreadID: Action]

  public init(others: Action = Action(.run), threads: [ThreadID: Action] = [:]) {
    self.others = others
    self.threads = threads
  }
}
