// SPDX-License-Identifier: GPL-3.0-only
internal import CLinux
internal import Glibc
internal import RSP
internal import WorldVM
internal import XVCore

/// Registers that a debugger put aside before it calls something in the program.
struct SavedRegisters {
  /// More than any debugger nests calls; the oldest goes.
  private static let most = 64
  private var kept: [(number: UInt64, registers: Registers)] = []
  private var last: UInt64 = 0

  mutating func keep(_ registers: Registers) -> UInt64 {
    last += 1
    if kept.count == Self.most { kept.removeFirst() }
    kept.append((last, registers))
    return last
  }

  mutating func take(_ number: UInt64) -> Registers? {
    kept.firstIndex { $0.number == number }.map { kept.remove(at: $0).registers }
  }
}

extension StubSession {
  func respond(to packet: RegisterPacket) throws(WorldError) -> Reply {
    guard let thread = packet.thread.map({ thread(matching: $0) }) ?? generalThread else {
      return .error(ESRCH)
    }
    if current.hasUntoldEnd { return zeros(packet) }
    var registers = try world.registers(of: thread, extended: true)
    switch packet.operation {
    case .readAll: return Reply(Hex.encode(layout.encode(registers)))
    case .read(let number):
      return layout.register(number, of: registers).map { Reply(Hex.encode($0)) } ?? .malformed
    case .writeAll(let bytes): layout.decode(bytes, into: &registers)
    case .write(let number, let bytes):
      guard layout.setRegister(number, bytes, in: &registers) else { return .malformed }
    case .save: return Reply(Hex.number(savedRegisters.keep(registers)))
    case .restore(let number):
      guard let kept = savedRegisters.take(number) else { return .malformed }
      registers = kept
    }
    try world.setRegisters(registers, of: thread)
    return .ok
  }

  /// Of a program whose end is still to be told: gdb asks before it resumes, and does not if there is no
  /// program counter.
  private func zeros(_ packet: RegisterPacket) -> Reply {
    let size: Int?
    switch packet.operation {
    case .readAll: size = layout.byteCount
    case .read(let number): size = layout.byteCount(of: number)
    case .writeAll, .write, .save, .restore: return .error(ESRCH)
    }
    return size.map { Reply([UInt8](repeating: UInt8(ascii: "0"), count: $0 * 2)) } ?? .malformed
  }

  /// Lets the thread go on somewhere else (`c ADDRESS`).
  func setProgramCounter(_ address: UInt64, of thread: ThreadID) throws(WorldError) {
    var registers = try world.registers(of: thread, extended: false)
    registers.general.rip = address
    try world.setRegisters(registers, of: thread)
  }
}
