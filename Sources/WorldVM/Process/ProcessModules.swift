// SPDX-License-Identifier: GPL-3.0-only
import Synchronization
internal import XVCore

/// What is loaded into a process, found once in an incarnation.
final class ProcessModules: Sendable {
  private struct State {
    var known: (incarnation: Incarnation, loadState: LoadState)?
    var buildIDs = BuildIDs()
  }

  let files: ProcessFiles
  private let state = Mutex(State())

  init(processID: Int32) { files = ProcessFiles(processID: processID) }

  func forget() { state.withLock { $0.known = nil } }

  func loadState(
    in memory: some ReadableMemory, state runState: RunState
  ) throws(WorldError) -> LoadState {
    let incarnation = runState.incarnation
    if let known = state.withLock({ $0.known }), known.incarnation == incarnation,
      !runState.isRunning
    {
      return known.loadState
    }
    let path = try files.executablePath()
    let auxiliary = AuxiliaryVector(try files.auxiliaryVector())
    let reader = LoadStateReader(memory: memory, auxiliary: auxiliary)
    var found = try reader.read(main: path, entryInFile: ELFFile(files.executable)?.entry)
    state.withLock { state in
      found.main.buildID = state.buildIDs[files.executable]
      for index in found.libraries.indices {
        found.libraries[index].buildID =
          state.buildIDs[files.reaching(found.libraries[index].path)]
      }
      // Not when the world went while its memory was read: the list may be half of each.
      if !runState.isRunning, runState.incarnation == incarnation {
        state.known = (incarnation, found)
      }
    }
    return found
  }

  func threadLocal(
    at offset: UInt64, linkMap: Address, threadPointer: Address, in memory: some ReadableMemory,
    state runState: RunState
  ) throws(WorldError) -> Address {
    let auxiliary = AuxiliaryVector(try files.auxiliaryVector())
    guard let headers = auxiliary.programHeaders else {
      throw .refused("the program has no AT_PHDR in its auxiliary vector")
    }
    let loadState = try loadState(in: memory, state: runState)
    let locals = ThreadLocals(memory: memory, loadState: loadState) { module in
      module == loadState.main ? files.executable : files.reaching(module.path)
    }
    return try locals.address(
      offset: offset, linkMap: linkMap, threadPointer: threadPointer,
      mainHeaders: ProgramHeader.read(
        at: headers, count: auxiliary.programHeaderCount, in: memory))
  }
}
