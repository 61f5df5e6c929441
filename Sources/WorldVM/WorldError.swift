// SPDX-License-Identifier: GPL-3.0-only

/// What a world could not do, where, and why.
package enum WorldError: Error, Hashable, Sendable {
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
  /// The call failed below: what was tried and the kernel's errno.
  case failed(call: String, errno: Int32)
}
