// SPDX-License-Identifier: GPL-3.0-only
public import XVCore

/// A part of a module's file that is mapped (PT_LOAD).
public struct Segment: Hashable, Sendable {
  public var range: Range<Address>
  /// PROT_READ, PROT_WRITE and PROT_EXEC.
  public var protection: Int32
  public var fileOffset: UInt64
}

extension World {
  /// A module's segments, as its headers in memory tell them.
  public func segments(of module: LoadState.Module) throws(WorldError) -> [Segment] {
    try headers(of: module).filter { $0.kind == .load && $0.memorySize > 0 }.map { header in
      let start = module.base + header.address
      // PF_R, PF_W, PF_X are 4, 2 and 1.
      let flags = header.flags
      let protection = Int32(flags >> 2 & 1 | flags & 2 | (flags & 1) << 2)
      return Segment(
        range: start..<start + header.memorySize, protection: protection,
        fileOffset: header.fileOffset)
    }
  }

  /// The NT_GNU_BUILD_ID of a module, from its memory; empty when it has none there.
  public func buildID(of module: LoadState.Module) throws(WorldError) -> [UInt8] {
    for header in try headers(of: module) where header.kind == .note && header.memorySize < 65536 {
      let notes = try copyReadAvailable(
        from: module.base + header.address, count: Int(header.memorySize))
      if let id = Self.buildID(in: notes, alignment: header.alignment == 8 ? 8 : 4) { return id }
    }
    return []
  }

  private static func buildID(in notes: [UInt8], alignment: Int) -> [UInt8]? {
    var offset = 0
    func aligned(_ value: Int) -> Int { (value + alignment - 1) / alignment * alignment }
    while offset + 12 <= notes.count {
      let nameSize = Int(notes.halfWord(at: offset))
      let size = Int(notes.halfWord(at: offset + 4))
      let name = offset + 12
      let start = aligned(name + nameSize)
      guard start + size <= notes.count else { return nil }
      if notes.halfWord(at: offset + 8) == 3, nameSize == 4,
        notes[name..<name + 4].elementsEqual("GNU\0".utf8)
      {
        return Array(notes[start..<start + size])
      }
      offset = aligned(start + size)
    }
    return nil
  }

  /// Read where the module's first segment begins: at its base, or, for a program that is linked for
  /// one address, where its auxiliary vector says.
  private func headers(of module: LoadState.Module) throws(WorldError) -> [ProgramHeader] {
    let memory = WorldMemory(world: self)
    do throws(WorldError) {
      let own = try ProgramHeader.ofImage(at: module.base, in: memory)
      if !own.isEmpty { return own }
    } catch .addressFault {
      // Nothing is mapped at the base.
    }
    let auxiliary = AuxiliaryVector(try auxiliaryVector())
    guard module.base.rawValue == 0, let address = auxiliary.programHeaders else { return [] }
    return try ProgramHeader.read(at: address, count: auxiliary.programHeaderCount, in: memory)
  }
}

/// A world's memory for those who read what is loaded.
struct WorldMemory<Source: World>: ReadableMemory {
  let world: Source

  func read(from address: Address, count: Int) throws(WorldError) -> [UInt8] {
    try world.copyRead(from: address, count: count)
  }

  func readAvailable(from address: Address, count: Int) throws(WorldError) -> [UInt8] {
    try world.copyReadAvailable(from: address, count: count)
  }
}
