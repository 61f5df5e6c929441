// SPDX-License-Identifier: GPL-3.0-only
internal import CLinux
internal import Glibc
internal import RSP
internal import WorldVM
internal import XVCore

extension StubSession {
  func respond(to packet: RegisterPacket) throws(WorldError) -> Reply {
    switch packet {
    case .readAll:
      return Reply(Hex.encode(layout.encode(try allRegisters())))
    case .writeAll(let bytes):
      var registers = try allRegisters()
      layout.decode(bytes, into: &registers)
      try world.setRegisters(registers, of: generalThread)
      return .ok
    case .read(let number):
      let registers = try allRegisters()
      return layout.register(number, of: registers).map { Reply(Hex.encode($0)) } ?? .malformed
    case .write(let number, let bytes):
      var registers = try allRegisters()
      guard layout.setRegister(number, bytes, in: &registers) else { return .malformed }
      try world.setRegisters(registers, of: generalThread)
      return .ok
    }
  }

  private func allRegisters() throws(WorldError) -> Registers {
    try world.registers(of: generalThread, extended: true)
  }

  /// Lets the thread go on somewhere else (`c ADDRESS`).
  func setProgramCounter(_ address: UInt64, of thread: ThreadID) throws(WorldError) {
    var registers = try world.registers(of: thread, extended: false)
    registers.general.rip = address
    try world.setRegisters(registers, of: thread)
  }
}
