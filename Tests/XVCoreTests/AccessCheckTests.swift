// SPDX-License-Identifier: GPL-3.0-only
import Testing

@testable import XVCore

/// What fragments look at before they access memory.
@Suite(.timeLimit(.minutes(1))) struct AccessCheckTests {
  /// As a fragment does.
  private func looksWatched(_ filter: WatchFilter, _ access: MemoryAccess) -> Bool {
    let start = filter.starts[Int(access.address & 0xffff)]
    let length = WatchFilter.lengthIndex(Int(access.length))!
    let verdict = WatchFilter.verdict(length: length, isWrite: access.isWrite)
    return start != 0 && verdict[Int(start)] != 0
      && filter.highBytes[Int(access.address >> 16 & 0xff)] != 0
      && filter.highBytes[0x100 + Int(access.address >> 24 & 0xff)] != 0
  }

  @Test func nothingWatchedIsMissed() {
    var numbers = RepeatableNumbers(seed: 7)
    var met = 0
    for _ in 0..<300 {
      let size = UInt64.random(in: 1...[8, 100, 5000, 70_000].randomElement(using: &numbers)!, using: &numbers)
      let base = UInt64.random(in: 0x1_0000...0x7fff_ffff_0000, using: &numbers)
      let kind: Watchpoint.Kind = Bool.random(using: &numbers) ? .write : .access
      let watchpoint = Watchpoint(kind, at: OriginalAddress(base), length: size)
      let filter = WatchFilter([watchpoint])
      var set = WatchpointSet()
      let isTaken = set.insert(watchpoint, mayUseRegisters: false)
      #expect(isTaken)
      for _ in 0..<300 {
        let near = base &- 80 &+ UInt64.random(in: 0..<(size + 160), using: &numbers)
        let access = MemoryAccess(
          address: near, length: UInt64.random(in: 1...64, using: &numbers),
          isWrite: Bool.random(using: &numbers))
        guard set.hit([access]) != nil else { continue }
        met += 1
        guard looksWatched(filter, access) else {
          Issue.record("\(watchpoint) is not seen by \(access)")
          return
        }
      }
    }
    #expect(met > 10_000)
  }

  @Test func littleElseLooksWatched() {
    let filter = WatchFilter([Watchpoint(.write, at: OriginalAddress(0x7fff_1234_5678), length: 4)])
    func looks(_ address: UInt64, _ length: UInt64, isWrite: Bool = true) -> Bool {
      looksWatched(filter, MemoryAccess(address: address, length: length, isWrite: isWrite))
    }
    #expect(looks(0x7fff_1234_5678, 1) && looks(0x7fff_1234_567b, 1))
    #expect(!looks(0x7fff_1234_5677, 1) && !looks(0x7fff_1234_567c, 1))
    #expect(looks(0x7fff_1234_5671, 8) && !looks(0x7fff_1234_5670, 8))
    #expect(looks(0x7fff_1234_5639, 64) && !looks(0x7fff_1234_5638, 64))
    #expect(!looks(0x7fff_1234_5678, 4, isWrite: false))
    #expect(!looks(0x7fff_1235_5678, 4) && !looks(0x7fff_2234_5678, 4))
  }

  @Test func theFirstRoundOfARepeatedInstruction() {
    var numbers = RepeatableNumbers(seed: 3)
    for _ in 0..<20_000 {
      let size: UInt64 = [1, 2, 4, 8].randomElement(using: &numbers)!
      let start = UInt64.random(in: 0x1000...0x1040, using: &numbers)
      let watchpoint = Watchpoint(
        .write, at: OriginalAddress(UInt64.random(in: 0x0fc0...0x1080, using: &numbers)),
        length: UInt64.random(in: 1...40, using: &numbers))
      let isDown = Bool.random(using: &numbers)
      let expected = (0..<UInt64(300)).first {
        let address = isDown ? start - $0 * size : start + $0 * size
        return MemoryAccess(address: address, length: size, isWrite: true).overlaps(watchpoint)
      }
      let found = Stepper.round(of: watchpoint, from: start, size: size, isDown: isDown)
      guard found == expected else {
        Issue.record("\(watchpoint) from \(start), \(size) bytes, down \(isDown): \(String(describing: found))")
        return
      }
    }
  }

  private func accesses(_ bytes: [UInt8]) -> InstructionAccesses {
    var decoder = Decoder()
    return decoder.accesses(of: bytes + [UInt8](repeating: 0, count: 16), length: bytes.count)
  }

  private func plain(_ bytes: [UInt8]) -> [[Int64]] {
    let found = accesses(bytes)
    guard case .plain = found.form else { return [] }
    return found.operands.map {
      [$0.memory.displacement, Int64($0.size), $0.isRead ? 1 : 0, $0.isWritten ? 1 : 0]
    }
  }

  @Test func implicitAccesses() {
    #expect(plain([0x50]) == [[-8, 8, 0, 1]])  // push rax
    #expect(plain([0x66, 0x50]) == [[-2, 2, 0, 1]])  // push ax
    #expect(plain([0x58]) == [[0, 8, 1, 0]])  // pop rax
    #expect(plain([0xff, 0x33]) == [[0, 8, 1, 0], [-8, 8, 0, 1]])  // push [rbx]
    #expect(plain([0x8f, 0x44, 0x24, 8]) == [[16, 8, 0, 1], [0, 8, 1, 0]])  // pop [rsp+8]
    #expect(plain([0xe8, 0, 0, 0, 0]) == [[-8, 8, 0, 1]])  // call
    #expect(plain([0xff, 0x13]) == [[0, 8, 1, 0], [-8, 8, 0, 1]])  // call [rbx]
    #expect(plain([0xc3]) == [[0, 8, 1, 0]])  // ret
    #expect(plain([0xc9]) == [[0, 8, 1, 0]])  // leave
    #expect(plain([0xc8, 16, 0, 3]) == [[-32, 32, 0, 1]])  // enter 16, 3
    #expect(plain([0xa4]) == [[0, 1, 0, 1], [0, 1, 1, 0]])  // movsb
    #expect(plain([0x0f, 0xb1, 0x0b]) == [[0, 4, 1, 1]])  // cmpxchg [rbx], ecx
    #expect(plain([0x66, 0x0f, 0xf7, 0xca]) == [[0, 16, 0, 1]])  // maskmovdqu
    for none: [UInt8] in [
      [0x8d, 0x03], [0x0f, 0x1f, 0x03], [0x0f, 0x18, 0x03], [0x0f, 0xae, 0x3b], [0x89, 0xc3],
      [0xf3, 0x0f, 0x1e, 0xfa],
    ] {
      #expect(accesses(none).operands.isEmpty)
    }
  }

  @Test func accessesOfOtherForms() {
    if case .repeated(.counted) = accesses([0xf3, 0xa4]).form {} else { Issue.record("rep movsb") }
    if case .repeated(.whileEqual) = accesses([0xf3, 0xa6]).form {} else { Issue.record("repe cmpsb") }
    if case .repeated(.whileDifferent) = accesses([0xf2, 0xae]).form {} else { Issue.record("repne scasb") }
    if case .bitString(register: 0) = accesses([0x0f, 0xab, 0x03]).form {} else { Issue.record("bts") }
    if case .plain = accesses([0x0f, 0xba, 0x2b, 3]).form {} else { Issue.record("bts imm8") }
    if case .table = accesses([0xd7]).form {} else { Issue.record("xlat") }
    if case .state = accesses([0x48, 0x0f, 0xc7, 0x23]).form {} else { Issue.record("xsavec64") }
    // vpscatterdq [rbx+ymm0]{k1}, zmm0
    if case .gathered(let index) = accesses([0x62, 0xf2, 0xfd, 0x49, 0xa0, 0x04, 0x03]).form {
      #expect(index.register == 0 && index.size == 4 && index.count == 8)
      if case .opmask(1) = index.mask {} else { Issue.record("k1") }
    } else {
      Issue.record("vpscatterdq")
    }
    // vgatherqps xmm1, [rbx+ymm2*4], xmm3
    if case .gathered(let index) = accesses([0xc4, 0xe2, 0x65, 0x93, 0x0c, 0x93]).form {
      #expect(index.register == 2 && index.size == 8 && index.count == 4)
      if case .vector(3) = index.mask {} else { Issue.record("xmm3") }
    } else {
      Issue.record("vgatherqps")
    }
  }

  @Test func bitNumbersLeadFarAway() {
    var operand = accesses([0x0f, 0xab, 0x03]).operands[0]
    #expect(operand.distance(ofBit: 31) == 0 && operand.distance(ofBit: 32) == 4)
    #expect(operand.distance(ofBit: UInt64(bitPattern: -1)) == 0 &- 4)
    operand.size = 8
    #expect(operand.distance(ofBit: 131) == 16)
  }
}
