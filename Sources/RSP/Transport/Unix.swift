// SPDX-License-Identifier: GPL-3.0-only
internal import CLinux
internal import Glibc
internal import Linux

extension Listener {
  /// Listens on a Unix socket.
  ///
  /// A file that a dead server left behind is replaced.
  package static func unix(path: String) throws(EndpointError) -> Listener {
    guard var address = sockaddr_un(path: path) else { throw .pathTooLong(path) }
    let number = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    guard number >= 0 else { throw .failed(what: "socket", reason: errorText(errno)) }
    let descriptor = OwnedDescriptor(owning: number)
    var code = call(bind, number, &address)
    if code == EADDRINUSE, isSocket(path) {
      guard isAbandoned(&address) else { throw .socketInUse(path: path) }
      unlink(path)
      code = call(bind, number, &address)
    }
    guard code == 0, listen(number, 1) == 0 else {
      let reason = code == EADDRINUSE ? "a file that is no socket is there" : errorText(code)
      throw .failed(what: "cannot listen at \(path)", reason: reason)
    }
    return Listener(
      socket: descriptor, unlinkPath: path, announcement: "Listening on socket \(path)")
  }
}

extension sockaddr_un {
  /// Nil when the path does not fit.
  package init?(path: String) {
    self.init()
    sun_family = sa_family_t(AF_UNIX)
    let bytes = Array(path.utf8)
    let fits = withUnsafeMutableBytes(of: &sun_path) { buffer in
      guard bytes.count < buffer.count else { return false }
      buffer.copyBytes(from: bytes)
      return true
    }
    guard fits else { return nil }
  }
}

private func call(
  _ function: (Int32, UnsafePointer<sockaddr>?, socklen_t) -> Int32, _ socket: Int32,
  _ address: inout sockaddr_un
) -> Int32 {
  withUnsafePointer(to: &address) { pointer in
    pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { name in
      function(socket, name, socklen_t(MemoryLayout<sockaddr_un>.size)) == 0 ? 0 : errno
    }
  }
}

/// Whether the file is a socket that nobody listens at.
private func isAbandoned(_ address: inout sockaddr_un) -> Bool {
  let number = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
  guard number >= 0 else { return false }
  defer { close(number) }
  return call(connect, number, &address) == ECONNREFUSED
}

private func isSocket(_ path: String) -> Bool {
  var status = stat()
  return lstat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFSOCK
}
