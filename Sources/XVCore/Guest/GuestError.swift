// SPDX-License-Identifier: GPL-3.0-only
import Glibc

/// Why a guest could not be launched, examined or controlled.
package enum GuestError: Error, Hashable, Sendable {
  /// The program could not be started: path and the reason in words with what to do.
  case cannotLaunch(program: String, why: String)
  /// The process could not be attached to: the reason in words with what to do.
  case cannotAttach(process: Int32, why: String)
  /// xv cannot move to the address, or to any: the reason in words.
  case cannotRelocate(to: UInt64?, why: String)
  /// The program cannot be written to disk, and goes on: the reasons in words.
  case cannotOutload(String)
  /// An image cannot be read, or live again.
  case cannotInload(path: String, why: String)
  /// An image cannot be written uncompressed.
  case cannotExpand(path: String, why: String)
  /// A call to the kernel failed: what was tried, errno.
  case system(call: String, errno: Int32)
  /// The guest (or the thread) is gone.
  case gone
  /// The call needs a stopped guest and it runs.
  case running
  case noSuchThread(ThreadID)
}

extension GuestError: CustomStringConvertible {
  /// What failed, where, and what to do about it.
  package var description: String {
    switch self {
    case .cannotLaunch(let program, let why): "cannot run \(program): \(why)"
    case .cannotAttach(let process, let why): "cannot attach to process \(process): \(why)"
    case .cannotRelocate(let address, let why):
      "xv cannot move\(address.map { " to \(OriginalAddress($0))" } ?? ""): \(why)"
    case .cannotOutload(let why): "cannot outload: \(why)"
    case .cannotInload(let path, let why): "cannot inload \(path): \(why)"
    case .cannotExpand(let path, let why): "cannot expand \(path): \(why)"
    case .system(let call, let errno): "\(call) failed: \(String(cString: strerror(errno)))"
    case .gone: "the program has ended"
    case .running: "the program is running: interrupt it first"
    case .noSuchThread(let thread): "there is no thread \(thread)"
    }
  }
}
