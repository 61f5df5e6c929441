// SPDX-License-Identifier: GPL-3.0-only
internal import CLinux

/// Trusting writable code: docs/sequences/trusted-pages.md. All of it with the lock held.
extension Engine {
  /// A block of writable code has run often. Protects its pages, so that it need not check itself.
  func trust(_ thread: ThreadID, _ target: UInt64) {
    guard let number = translator.pointee.liveBlock(target) else { return }
    contexts[thread]?.resetCount(number)
    guard let area = translator.pointee.ranges.area(containing: target), area.isVolatile,
      !area.isShared
    else { return }
    // An instruction may reach into the next page.
    let length = max(UInt64(translator.pointee.blocks[Int(number)].length), 1) &+ 14
    let range = (target..<(target &+ length)).clamped(to: area.range)
    let pages = TrustedPages.pages(of: range)
    guard !isBeingWritten(range) else { return }
    if areThere(pages), translator.pointee.trusted.protect(range, in: anonymousMapping) {
      trace("trusts the code at \(OriginalAddress(target))")
      forgetCode((pages.lowerBound << 12)..<(pages.upperBound << 12))
    } else {
      forgetCode(target..<(target &+ 1))
    }
  }

  /// Brings pages into memory. The kernel protects none that is not there (mm/mprotect.c, change_pte_range), and says
  /// nothing of it.
  private func areThere(_ pages: Range<UInt64>) -> Bool {
    var byte: UInt8 = 0
    return pages.allSatisfy { xv_read_remote(memoryOwner, $0 << 12, &byte, 1) == 1 }
  }

  /// The mapping that holds an address, if it is of no file: a private mapping shows what others write to its file, too.
  private func anonymousMapping(at address: UInt64) -> Range<UInt64>? {
    let line = AddressMap(process: memoryOwner).lines.first { $0.range.contains(address) }
    return line.flatMap { $0.inode == 0 && !$0.isShared ? $0.range : nil }
  }

  /// A thread waits because it writes to a protected page.
  ///
  /// If it stands in code of that page, more of what it is about to run may be what it writes: it must
  /// leave its fragment before it may go on, which is the tracer's to do.
  ///
  /// `number`: the thread's in its own pid namespace.
  func answerWrite(_ number: Int32, at address: UInt64) {
    let page = address >> 12
    let range = (page << 12)..<((page &+ 1) << 12)
    let thread = thread(numbered: number)
    // Its wait was broken off and has begun again. The tracer comes for it.
    if let thread, heldWrites[thread] == page { return }
    let place = thread.flatMap(waitingPlace).flatMap(cachePlace(of:))
    let isHeld = heldWrites.values.contains(page)
    // What was made since somebody is held checks itself; what was trusted is dead.
    let isInside = place.map { isHeld ? isInDeadCode($0) : self.isInside($0, codeOf: page) } ?? false
    // It waits for the one that is held. Not where the kernel writes for it (a system call, a signal's frame): there it
    // cannot be stopped, and somebody may wait for that.
    if isHeld, !isInside, place != nil { return }
    forgetCode(range)
    if isInside, let thread, contexts[thread] != nil {
      translator.pointee.trusted.distrust(page: page)
      heldWrites[thread] = page
      park(thread, .writesCode)
    } else {
      translator.pointee.trusted.release(page: page)
    }
  }

  /// The thread is interrupted and cannot run on in its fragment: its write may happen.
  func releaseHeldWrite(_ thread: ThreadID) {
    guard let page = heldWrites.removeValue(forKey: thread), !heldWrites.values.contains(page) else { return }
    translator.pointee.trusted.release(page: page)
  }

  /// xv itself is about to write: it must not wait for its own protection, nor for a thread that is held.
  func prepareWrite(_ range: Range<UInt64>) {
    let pages = TrustedPages.pages(of: range)
    let held = heldWrites.values.filter(pages.contains)
    for page in translator.pointee.trusted.protectedPages(of: range) + held {
      forgetCode((page << 12)..<((page &+ 1) << 12))
      translator.pointee.trusted.release(page: page)
    }
  }

  /// Makes the mappings of which a range has a part such as the program made them, by giving up trust in all of them, also
  /// outside the range. Whether there was any.
  func unregister(_ range: Range<UInt64>) -> Bool { unregister(mappings(in: range)) }

  /// The same for a call that may do a part before it finds that what was one mapping is several.
  func unregisterIfSeveral(_ range: Range<UInt64>) {
    let lines = mappings(in: range)
    if lines.count > 1 { _ = unregister(lines) }
  }

  /// Those of which a range has a part, if any may be registered.
  private func mappings(in range: Range<UInt64>) -> [AddressMap.Line] {
    guard case .open = translator.pointee.trusted.access else { return [] }
    return AddressMap(process: memoryOwner).lines.filter { $0.range.overlaps(range) }
  }

  private func unregister(_ lines: [AddressMap.Line]) -> Bool {
    var hasAny = false
    for line in lines where line.inode == 0 && !line.isShared {
      forgetCode(line.range)
      if translator.pointee.trusted.unregister(line.range) { hasAny = true }
    }
    return hasAny
  }

  private typealias CachePlace = (arena: Int, offset: UInt32)

  private func cachePlace(of pc: UInt64) -> CachePlace? {
    translator.pointee.arena(containing: pc).map { ($0, UInt32(pc &- translator.pointee.arenas[$0].guest)) }
  }

  /// Whether a thread at a place stands in a fragment with code of a page.
  private func isInside(_ place: CachePlace, codeOf page: UInt64) -> Bool {
    translator.pointee.pages.blocks(pages: page..<(page &+ 1)).contains { number in
      let unit = translator.pointee.blocks[Int(number)].unit
      guard unit >= 0 else { return false }
      let record = translator.pointee.units[Int(unit)]
      return Int(record.arena) == place.arena && record.holds(place.offset)
    }
  }

  private func isInDeadCode(_ place: CachePlace) -> Bool {
    (0..<translator.pointee.units.count).contains { number in
      let record = translator.pointee.units[number]
      return record.isDead && Int(record.arena) == place.arena && record.holds(place.offset)
    }
  }

  /// The thread that has a number in the program's pid namespace, which a userfaultfd names.
  private func thread(numbered number: Int32) -> ThreadID? {
    let thread = ThreadID(number)
    guard hasOwnPIDs else { return contexts[thread] != nil ? thread : nil }
    return contexts.keys.first {
      ProcessStatus(of: $0.rawValue)?.text("NSpid")?.split(separator: "\t").last.flatMap { Int32($0) } == number
    }
  }

  /// The pc of a thread that waits in the kernel, but not in a system call, where it stands behind all of its fragment's
  /// code: proc_pid_syscall(5), `-1 sp pc`.
  private func waitingPlace(_ thread: ThreadID) -> UInt64? {
    let descriptor = xv_open("/proc/\(thread.rawValue)/syscall", O_RDONLY | O_CLOEXEC, 0)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var bytes = [UInt8](repeating: 0, count: 256)
    let count = read(descriptor, &bytes, bytes.count)
    let fields = String(decoding: bytes.prefix(max(0, count)), as: UTF8.self)
      .split { $0 == " " || $0 == "\n" }
    guard fields.count == 3, fields[0] == "-1" else { return nil }
    return UInt64(fields[2].dropFirst(2), radix: 16)
  }
}
