// SPDX-License-Identifier: GPL-3.0-only
import Glibc

/// Why a program cannot be written to disk: all reasons, not only the first.
struct OutloadObstacles {
  let process: Int32
  private(set) var all: [String] = []

  init(process: Int32) { self.process = process }

  mutating func add(_ why: String) {
    if !all.contains(why) { all.append(why) }
  }

  var text: String { all.joined(separator: "; ") }

  /// What is no matter of files and memory.
  mutating func look(at tracer: Tracer) {
    for (thread, state) in tracer.threads.sorted(by: { $0.key < $1.key }) {
      if state.processID != process { add("process \(state.processID) shares its memory (vfork)") }
      if state.isExiting { add("thread \(thread) is about to end") }
      if state.vforkChild != nil { add("thread \(thread) waits for a child (vfork)") }
      if state.trapStep != nil || state.owesTrap { add("thread \(thread) steps itself by its trap flag") }
    }
    if tracer.threads[ThreadID(process)] == nil { add("its first thread has ended") }
    if tracer.options.guardOriginalCode { add("it runs with --guard") }
    for thread in tracer.threads.keys.sorted() {
      let children = AddressMap.contents(of: "/proc/\(process)/task/\(thread)/children") ?? []
      for child in String(decoding: children, as: UTF8.self).split(separator: " ") {
        add("it has a child, process \(child)")
      }
    }
    guard let status = ProcessStatus(of: process) else { return add("it has ended") }
    if Tracer.isFiltered(status) || status.number("Seccomp") == 1 {
      add("its system calls are filtered (seccomp)")
    }
  }
}
