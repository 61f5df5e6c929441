// SPDX-License-Identifier: GPL-3.0-only
internal import CLinux
internal import Glibc
internal import Linux

extension Channel {
  /// The client at stdin and stdout; a program that is launched must be given others.
  package static func standardIO() throws(EndpointError) -> Channel {
    do throws(DescriptorError) {
      return Channel(
        reading: try OwnedDescriptor.duplicate(of: STDIN_FILENO),
        writing: try OwnedDescriptor.duplicate(of: STDOUT_FILENO))
    } catch {
      throw .failed(what: "stdin and stdout cannot be used", reason: errorText(error.errno))
    }
  }
}
