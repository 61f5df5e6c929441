// SPDX-License-Identifier: GPL-3.0-only
internal import CLinux

/// The translated code of a program that outlives its process.
///
/// Most of what a short program costs under a translator is the translation of code that the same
/// program ran a moment ago in another process. So the units of code that belongs to files are written
/// to a file of the user's when the program ends, with what must be changed when they are loaded at
/// other addresses, and are put into the cache of the next process that maps the same files. A unit is
/// used only if the original bytes are those that it was made from.
final class PersistentCode {
  var modules: [PersistedModule] = []
  private let file: PersistentFile?
  private let directory: String
  private let program: FileIdentity
  /// A file may be mapped at several places at the same time, as V8 does with its built-in code: then each
  /// of them is a module, and what is kept of the file serves them all.
  private var names: [FileIdentity: [Int16]] = [:]
  private static let mostPlaces = 4
  /// Of the process that was forked for this one: it keeps what both have translated.
  private weak var maker: PersistentCode?
  /// Held while forked processes hand records over.
  private let handing = Lock()

  /// Opens what earlier runs of the program have left in `directory`; nil when nothing can be kept.
  init?(directory: String, process: Int32) {
    guard let program = FileIdentity(path: "/proc/\(process)/exe") else { return nil }
    self.directory = directory
    self.program = program
    file = PersistentFile.open(directory: directory, program: program)
    for module in file?.modules ?? [] { add(module.identity) }
  }

  /// For a process in a copy of another's memory: the same files lie at the same places.
  init(inheriting other: PersistentCode) {
    file = other.file
    directory = other.directory
    program = other.program
    names = other.names
    maker = other
    modules = other.handing.locked { other.modules.map { $0.inherited() } }
  }

  /// Blocks that earlier runs have left.
  var keptBlocks: Int { modules.reduce(0) { $0 + $1.keptBlocks } }

  private func add(_ identity: FileIdentity) {
    guard modules.count < Int(Int16.max) else { return }
    names[identity, default: []].append(Int16(modules.count))
    modules.append(
      PersistedModule(identity, file?.modules.first { $0.identity == identity }, of: file))
  }

  /// The number of the file at `path`, whose first byte would lie at `slide`; -1 when nothing can be kept
  /// of it. `isMapped` says whether a module has code mapped now, `isSure` whether the file that was found under
  /// the path is the one that is mapped.
  func module(
    path: String, slide: UInt64, isSure: (FileIdentity) -> Bool, isMapped: (Int16) -> Bool
  ) -> Int16 {
    guard let identity = FileIdentity(path: path) else { return -1 }
    let isThisFile = isSure(identity) && identity.isSettled
    let places = names[identity] ?? []
    if let number = places.first(where: { modules[Int($0)].slide == slide }) {
      let module = modules[Int(number)]
      module.confirm(isThisFile: isThisFile && (module.isThisFile || !isMapped(number)))
      return number
    }
    var free = places.first { !isMapped($0) }
    if free == nil, places.count < PersistentCode.mostPlaces {
      handing.locked { add(identity) }
      free = names[identity]?.last
    }
    guard let free, !isMapped(free) else { return -1 }
    modules[Int(free)].place(at: slide, isThisFile: isThisFile)
    return free
  }

  /// Nothing more is put into the cache, which was discarded on purpose, or written down.
  func stop() {
    for module in modules { module.stop() }
  }

  /// Writes old and new records, unless there is next to nothing new.
  func save() {
    let new = modules.reduce(0) { $0 + $1.newRecords }
    if let maker {
      if new >= PersistentCode.fewRecords { maker.take(from: self) }
      return
    }
    handing.locked {
      let handed = modules.reduce(0) { $0 + $1.handed.count }
      let added = modules.reduce(0) { $0 + $1.addedBytes }
      let old = file?.modules.reduce(0) { $0 + $1.records.count } ?? 0
      // What is added rewrites the whole file: a little is not worth that.
      guard
        (new >= PersistentCode.fewRecords || handed > 0) && added >= old / 64 || (new > 0 && file == nil)
      else { return }
      PersistentFile.write(directory: directory, program: program, modules: modules)
    }
  }

  private static let fewRecords = 16

  private func take(from child: PersistentCode) {
    handing.locked {
      for (number, module) in child.modules.enumerated() where module.newRecords > 0 {
        guard let own = own(number, module.identity) else { continue }
        modules[own].take(module.handOver())
      }
    }
  }

  /// The module that was here before the process was forked, or one of the same file.
  private func own(_ number: Int, _ identity: FileIdentity) -> Int? {
    if number < modules.count, modules[number].identity == identity { return number }
    return names[identity]?.first.map(Int.init)
  }
}
