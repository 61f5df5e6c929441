// SPDX-License-Identifier: GPL-3.0-only
internal import Glibc
internal import RSP
internal import WorldVM

extension StubSession {
  /// The only place where a world's error becomes the wire's.
  func errorReply(_ error: WorldError) -> Reply {
    let number: Int32
    switch error {
    case .addressFault: return .error(EFAULT)
    case .illegalPatch: return .error(EEXIST)
    case .badWorld: number = ESRCH
    case .lookupFailed: number = ENOENT
    case .running: number = EBUSY
    case .cancelled: number = EINTR
    case .refused: number = EINVAL
    case .failed(_, let errno): number = errno
    }
    if client.understandsErrorStrings { return .error(number, error.description) }
    return client.understandsErrorMessages ? .error(error.description) : .error(number)
  }
}
