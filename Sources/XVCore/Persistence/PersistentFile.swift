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
    var offset: UInt64
    var length: UInt64
  }

  private static let magic: UInt64 = 0x3130_6564_6f63_7678  // "xvcode01"
  /// What one program may keep; a file that would grow beyond it begins anew.
  private static let largestFile = 128 << 20
  /// What a directory may hold before its oldest files go.
  private static let mostFiles = 256

  let modules: [(FileIdentity, UnsafeRawBufferPointer)]
  private let memory: UnsafeRawBufferPointer

  private init?(_ memory: UnsafeRawBufferPointer, builder: FileIdentity, program: FileIdentity) {
    self.memory = memory
    let headerSize = MemoryLayout<Header>.stride
    guard memory.count >= headerSize else { return nil }
    let header = memory.loadUnaligned(as: Header.self)
    guard header.magic == PersistentFile.magic, header.builder == builder,
      header.program == program, header.length == UInt64(memory.count),
      header.moduleCount < 4096,
      headerSize + Int(header.moduleCount) * MemoryLayout<ModuleHeader>.stride <= memory.count,
      PersistentFile.checksum(memory[headerSize...]) == header.checksum
    else { return nil }
    var modules: [(FileIdentity, UnsafeRawBufferPointer)] = []
    for index in 0..<Int(header.moduleCount) {
      let module = memory.load(
        fromByteOffset: headerSize + index * MemoryLayout<ModuleHeader>.stride, as: ModuleHeader.self)
      guard module.offset <= header.length, module.length <= header.length - module.offset,
        module.offset % 8 == 0
      else { return nil }
      let records = UnsafeRawBufferPointer(
        start: memory.baseAddress! + Int(module.offset), count: Int(module.length))
      modules.append((module.identity, records))
    }
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
    let memory = mmap(nil, size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, descriptor, 0)
    guard let memory, Int(bitPattern: memory) != -1 else { return nil }
    return PersistentFile(
      UnsafeRawBufferPointer(start: memory, count: size), builder: builder, program: program)
  }

  /// Replaces the file in one step. What cannot be written is not kept; the program is none the worse.
  static func write(directory: String, program: FileIdentity, modules: [PersistedModule]) {
    guard let builder = FileIdentity(path: "/proc/self/exe"), prepare(directory) else { return }
    let isFull = modules.reduce(0) { $0 + $1.old.count + $1.addedBytes } > largestFile
    let kept = modules.filter { $0.addedBytes > 0 || (!isFull && !$0.old.isEmpty) }
    var body = ByteBuffer(capacity: 1 << 20)
    let tableSize = kept.count * MemoryLayout<ModuleHeader>.stride
    var offset = MemoryLayout<Header>.stride + tableSize
    for module in kept {
      let length = (isFull ? 0 : module.old.count) + module.addedBytes
      body.append(
        ModuleHeader(
          identity: module.identity, offset: UInt64(offset), length: UInt64(length)))
      offset += length
    }
    for module in kept {
      if !isFull, let old = module.old.baseAddress { body.append(old, count: module.old.count) }
      for added in module.handed { body.append(added.records.base, count: added.records.count) }
      body.append(module.new.base, count: module.new.count)
    }
    var head = ByteBuffer(capacity: 4096)
    head.append(
      Header(
        magic: magic, builder: builder, program: program, length: UInt64(offset),
        checksum: checksum(body.bytes[...]), moduleCount: UInt64(kept.count)))

    let final = path(directory, builder, program)
    let temporary = "\(final).\(getpid())"
    let descriptor = xv_open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard descriptor >= 0 else { return }
    let isWritten = writeAll(descriptor, head.bytes) && writeAll(descriptor, body.bytes)
    close(descriptor)
    if !isWritten || rename(temporary, final) != 0 { unlink(temporary) }
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

  /// Finds a damaged file; it is no protection against a forged one.
  private static func checksum(_ bytes: Slice<UnsafeRawBufferPointer>) -> UInt64 {
    let whole = UnsafeRawBufferPointer(rebasing: bytes)
    var lanes: (UInt64, UInt64, UInt64, UInt64) = (1, 2, 3, 4)
    var at = 0
    while at + 32 <= whole.count {
      lanes.0 = (lanes.0 ^ whole.loadUnaligned(fromByteOffset: at, as: UInt64.self)) &* MasterTable.multiplier
      lanes.1 = (lanes.1 ^ whole.loadUnaligned(fromByteOffset: at + 8, as: UInt64.self)) &* MasterTable.multiplier
      lanes.2 = (lanes.2 ^ whole.loadUnaligned(fromByteOffset: at + 16, as: UInt64.self)) &* MasterTable.multiplier
      lanes.3 = (lanes.3 ^ whole.loadUnaligned(fromByteOffset: at + 24, as: UInt64.self)) &* MasterTable.multiplier
      at += 32
    }
    while at < whole.count {
      lanes.0 = (lanes.0 ^ UInt64(whole[at])) &* MasterTable.multiplier
      at += 1
    }
    return [lanes.1, lanes.2, lanes.3].reduce(lanes.0) {
      ($0 << 17 | $0 >> 47) &* MasterTable.multiplier ^ $1
    }
  }
}
