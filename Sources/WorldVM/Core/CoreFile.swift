// SPDX-License-Identifier: GPL-3.0-only
import CElf
import Glibc

/// An ELF core file that is open for reading, through libelf.
///
/// Nothing of it is trusted: it may be cut off, or no core at all.
final class CoreFile: @unchecked Sendable {
  struct Load: Sendable {
    var address: UInt64
    var memorySize: UInt64
    var fileOffset: UInt64
    var fileSize: UInt64
    /// PF_R, PF_W and PF_X.
    var flags: UInt32
  }

  struct Note {
    var kind: UInt32
    var name: [UInt8]
    var bytes: [UInt8]
  }

  private let descriptor: Int32
  // Sorted by address.
  let loads: [Load]
  let notes: [Note]
  private let size: UInt64

  /// Throws `.lookupFailed` without a file, `.badWorld` when it is no core of an x86-64 program.
  init(_ path: String) throws(WorldError) {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw .lookupFailed("the core file \(path)") }
    do throws(WorldError) {
      var status = stat()
      guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
        throw .badWorld("\(path) is no file")
      }
      size = UInt64(status.st_size)
      (loads, notes) = try Self.read(descriptor, path)
    } catch {
      close(descriptor)
      throw error
    }
    self.descriptor = descriptor
  }

  deinit { close(descriptor) }

  private static func read(
    _ descriptor: Int32, _ path: String
  ) throws(WorldError) -> ([Load], [Note]) {
    _ = elf_version(UInt32(EV_CURRENT))
    guard let elf = elf_begin(descriptor, ELF_C_READ, nil) else {
      throw .badWorld("\(path) is no ELF file")
    }
    defer { elf_end(elf) }
    var header = GElf_Ehdr()
    var count = 0
    guard elf_kind(elf) == ELF_K_ELF, gelf_getehdr(elf, &header) != nil,
      elf_getphdrnum(elf, &count) == 0
    else { throw .badWorld("\(path) is no ELF file") }
    guard header.e_type == UInt16(ET_CORE), header.e_machine == UInt16(EM_X86_64) else {
      throw .badWorld("\(path) is no core file of an x86-64 program")
    }
    var loads: [Load] = []
    var notes: [Note] = []
    for index in 0..<count {
      var segment = GElf_Phdr()
      guard gelf_getphdr(elf, Int32(index), &segment) != nil else { continue }
      switch segment.p_type {
      case UInt32(PT_LOAD):
        loads.append(
          Load(
            address: segment.p_vaddr, memorySize: segment.p_memsz, fileOffset: segment.p_offset,
            fileSize: min(segment.p_filesz, segment.p_memsz), flags: segment.p_flags))
      case UInt32(PT_NOTE): notes += Self.notes(of: segment, elf)
      default: break
      }
    }
    return (loads.sorted { $0.address < $1.address }, notes)
  }

  private static func notes(of segment: GElf_Phdr, _ elf: OpaquePointer) -> [Note] {
    guard let size = Int(exactly: segment.p_filesz), let offset = Int64(exactly: segment.p_offset),
      let data = elf_getdata_rawchunk(elf, offset, size, ELF_T_NHDR),
      let start = data.pointee.d_buf
    else { return [] }
    let bytes = UnsafeRawBufferPointer(start: start, count: data.pointee.d_size)
    var notes: [Note] = []
    var offsetOfNote = 0
    var header = GElf_Nhdr()
    var name = 0
    var description = 0
    while case let next = gelf_getnote(data, offsetOfNote, &header, &name, &description), next > 0 {
      notes.append(
        Note(
          kind: header.n_type,
          name: Array(bytes[name..<name + Int(header.n_namesz)].prefix { $0 != 0 }),
          bytes: Array(bytes[description..<description + Int(header.n_descsz)])))
      offsetOfNote = next
    }
    return notes
  }

  /// Whether the file ends before its last segment does.
  var isCutOff: Bool {
    loads.contains { $0.fileSize > 0 && $0.fileOffset &+ $0.fileSize > size }
  }

  /// Bytes at an offset of the file; short at its end.
  func bytes(at offset: UInt64, count: Int) -> [UInt8] {
    readFile(descriptor, offset, count)
  }
}

/// Bytes at an offset of an open file; short at its end.
func readFile(_ descriptor: Int32, _ offset: UInt64, _ count: Int) -> [UInt8] {
  guard let start = off_t(exactly: offset) else { return [] }
  return [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
    filled = 0
    while filled < count {
      let result = pread(
        descriptor, buffer.baseAddress! + filled, count - filled, start + off_t(filled))
      guard result > 0 else { break }
      filled += result
    }
  }
}
