// SPDX-License-Identifier: GPL-3.0-only
internal import CLinux
internal import Glibc
package import Linux

/// Both directions of a connected client.
package struct Channel: ~Copyable {
  private let reading: OwnedDescriptor
  /// Nil when one descriptor serves both directions.
  private let writing: OwnedDescriptor?
  private let writingNumber: Int32?
  private let isSocket: Bool
  /// Who is at the other end, in words; nil when there is nothing to tell.
  package let peer: String?

  package init(socket: consuming OwnedDescriptor, peer: String? = nil) {
    reading = socket
    writing = nil
    writingNumber = nil
    isSocket = true
    self.peer = peer
  }

  package init(reading: consuming OwnedDescriptor, writing: consuming OwnedDescriptor) {
    self.reading = reading
    writingNumber = writing.number
    self.writing = .some(writing)
    isSocket = false
    peer = nil
  }

  /// The client at a descriptor that was inherited: a socket, or anything that can be read and written.
  package static func inherited(_ number: Int32) throws(EndpointError) -> Channel {
    var status = stat()
    guard fstat(number, &status) == 0 else {
      throw .failed(what: "descriptor \(number)", reason: errorText(errno))
    }
    _ = fcntl(number, F_SETFD, FD_CLOEXEC)
    let descriptor = OwnedDescriptor(owning: number)
    if status.st_mode & S_IFMT == S_IFSOCK { return Channel(socket: descriptor) }
    do throws(DescriptorError) {
      return Channel(reading: descriptor, writing: try OwnedDescriptor.duplicate(of: number))
    } catch {
      throw .failed(what: "descriptor \(number)", reason: errorText(error.errno))
    }
  }

  package var input: Int32 { reading.number }

  private var output: Int32 { writingNumber ?? reading.number }

  /// Reads what is there; false when the peer is gone.
  package func receive(into bytes: inout [UInt8]) -> Bool {
    let input = reading.number
    var isOpen = true
    bytes = [UInt8](unsafeUninitializedCapacity: 65536) { buffer, count in
      let (result, code) = readOnce(input, UnsafeMutableRawBufferPointer(buffer))
      count = max(0, result)
      isOpen = result > 0 || (result < 0 && (code == EINTR || code == EAGAIN))
    }
    return isOpen
  }

  /// Sends all bytes; false when the peer is gone, or when `wakeup` became readable while the peer
  /// did not take them.
  package func send(_ bytes: [UInt8], unlessReadable wakeup: Int32) -> Bool {
    let output = output
    return bytes.withUnsafeBytes { buffer in
      var sent = 0
      while sent < buffer.count {
        let rest = UnsafeRawBufferPointer(rebasing: buffer[sent...])
        if !isSocket, !waitUntilWritable(output, unlessReadable: wakeup) { return false }
        let (result, code) = isSocket ? sendOnce(output, rest) : writeOnce(output, rest)
        if result >= 0 {
          sent += result
        } else if code == EAGAIN {
          guard waitUntilWritable(output, unlessReadable: wakeup) else { return false }
        } else if code != EINTR {
          return false
        }
      }
      return true
    }
  }

  /// Sends what the peer takes now, over a socket: how many bytes; nil when the peer is gone.
  package func sendSome(_ bytes: ArraySlice<UInt8>) -> Int? {
    let (result, code) = bytes.withUnsafeBytes { sendOnce(output, $0) }
    if result >= 0 { return result }
    return code == EAGAIN || code == EINTR ? 0 : nil
  }

  /// Sends all bytes; throws when the peer is gone or patience ends while it does not take them.
  package func send(_ bytes: [UInt8], _ patience: Patience) throws(ClientError) {
    var sent = 0
    while sent < bytes.count {
      if !isSocket { try patience.wait(for: output, .output) }
      let (result, code) = bytes[sent...].withUnsafeBytes { rest in
        isSocket ? sendOnce(output, rest) : writeOnce(output, rest)
      }
      if result >= 0 {
        sent += result
      } else if code == EAGAIN {
        try patience.wait(for: output, .output)
      } else if code != EINTR {
        throw .disconnected
      }
    }
  }

  /// Whether the peer has closed the connection and everything it sent was read.
  package var isEnded: Bool {
    var byte: UInt8 = 0
    return isSocket && recv(reading.number, &byte, 1, Int32(MSG_PEEK | MSG_DONTWAIT)) == 0
  }

  private func waitUntilWritable(_ output: Int32, unlessReadable wakeup: Int32) -> Bool {
    var entries = [
      pollfd(fd: output, events: Int16(POLLOUT), revents: 0),
      pollfd(fd: wakeup, events: Int16(POLLIN), revents: 0),
    ]
    while poll(&entries, 2, -1) < 0 {}
    return entries[1].revents == 0
  }
}

/// A pipe that is writable takes this much without blocking.
private let pipeChunk = 4096

// Reference counting between a failing call and the reading of errno could change it, so each pair
// stands alone in a function of its own that is never inlined.
@inline(never)
private func readOnce(_ input: Int32, _ buffer: UnsafeMutableRawBufferPointer) -> (Int, Int32) {
  let result = read(input, buffer.baseAddress, buffer.count)
  return (result, result < 0 ? errno : 0)
}

@inline(never)
private func sendOnce(_ output: Int32, _ buffer: UnsafeRawBufferPointer) -> (Int, Int32) {
  let flags = Int32(MSG_DONTWAIT | MSG_NOSIGNAL)
  let result = send(output, buffer.baseAddress, buffer.count, flags)
  return (result, result < 0 ? errno : 0)
}

@inline(never)
private func writeOnce(_ output: Int32, _ buffer: UnsafeRawBufferPointer) -> (Int, Int32) {
  let result = write(output, buffer.baseAddress, min(buffer.count, pipeChunk))
  return (result, result < 0 ? errno : 0)
}
