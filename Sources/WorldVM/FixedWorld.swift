// SPDX-License-Identifier: GPL-3.0-only
package import XVCore

/// A world that can be looked at and neither run nor changed through this interface.
package protocol FixedWorld: World {
  /// Why not, in words.
  var refusal: WorldError { get }
}

extension FixedWorld {
  package func write(_ value: UInt64, to address: Address) throws(WorldError) { throw refusal }
  package func copyWrite(_ bytes: [UInt8], to address: Address) throws(WorldError) { throw refusal }
  package func allocate(count: UInt64, protection: Int32) throws(WorldError) -> Address {
    throw refusal
  }
  package func release(_ address: Address, count: UInt64) throws(WorldError) { throw refusal }

  package func setBreak(_ address: Address) throws(WorldError) -> UInt8 { throw refusal }
  /// None was ever set.
  package func clearBreak(_ address: Address) throws(WorldError) { throw .illegalPatch(address) }
  package func setWatch(_ watchpoint: Watchpoint) throws(WorldError) { throw refusal }
  package func clearWatch(_ watchpoint: Watchpoint) throws(WorldError) {
    throw .illegalPatch(watchpoint.address)
  }

  package func start(_ plan: ResumePlan) throws(WorldError) { throw refusal }
  package func awaitStop() throws(WorldError) -> StopEvent { throw refusal }
  package func interrupt() throws(WorldError) {}
  /// There is nothing to end: whoever looked is done.
  package func kill() throws(WorldError) {}
  package func detach(signal: Int32) throws(WorldError) {}
  package func setRegisters(_ registers: Registers, of thread: ThreadID) throws(WorldError) {
    throw refusal
  }
}
