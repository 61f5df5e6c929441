// SPDX-License-Identifier: GPL-3.0-only

/// How a remote world is reached now.
public enum LinkState: Hashable, Sendable {
  case connected
  /// Tried again until it succeeds or the caller cancels: how often it was, and why the last failed.
  case reconnecting(attempt: Int, reason: String)
  /// The world was invalidated or its program has ended: nothing is tried any more.
  case closed
}

extension LinkState: CustomStringConvertible {
  public var description: String {
    switch self {
    case .connected: "connected"
    case .reconnecting(let attempt, let reason): "reconnecting, attempt \(attempt): \(reason)"
    case .closed: "closed"
    }
  }
}
