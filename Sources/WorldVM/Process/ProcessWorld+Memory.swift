// SPDX-License-Identifier: GPL-3.0-only
import Synchronization
package import XVCore

extension ProcessWorld {
  package func read(_ address: Address) throws(WorldError) -> UInt64 {
    let bytes = try memory.read(from: address, count: 8)
    return bytes.withUnsafeBytes { UInt64(littleEndian: $0.loadUnaligned(as: UInt64.self)) }
  }

  package func write(_ value: UInt64, to address: Address) throws(WorldError) {
    try copyWrite(withUnsafeBytes(of: value.littleEndian) { Array($0) }, to: address)
  }

  package func copyRead(from address: Address, count: Int) throws(WorldError) -> [UInt8] {
    try memory.read(from: address, count: count)
  }

  package func copyReadAvailable(from address: Address, count: Int) throws(WorldError) -> [UInt8] {
    try memory.readAvailable(from: address, count: count)
  }

  package func copyWrite(_ bytes: [UInt8], to address: Address) throws(WorldError) {
    // What is written may be the dynamic linker's list.
    defer { modules.forget() }
    try memory.write(bytes, to: address)
  }

  package func mappings() throws(WorldError) -> [MemoryMapping] {
    let mappings = try ask { guest throws(GuestError) in try guest.mappings() }
    maps.withLock { $0.look(at: mappings, in: state.incarnation) }
    return mappings
  }

  package func mapLog() throws(WorldError) -> [MapLog.Entry] {
    _ = try mappings()
    return maps.withLock { $0.entries }
  }

  package func allocate(count: UInt64, protection: Int32) throws(WorldError) -> Address {
    // Pages that were found unreadable may be there now.
    defer { memory.forget() }
    return try ask { guest throws(GuestError) in
      try guest.allocate(count: count, protection: protection)
    }
  }

  package func release(_ address: Address, count: UInt64) throws(WorldError) {
    defer { memory.forget() }
    try ask { guest throws(GuestError) in try guest.release(address, count: count) }
  }

  // MARK: Breakpoints
  package func setBreak(_ address: Address) throws(WorldError) -> UInt8 {
    // A probe changes no memory, so the byte is the program's own before and after.
    let byte = try memory.read(from: address, count: 1)[0]
    let isNew = try ask { guest throws(GuestError) in try guest.insertBreakpoint(at: address) }
    guard isNew else { throw .illegalPatch(address) }
    return byte
  }

  package func clearBreak(_ address: Address) throws(WorldError) {
    let wasThere = try ask { guest throws(GuestError) in try guest.removeBreakpoint(at: address) }
    guard wasThere else { throw .illegalPatch(address) }
  }

  package func filterBreaks(by filter: BreakpointFilter?) throws(WorldError) -> Bool {
    try ask { guest throws(GuestError) in try guest.filterBreakpoints(by: filter) }
    return true
  }

  package func setWatch(_ watchpoint: Watchpoint) throws(WorldError) {
    try ask { guest throws(GuestError) in try guest.insertWatchpoint(watchpoint) }
  }

  package func clearWatch(_ watchpoint: Watchpoint) throws(WorldError) {
    let wasThere = try ask { guest throws(GuestError) in try guest.removeWatchpoint(watchpoint) }
    guard wasThere else { throw .illegalPatch(watchpoint.address) }
  }

  package func catchCalls(_ calls: CaughtCalls) throws(WorldError) {
    try ask { guest throws(GuestError) in try guest.catchCalls(calls) }
  }

  // MARK: What is loaded
  package func loadState() throws(WorldError) -> LoadState {
    try state.requireValid()
    return try modules.loadState(in: memory, state: state)
  }

  package func executablePath() throws(WorldError) -> String {
    try state.requireValid()
    return try modules.files.executablePath()
  }

  package func auxiliaryVector() throws(WorldError) -> [UInt8] {
    try state.requireValid()
    return try modules.files.auxiliaryVector()
  }
}
