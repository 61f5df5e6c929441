// SPDX-License-Identifier: GPL-3.0-only

/// What the kernel knows of a process, besides its memory and its threads' registers.
struct SwapRecord: SwapCodable {
  static let version: UInt64 = 2

  var process: Int32
  var executable = ""
  var arguments: [String] = []
  var environment: [String] = []
  var workingDirectory = ""
  var umask: UInt64 = 0
  /// Real, effective, saved and file-system ids of user and group.
  var identity: [UInt64] = []
  var personality: UInt64 = 0
  /// struct prctl_mm_map (linux/prctl.h) up to its auxiliary vector.
  var layout: [UInt64] = []
  var auxiliary: [UInt8] = []
  /// Soft and hard, by resource.
  var limits: [UInt64] = []
  var mappings: [SwapMapping] = []
  var threads: [SwapThread] = []
  var files: [SwapFile] = []
  /// Of signals 1 to 64, the kernel's struct sigaction each: handler, flags, restorer, mask.
  var actions: [UInt64] = []
  /// struct itimerval of ITIMER_REAL, ITIMER_VIRTUAL and ITIMER_PROF.
  var intervalTimers: [UInt64] = []
  /// Of timer_create(2): id, clock, notification, signal, value, thread, and struct itimerspec each.
  var timers: [SwapWords] = []
  /// siginfo_t of the signals that wait for any thread.
  var pending: [[UInt8]] = []

  init(process: Int32) { self.process = process }

  func write(to writer: inout SwapWriter) {
    writer.word(SwapRecord.version)
    writer.word(UInt64(process))
    writer.text(executable)
    writer.list(arguments)
    writer.list(environment)
    writer.text(workingDirectory)
    writer.word(umask)
    writer.list(identity)
    writer.word(personality)
    writer.list(layout)
    writer.block(auxiliary)
    writer.list(limits)
    writer.list(mappings)
    writer.list(threads)
    writer.list(files)
    writer.list(actions)
    writer.list(intervalTimers)
    writer.list(timers)
    writer.list(pending.map(SwapBytes.init))
  }

  init(from reader: inout SwapReader) throws(SwapDamage) {
    guard try reader.word() == SwapRecord.version else {
      throw SwapDamage("another version of xv has written it")
    }
    process = Int32(truncatingIfNeeded: try reader.word())
    executable = try reader.text()
    arguments = try reader.list()
    environment = try reader.list()
    workingDirectory = try reader.text()
    umask = try reader.word()
    identity = try reader.list()
    personality = try reader.word()
    layout = try reader.list()
    auxiliary = try reader.block()
    limits = try reader.list()
    mappings = try reader.list()
    threads = try reader.list()
    files = try reader.list()
    actions = try reader.list()
    intervalTimers = try reader.list()
    timers = try reader.list()
    let pending: [SwapBytes] = try reader.list()
    self.pending = pending.map(\.bytes)
    guard layout.count == 11, actions.count == 256, intervalTimers.count == 12, !threads.isEmpty,
      identity.count == 8, timers.allSatisfy({ $0.words.count == 10 }),
      self.pending.allSatisfy({ $0.count == 128 })
    else { throw SwapDamage("it tells too little of the process") }
  }
}
