// SPDX-License-Identifier: GPL-3.0-only

/// One open file description of a program that was written to disk, and the descriptors that name it.
struct SwapFile: SwapCodable {
  enum Kind: UInt64 {
    /// Opened again by its path: a regular file, a folder, a device.
    case path
    /// One of the three standard streams, to whatever it leads: whoever inloads gives his own.
    case standard
    /// One end of a pipe whose ends are all inside. `words`: which pipe, 1 for the writing end.
    /// `content`: what was written and not read.
    case pipe
    /// A socket that listens, or is bound, or new. `words`: domain, type, protocol, backlog or 0,
    /// options. `content`: its address.
    case socket
    /// `words`: triples of descriptor, events, data.
    case epoll
    /// `words`: count, 1 for a semaphore.
    case event
    /// `words`: clock, ends that were not read, then interval and next end in seconds and nanoseconds.
    case timer
    /// `words`: mask.
    case signal
  }

  struct Descriptor: SwapCodable {
    var number: Int32
    var closesOnExec: Bool

    init(number: Int32, closesOnExec: Bool) {
      self.number = number
      self.closesOnExec = closesOnExec
    }
    func write(to writer: inout SwapWriter) {
      writer.word(UInt64(number) << 1 | (closesOnExec ? 1 : 0))
    }
    init(from reader: inout SwapReader) throws(SwapDamage) {
      let word = try reader.word()
      number = Int32(truncatingIfNeeded: word >> 1)
      closesOnExec = word & 1 != 0
    }
  }

  var kind: Kind
  var descriptors: [Descriptor]
  var path = ""
  /// O_ flags.
  var flags: UInt64 = 0
  var offset: UInt64 = 0
  var words: [UInt64] = []
  var content: [UInt8] = []
  /// flock, POSIX and OFD locks: which kind (0, 1, 2), 1 to write, start, length (0: to the end).
  var locks: [SwapWords] = []

  init(kind: Kind, descriptors: [Descriptor], flags: UInt64) {
    self.kind = kind
    self.descriptors = descriptors
    self.flags = flags
  }

  func write(to writer: inout SwapWriter) {
    writer.word(kind.rawValue)
    writer.list(descriptors)
    writer.text(path)
    writer.word(flags)
    writer.word(offset)
    writer.list(words)
    writer.block(content)
    writer.list(locks)
  }

  init(from reader: inout SwapReader) throws(SwapDamage) {
    guard let kind = Kind(rawValue: try reader.word()) else {
      throw SwapDamage("it has a file of an unknown kind")
    }
    self.kind = kind
    descriptors = try reader.list()
    path = try reader.text()
    flags = try reader.word()
    offset = try reader.word()
    words = try reader.list()
    content = try reader.block()
    locks = try reader.list()
    guard !descriptors.isEmpty else { throw SwapDamage("it has a file without a descriptor") }
  }
}
