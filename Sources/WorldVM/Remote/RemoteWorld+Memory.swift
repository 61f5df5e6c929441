// SPDX-License-Identifier: GPL-3.0-only
package import RSP
import Synchronization
package import XVCore

extension RemoteWorld {
  package func read(_ address: Address) throws(WorldError) -> UInt64 {
    try memory.read(from: address, count: 8).word(at: 0)
  }

  package func write(_ value: UInt64, to address: Address) throws(WorldError) {
    try copyWrite([UInt8](littleEndian: value), to: address)
  }

  package func copyRead(from address: Address, count: Int) throws(WorldError) -> [UInt8] {
    try memory.read(from: address, count: count)
  }

  package func copyReadAvailable(from address: Address, count: Int) throws(WorldError) -> [UInt8] {
    try memory.readAvailable(from: address, count: count)
  }

  package func copyWrite(_ bytes: [UInt8], to address: Address) throws(WorldError) {
    defer {
      withKnown { known in
        known.loadState = nil
        known.modules = nil
      }
    }
    try memory.write(bytes, to: address)
  }

  package func mappings() throws(WorldError) -> [MemoryMapping] {
    try state.requireValid()
    let text = try file("/proc/\(processID)/maps")
    let mappings = MappingList.mappings(text)
    withKnown { $0.mapLog.look(at: mappings, in: state.incarnation) }
    return mappings
  }

  package func mapLog() throws(WorldError) -> [MapLog.Entry] {
    _ = try mappings()
    return withKnown { $0.mapLog.entries }
  }

  /// A file of the machine where the program runs.
  package func file(_ path: String) throws(WorldError) -> [UInt8] {
    try link.perform { client, patience throws(ClientError) in
      try client.readFile(path, patience)
    }
  }

  /// The server's answer to a file request, whatever it is.
  package func relay(_ packet: FilePacket) throws(WorldError) -> [UInt8] {
    try state.requireValid()
    return try link.perform { client, patience throws(ClientError) in
      try client.exchange(packet.encoded, patience)
    }
  }

  package func allocate(count: UInt64, protection: Int32) throws(WorldError) -> Address {
    defer { memory.forget() }
    let letters =
      (protection & 1 != 0 ? "r" : "") + (protection & 2 != 0 ? "w" : "")
      + (protection & 4 != 0 ? "x" : "")
    return Address(
      try link.perform { client, patience throws(ClientError) in
        try client.allocate(count: count, permissions: letters, patience)
      })
  }

  package func release(_ address: Address, count: UInt64) throws(WorldError) {
    defer { memory.forget() }
    try link.perform { client, patience throws(ClientError) in
      try client.release(address.rawValue, patience)
    }
  }

  // MARK: Breakpoints
  package func setBreak(_ address: Address) throws(WorldError) -> UInt8 {
    guard !breaks.withLock({ $0.addresses.contains(address) }) else { throw .illegalPatch(address) }
    let byte = try memory.read(from: address, count: 1)[0]
    try link.perform { client, patience throws(ClientError) in
      try client.insert(.software, at: address.rawValue, patience)
    }
    breaks.withLock { _ = $0.addresses.insert(address) }
    return byte
  }

  package func clearBreak(_ address: Address) throws(WorldError) {
    guard breaks.withLock({ $0.addresses.contains(address) }) else { throw .illegalPatch(address) }
    try link.perform { client, patience throws(ClientError) in
      try client.remove(.software, at: address.rawValue, patience)
    }
    breaks.withLock { _ = $0.addresses.remove(address) }
  }

  package func setWatch(_ watchpoint: Watchpoint) throws(WorldError) {
    try link.perform { client, patience throws(ClientError) in
      try client.insert(
        watchpoint.packetKind, at: watchpoint.address.rawValue, size: watchpoint.length, patience)
    }
    breaks.withLock { _ = $0.watchpoints.insert(watchpoint) }
  }

  package func clearWatch(_ watchpoint: Watchpoint) throws(WorldError) {
    guard breaks.withLock({ $0.watchpoints.contains(watchpoint) }) else {
      throw .illegalPatch(watchpoint.address)
    }
    try link.perform { client, patience throws(ClientError) in
      try client.remove(
        watchpoint.packetKind, at: watchpoint.address.rawValue, size: watchpoint.length, patience)
    }
    breaks.withLock { _ = $0.watchpoints.remove(watchpoint) }
  }

  // MARK: Threads and registers
  package var threads: [ThreadID] {
    if let threads = withKnown({ $0.threads }) { return threads }
    do throws(WorldError) {
      try state.requireValid()
      let listed = try link.perform { client, patience throws(ClientError) in
        try client.threads(patience)
      }
      let own = listed.filter { $0.id.process == process || process == 0 }
        .map { ThreadID(Int32(truncatingIfNeeded: $0.id.thread)) }
      withKnown { $0.threads = own }
      return own
    } catch {
      // The world has ended, or runs, which no server can be asked about.
      return state.isRunning ? [ThreadID(processID)] : []
    }
  }

  package func registers(of thread: ThreadID, extended: Bool) throws(WorldError) -> Registers {
    var registers = layout.decode(try rawRegisters(of: thread))
    if !extended { registers.extended = [] }
    return registers
  }

  func name(_ thread: ThreadID) -> ThreadName {
    ThreadName(process: process, thread: UInt64(UInt32(bitPattern: thread.rawValue)))
  }

  private func rawRegisters(of thread: ThreadID) throws(WorldError) -> [UInt8] {
    try state.requireValid()
    if let bytes = withKnown({ $0.registers[thread] }) { return bytes }
    let bytes = try link.perform { client, patience throws(ClientError) in
      try client.readRegisters(of: name(thread), patience)
    }
    withKnown { $0.registers[thread] = bytes }
    return bytes
  }

  package func setRegisters(_ registers: Registers, of thread: ThreadID) throws(WorldError) {
    let old = try rawRegisters(of: thread)
    let changes = layout.changes(from: old, to: registers)
    guard !changes.isEmpty else { return }
    var new = old
    for (entry, value) in changes {
      new.replaceSubrange(entry.offset..<entry.offset + entry.byteCount, with: value)
    }
    // What the server made of it is asked anew.
    defer { withKnown { $0.registers[thread] = nil } }
    try link.perform { client, patience throws(ClientError) in
      do throws(ClientError) {
        for (entry, value) in changes {
          try client.writeRegister(entry.number, value, of: name(thread), patience)
        }
      } catch .unsupported {
        try client.writeRegisters(new, of: name(thread), patience)
      }
    }
  }

  package func signalInformation(of thread: ThreadID) throws(WorldError) -> [UInt8] {
    try state.requireValid()
    return try link.perform { client, patience throws(ClientError) in
      // The object is the chosen thread's.
      _ = try client.readRegisters(of: name(thread), patience)
      return try client.transfer("siginfo", patience)
    }
  }

  package func threadLocal(
    at offset: UInt64, linkMap: Address, of thread: ThreadID
  ) throws(WorldError) -> Address {
    try state.requireValid()
    return Address(
      try link.perform { client, patience throws(ClientError) in
        try client.threadLocal(
          at: offset, linkMap: linkMap.rawValue, of: name(thread), patience)
      })
  }

  // MARK: What is loaded
  package func auxiliaryVector() throws(WorldError) -> [UInt8] {
    try state.requireValid()
    if let known = withKnown({ $0.auxiliaryVector }) { return known }
    let bytes = try link.perform { client, patience throws(ClientError) in
      try client.transfer("auxv", patience)
    }
    withKnown { $0.auxiliaryVector = bytes }
    return bytes
  }

  package func executablePath() throws(WorldError) -> String {
    try state.requireValid()
    if let known = withKnown({ $0.executablePath }) { return known }
    let path = try link.perform { client, patience throws(ClientError) in
      if client.features.has("qXfer:exec-file:read") {
        let annex = process == 0 ? "" : String(process, radix: 16)
        return try client.transfer("exec-file", annex: annex, patience)
      }
      let link = Array("/proc/\(processID)/exe".utf8)
      return try client.file(.readLink(path: link), patience).attachment
    }
    let text = String(decoding: path, as: UTF8.self)
    withKnown { $0.executablePath = text }
    return text
  }

  package func loadState() throws(WorldError) -> LoadState {
    try state.requireValid()
    if !state.isRunning, let known = withKnown({ $0.loadState }) { return known }
    var found = try modules()
    for index in found.libraries.indices {
      found.libraries[index].buildID = try buildID(of: found.libraries[index])
    }
    found.main.buildID = try buildID(of: found.main)
    withKnown { $0.loadState = found }
    return found
  }

  package func modules() throws(WorldError) -> LoadState {
    try state.requireValid()
    if !state.isRunning, let known = withKnown({ $0.modules }) { return known }
    let path: String
    do throws(WorldError) {
      path = try executablePath()
    } catch .refused {
      // A server that tells no path has a program all the same.
      path = ""
    }
    let reader = LoadStateReader(
      memory: memory, auxiliary: AuxiliaryVector(try auxiliaryVector()))
    let found = try reader.read(main: path, entryInFile: nil)
    withKnown { $0.modules = found }
    return found
  }
}
