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
    case .failed(_, let errno): number = errno
    }
    return client.understandsErrorMessages ? .error(error.message) : .error(number)
  }
}

extension WorldError {
  /// In words, for a person at a debugger.
  var message: String {
    switch self {
    case .addressFault(let address): "no memory at \(address)"
    case .illegalPatch(let address): "there is a breakpoint at \(address) already, or none to clear"
    case .badWorld(let reason): reason
    case .lookupFailed(let name): "\(name) was not found"
    case .running: "the program is running: interrupt it first"
    case .failed(let call, let errno): "\(call): \(String(cString: strerror(errno)))"
    }
  }
}
