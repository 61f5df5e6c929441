// SPDX-License-Identifier: GPL-3.0-only
import Glibc
package import XVCore

/// A program as it stood when its core file was written: it can be looked at, and nothing else.
package final class CoreWorld: FixedWorld {
  package let name: String
  package let isElsewhere = true
  private let path: String
  private let core: CoreFile
  private let notes: CoreNotes
  private let state: RunState
  private let memory: CachedMemory<CoreMemory>

  package init(path: String, name: String? = nil) throws(WorldError) {
    self.path = path
    self.name = name ?? "core:\(path)"
    core = try CoreFile(path)
    notes = CoreNotes(core.notes)
    guard let first = notes.threads.first else {
      throw .badWorld("\(path) tells of no thread: it is no whole core file")
    }
    state = try RunState()
    memory = CachedMemory(source: CoreMemory(core: core, files: notes.files), state: state)
    let reason: StopReason = first.signal == 0 ? .interrupted : .signal(first.signal)
    state.find(at: StopEvent(thread: first.id, reason: reason))
  }

  /// Whether the file ends before its memory does.
  package var isCutOff: Bool { core.isCutOff }

  package var refusal: WorldError {
    .refused("\(path) is a core file: it can be looked at, but it cannot run or be changed")
  }

  package var currentIncarnation: Incarnation { state.incarnation }
  package func invalidate() { state.invalidate(because: "the world \(name) was invalidated") }

  // MARK: Memory
  package func read(_ address: Address) throws(WorldError) -> UInt64 {
    try memory.read(from: address, count: 8).word(at: 0)
  }
  package func copyRead(from address: Address, count: Int) throws(WorldError) -> [UInt8] {
    try memory.read(from: address, count: count)
  }
  package func copyReadAvailable(from address: Address, count: Int) throws(WorldError) -> [UInt8] {
    try memory.readAvailable(from: address, count: count)
  }
  package func mappings() throws(WorldError) -> [MemoryMapping] {
    try state.requireValid()
    var mappings = core.loads.map { load in
      let start = load.address
      let file = notes.files.first { $0.range.contains(start) }
      return MemoryMapping(
        range: Address(start)..<Address(start &+ load.memorySize),
        protection: Int32(load.flags >> 2 & 1 | load.flags & 2 | (load.flags & 1) << 2),
        isShared: false, path: file?.path ?? "")
    }
    // Files of which nothing was written have no segment in some cores.
    for file in notes.files
    where !mappings.contains(where: { $0.range.contains(Address(file.range.lowerBound)) }) {
      mappings.append(
        MemoryMapping(
          range: Address(file.range.lowerBound)..<Address(file.range.upperBound), protection: 1,
          isShared: false, path: file.path))
    }
    return mappings.sorted { $0.range.lowerBound < $1.range.lowerBound }
  }

  // MARK: The processor
  package func lock() { state.lock() }
  package func unlock() { state.unlock() }
  package var lastStop: StopEvent? { state.lastStop }
  package var stopDescriptor: Int32 { state.stopDescriptor }
  package func takeStop() -> StopEvent? { state.takeStop() }

  // MARK: Threads and registers
  package var processID: Int32 { notes.processID }
  package var threads: [ThreadID] { notes.threads.map(\.id).sorted() }

  private func thread(_ id: ThreadID) throws(WorldError) -> CoreNotes.Thread {
    try state.requireValid()
    guard let thread = notes.threads.first(where: { $0.id == id }) else {
      throw .failed(call: "thread \(id)", errno: ESRCH)
    }
    return thread
  }

  package func registers(of thread: ThreadID, extended: Bool) throws(WorldError) -> Registers {
    var registers = try self.thread(thread).registers
    if !extended { registers.extended = [] }
    return registers
  }

  package func signalInformation(of thread: ThreadID) throws(WorldError) -> [UInt8] {
    let bytes = try self.thread(thread).signalInformation
    if bytes.isEmpty { throw .refused("\(path) tells no signal of thread \(thread)") }
    return bytes
  }

  // MARK: What is loaded
  package func auxiliaryVector() throws(WorldError) -> [UInt8] {
    try state.requireValid()
    return notes.auxiliaryVector
  }

  /// The file that is mapped where the auxiliary vector says that the program's headers are.
  package func executablePath() throws(WorldError) -> String {
    try state.requireValid()
    let headers = AuxiliaryVector(notes.auxiliaryVector).programHeaders?.rawValue ?? 0
    guard let file = notes.files.first(where: { $0.range.contains(headers) }) else {
      throw .lookupFailed("the program of \(path)")
    }
    return file.path
  }

  package func loadState() throws(WorldError) -> LoadState {
    try state.requireValid()
    let path = try executablePath()
    let reader = LoadStateReader(
      memory: memory, auxiliary: AuxiliaryVector(notes.auxiliaryVector))
    var found = try reader.read(main: path, entryInFile: ELFFile(path)?.entry)
    found.main.buildID = try buildID(of: found.main)
    for index in found.libraries.indices {
      found.libraries[index].buildID = try buildID(of: found.libraries[index])
    }
    return found
  }
}
