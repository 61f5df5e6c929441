// SPDX-License-Identifier: GPL-3.0-only
internal import XVCore

/// Where a thread has the variables of a module that are its own.
///
/// The main program's stand below the thread pointer at a distance that the ABI fixes ("ELF Handling For
/// Thread-Local Storage", variant II), whatever the C library is. Those of libraries are found as
/// libthread_db finds them, by the descriptions of its own structures that glibc carries
/// (`_thread_db_*`); other C libraries say nothing about theirs.
struct ThreadLocals<Memory: ReadableMemory> {
  /// A field of one of glibc's structures, as `_thread_db_STRUCT_FIELD` tells it.
  private struct Field {
    /// Of one element, in bytes.
    var size: UInt64
    var offset: UInt64
  }

  private let memory: Memory
  private let loadState: LoadState
  /// The addresses of glibc's descriptions by their names.
  private let descriptions: [String: Address]

  /// `file` names the file of a module as it can be opened here.
  init(memory: Memory, loadState: LoadState, file: (LoadState.Module) -> String) {
    self.memory = memory
    self.loadState = loadState
    // Since glibc 2.34 they stand in libc itself; in static programs in the program.
    let candidates = loadState.libraries.filter { Self.mayBeThreadLibrary($0.path) } + [loadState.main]
    for module in candidates {
      let symbols = ELFFile(file(module))?.symbols(beginningWith: "_thread_db_") ?? [:]
      if !symbols.isEmpty {
        descriptions = symbols.mapValues { module.base + $0 }
        return
      }
    }
    descriptions = [:]
  }

  private static func mayBeThreadLibrary(_ path: String) -> Bool {
    let name = path.split(separator: "/").last ?? ""
    return ["libc.", "libc-", "libpthread"].contains { name.hasPrefix($0) }
  }

  /// `linkMap` names the module; 0 is the main program, which has none when it is static.
  func address(
    offset: UInt64, linkMap: Address, threadPointer: Address, mainHeaders: [ProgramHeader]
  ) throws(WorldError) -> Address {
    guard threadPointer.rawValue != 0 else {
      throw .refused("the thread has no thread-local storage yet")
    }
    if linkMap.rawValue == 0 || linkMap == loadState.main.linkMap {
      guard let own = mainHeaders.first(.threadLocals) else {
        throw .refused("the program has no thread-local storage")
      }
      return Address(threadPointer.rawValue &- Self.distance(own) &+ offset)
    }
    let module = try value("link_map_l_tls_modid", of: linkMap)
    guard module != 0 else { throw .refused("the library has no thread-local storage") }
    var start = try block(module, threadPointer)
    if start == nil { start = try staticBlock(linkMap, threadPointer) }
    guard let start else {
      throw .refused("the thread has not used the library's thread-local storage yet")
    }
    return Address(start &+ offset)
  }

  /// From the start of the first module's block to the thread pointer.
  private static func distance(_ segment: ProgramHeader) -> UInt64 {
    let mask = max(segment.alignment, 1) &- 1
    let first = (0 &- segment.address) & mask
    return ((segment.memorySize &- first &+ mask) & ~mask) &+ first
  }

  /// The thread's block of a module by its vector (dtv); nil when it has none.
  private func block(_ module: UInt64, _ threadPointer: Address) throws(WorldError) -> UInt64? {
    let vector = Address(try value("pthread_dtvp", of: threadPointer))
    let slots = try field("dtv_dtv")
    // The slot before the first one counts the others.
    let count = try memory.readWord(vector + slots.offset + (0 &- slots.size))
    guard module <= count else { return nil }
    let slot = vector + slots.offset + module &* slots.size
    let start = try value("dtv_t_pointer_val", of: slot)
    return start == 0 || start == UInt64.max ? nil : start
  }

  /// A block that every thread has at one distance; 0, -1 and -2 mean that there is none.
  private func staticBlock(
    _ linkMap: Address, _ threadPointer: Address
  ) throws(WorldError) -> UInt64? {
    let distance = Int64(bitPattern: try value("link_map_l_tls_offset", of: linkMap))
    return distance > 0 ? threadPointer.rawValue &- UInt64(distance) : nil
  }

  private func value(_ name: String, of structure: Address) throws(WorldError) -> UInt64 {
    try memory.readWord(structure + (try field(name)).offset)
  }

  private func field(_ name: String) throws(WorldError) -> Field {
    guard let address = descriptions[name] else {
      throw .refused("the C library does not tell where it keeps thread-local storage")
    }
    let bytes = try memory.read(from: address, count: 12)
    return Field(size: UInt64(bytes.halfWord(at: 0) / 8), offset: UInt64(bytes.halfWord(at: 8)))
  }
}
