// SPDX-License-Identifier: GPL-3.0-only
internal import CLinux

/// What mapping calls have changed: where code may be, which of it is still the same, what is constant. The lock is
/// held in all of these. The sequence of events: docs/sequences/invalidation.md.
extension Engine {
  /// What a call has changed, as far as its arguments and its result tell.
  func changedRanges(_ number: Int32, _ arguments: [UInt64], _ result: Int64) -> [Range<UInt64>] {
    guard result >= 0 || result < -4095 else { return [] }
    let value = UInt64(bitPattern: result)
    switch number {
    case InterceptedCall.mmap: return [span(value, arguments[1])]
    case InterceptedCall.munmap, InterceptedCall.mprotect, InterceptedCall.pkeyMprotect:
      return [span(arguments[0], arguments[1])]
    case InterceptedCall.mremap: return [span(arguments[0], arguments[1]), span(value, arguments[2])]
    default: return []
    }
  }

  /// What a call means, as far as there are addresses: arguments of calls that were refused are anything.
  private func span(_ address: UInt64, _ length: UInt64) -> Range<UInt64> {
    let end = Engine.addressEnd
    guard address < end else { return address..<address }
    return address..<(address + min(roundedUp(length), end - address))
  }

  /// Above all addresses of a program (arch/x86/include/asm/page_64_types.h, TASK_SIZE_MAX, and its guard page).
  static let addressEnd: UInt64 = 1 << 47
  /// Nothing is mapped below (vm.mmap_min_addr), or by a call that was seen.
  private static let lowestAddress: UInt64 = 0x1_0000

  /// `arguments` are the six of mmap.
  func noteMapped(at address: UInt64, _ arguments: [UInt64]) {
    let anonymous: UInt64 = 0x20
    noteUnmapped(address, arguments[1])
    guard arguments[2] & 4 != 0, arguments[1] > 0 else { return }
    translator.pointee.ranges.add(
      ExecutableRanges.Area(
        range: address..<(address &+ roundedUp(arguments[1])),
        protection: Int32(truncatingIfNeeded: arguments[2] & 7),
        isFile: arguments[3] & anonymous == 0 && arguments[3] & 0xf == 2,
        isShared: arguments[3] & 0xf != 2,
        module: persistedModule(
          path: "/proc/\(memoryOwner)/fd/\(Int32(truncatingIfNeeded: arguments[4]))",
          slide: address &- arguments[5],
          isWanted: arguments[3] & anonymous == 0 && arguments[2] & 2 == 0, isSure: { _ in true })))
  }

  /// A call that failed may have done a part: mm/mprotect.c and mm/madvise.c go from mapping to mapping until one is
  /// missing, sealed, locked or without memory; mm/vma.c and mm/mremap.c take away what MAP_FIXED and MREMAP_FIXED
  /// name before a driver or a filesystem has its say.
  func noteFailed(_ number: Int32, _ arguments: [UInt64]) {
    let fixed: UInt64 = 0x10
    let remapFixed: UInt64 = 2
    let isPartial: Bool
    var ranges = [span(arguments[0], arguments[1])]
    switch number {
    case InterceptedCall.mprotect, InterceptedCall.pkeyMprotect: isPartial = true
    case InterceptedCall.madvise: return noteAdvised(arguments)
    case InterceptedCall.processMadvise: return noteAdvisedPieces(arguments)
    case InterceptedCall.mmap: isPartial = arguments[3] & fixed != 0
    case InterceptedCall.mremap:
      isPartial = arguments[3] & remapFixed != 0 && arguments[4] & 0xfff == 0
      ranges.append(span(arguments[4], arguments[2]))
    default: isPartial = false
    }
    // One that names no page is refused before anything.
    guard isPartial, arguments[0] & 0xfff == 0 else { return }
    var isConcerned = false
    for range in ranges {
      let wasConstant = translator.pointee.constants.remove(range)
      guard wasConstant || translator.pointee.ranges.overlaps(range) else { continue }
      isConcerned = true
      translator.pointee.trusted.forget(range)
      forgetCode(range)
    }
    if isConcerned { rereadMap() }
  }

  func noteUnmapped(_ address: UInt64, _ length: UInt64) {
    let range = span(address, length)
    formerly.remove(range)
    if translator.pointee.constants.remove(range) { forgetCode(range) }
    guard translator.pointee.ranges.overlaps(range) else { return }
    translator.pointee.ranges.remove(range)
    translator.pointee.trusted.forget(range)
    forgetCode(range)
  }

  /// MADV_DONTNEED, MADV_FREE, MADV_REMOVE, MADV_DONTNEED_LOCKED put zeros, or what is in the file, where code was;
  /// MADV_GUARD_INSTALL leaves nothing, and MADV_GUARD_REMOVE zeros. What was protected is so no more.
  func noteAdvised(_ arguments: [UInt64]) {
    let range = span(arguments[0], arguments[1])
    // The kernel takes an int.
    guard [4, 8, 9, 24, 102, 103].contains(Int32(truncatingIfNeeded: arguments[2])),
      translator.pointee.ranges.overlaps(range) || translator.pointee.constants.overlaps(range)
    else { return }
    translator.pointee.trusted.forget(range)
    forgetCode(range)
  }

  /// process_madvise(2), of whichever process: what is forgotten is translated again.
  func noteAdvisedPieces(_ arguments: [UInt64]) {
    let words = advisedPieces(arguments)
    for piece in stride(from: 0, to: words.count, by: 2) { noteAdvised([words[piece], words[piece + 1], arguments[3]]) }
  }

  /// Address and length of each range that process_madvise(2) is about.
  func advisedPieces(_ arguments: [UInt64]) -> [UInt64] {
    let most: UInt64 = 1024
    return readWords(arguments[1], Int(min(arguments[2], most)) * 2) ?? []
  }

  func noteProtected(_ arguments: [UInt64]) {
    let growing: UInt64 = 0x0300_0000  // PROT_GROWSDOWN, PROT_GROWSUP
    let range = span(arguments[0], arguments[1])
    guard !range.isEmpty else { return }
    // It reaches as far as the mapping does.
    if arguments[2] & growing != 0 { return rereadMap() }
    let old = translator.pointee.ranges.areas(in: range)
    let protection = Int32(truncatingIfNeeded: arguments[2] & 7)
    translator.pointee.ranges.remove(range)
    let wasConstant = translator.pointee.constants.remove(range)
    if protection == 1 { translator.pointee.constants.add(range, isSure: false) }
    if protection & 4 != 0 {
      // What was file-backed and never writable stays so.
      let isFile =
        old.count == 1 && old[0].range == range && old[0].isFile && protection & 2 == 0
      let isShared =
        ExecutableRanges.sharesAny(of: range, old)
        ?? ExecutableRanges.sharesAny(of: range, formerly.areas(in: range)) ?? isMappedShared(range)
      let area = ExecutableRanges.Area(
        range: range, protection: protection, isFile: isFile, isShared: isShared,
        module: isFile ? old[0].module : -1)
      translator.pointee.ranges.add(area)
      formerly.add(area)
    }
    guard !old.isEmpty || wasConstant else { return }
    translator.pointee.trusted.forget(range)
    forgetCode(range)
  }

  private func isMappedShared(_ range: Range<UInt64>) -> Bool {
    AddressMap(process: memoryOwner).lines.contains { $0.range.overlaps(range) && $0.isShared }
  }

  /// mremap: of several mappings each keeps its kind, and the last one grows. MREMAP_DONTUNMAP leaves an empty mapping
  /// where it was; with an old size of 0 a shared one is there twice.
  func noteMoved(_ arguments: [UInt64], to address: UInt64) {
    let dontUnmap: UInt64 = 4
    let from = arguments[0]
    let old = span(from, arguments[1])
    let new = span(address, arguments[2])
    guard address != from else {
      if new.upperBound < old.upperBound {
        noteUnmapped(new.upperBound, old.upperBound - new.upperBound)
      } else if new.upperBound > old.upperBound {
        noteUnmapped(old.upperBound, new.upperBound - old.upperBound)
        if var last = translator.pointee.ranges.area(containing: old.upperBound - 1) {
          last.range = old.upperBound..<new.upperBound
          last.module = -1
          translator.pointee.ranges.add(last)
        }
      }
      return
    }
    var areas = translator.pointee.ranges.areas(in: old)
    if old.isEmpty {
      areas = translator.pointee.ranges.area(containing: from).map { [$0] } ?? []
      if !areas.isEmpty { areas[0].range = from..<(from &+ (new.upperBound - new.lowerBound)) }
    } else if arguments[3] & dontUnmap != 0 {
      translator.pointee.constants.remove(old)
      translator.pointee.trusted.forget(old)
      forgetCode(old)
    } else {
      noteUnmapped(from, arguments[1])
    }
    noteUnmapped(address, arguments[2])
    for area in areas {
      var moved = area
      let start = address &+ (area.range.lowerBound &- from)
      let end = area.range.upperBound == old.upperBound ? new.upperBound : address &+ (area.range.upperBound &- from)
      moved.range = (start..<max(start, end)).clamped(to: new)
      moved.module = -1
      if !moved.range.isEmpty { translator.pointee.ranges.add(moved) }
    }
  }

  /// brk: what lies above the new end is gone. The result is the end, which an attached program has had before.
  func noteBreak(_ end: UInt64, _ wanted: UInt64) {
    let former = programBreak
    programBreak = end
    if former == 0, wanted != 0 { return rereadMap() }
    if end < former { noteUnmapped(roundedUp(end), roundedUp(former) - roundedUp(end)) }
  }

  /// shmat: SHM_REMAP takes away what was there.
  func noteAttached(_ address: UInt64) {
    let line = AddressMap(process: memoryOwner).lines.first { $0.range.lowerBound == address }
    if let range = line?.range { noteUnmapped(address, range.upperBound - address) }
    rereadMap()
  }

  /// Throws away what was translated from a range.
  func forgetCode(_ range: Range<UInt64>) {
    translator.pointee.invalidate(range) { original, kind in
      virtualization.forgetTarget(original, kind)
    }
  }

  // MARK: What the kernel knows

  /// Takes the executable ranges from /proc/PID/maps. Not in guard mode, where it shows xv's doing.
  func rereadMap() {
    guard !options.guardOriginalCode else { return }
    let map = AddressMap(process: memoryOwner)
    for range in translator.pointee.constants.ranges { forgetCode(range) }
    let old = translator.pointee.ranges.areas
    translator.pointee.ranges.removeAll()
    noteConstants(map)
    for line in map.lines { if let area = area(of: line) { translator.pointee.ranges.add(area) } }
    // What was known of other places, or of these otherwise, is no more.
    for area in old {
      let now = translator.pointee.ranges.areas(in: area.range)
      if now.count == 1, now[0].range == area.range, now[0].protection == area.protection, now[0].isShared == area.isShared {
        translator.pointee.ranges.add(area)
      } else {
        translator.pointee.trusted.forget(area.range)
        forgetCode(area.range)
      }
    }
  }

  /// Takes from /proc/PID/maps what is in a range. Not in guard mode.
  func relearn(_ range: Range<UInt64>) {
    noteUnmapped(range.lowerBound, range.upperBound - range.lowerBound)
    for line in AddressMap(process: memoryOwner).lines where line.range.overlaps(range) {
      guard var area = area(of: line) else { continue }
      area.range = area.range.clamped(to: range)
      translator.pointee.ranges.add(area)
    }
  }

  /// Learns of a mapping that has come into being without a call that said so, as a stack grows. Not in guard mode.
  func learnArea(containing address: UInt64) -> Bool {
    guard !options.guardOriginalCode, (Engine.lowestAddress..<Engine.addressEnd).contains(address),
      let line = AddressMap(process: memoryOwner).lines.first(where: { $0.range.contains(address) }),
      let area = area(of: line)
    else { return false }
    trace("learns of the code at \(OriginalAddress(address))")
    translator.pointee.ranges.add(area)
    return true
  }

  private func area(of line: AddressMap.Line) -> ExecutableRanges.Area? {
    guard line.protection & 4 != 0, line.path != "[vsyscall]", !isOwn(line.range) else { return nil }
    return ExecutableRanges.Area(
      range: line.range, protection: line.protection,
      isFile: (line.inode != 0 || line.path == "[vdso]") && !line.isShared, isShared: line.isShared)
  }

  /// What may be read only of private mappings of files, as the map has it.
  func noteConstants(_ map: AddressMap) {
    translator.pointee.constants.removeAll()
    for line in map.lines where line.protection == 1 && !line.isShared && line.inode != 0 {
      translator.pointee.constants.add(line.range, isSure: true)
    }
  }

  func isOwn(_ range: Range<UInt64>) -> Bool {
    overlapsXV(range.lowerBound, range.upperBound - range.lowerBound)
  }
}
