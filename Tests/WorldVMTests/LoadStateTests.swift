// SPDX-License-Identifier: GPL-3.0-only
import Testing
import WorldVM
import XVCore

/// What is loaded, read from memory that is made up.
@Suite(.timeLimit(.minutes(1))) struct LoadStateTests {
  /// A PIE at 0x400000 with a dynamic section at 0x401000, ld.so at 0x700000.
  private func program() throws -> MadeUpProgram { try MadeUpProgram() }

  @Test func atTheFirstInstructionOnlyTheDynamicLinkerIsThere() throws {
    let program = try program()
    let found = try program.loadState()
    #expect(found.main.base == Address(0x400000))
    #expect(found.main.dynamicSection == Address(0x401000))
    #expect(found.main.linkMap == Address(0))
    #expect(
      found.libraries == [
        LoadState.Module(
          path: "/lib64/ld.so", base: Address(0x700000), linkMap: Address(0),
          dynamicSection: Address(0x700800))
      ])
  }

  @Test func walksTheListInOrder() throws {
    let program = try program()
    program.debug(at: 0x402000, first: 0x403000)
    program.entry(at: 0x403000, base: 0x400000, name: "", dynamic: 0x401000, next: 0x403100)
    program.entry(at: 0x403100, base: 0x7000, name: "linux-vdso.so.1", dynamic: 1, next: 0x403200)
    program.entry(at: 0x403200, base: 0x500000, name: "/lib/a.so", dynamic: 2, next: 0)
    let found = try program.loadState()
    #expect(found.main.linkMap == Address(0x403000))
    #expect(found.libraries.map(\.path) == ["linux-vdso.so.1", "/lib/a.so"])
    #expect(found.libraries.map(\.linkMap) == [Address(0x403100), Address(0x403200)])
    #expect(found.libraries[1].base == Address(0x500000))
    #expect(found.libraries[1].dynamicSection == Address(2))
    #expect(found.libraries[1].namespace == Address(0x402000))
  }

  @Test func walksTheNamespacesOfDlmopen() throws {
    let program = try program()
    program.debug(at: 0x402000, first: 0x403000, version: 2, next: 0x402100)
    program.debug(at: 0x402100, first: 0x403100, version: 2, next: 0)
    program.entry(at: 0x403000, base: 0x400000, name: "", dynamic: 0x401000, next: 0)
    program.entry(at: 0x403100, base: 0x600000, name: "/lib/b.so", dynamic: 3, next: 0)
    let found = try program.loadState()
    #expect(found.libraries.map(\.path) == ["/lib/b.so"])
    #expect(found.libraries[0].namespace == Address(0x402100))
  }

  @Test(arguments: [0x403000, 0x403100, 0x999000] as [UInt64])
  func aScribbledListEnds(next: UInt64) throws {
    let program = try program()
    program.debug(at: 0x402000, first: 0x403000, version: 2, next: 0x402000)
    program.entry(at: 0x403000, base: 0x400000, name: "", dynamic: 0x401000, next: 0x403100)
    program.entry(at: 0x403100, base: 0x500000, name: "/lib/a.so", dynamic: 2, next: next)
    #expect(try program.loadState().libraries.map(\.path) == ["/lib/a.so"])
  }

  /// A static program: no PT_PHDR, no dynamic section.
  @Test(arguments: [(0x900, 0x400000), (0x400900, 0), (nil, 0)] as [(UInt64?, UInt64)])
  func theEntryPointTellsTheBaseWithoutPHDR(entry: UInt64?, base: UInt64) throws {
    let program = try program()
    for header in [0x400040, 0x4000B0] as [UInt64] { program.memory.poke(1, at: header) }
    let found = try program.loadState(entryInFile: entry)
    #expect(found.main.base == Address(base))
    #expect(found.main.dynamicSection == Address(0))
    #expect(found.libraries.isEmpty)
  }

  @Test func unreadableHeadersAreAFault() throws {
    let program = try program()
    program.memory.unmap(0x400)
    #expect(throws: WorldError.addressFault(Address(0x400040))) { try program.loadState() }
  }
}

/// Memory with the ELF structures that a load state is read from.
struct MadeUpProgram {
  let memory = FakeMemory(pages: [])
  private let cached: CachedMemory<FakeMemory>

  init() throws {
    cached = CachedMemory(source: memory, state: try RunState())
    for page in [0x400, 0x401, 0x402, 0x403, 0x700] as [UInt64] { memory.map(page) }
    // Program headers of the main program: PT_PHDR, PT_INTERP, PT_DYNAMIC.
    header(at: 0x400040, kind: 6, address: 0x40, size: 168)
    header(at: 0x400078, kind: 3, address: 0x200, size: 13)
    header(at: 0x4000B0, kind: 2, address: 0x1000, size: 48)
    put(Array("/lib64/ld.so\0".utf8), at: 0x400200)
    put(words: [1, 1, 21, 0, 0, 0], at: 0x401000)
    // The dynamic linker's image: ELF header with e_phoff 64, e_phnum 1, and PT_DYNAMIC.
    put([0x7F, 0x45, 0x4C, 0x46, 2, 1], at: 0x700000)
    put(words: [64], at: 0x700020)
    put([1], at: 0x700038)
    header(at: 0x700040, kind: 2, address: 0x800, size: 16)
  }

  func loadState(entryInFile: UInt64? = nil) throws(WorldError) -> LoadState {
    var vector: [UInt8] = []
    for word in [3, 0x400040, 5, 3, 7, 0x700000, 9, 0x400900, 0, 0] as [UInt64] {
      vector += withUnsafeBytes(of: word) { Array($0) }
    }
    return try LoadStateReader(memory: cached, auxiliary: AuxiliaryVector(vector))
      .read(main: "/bin/p", entryInFile: entryInFile)
  }

  func debug(at address: UInt64, first: UInt64, version: UInt64 = 1, next: UInt64 = 0) {
    if address == 0x402000 { put(words: [address], at: 0x401018) }
    put(words: [version, first, 0, 0, 0, next], at: address)
  }

  func entry(at address: UInt64, base: UInt64, name: String, dynamic: UInt64, next: UInt64) {
    put(words: [base, address + 0x40, dynamic, next, 0], at: address)
    put(Array(name.utf8) + [0], at: address + 0x40)
  }

  private func header(at address: UInt64, kind: UInt64, address virtual: UInt64, size: UInt64) {
    put(words: [kind, 0, virtual, virtual, size, size, 8], at: address)
  }

  private func put(words: [UInt64], at address: UInt64) {
    put(words.flatMap { word in withUnsafeBytes(of: word) { Array($0) } }, at: address)
  }

  private func put(_ bytes: [UInt8], at address: UInt64) {
    for (index, byte) in bytes.enumerated() { memory.poke(byte, at: address + UInt64(index)) }
  }
}
