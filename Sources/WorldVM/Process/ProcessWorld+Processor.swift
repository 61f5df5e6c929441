// SPDX-License-Identifier: GPL-3.0-only
internal import CLinux
import Glibc
package import XVCore

extension ProcessWorld {
  package func lock() { state.lock() }
  package func unlock() { state.unlock() }

  package func start(_ plan: ResumePlan) throws(WorldError) {
    try memory.go { () throws(WorldError) in
      try ask { guest throws(GuestError) in try guest.resume(plan) }
    }
  }

  package var lastStop: StopEvent? { state.lastStop }
  package var stopDescriptor: Int32 { state.stopDescriptor }
  package func takeStop() -> StopEvent? { state.takeStop() }
  package func awaitStop() throws(WorldError) -> StopEvent { try state.awaitStop() }

  /// A world that stands still is left as it is: its stop waits to be taken, or was.
  package func interrupt() throws(WorldError) {
    try state.requireValid()
    guard state.isRunning else { return }
    // The guest asks nobody to stop who has not been let run yet.
    memory.awaitStart()
    guest.interrupt()
  }

  package func kill() throws(WorldError) {
    try state.requireValid()
    let thread = ThreadID(guest.pid)
    guest.kill()
    state.end(with: StopEvent(thread: thread, reason: .killed(SIGKILL)))
    memory.forget()
  }

  /// The program goes on by itself; the world is of no use afterwards.
  package func detach(signal: Int32) throws(WorldError) {
    try ask { guest throws(GuestError) in try guest.detach(signal: signal) }
    state.invalidate(because: "the process of \(name) was detached")
  }

  // MARK: Threads and registers
  package var threads: [ThreadID] { guest.threads }

  package func registers(of thread: ThreadID, extended: Bool) throws(WorldError) -> Registers {
    try ask { guest throws(GuestError) in try guest.registers(of: thread, extended: extended) }
  }

  package func setRegisters(_ registers: Registers, of thread: ThreadID) throws(WorldError) {
    try ask { guest throws(GuestError) in try guest.setRegisters(registers, of: thread) }
  }

  package func signalInformation(of thread: ThreadID) throws(WorldError) -> [UInt8] {
    try ask { guest throws(GuestError) in try guest.signalInformation(of: thread) }
  }

  package func setSignalInformation(_ bytes: [UInt8], of thread: ThreadID) throws(WorldError) {
    try ask { guest throws(GuestError) in try guest.setSignalInformation(bytes, of: thread) }
  }

  package func threadLocal(
    at offset: UInt64, linkMap: Address, of thread: ThreadID
  ) throws(WorldError) -> Address {
    let pointer = try registers(of: thread, extended: false).general.fs_base
    return try modules.threadLocal(
      at: offset, linkMap: linkMap, threadPointer: Address(UInt64(pointer)), in: memory, state: state)
  }
}
