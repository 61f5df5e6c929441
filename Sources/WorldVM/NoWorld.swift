// SPDX-License-Identifier: GPL-3.0-only
package import XVCore

/// The world in which nothing runs and nothing is mapped: what a server serves before the first
/// program and after the last.
package final class NoWorld: World {
  package let name = "no world"
  package let currentIncarnation = Incarnation.first

  package init() {}

  private var absence: WorldError { .badWorld("no program is there: run one first") }

  package func read(_ address: Address) throws(WorldError) -> UInt64 { throw absence }
  package func write(_ value: UInt64, to address: Address) throws(WorldError) { throw absence }
  package func copyRead(from address: Address, count: Int) throws(WorldError) -> [UInt8] {
    throw absence
  }
  package func copyReadAvailable(from address: Address, count: Int) throws(WorldError) -> [UInt8] {
    throw absence
  }
  package func copyWrite(_ bytes: [UInt8], to address: Address) throws(WorldError) {
    throw absence
  }
  package func mappings() throws(WorldError) -> [MemoryMapping] { throw absence }
  package func allocate(count: UInt64, protection: Int32) throws(WorldError) -> Address {
    throw absence
  }
  package func release(_ address: Address, count: UInt64) throws(WorldError) { throw absence }

  package func setBreak(_ address: Address) throws(WorldError) -> UInt8 { throw absence }
  package func clearBreak(_ address: Address) throws(WorldError) { throw absence }
  package func setWatch(_ watchpoint: Watchpoint) throws(WorldError) { throw absence }
  package func clearWatch(_ watchpoint: Watchpoint) throws(WorldError) { throw absence }

  package func lock() {}
  package func unlock() {}
  package func start(_ plan: ResumePlan) throws(WorldError) { throw absence }
  package var lastStop: StopEvent? { nil }
  /// Never readable: poll passes over a negative descriptor.
  package var stopDescriptor: Int32 { -1 }
  package func takeStop() -> StopEvent? { nil }
  package func awaitStop() throws(WorldError) -> StopEvent { throw absence }
  package func interrupt() throws(WorldError) { throw absence }
  package func kill() throws(WorldError) { throw absence }
  package func detach(signal: Int32) throws(WorldError) { throw absence }

  package var processID: Int32 { 0 }
  package var threads: [ThreadID] { [] }
  package func registers(of thread: ThreadID, extended: Bool) throws(WorldError) -> Registers {
    throw absence
  }
  package func setRegisters(_ registers: Registers, of thread: ThreadID) throws(WorldError) {
    throw absence
  }
  package func signalInformation(of thread: ThreadID) throws(WorldError) -> [UInt8] {
    throw absence
  }

  package func loadState() throws(WorldError) -> LoadState { throw absence }
  package func executablePath() throws(WorldError) -> String { throw absence }
  package func auxiliaryVector() throws(WorldError) -> [UInt8] { throw absence }
  package func invalidate() {}
}
