// SPDX-License-Identifier: GPL-3.0-only
import CElf
import Glibc

extension ELFFile {
  /// The values of all symbols whose names begin with `prefix`, by the rest of their names; of the
  /// dynamic table and of the full one.
  func symbols(beginningWith prefix: String) -> [String: UInt64] {
    var found: [String: UInt64] = [:]
    var section: OpaquePointer?
    while true {
      section = elf_nextscn(elf, section)
      guard let section else { return found }
      var header = GElf_Shdr()
      guard gelf_getshdr(section, &header) != nil,
        header.sh_type == UInt32(SHT_SYMTAB) || header.sh_type == UInt32(SHT_DYNSYM),
        header.sh_entsize > 0, let data = elf_getdata(section, nil)
      else { continue }
      for index in 0..<Int32(clamping: header.sh_size / header.sh_entsize) {
        var symbol = GElf_Sym()
        guard gelf_getsym(data, index, &symbol) != nil, symbol.st_shndx != 0,
          let name = elf_strptr(elf, Int(header.sh_link), Int(symbol.st_name)),
          starts(name, with: prefix)
        else { continue }
        found[String(String(cString: name).dropFirst(prefix.count))] = symbol.st_value
      }
    }
  }

  /// Without a copy of each of many thousand names.
  private func starts(_ name: UnsafePointer<CChar>, with prefix: String) -> Bool {
    var place = name
    for byte in prefix.utf8 {
      if UInt8(bitPattern: place.pointee) != byte { return false }
      place += 1
    }
    return true
  }
}
