// SPDX-License-Identifier: GPL-3.0-only
internal import CLinux

/// Carries out control transfers on a thread's registers, for single steps.
struct Stepper: ~Copyable {
  let process: Int32
  var decoder = Decoder()
  /// What it has read and written for the instruction.
  private(set) var accesses: [MemoryAccess] = []

  init(process: Int32) { self.process = process }

  /// Carries out the instruction at rip if it is a control transfer whose memory can be read; false
  /// when it is not, and then nothing has changed.
  mutating func transfer(_ registers: inout user_regs_struct) -> Bool {
    var bytes = [UInt8](repeating: 0, count: 16)
    let pc = UInt64(registers.rip)
    guard let instruction = decode(pc, &bytes) else { return false }
    accesses = []
    switch instruction.kind {
    case .jump: registers.rip = numericCast(instruction.target)
    case .conditionalJump:
      let taken = Condition.holds(instruction.condition, flags: UInt64(registers.eflags))
      registers.rip = numericCast(taken ? instruction.target : instruction.end)
    case .shortLoop: shortLoop(instruction, bytes, &registers)
    case .call: return call(instruction.target, from: instruction, &registers)
    case .indirectCall:
      guard let target = operand(bytes, instruction, registers) else { return false }
      return call(target, from: instruction, &registers)
    case .indirectJump:
      guard let target = operand(bytes, instruction, registers) else { return false }
      registers.rip = numericCast(target)
    case .ret:
      guard let target = readWord(UInt64(registers.rsp)) else { return false }
      registers.rip = numericCast(target)
      registers.rsp += 8 + numericCast(instruction.immediate)
    case .rare: return farReturn(bytes, &registers)
    default: return false
    }
    return true
  }

  /// lret and iretq within the same privilege and code segment.
  private mutating func farReturn(_ bytes: [UInt8], _ registers: inout user_regs_struct) -> Bool {
    let isWide = bytes[0] & 0xf8 == 0x48
    let opcode = bytes[bytes[0] & 0xf0 == 0x40 ? 1 : 0]
    let size: UInt64 = isWide ? 8 : 4
    let mask: UInt64 = isWide ? .max : 0xffff_ffff
    let stack = UInt64(registers.rsp)
    func popped(_ stepper: inout Stepper, _ index: UInt64) -> UInt64? {
      stepper.readWord(stack &+ index * size).map { $0 & mask }
    }
    guard let pc = popped(&self, 0), let selector = popped(&self, 1),
      selector & 0xffff == UInt64(registers.cs)
    else { return false }
    switch opcode {
    case 0xcb: registers.rsp = numericCast(stack &+ 2 * size)
    case 0xca:
      let at = bytes[0] & 0xf0 == 0x40 ? 2 : 1
      let extra = UInt64(bytes[at]) | UInt64(bytes[at + 1]) << 8
      registers.rsp = numericCast(stack &+ 2 * size &+ extra)
    case 0xcf:
      guard let flags = popped(&self, 2), let newStack = popped(&self, 3) else { return false }
      // What a program may change: CF PF AF ZF SF TF DF OF NT AC ID.
      let changeable: UInt64 = 0x24_4dd5
      registers.eflags = numericCast(
        UInt64(registers.eflags) & ~changeable | flags & changeable)
      registers.rsp = numericCast(newStack)
    default: return false
    }
    registers.rip = numericCast(pc)
    return true
  }

  /// rdgsbase and wrgsbase, on the guest's own base.
  mutating func segmentBase(_ registers: inout user_regs_struct) -> Bool {
    var bytes = [UInt8](repeating: 0, count: 16)
    guard let instruction = decode(UInt64(registers.rip), &bytes),
      instruction.kind == .guestSegmentBase
    else { return false }
    // mov gs, r16 with a null selector: the base becomes 0.
    let start = bytes[0] & 0xf0 == 0x40 ? 1 : 0
    if bytes[start] == 0x8e, bytes[start + 1] >> 6 == 3 {
      let source = Int(bytes[start + 1] & 7) | (start == 1 && bytes[0] & 1 != 0 ? 8 : 0)
      guard registers[register: source] & 0xfffc == 0 else { return false }
      registers.gs_base = 0
      registers.rip = numericCast(instruction.end)
      return true
    }
    // f3 [rex] 0f ae /1 rdgsbase, /3 wrgsbase, register operand
    guard bytes[0] == 0xf3 else { return false }
    let hasRex = bytes[1] & 0xf0 == 0x40
    let rex = hasRex ? bytes[1] : 0
    let modrm = bytes[Int(instruction.modrmOffset)]
    let number = Int(modrm & 7) | (rex & 1 != 0 ? 8 : 0)
    let isWide = rex & 8 != 0
    if (modrm >> 3) & 7 == 1 {
      let base = UInt64(registers.gs_base)
      registers[register: number] = isWide ? base : base & 0xffff_ffff
    } else {
      let value = registers[register: number]
      registers.gs_base = numericCast(isWide ? value : value & 0xffff_ffff)
    }
    registers.rip = numericCast(instruction.end)
    return true
  }

  mutating func decode(_ pc: UInt64, _ bytes: inout [UInt8]) -> Instruction? {
    var count = xv_read_remote(process, pc, &bytes, 15)
    if count < 0 {
      // The next page may be missing.
      count = xv_read_remote(process, pc, &bytes, Int(min(15, 0x1000 - (pc & 0xfff))))
    }
    guard count > 0 else { return nil }
    return decoder.decode(bytes, available: count, address: pc)
  }

  private mutating func call(
    _ target: UInt64, from instruction: Instruction, _ registers: inout user_regs_struct
  ) -> Bool {
    var address = instruction.end
    let place = UInt64(registers.rsp) &- 8
    guard xv_write_remote(process, place, &address, 8) == 8 else { return false }
    accesses.append(MemoryAccess(address: place, length: 8, isWrite: true))
    registers.rsp = numericCast(place)
    registers.rip = numericCast(target)
    return true
  }

  private func shortLoop(
    _ instruction: Instruction, _ bytes: [UInt8], _ registers: inout user_regs_struct
  ) {
    let is32Bit = bytes[0] == 0x67
    let opcode = bytes[is32Bit ? 1 : 0]
    var count = UInt64(registers.rcx)
    if opcode != 0xe3 {
      count = is32Bit ? (count &- 1) & 0xffff_ffff : count &- 1
      registers.rcx = numericCast(count)
    }
    let low = is32Bit ? count & 0xffff_ffff : count
    let isZeroFlag = UInt64(registers.eflags) & 0x40 != 0
    let taken: Bool
    switch opcode {
    case 0xe0: taken = low != 0 && !isZeroFlag
    case 0xe1: taken = low != 0 && isZeroFlag
    case 0xe2: taken = low != 0
    default: taken = low == 0
    }
    registers.rip = numericCast(taken ? instruction.target : instruction.end)
  }

  private mutating func operand(
    _ bytes: [UInt8], _ instruction: Instruction, _ registers: user_regs_struct
  ) -> UInt64? {
    let modrm = bytes[Int(instruction.modrmOffset)]
    if modrm >> 6 == 3 {
      let number = Int(modrm & 7) | (instruction.prefix.contains(.rexB) ? 8 : 0)
      return registers[register: number]
    }
    guard let memory = decoder.details(of: bytes, length: Int(instruction.length)).memoryOperand
    else { return nil }
    var address = memory.address(registers, end: instruction.end)
    if instruction.prefix.contains(.fs) { address &+= UInt64(registers.fs_base) }
    if instruction.prefix.contains(.gs) { address &+= UInt64(registers.gs_base) }
    return readWord(address)
  }

  private mutating func readWord(_ address: UInt64) -> UInt64? {
    var value: UInt64 = 0
    guard xv_read_remote(process, address, &value, 8) == 8 else { return nil }
    accesses.append(MemoryAccess(address: address, length: 8, isWrite: false))
    return value
  }
}

/// The processor's sixteen conditions (Intel SDM volume 1, appendix B).
enum Condition {
  static func holds(_ code: UInt8, flags: UInt64) -> Bool {
    let carry = flags & 1 != 0
    let parity = flags & 4 != 0
    let zero = flags & 0x40 != 0
    let sign = flags & 0x80 != 0
    let overflow = flags & 0x800 != 0
    let base: Bool
    switch code >> 1 {
    case 0: base = overflow
    case 1: base = carry
    case 2: base = zero
    case 3: base = carry || zero
    case 4: base = sign
    case 5: base = parity
    case 6: base = sign != overflow
    default: base = zero || sign != overflow
    }
    return base != (code & 1 == 1)
  }
}
