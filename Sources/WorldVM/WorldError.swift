// SPDX-License-Identifier: GPL-3.0-only
import Glibc

/// What a world could not do, where, and why.
public enum WorldError: Error, Hashable, Sendable {
  /// The first address that could not be read or written.
  case addressFault(Address)
  /// A break is there already, or none is there to clear.
  case illegalPatch(Address)
  /// The world was invalidated, is gone, or never was one.
  case badWorld(String)
  /// The name could not be resolved.
  case lookupFailed(String)
  /// The world runs and the call needs it stopped.
  case running
  /// It cannot be done as asked: why, in words.
  case refused(String)
  /// The caller does not want it any more.
  case cancelled
  /// The call failed below: what was tried and the kernel's errno.
  case failed(call: String, errno: Int32)
}

extension WorldError: CustomStringConvertible {
  /// In words, for a person at a debugger.
  public var description: String {
    switch self {
    case .addressFault(let address): "no memory at \(address)"
    case .illegalPatch(let address): "there is a breakpoint at \(address) already, or none to clear"
    case .badWorld(let reason): reason
    case .lookupFailed(let name): "\(name) was not found"
    case .running: "the program is running: interrupt it first"
    case .refused(let why): why
    case .cancelled: "cancelled"
    case .failed(let call, let errno): "\(call) failed: \(String(cString: strerror(errno)))"
    }
  }
}
