// SPDX-License-Identifier: GPL-3.0-only
internal import Glibc

/// A file descriptor that has one owner and is closed once, when its owner is gone.
package struct OwnedDescriptor: ~Copyable, Sendable {
  /// The kernel's number; valid as long as the owner lives.
  package let number: Int32

  /// Takes over a descriptor that nobody else closes.
  package init(owning number: Int32) {
    precondition(number >= 0, "a descriptor cannot be \(number)")
    self.number = number
  }

  /// A second descriptor of the same open file, closed at exec and above the standard three.
  package static func duplicate(of number: Int32) throws(DescriptorError) -> OwnedDescriptor {
    let (copy, code) = duplicateDescriptor(number, 3)
    guard copy >= 0 else { throw DescriptorError(errno: code) }
    return OwnedDescriptor(owning: copy)
  }

  /// Gives the number away without closing it.
  package consuming func release() -> Int32 {
    let number = number
    discard self
    return number
  }

  deinit { close(number) }
}

/// The kernel's reason why a descriptor could not be had.
public struct DescriptorError: Error, Hashable, Sendable {
  public var errno: Int32
  public init(errno: Int32) { self.errno = errno }
}

// Reference counting between a failing call and the reading of errno could change it, so the two
// stand alone in a function of their own that is never inlined.
@inline(never)
private func duplicateDescriptor(_ number: Int32, _ lowest: Int32) -> (Int32, Int32) {
  let copy = fcntl(number, F_DUPFD_CLOEXEC, lowest)
  return (copy, copy < 0 ? errno : 0)
}
