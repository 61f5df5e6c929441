// SPDX-License-Identifier: GPL-3.0-only
internal import CLinux
import Glibc

/// A program on disk: an ELF core file that says enough for the program to live again.
///
/// Memory can be read and written, registers and breakpoints changed; each change goes through to the
/// file. Safe from any thread.
package final class SwapImage: @unchecked Sendable {
  // Rule for the unchecked conformance: `notes` and `layout` are reached with the lock held.
  package let path: String
  private let descriptor: Int32
  private let lock = Lock()
  private var notes: SwapNotes
  private var layout: SwapLayout
  private var checkedFiles: [UInt64: Bool] = [:]

  /// Throws when it is no image, or not whole; memory's checksums are looked at as it is read.
  package init(_ path: String) throws(GuestError) {
    self.path = path
    let descriptor = open(path, O_RDWR | O_CLOEXEC)
    let readable = descriptor >= 0 ? descriptor : open(path, O_RDONLY | O_CLOEXEC)
    guard readable >= 0 else {
      throw .cannotInload(path: path, why: String(cString: strerror(errno)))
    }
    do throws(SwapDamage) {
      (notes, layout) = try SwapImage.contents(readable)
    } catch {
      close(readable)
      throw .cannotInload(path: path, why: error.why)
    }
    self.descriptor = readable
  }

  deinit { close(descriptor) }

  private static func contents(_ descriptor: Int32) throws(SwapDamage) -> (SwapNotes, SwapLayout) {
    let header = bytes(descriptor, 0, SwapLayout.headerSize)
    guard header.count == SwapLayout.headerSize, header[..<5] == [0x7f, 0x45, 0x4c, 0x46, 2] else {
      throw SwapDamage("it is no ELF file")
    }
    guard header.unsigned(at: 16, as: UInt16.self) == 4 else { throw SwapDamage("it is no core file") }
    let count = Int(header.unsigned(at: 56, as: UInt16.self))
    guard count > 0 else { throw SwapDamage("xv has not written it") }
    let all = Int(SwapLayout.memoryOffset(segments: count - 1))
    let table = bytes(descriptor, 0, all)
    guard table.count == all, table.unsigned(at: 64, as: UInt32.self) == 4 else {
      throw SwapDamage("its headers are cut off, or xv has not written it")
    }
    var layout = SwapLayout(segments: [])
    layout.end = table.unsigned(at: 64 + 8)
    let noteSize = table.unsigned(at: 64 + 32, as: UInt64.self)
    guard let size = Int(exactly: noteSize), size > 8, size < 1 << 31 else {
      throw SwapDamage("its headers are damaged")
    }
    for index in 1..<count {
      let at = SwapLayout.headerSize + index * SwapLayout.segmentSize
      let flags = UInt64(table.unsigned(at: at + 4, as: UInt32.self))
      let start: UInt64 = table.unsigned(at: at + 16)
      let (end, isOver) = start.addingReportingOverflow(table.unsigned(at: at + 40))
      guard !isOver else { throw SwapDamage("its headers are damaged") }
      layout.segments.append(
        SwapLayout.Segment(
          range: start..<end, offset: table.unsigned(at: at + 8),
          fileSize: table.unsigned(at: at + 32), protection: flags >> 2 & 1 | flags & 2 | flags << 2 & 4))
    }
    let raw = bytes(descriptor, layout.end, size)
    guard raw.count == size else { throw SwapDamage("it is cut off") }
    guard seal(table, raw) == raw.unsigned(at: size - 8, as: UInt64.self) else {
      throw SwapDamage("its headers or notes are damaged: the checksum is another one")
    }
    let notes = try SwapNotes(raw, &layout)
    try SwapGaps(layout: layout, noteSize: UInt64(size)).check(descriptor)
    return (notes, layout)
  }

  /// Over headers and notes, without the seal's own eight bytes.
  static func seal(_ headers: [UInt8], _ notes: [UInt8]) -> UInt64 {
    Checksum.joined(
      headers.withUnsafeBytes { Checksum.of($0) },
      notes.withUnsafeBytes { Checksum.of(UnsafeRawBufferPointer(rebasing: $0[..<($0.count - 8)])) })
  }

  static func bytes(_ descriptor: Int32, _ offset: UInt64, _ count: Int) -> [UInt8] {
    guard let start = off_t(exactly: offset) else { return [] }
    return [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
      filled = 0
      while filled < count {
        let result = pread(
          descriptor, buffer.baseAddress! + filled, count - filled, start + off_t(filled))
        if result <= 0 { break }
        filled += result
      }
    }
  }

  // MARK: What it tells

  var record: SwapRecord { lock.locked { notes.record } }
  var runs: [SwapLayout.Run] { lock.locked { layout.runs } }
  package var processID: Int32 { record.process }
  package var threads: [ThreadID] { record.threads.map { ThreadID($0.id) } }
  package var current: ThreadID { lock.locked { ThreadID(notes.current) } }
  package var signal: Int32 { lock.locked { notes.signal } }
  package var incarnation: UInt64 { lock.locked { notes.incarnation } }
  package var executable: String { record.executable }
  package var auxiliaryVector: [UInt8] { record.auxiliary }
  package var breakpoints: Set<UInt64> { lock.locked { notes.breakpoints } }

  package func registers(of thread: ThreadID) -> Registers? {
    lock.locked { notes.registers[thread.rawValue] }
  }

  package var mappings: [MemoryMapping] {
    record.mappings.map {
      MemoryMapping(
        range: OriginalAddress($0.range.lowerBound)..<OriginalAddress($0.range.upperBound),
        protection: Int32($0.protection),
        isShared: $0.kind == .sharedFile || $0.kind == .sharedAnonymous, path: $0.path)
    }
  }

  /// Writes the same image uncompressed, which debuggers open as a core file. Returns its size on disk.
  package func expand(to path: String) throws(GuestError) -> UInt64 {
    let (notes, runs) = lock.locked { (self.notes, layout.runs) }
    let ranges = runs.map(\.range).sorted { $0.lowerBound < $1.lowerBound }
    let pages = notes.record.mappings.map { mapping in ranges.filter { mapping.range.overlaps($0) } }
    do throws(SwapDamage) {
      return try ImageWriter(path: path, isCompressed: false).write(notes, pages) {
        range throws(SwapDamage) in
        guard let run = runs.first(where: { $0.range.contains(range.lowerBound) }) else {
          throw SwapDamage("its list of memory makes no sense")
        }
        return try block(of: run, at: range.lowerBound)
      }
    } catch {
      throw .cannotExpand(path: self.path, why: error.why)
    }
  }

  // MARK: Changes

  package func setRegisters(_ registers: Registers, of thread: ThreadID) throws(GuestError) {
    try change { notes in
      guard var known = notes.registers[thread.rawValue] else { return }
      known.general = registers.general
      known.general.orig_rax = numericCast(UInt64.max)
      if registers.extended.count == known.extended.count { known.extended = registers.extended }
      notes.registers[thread.rawValue] = known
    }
  }

  /// False when there is one already, or none to take away.
  package func setBreakpoint(_ address: UInt64, isSet: Bool) throws(GuestError) -> Bool {
    guard breakpoints.contains(address) != isSet else { return false }
    try change { notes in
      if isSet { notes.breakpoints.insert(address) } else { notes.breakpoints.remove(address) }
    }
    return true
  }

  package func setIncarnation(_ number: UInt64) throws(GuestError) {
    try change { $0.incarnation = number }
  }

  private func change(_ body: (inout SwapNotes) -> Void) throws(GuestError) {
    let errno = lock.locked { () -> Int32 in
      body(&notes)
      return writeNotes()
    }
    if errno != 0 { throw .system(call: "writing \(path)", errno: errno) }
  }

  /// The lock is held. Returns errno, or 0.
  private func writeNotes() -> Int32 {
    SwapImage.finish(descriptor, notes, layout)
  }

  /// Writes notes and headers.
  static func finish(_ descriptor: Int32, _ notes: SwapNotes, _ layout: SwapLayout) -> Int32 {
    var bytes = notes.bytes(layout)
    let headers = layout.headers(noteSize: bytes.count)
    withUnsafeBytes(of: seal(headers, bytes).littleEndian) { seal in
      bytes.replaceSubrange((bytes.count - 8)..., with: seal)
    }
    for (content, offset) in [(bytes, layout.end), (headers, 0)] {
      let errno = put(descriptor, content, offset)
      if errno != 0 { return errno }
    }
    return ftruncate(descriptor, off_t(layout.end) + off_t(bytes.count)) == 0 ? 0 : Glibc.errno
  }

  static func put(_ descriptor: Int32, _ bytes: [UInt8], _ offset: UInt64) -> Int32 {
    bytes.withUnsafeBytes { put(descriptor, $0, offset) }
  }

  static func put(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer, _ offset: UInt64) -> Int32 {
    var done = 0
    while done < bytes.count {
      let result = pwrite(
        descriptor, bytes.baseAddress! + done, bytes.count - done, off_t(offset) + off_t(done))
      if result < 0, errno == EINTR { continue }
      if result < 0 { return errno }
      if result == 0 { return ENOSPC }
      done += result
    }
    return 0
  }

  // MARK: Memory

  /// One block of a run, which is checked.
  func block(of run: SwapLayout.Run, at address: UInt64) throws(SwapDamage) -> [UInt8] {
    let (index, range) = run.block(holding: address)
    let place = run.places[index]
    let bytes = SwapImage.bytes(descriptor, place.offset, Int(place.size))
    guard bytes.count == Int(place.size),
      bytes.withUnsafeBytes({ Checksum.of($0) }) == place.checksum
    else {
      throw SwapDamage(
        "its memory at \(OriginalAddress(range.lowerBound)) is damaged: the checksum is another one")
    }
    guard isCompressed else { return bytes }
    if bytes.isEmpty { return [UInt8](repeating: 0, count: range.count) }
    return try Zstandard.expanded(bytes, count: range.count)
  }

  private var isCompressed: Bool { lock.locked { layout.isCompressed } }

  /// Bytes from an address on; shorter where nothing is, or where the image does not know it.
  package func readMemory(at address: UInt64, count: Int) throws(GuestError) -> [UInt8] {
    var result: [UInt8] = []
    while result.count < count {
      let position = address &+ UInt64(result.count)
      let piece: [UInt8]
      do throws(SwapDamage) {
        piece = try self.piece(at: position, count - result.count)
      } catch {
        throw .cannotInload(path: path, why: error.why)
      }
      if piece.isEmpty { break }
      result += piece
    }
    return result
  }

  private func piece(at position: UInt64, _ count: Int) throws(SwapDamage) -> [UInt8] {
    let (runs, mappings) = lock.locked { (layout.runs, notes.record.mappings) }
    if let run = runs.first(where: { $0.range.contains(position) }) {
      let bytes = try block(of: run, at: position)
      let start = Int(position - run.block(holding: position).range.lowerBound)
      return Array(bytes[start..<min(bytes.count, start + count)])
    }
    guard let mapping = mappings.first(where: { $0.range.contains(position) }) else { return [] }
    let next = runs.lazy.map(\.range.lowerBound).filter { $0 > position }.min() ?? UInt64.max
    let size = Int(min(UInt64(count), mapping.range.upperBound - position, next - position))
    switch mapping.kind {
    case .anonymous, .sharedAnonymous:
      return mapping.protection == 0 ? [] : [UInt8](repeating: 0, count: size)
    case .privateFile, .sharedFile:
      guard isUnchanged(mapping) else { return [] }
      let file = open(mapping.path, O_RDONLY | O_CLOEXEC)
      guard file >= 0 else { return [] }
      defer { close(file) }
      let bytes = SwapImage.bytes(file, mapping.offset + (position - mapping.range.lowerBound), size)
      // The rest of a file's last page is zero.
      let used = bytes.count % Int(SwapLayout.pageSize)
      return bytes + [UInt8](repeating: 0, count: min(size - bytes.count, used == 0 ? 0 : 4096 - used))
    case .special: return []
    }
  }

  private func isUnchanged(_ mapping: SwapMapping) -> Bool {
    if mapping.kind == .sharedFile { return true }
    if let known = lock.locked({ checkedFiles[mapping.range.lowerBound] }) { return known }
    let isSame = SwapFiles.checksum(mapping.path, mapping.offset, mapping.range.count) == mapping.checksum
    lock.locked { checkedFiles[mapping.range.lowerBound] = isSame }
    return isSame
  }

  /// Writes from the front; returns how many bytes were written. Pages that are by reference to a file
  /// that nobody writes to cannot be.
  package func writeMemory(_ bytes: [UInt8], at address: UInt64) throws(GuestError) -> Int {
    var done = 0
    while done < bytes.count {
      let position = address &+ UInt64(done)
      let run: SwapLayout.Run
      do throws(SwapDamage) {
        guard let found = runForWriting(at: position) else { break }
        run = found
        let (index, range) = run.block(holding: position)
        var block = try self.block(of: run, at: position)
        let start = Int(position - range.lowerBound)
        let count = min(block.count - start, bytes.count - done)
        block.replaceSubrange(start..<start + count, with: bytes[done..<done + count])
        try put(block, run, index)
        done += count
      } catch {
        throw .cannotInload(path: path, why: error.why)
      }
    }
    return done
  }

  /// A compressed block that has no room where it was goes behind all others. What it leaves is zeros
  /// (`SwapGaps`). When it cannot be written, the image is as it was.
  private func put(_ block: [UInt8], _ run: SwapLayout.Run, _ index: Int) throws(SwapDamage) {
    var bytes = isCompressed ? try Zstandard.compressed(block) : block
    let errno = lock.locked { () -> Int32 in
      guard let number = layout.runs.firstIndex(where: { $0.range == run.range }) else { return EINVAL }
      let old = layout
      let room = layout.runs[number].places[index]
      let before = SwapImage.bytes(descriptor, room.offset, Int(room.size))
      var place = room
      place.size = UInt64(bytes.count)
      place.checksum = bytes.withUnsafeBytes { Checksum.of($0) }
      let moves = place.size > room.size
      if moves {
        place.offset = layout.end
        layout.end = SwapLayout.aligned(layout.end + place.size)
      }
      let end = moves ? layout.end : room.offset + room.size
      bytes += [UInt8](repeating: 0, count: Int(end - place.offset) - bytes.count)
      layout.runs[number].places[index] = place
      var errno = SwapImage.put(descriptor, bytes, place.offset)
      if errno == 0 { errno = writeNotes() }
      if errno == 0, moves {
        errno = SwapImage.put(descriptor, [UInt8](repeating: 0, count: before.count), room.offset)
      }
      if errno != 0 {
        // Where these are written there was something, so that there is room.
        layout = old
        _ = SwapImage.put(descriptor, before, room.offset)
        _ = writeNotes()
      }
      return errno
    }
    if errno != 0 { throw SwapDamage("it cannot be written to: \(String(cString: strerror(errno)))") }
  }

  /// A page of zeros that was in no run becomes one.
  private func runForWriting(at position: UInt64) -> SwapLayout.Run? {
    lock.locked {
      if let run = layout.runs.first(where: { $0.range.contains(position) }) { return run }
      let page = position & ~(SwapLayout.pageSize - 1)
      guard
        let mapping = notes.record.mappings.first(where: { $0.range.contains(position) }),
        mapping.kind == .anonymous || mapping.kind == .sharedAnonymous, mapping.protection != 0,
        let segment = layout.segments.first(where: { $0.range.contains(position) })
      else { return nil }
      var run = SwapLayout.Run(range: page..<page + SwapLayout.pageSize)
      let zeros = [UInt8](repeating: 0, count: layout.isCompressed ? 0 : Int(SwapLayout.pageSize))
      run.places = [
        SwapLayout.Place(
          offset: segment.offset + (page - segment.range.lowerBound), size: UInt64(zeros.count),
          checksum: zeros.withUnsafeBytes { Checksum.of($0) })
      ]
      layout.runs.append(run)
      return run
    }
  }
}
