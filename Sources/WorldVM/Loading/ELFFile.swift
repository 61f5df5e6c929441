// SPDX-License-Identifier: GPL-3.0-only
import CElf
import Glibc

/// An ELF file that is open for reading, through libelf.
struct ELFFile: ~Copyable {
  /// -1 when the file is in memory.
  private let descriptor: Int32
  let elf: OpaquePointer
  private let memory: UnsafeMutableRawBufferPointer?

  /// Nil when there is no ELF file at the path.
  init?(_ path: String) {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    _ = elf_version(UInt32(EV_CURRENT))
    let elf = elf_begin(descriptor, ELF_C_READ, nil)
    guard let elf, elf_kind(elf) == ELF_K_ELF else {
      elf_end(elf)
      close(descriptor)
      return nil
    }
    self.descriptor = descriptor
    self.elf = elf
    memory = nil
  }

  /// Nil when the bytes are no ELF file.
  init?(bytes: [UInt8]) {
    let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 8)
    memory.copyBytes(from: bytes)
    _ = elf_version(UInt32(EV_CURRENT))
    let start = memory.baseAddress?.assumingMemoryBound(to: CChar.self)
    let elf = elf_memory(start, memory.count)
    guard let elf, elf_kind(elf) == ELF_K_ELF else {
      elf_end(elf)
      memory.deallocate()
      return nil
    }
    descriptor = -1
    self.elf = elf
    self.memory = memory
  }

  deinit {
    elf_end(elf)
    memory?.deallocate()
    if descriptor >= 0 { close(descriptor) }
  }

  /// Whether it was not stripped.
  var hasSymbolTable: Bool { section(of: UInt32(SHT_SYMTAB)) != nil }

  private func section(of kind: UInt32) -> (section: OpaquePointer, header: GElf_Shdr)? {
    var section = elf_nextscn(elf, nil)
    while let found = section {
      var header = GElf_Shdr()
      if gelf_getshdr(found, &header) != nil, header.sh_type == kind { return (found, header) }
      section = elf_nextscn(elf, found)
    }
    return nil
  }

  /// Those of the symbol table, or of the dynamic linker's where that was stripped.
  func forEachSymbol(_ body: (String, GElf_Sym) -> Void) {
    guard let (section, header) = section(of: UInt32(SHT_SYMTAB)) ?? section(of: UInt32(SHT_DYNSYM)),
      header.sh_entsize > 0, let data = elf_getdata(section, nil)
    else { return }
    for index in 0..<Int32(clamping: header.sh_size / header.sh_entsize) {
      var symbol = GElf_Sym()
      guard gelf_getsym(data, index, &symbol) != nil,
        let name = elf_strptr(elf, Int(header.sh_link), Int(symbol.st_name))
      else { continue }
      body(String(cString: name), symbol)
    }
  }

  /// e_entry.
  var entry: UInt64? {
    var header = GElf_Ehdr()
    return gelf_getehdr(elf, &header) == nil ? nil : header.e_entry
  }

  /// The description of the NT_GNU_BUILD_ID note; empty when the file has none.
  var buildID: [UInt8] {
    var count = 0
    guard elf_getphdrnum(elf, &count) == 0 else { return [] }
    for index in 0..<count {
      var header = GElf_Phdr()
      guard gelf_getphdr(elf, Int32(index), &header) != nil, header.p_type == PT_NOTE else {
        continue
      }
      if let found = buildID(in: header) { return found }
    }
    return []
  }

  private func buildID(in segment: GElf_Phdr) -> [UInt8]? {
    // Notes of segments aligned to 8 (GNU properties) have another padding.
    let kind = segment.p_align == 8 ? ELF_T_NHDR8 : ELF_T_NHDR
    let size = Int(segment.p_filesz)
    guard let data = elf_getdata_rawchunk(elf, Int64(segment.p_offset), size, kind),
      let start = data.pointee.d_buf
    else { return nil }
    let bytes = UnsafeRawBufferPointer(start: start, count: data.pointee.d_size)
    var offset = 0
    var note = GElf_Nhdr()
    var name = 0
    var description = 0
    while true {
      let next = gelf_getnote(data, offset, &note, &name, &description)
      guard next > 0 else { return nil }
      let isGNU = bytes[name..<name + Int(note.n_namesz)].elementsEqual("GNU\0".utf8)
      if isGNU, note.n_type == UInt32(NT_GNU_BUILD_ID) {
        return Array(bytes[description..<description + Int(note.n_descsz)])
      }
      offset = next
    }
  }
}
