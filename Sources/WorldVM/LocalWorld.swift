// SPDX-License-Identifier: GPL-3.0-only
internal import CLinux
import Glibc
package import XVCore

/// The server's own address space.
///
/// Reads and writes are the kernel's (process_vm_readv, process_vm_writev), so that an address at
/// which there is nothing is an error and no crash. Nothing is cached: this world never stands still.
package final class LocalWorld: FixedWorld {
  package let name = "Local"
  private let state: RunState
  private let files = ProcessFiles(processID: getpid())

  /// The same world at each call.
  fileprivate static let shared = Result<LocalWorld, WorldError> { () throws(WorldError) in
    try LocalWorld()
  }

  private init() throws(WorldError) { state = try RunState() }

  package var refusal: WorldError {
    .refused("this is the server's own memory: it is not run or stopped from within")
  }

  package var currentIncarnation: Incarnation { state.incarnation }
  package func invalidate() { state.invalidate(because: "the local world was invalidated") }

  // MARK: Memory
  package func read(_ address: Address) throws(WorldError) -> UInt64 {
    try copyRead(from: address, count: 8).word(at: 0)
  }

  package func write(_ value: UInt64, to address: Address) throws(WorldError) {
    try copyWrite([UInt8](littleEndian: value), to: address)
  }

  package func copyRead(from address: Address, count: Int) throws(WorldError) -> [UInt8] {
    let bytes = try copyReadAvailable(from: address, count: count)
    guard bytes.count == count else { throw .addressFault(address + UInt64(bytes.count)) }
    return bytes
  }

  package func copyReadAvailable(from address: Address, count: Int) throws(WorldError) -> [UInt8] {
    try state.requireValid()
    return [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
      filled = Self.pages(from: address, count) { address, done, size in
        xv_read_remote(getpid(), address, buffer.baseAddress! + done, size)
      }
    }
  }

  package func copyWrite(_ bytes: [UInt8], to address: Address) throws(WorldError) {
    try state.requireValid()
    let written = bytes.withUnsafeBytes { buffer in
      Self.pages(from: address, buffer.count) { address, done, size in
        xv_write_remote(getpid(), address, buffer.baseAddress! + done, size)
      }
    }
    guard written == bytes.count else { throw .addressFault(address + UInt64(written)) }
  }

  /// Goes page by page, so that it is known how far a call came; returns how many bytes it did.
  private static func pages(
    from address: Address, _ count: Int, _ body: (UInt64, Int, Int) -> Int
  ) -> Int {
    var done = 0
    while done < count {
      let position = address + UInt64(done)
      let untilPageEnd = PageNumber.pageSize - Int(position.rawValue) % PageNumber.pageSize
      let size = min(untilPageEnd, count - done)
      let result = body(position.rawValue, done, size)
      if result > 0 { done += result }
      if result < size { break }
    }
    return done
  }

  package func mappings() throws(WorldError) -> [MemoryMapping] {
    try state.requireValid()
    return MappingList.mappings(try files.text(of: "maps"))
  }

  // MARK: The processor
  package func lock() { state.lock() }
  package func unlock() { state.unlock() }
  package var lastStop: StopEvent? { nil }
  package var stopDescriptor: Int32 { state.stopDescriptor }
  package func takeStop() -> StopEvent? { nil }

  package var processID: Int32 { getpid() }
  package var threads: [ThreadID] { [ThreadID(getpid())] }
  package func registers(of thread: ThreadID, extended: Bool) throws(WorldError) -> Registers {
    throw refusal
  }
  package func signalInformation(of thread: ThreadID) throws(WorldError) -> [UInt8] {
    throw refusal
  }

  // MARK: What is loaded
  package func loadState() throws(WorldError) -> LoadState {
    let path = try executablePath()
    let reader = LoadStateReader(
      memory: WorldMemory(world: self), auxiliary: AuxiliaryVector(try auxiliaryVector()))
    var found = try reader.read(main: path, entryInFile: ELFFile(files.executable)?.entry)
    found.main.buildID = try buildID(of: found.main)
    for index in found.libraries.indices {
      found.libraries[index].buildID = try buildID(of: found.libraries[index])
    }
    return found
  }

  package func executablePath() throws(WorldError) -> String {
    try state.requireValid()
    return try files.executablePath()
  }

  package func auxiliaryVector() throws(WorldError) -> [UInt8] {
    try state.requireValid()
    return try files.auxiliaryVector()
  }
}

/// The server's own address space; the same value at each call.
public func localWorld() throws(WorldError) -> any World { try LocalWorld.shared.get() }
