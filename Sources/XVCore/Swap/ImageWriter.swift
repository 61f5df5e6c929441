// SPDX-License-Identifier: GPL-3.0-only
internal import CLinux
import Glibc

/// Writes an image beside its place, and gives it its name when it is safe on disk.
struct ImageWriter {
  let path: String
  let isCompressed: Bool

  private var partial: String { path + ".partial" }

  /// `pages`: of each mapping, what is to be in the image. Returns the image's size on disk.
  func write(
    _ notes: SwapNotes, _ pages: [[Range<UInt64>]],
    reading read: (Range<UInt64>) throws(SwapDamage) -> [UInt8]
  ) throws(SwapDamage) -> UInt64 {
    FileSizeLimit.catchSignal()
    let descriptor = xv_open(partial, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw failure("create \(partial)", -descriptor) }
    defer { close(descriptor) }
    do throws(SwapDamage) {
      try fill(descriptor, notes, pages, read)
      if fsync(descriptor) != 0 { throw failure("sync \(partial)", errno) }
      if rename(partial, path) != 0 { throw failure("rename \(partial)", errno) }
      try syncFolder()
    } catch {
      unlink(partial)
      throw error
    }
    var status = stat()
    fstat(descriptor, &status)
    return UInt64(status.st_blocks) * 512
  }

  /// So that the name is on disk too.
  private func syncFolder() throws(SwapDamage) {
    let end = path.lastIndex(of: "/")
    let folder = end.map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
    let descriptor = xv_open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0)
    guard descriptor >= 0 else { throw failure("open \(folder)", -descriptor) }
    defer { close(descriptor) }
    // Some file systems cannot sync a folder, and say so.
    if fsync(descriptor) != 0, errno != EINVAL { throw failure("sync \(folder)", errno) }
  }

  private func fill(
    _ descriptor: Int32, _ notes: SwapNotes, _ pages: [[Range<UInt64>]],
    _ read: (Range<UInt64>) throws(SwapDamage) -> [UInt8]
  ) throws(SwapDamage) {
    var layout = SwapLayout(segments: segments(notes.record.mappings, pages))
    layout.isCompressed = isCompressed
    guard layout.segments.count < 65_000 else {
      throw SwapDamage("it has \(layout.segments.count) pieces of memory, more than a core file can have")
    }
    layout.end = SwapLayout.memoryOffset(segments: layout.segments.count)
    for index in layout.segments.indices where !isCompressed {
      layout.segments[index].offset = layout.end
      layout.end += layout.segments[index].fileSize
    }
    for range in pages.joined() {
      guard let segment = layout.segments.first(where: { $0.range.contains(range.lowerBound) }) else { continue }
      var run = SwapLayout.Run(range: range)
      for block in run.blocks {
        let content = try read(block)
        let isZero = content.allSatisfy { $0 == 0 }
        let bytes = !isCompressed ? content : isZero ? [] : try Zstandard.compressed(content)
        let offset = isCompressed ? layout.end : segment.offset + (block.lowerBound - segment.range.lowerBound)
        if isCompressed { layout.end += UInt64(bytes.count) }
        run.places.append(
          SwapLayout.Place(
            offset: offset, size: UInt64(bytes.count), checksum: bytes.withUnsafeBytes { Checksum.of($0) }))
        // Blocks of zeros stay holes.
        let errno = isZero ? 0 : SwapImage.put(descriptor, bytes, offset)
        if errno != 0 { throw failure("write \(partial)", errno) }
      }
      layout.runs.append(run)
    }
    layout.end = SwapLayout.aligned(layout.end)
    let errno = SwapImage.finish(descriptor, notes, layout)
    if errno != 0 { throw failure("write \(partial)", errno) }
  }

  /// Memory of no file is one segment each, with holes in the file where it was never touched. Of a
  /// file's pages only those that differ from the file have bytes.
  private func segments(
    _ mappings: [SwapMapping], _ pages: [[Range<UInt64>]]
  ) -> [SwapLayout.Segment] {
    var segments: [SwapLayout.Segment] = []
    func add(_ range: Range<UInt64>, _ mapping: SwapMapping, isInFile: Bool) {
      guard !range.isEmpty else { return }
      segments.append(
        SwapLayout.Segment(
          range: range, offset: 0, fileSize: isInFile && !isCompressed ? UInt64(range.count) : 0,
          protection: mapping.protection))
    }
    for (mapping, pages) in zip(mappings, pages) {
      if mapping.kind == .anonymous || mapping.kind == .sharedAnonymous {
        add(mapping.range, mapping, isInFile: mapping.protection != 0 || !pages.isEmpty)
        continue
      }
      var start = mapping.range.lowerBound
      for range in pages {
        add(start..<range.lowerBound, mapping, isInFile: false)
        add(range, mapping, isInFile: true)
        start = range.upperBound
      }
      add(start..<mapping.range.upperBound, mapping, isInFile: false)
    }
    return segments
  }

  private func failure(_ what: String, _ errno: Int32) -> SwapDamage {
    SwapDamage("cannot \(what): \(String(cString: strerror(errno)))")
  }
}
