// SPDX-License-Identifier: GPL-3.0-only
internal import CLinux
import Glibc

/// A process that another program's address space is built in, by calls that it is made to carry out.
struct Inloader {
  let tracer: Tracer
  let image: SwapImage
  let main: ThreadID
  /// Any; they are put back after each call.
  let registers: user_regs_struct
  /// Where vdso and scratch memory are meanwhile.
  private(set) var hole: Range<UInt64> = 0..<0
  private var specials: [(now: Range<UInt64>, then: Range<UInt64>)] = []

  static let scratchSize: UInt64 = 0x10000
  /// Behind the last byte that a program can have (arch/x86/include/asm/page_64_types.h).
  private static let end: UInt64 = 0x7fff_ffff_f000

  var scratch: UInt64 { hole.upperBound - Inloader.scratchSize }

  init(tracer: Tracer, image: SwapImage, main: ThreadID, registers: user_regs_struct) {
    self.tracer = tracer
    self.image = image
    self.main = main
    self.registers = registers
  }

  func failure(_ why: String) -> GuestError { .cannotInload(path: image.path, why: why) }

  // MARK: Calls

  /// The kernel's answer, which may be a negative errno.
  @discardableResult
  func ask(_ number: UInt64, _ arguments: [UInt64], by thread: ThreadID? = nil) throws(GuestError) -> Int64 {
    try tracer.inject(thread ?? main, registers, at: tracer.vdsoCall, number, arguments)
  }

  @discardableResult
  func call(
    _ what: String, _ number: UInt64, _ arguments: [UInt64], by thread: ThreadID? = nil
  ) throws(GuestError) -> UInt64 {
    let result = try ask(number, arguments, by: thread)
    if result < 0, result >= -4095 {
      throw failure("\(what): \(String(cString: strerror(Int32(-result))))")
    }
    return UInt64(bitPattern: result)
  }

  /// Puts bytes where a call finds them.
  func put(_ bytes: [UInt8], at offset: UInt64 = 0) throws(GuestError) -> UInt64 {
    let place = scratch + offset
    guard xv_write_remote(tracer.process, place, bytes, bytes.count) == bytes.count else { throw .gone }
    return place
  }

  func put(_ words: [UInt64], at offset: UInt64 = 0) throws(GuestError) -> UInt64 {
    try put(words.withUnsafeBytes { Array($0) }, at: offset)
  }

  func put(_ text: String) throws(GuestError) -> UInt64 { try put(Array(text.utf8) + [0]) }

  // MARK: The address space

  /// Leaves nothing but the vdso and scratch memory, out of the way.
  mutating func clear(_ record: SwapRecord) throws(GuestError) {
    let map = AddressMap(process: tracer.process)
    guard let instruction = tracer.systemCallInstruction(map) else {
      throw failure("this kernel's vdso holds no system call instruction")
    }
    tracer.vdsoCall = instruction
    let now = map.lines.filter { $0.path.hasPrefix("[vvar") || $0.path == "[vdso]" }
    let then = record.mappings.filter { $0.kind == .special }
    try compare(now, then)
    guard let start = now.map(\.range.lowerBound).min(), let last = now.map(\.range.upperBound).max() else {
      throw failure("this kernel has no vdso")
    }
    let span = last - start
    let candidates = (1...4096).lazy.map { UInt64($0) << 28 }.filter { place in
      let wanted = place..<place + span + Inloader.scratchSize
      return !record.mappings.contains { $0.range.overlaps(wanted) }
    }
    guard let place = map.firstFree(candidates, size: span + Inloader.scratchSize) else {
      throw failure("there is no free place in its address space")
    }
    hole = place..<place + span + Inloader.scratchSize
    try call("memory", 9, [scratch, Inloader.scratchSize, 3, 0x10_0022, UInt64.max, 0])
    for (line, old) in zip(now, then) {
      let target = place + (line.range.lowerBound - start)
      try move(line.range, to: target, isCode: line.path == "[vdso]")
      specials.append((now: Range(at: target, count: UInt64(line.range.count)), then: old.range))
    }
    try call("unmapping", 11, [0, hole.lowerBound])
    try call("unmapping", 11, [hole.upperBound, Inloader.end - hole.upperBound])
  }

  /// Both are the kernel's own, in the order of their addresses.
  private func compare(_ now: [AddressMap.Line], _ then: [SwapMapping]) throws(GuestError) {
    let refusal = failure("it was written under another kernel: the vdso is another one")
    guard now.count == then.count, let first = now.first, let old = then.first else { throw refusal }
    for (line, mapping) in zip(now, then) {
      guard line.path == mapping.path, line.range.count == mapping.range.count,
        line.range.lowerBound - first.range.lowerBound == mapping.range.lowerBound - old.range.lowerBound
      else { throw refusal }
      guard line.path == "[vdso]" else { continue }
      var code = [UInt8](repeating: 0, count: line.range.count)
      guard xv_read_remote(tracer.process, line.range.lowerBound, &code, code.count) == code.count,
        try image.readMemory(at: mapping.range.lowerBound, count: code.count) == code
      else { throw refusal }
    }
  }

  private func move(_ range: Range<UInt64>, to target: UInt64, isCode: Bool) throws(GuestError) {
    let fixed: UInt64 = 3  // MREMAP_MAYMOVE, MREMAP_FIXED
    let size = UInt64(range.count)
    try call("moving the vdso", 25, [range.lowerBound, size, size, fixed, target])
    if isCode { tracer.vdsoCall = tracer.vdsoCall - range.lowerBound + target }
  }

  /// The vdso goes where it was, and nothing else is left.
  mutating func close(_ record: SwapRecord) throws(GuestError) {
    for special in specials {
      try move(special.now, to: special.then.lowerBound, isCode: special.now.contains(tracer.vdsoCall))
    }
    try call("unmapping", 11, [hole.lowerBound, UInt64(hole.count)])
  }

  func map(_ record: SwapRecord) throws(GuestError) {
    var opened: [String: UInt64] = [:]
    for mapping in record.mappings where mapping.kind != .special {
      var flags: UInt64 = 0x10_0000  // MAP_FIXED_NOREPLACE
      var file = UInt64.max
      var protection = mapping.protection
      switch mapping.kind {
      case .anonymous: flags |= 0x22
      case .sharedAnonymous:
        flags |= 0x21
        // Until it is filled; who cannot write to shared memory has no copy of his own.
        protection |= 2
      case .privateFile, .sharedFile:
        flags |= mapping.kind == .privateFile ? 0x02 : 0x01
        let writes = mapping.kind == .sharedFile && mapping.flags.contains(.mayWrite)
        let key = (writes ? "w" : "r") + mapping.path
        if let known = opened[key] {
          file = known
        } else {
          let mode = UInt64((writes ? O_RDWR : O_RDONLY) | O_CLOEXEC)
          file = try call("opening \(mapping.path)", 2, [try put(mapping.path), mode, 0])
          opened[key] = file
        }
      case .special: continue
      }
      if mapping.flags.contains(.growsDown) { flags |= 0x2_0100 }  // and MAP_STACK
      if mapping.flags.contains(.noReserve) { flags |= 0x4000 }
      try call(
        "mapping \(OriginalAddress(mapping.range.lowerBound))", 9,
        [
          mapping.range.lowerBound, UInt64(mapping.range.count), protection, flags, file,
          file == UInt64.max ? 0 : mapping.offset,
        ])
    }
    for file in opened.values { try call("close", 3, [file]) }
  }

  /// Writes what the image holds; each block is checked.
  func fill(_ record: SwapRecord) throws(GuestError) {
    let memory = xv_open("/proc/\(tracer.process)/mem", O_RDWR | O_CLOEXEC, 0)
    guard memory >= 0 else { throw .system(call: "open(mem)", errno: -memory) }
    defer { Glibc.close(memory) }
    let specials = record.mappings.filter { $0.kind == .special }
    for run in image.runs where !specials.contains(where: { $0.range.overlaps(run.range) }) {
      let mapping = record.mappings.first { $0.range.contains(run.range.lowerBound) }
      let isFresh = mapping?.kind == .anonymous || mapping?.kind == .sharedAnonymous
      var position = run.range.lowerBound
      while position < run.range.upperBound {
        let block: [UInt8]
        do throws(SwapDamage) {
          block = try image.block(of: run, at: position)
        } catch {
          throw failure(error.why)
        }
        if !isFresh || block.contains(where: { $0 != 0 }) { try write(block, at: position, memory) }
        position += UInt64(block.count)
      }
    }
    for mapping in record.mappings {
      let start = mapping.range.lowerBound
      let size = UInt64(mapping.range.count)
      if mapping.kind == .sharedAnonymous, mapping.protection & 2 == 0 {
        try call("mprotect", 10, [start, size, mapping.protection])
      }
      for (flag, advice) in SwapMapping.Flags.advices
      where mapping.flags.contains(flag) && mapping.kind != .special {
        try ask(28, [start, size, advice])
      }
      if mapping.flags.contains(.locked) { try call("mlock", 149, [start, size]) }
    }
  }

  /// By pages: behind the end of a file there is nothing to write to, and there was nothing.
  private func write(_ block: [UInt8], at address: UInt64, _ memory: Int32) throws(GuestError) {
    if SwapImage.put(memory, block, address) == 0 { return }
    for page in stride(from: 0, to: block.count, by: 4096) {
      let bytes = Array(block[page..<min(page + 4096, block.count)])
      let errno = SwapImage.put(memory, bytes, address + UInt64(page))
      guard errno == 0 || bytes.allSatisfy({ $0 == 0 }) else {
        throw failure("writing \(OriginalAddress(address + UInt64(page))): \(String(cString: strerror(errno)))")
      }
    }
  }

  /// Where the kernel believes that heap, stack and arguments are.
  func arrange(_ record: SwapRecord) throws(GuestError) {
    let auxiliary = try put(record.auxiliary, at: 0x1000)
    // struct prctl_mm_map (linux/prctl.h); exe_fd -1.
    let sizes = UInt64(record.auxiliary.count) | 0xffff_ffff << 32
    let layout = try put(record.layout + [auxiliary, sizes])
    try call("prctl(PR_SET_MM_MAP)", 157, [35, 14, layout, 104, 0])
    try call("umask", 95, [record.umask])
    // As far as it is permitted: who inloads may not be who outloaded.
    guard let identity = OutloadProcess.identity(tracer.process), identity != record.identity else { return }
    let (user, group) = (Array(record.identity[..<4]), Array(record.identity[4...]))
    try call("it was another user's (setresgid)", 119, Array(group[..<3]))
    try call("it was another user's (setresuid)", 117, Array(user[..<3]))
  }
}
