// SPDX-License-Identifier: GPL-3.0-only
internal import XVCore

/// Finds what is loaded into a world from its auxiliary vector and its memory.
///
/// Until the dynamic linker has made its list, the list is the dynamic linker itself, from AT_BASE:
/// a debugger that got an empty one at the first instruction would keep it (llvm 57756).
package struct LoadStateReader<Memory: ReadableMemory> {
  private let memory: Memory
  private let auxiliary: AuxiliaryVector

  package init(memory: Memory, auxiliary: AuxiliaryVector) {
    self.memory = memory
    self.auxiliary = auxiliary
  }

  /// `entryInFile` is e_entry of the program's file: it tells the base of a program that has no
  /// PT_PHDR, and is not asked for otherwise.
  package func read(
    main path: String, entryInFile: @autoclosure () -> UInt64?
  ) throws(WorldError) -> LoadState {
    guard let address = auxiliary.programHeaders else {
      throw .badWorld("\(path) has no AT_PHDR in its auxiliary vector")
    }
    let headers = try ProgramHeader.read(
      at: address, count: auxiliary.programHeaderCount, in: memory)
    let base = base(of: headers, at: address, entryInFile)
    var main = module(path, at: base, headers)
    guard let dynamic = headers.first(.dynamic) else {
      return LoadState(main: main, libraries: [])
    }

    let size = Int(min(dynamic.memorySize, 1 << 20))
    var entries = try LinkMap(dynamicSection: main.dynamicSection, size: size, in: memory).entries
    if !entries.isEmpty { main.linkMap = entries.removeFirst().address }
    if main.linkMap.rawValue == 0, let linker = try dynamicLinker(headers, base: base) {
      return LoadState(main: main, libraries: [linker])
    }
    let libraries = entries.filter { !$0.name.isEmpty }.map {
      LoadState.Module(
        path: $0.name, base: $0.base, linkMap: $0.address, dynamicSection: $0.dynamicSection,
        namespace: $0.namespace)
    }
    return LoadState(main: main, libraries: libraries)
  }

  private func base(
    of headers: [ProgramHeader], at address: Address, _ entryInFile: () -> UInt64?
  ) -> Address {
    if let own = headers.first(.programHeaders) {
      return Address(address.rawValue &- own.address)
    }
    if let entry = auxiliary.entry, let entryInFile = entryInFile() {
      return Address(entry.rawValue &- entryInFile)
    }
    return Address(0)
  }

  private func dynamicLinker(
    _ headers: [ProgramHeader], base: Address
  ) throws(WorldError) -> LoadState.Module? {
    guard let interpreter = headers.first(.interpreter), let linkerBase = auxiliary.interpreterBase
    else { return nil }
    let path = try memory.readString(
      base + interpreter.address, limit: Int(min(interpreter.memorySize, 4096)))
    return module(path, at: linkerBase, try ProgramHeader.ofImage(at: linkerBase, in: memory))
  }

  /// A module that is not known from the dynamic linker's list.
  private func module(
    _ path: String, at base: Address, _ headers: [ProgramHeader]
  ) -> LoadState.Module {
    LoadState.Module(
      path: path, base: base, linkMap: Address(0),
      dynamicSection: headers.first(.dynamic).map { base + $0.address } ?? Address(0))
  }
}
