// SPDX-License-Identifier: GPL-3.0-only
internal import CLinux
import Glibc

/// The file that keeps one program's translated code.
///
/// Only this very build of xv reads it again, so its structures are written as they are in memory. It
/// belongs to the user who runs xv, and is not used if anybody else could have written it.
final class PersistentFile {
  private struct Header: BitwiseCopyable {
    var magic: UInt64
    var builder: FileIdentity
    var program: FileIdentity
    var length: UInt64
    var checksum: UInt64
    var moduleCount: UInt64
  }

  private struct ModuleHeader: BitwiseCopyable {
    var identity: FileIdentity
    /// Where its records begin, and how many bytes they are; their index follows.
    var offset: UInt64
    var length: UInt64
    var placeCount: UInt64
  }

  /// What is kept of one file's code.
  struct Module {
    let identity: FileIdentity
    /// In the order in which they were asked for. Each has a checksum of its own: only those that are used are
    /// read.
    let records: UnsafeRawBufferPointer
    let places: UnsafeBufferPointer<RecordPlace>
  }

  /// "xvcode02"; code that another kind of processor made is another's.
  private static let magic: UInt64 = 0x3230_6564_6f63_7678 ^ (ProcessorFeatures.hasRotate ? 0 : 1 << 63)
  /// What one program may keep; a file that would grow beyond it begins anew.
  private static let largestFile = 128 << 20
  /// What a directory may hold before its oldest files go.
  private static let mostFiles = 256

  let modules: [Module]
  private let memory: UnsafeRawBufferPointer

  private init?(_ memory: UnsafeRawBufferPointer, builder: FileIdentity, program: FileIdentity) {
    self.memory = memory
    let headerSize = MemoryLayout<Header>.stride
    guard memory.count >= headerSize else { return nil }
    let header = memory.loadUnaligned(as: Header.self)
    guard header.magic == PersistentFile.magic, header.builder == builder,
      header.program == program, header.length == UInt64(memory.count), header.moduleCount < 4096
    else { return nil }
    let tableEnd = headerSize + Int(header.moduleCount) * MemoryLayout<ModuleHeader>.stride
    guard tableEnd <= memory.count else { return nil }
    var checksum = Checksum.of(UnsafeRawBufferPointer(rebasing: memory[headerSize..<tableEnd]))
    var modules: [Module] = []
    for index in 0..<Int(header.moduleCount) {
      let module = memory.load(
        fromByteOffset: headerSize + index * MemoryLayout<ModuleHeader>.stride, as: ModuleHeader.self)
      let size = UInt64(MemoryLayout<RecordPlace>.stride)
      guard module.offset <= header.length, module.length <= header.length - module.offset,
        module.placeCount <= (header.length - module.offset - module.length) / size,
        module.offset % 8 == 0, module.length % 8 == 0
      else { return nil }
      let start = memory.baseAddress! + Int(module.offset)
      let places = UnsafeRawBufferPointer(
        start: start + Int(module.length), count: Int(module.placeCount * size))
      checksum = Checksum.joined(checksum, Checksum.of(places))
      modules.append(
        Module(
          identity: module.identity,
          records: UnsafeRawBufferPointer(start: start, count: Int(module.length)),
          places: places.assumingMemoryBound(to: RecordPlace.self)))
    }
    guard checksum == header.checksum else { return nil }
    self.modules = modules
  }

  deinit { munmap(UnsafeMutableRawPointer(mutating: memory.baseAddress), memory.count) }

  static func open(directory: String, program: FileIdentity) -> PersistentFile? {
    guard let builder = FileIdentity(path: "/proc/self/exe") else { return nil }
    let descriptor = xv_open(
      path(directory, builder, program), O_RDONLY | O_CLOEXEC | O_NOFOLLOW, 0)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var information = stat()
    guard fstat(descriptor, &information) == 0, information.st_uid == geteuid(),
      information.st_mode & 0o022 == 0, information.st_size > 0
    else { return nil }
    let size = Int(information.st_size)
    let memory = mmap(nil, size, PROT_READ, MAP_PRIVATE, descriptor, 0)
    guard let memory, Int(bitPattern: memory) != -1 else { return nil }
    return PersistentFile(
      UnsafeRawBufferPointer(start: memory, count: size), builder: builder, program: program)
  }

  /// Replaces the file in one step. What cannot be written is not kept; the program is none the worse.
  static func write(directory: String, program: FileIdentity, modules: [PersistedModule]) {
    guard let builder = FileIdentity(path: "/proc/self/exe"), prepare(directory) else { return }
    var files: [FileIdentity: [PersistedModule]] = [:]
    for module in modules { files[module.identity, default: []].append(module) }
    func added(_ file: [PersistedModule]) -> Int { file.reduce(0) { $0 + $1.addedBytes } }
    let isFull = files.values.reduce(0) { $0 + $1[0].old.count + added($1) } > largestFile
    // In the order in which they were met.
    let kept = modules.compactMap { module -> [PersistedModule]? in
      guard let file = files[module.identity], file[0] === module,
        added(file) > 0 || (!isFull && !module.old.isEmpty)
      else { return nil }
      return file
    }
    var body = ByteBuffer(capacity: 1 << 20)
    var table = ByteBuffer(capacity: 4096)
    let start = MemoryLayout<Header>.stride + kept.count * MemoryLayout<ModuleHeader>.stride
    var checksums: [UInt64] = []
    for file in kept {
      let offset = body.count
      var places: [RecordPlace] = []
      if !isFull { append(file[0].old, areChecked: true, to: &body, from: offset, &places) }
      for module in file {
        for added in module.handed {
          append(added.records.bytes, areChecked: false, to: &body, from: offset, &places)
        }
        append(module.new.bytes, areChecked: false, to: &body, from: offset, &places)
      }
      places.sort { $0.address < $1.address }
      table.append(
        ModuleHeader(
          identity: file[0].identity, offset: UInt64(start + offset), length: UInt64(body.count - offset),
          placeCount: UInt64(places.count)))
      places.withUnsafeBytes { bytes in
        checksums.append(Checksum.of(bytes))
        if let base = bytes.baseAddress { body.append(base, count: bytes.count) }
      }
    }
    var head = ByteBuffer(capacity: 4096)
    head.append(
      Header(
        magic: magic, builder: builder, program: program, length: UInt64(start + body.count),
        checksum: checksums.reduce(Checksum.of(table.bytes), Checksum.joined),
        moduleCount: UInt64(kept.count)))
    head.append(table.base, count: table.count)

    let final = path(directory, builder, program)
    let temporary = "\(final).\(getpid())"
    let descriptor = xv_open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard descriptor >= 0 else { return }
    let isWritten = writeAll(descriptor, head.bytes) && writeAll(descriptor, body.bytes)
    close(descriptor)
    if !isWritten || rename(temporary, final) != 0 { unlink(temporary) }
  }

  /// `areChecked`: the records come from a file, and those that are damaged stay behind.
  private static func append(
    _ records: UnsafeRawBufferPointer, areChecked: Bool, to body: inout ByteBuffer, from start: Int,
    _ places: inout [RecordPlace]
  ) {
    var copied: [(UnsafeRawPointer, UnitRecord)] = []
    RecordIndex.forEachRecord(in: records) { record, header, _ in
      if areChecked, UnitRecord.checksum(record, size: Int(header.size)) != header.check { return }
      copied.append((record, header))
    }
    for (record, header) in copied {
      let offset = body.count
      body.append(record, count: Int(header.size))
      let copy = body.base + offset
      copy.storeBytes(
        of: UnitRecord.checksum(copy, size: Int(header.size)),
        toByteOffset: MemoryLayout<UnitRecord>.offset(of: \.check)!, as: UInt64.self)
      RecordIndex.addPlaces(
        of: copy, header, RecordPlace(address: 0, buffer: 0, offset: UInt32(offset - start)), to: &places)
    }
  }

  private static func writeAll(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer) -> Bool {
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = Glibc.write(descriptor, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
      if count <= 0 { return false }
      rest = rest.dropFirst(count)
    }
    return true
  }

  private static func path(
    _ directory: String, _ builder: FileIdentity, _ program: FileIdentity
  ) -> String {
    let name = String(builder.digest &* 31 ^ program.digest, radix: 16)
    return "\(directory)/\(name).code"
  }

  /// Makes the directory, and room in it. False when it is not the user's own.
  private static func prepare(_ directory: String) -> Bool {
    // The folder of caches may not be there yet; whose home is not there has no place for any.
    if let slash = directory.lastIndex(of: "/") { mkdir(String(directory[..<slash]), 0o700) }
    mkdir(directory, 0o700)
    var information = stat()
    guard stat(directory, &information) == 0, information.st_uid == geteuid(),
      information.st_mode & 0o022 == 0
    else { return false }
    removeOldest(directory)
    return true
  }

  private static func removeOldest(_ directory: String) {
    guard let stream = opendir(directory) else { return }
    defer { closedir(stream) }
    var files: [(modified: Int, path: String)] = []
    while let entry = readdir(stream) {
      let name = withUnsafeBytes(of: &entry.pointee.d_name) {
        String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
      }
      guard name.utf8.contains(UInt8(ascii: ".")), !name.hasPrefix(".") else { continue }
      let path = "\(directory)/\(name)"
      var information = stat()
      guard stat(path, &information) == 0, information.st_mode & S_IFMT == S_IFREG else { continue }
      files.append((information.st_mtim.tv_sec, path))
    }
    guard files.count >= mostFiles else { return }
    files.sort { $0.modified < $1.modified }
    for file in files.prefix(files.count - mostFiles + 1) { unlink(file.path) }
  }
}
