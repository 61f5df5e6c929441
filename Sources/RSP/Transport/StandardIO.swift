// SPDX-License-Identifier: GPL-3.0-only
internal import Glibc
internal import Linux

extension Channel {
  /// The client at stdin and stdout.
  ///
  /// The two are moved out of the way, because the program inherits 0 and 1: it then reads nothing,
  /// and what it prints goes to stderr instead of into the protocol.
  package static func standardIO() throws(EndpointError) -> Channel {
    do throws(DescriptorError) {
      let input = try OwnedDescriptor.duplicate(of: 0)
      let output = try OwnedDescriptor.duplicate(of: 1)
      let nothing = open("/dev/null", O_RDONLY)
      guard nothing >= 0 else { throw DescriptorError(errno: errno) }
      dup2(nothing, 0)
      if nothing != 0 { close(nothing) }
      dup2(2, 1)
      return Channel(reading: input, writing: output)
    } catch {
      throw .failed(what: "stdin and stdout cannot be used", reason: errorText(error.errno))
    }
  }
}
