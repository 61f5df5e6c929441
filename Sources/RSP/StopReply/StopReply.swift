// SPDX-License-Identifier: GPL-3.0-only

/// Why the program no longer runs, as the wire tells it.
package enum StopReply: Hashable, Sendable {
  /// `T`: it stands still.
  case stopped(Stop)
  /// `W`: it ended by itself.
  case exited(status: UInt8, process: UInt64)
  /// `w`: a thread is gone, and its process is not.
  case threadExited(status: UInt8, thread: ThreadName)
  /// `N`: what was resumed has ended, and the rest was not.
  case noneResumed
  /// `X`: a signal ended it.
  case killed(signal: SignalNumber, process: UInt64)

  /// What a `T` reply tells.
  package struct Stop: Hashable, Sendable {
    package enum Reason: Hashable, Sendable {
      case softwareBreakpoint
      case hardwareBreakpoint
      /// An access to what is watched at an address.
      case watchpoint(BreakpointPacket.Kind, UInt64)
      /// The entry of a system call, or its return, and its number.
      case systemCallEntry(UInt32)
      case systemCallReturn(UInt32)
      /// The thread has made a process: its first thread.
      case forked(ThreadName)
      case vforked(ThreadName)
      case vforkDone
      /// The thread was just made.
      case created
      /// The thread that it has made.
      case cloned(ThreadName)
      /// A new image: its path.
      case executed(path: [UInt8])
    }

    package var signal: SignalNumber
    /// Told only to a client that offered to understand it.
    package var reason: Reason?
    /// Registers that save the client a round trip: number in the target description, raw bytes.
    package var expedited: [Expedited]
    package var thread: ThreadName
    package var core: Int?
    /// What only lldb understands.
    package var debugger: DebuggerFields?
    /// How often the programs were resumed until then, for our own client (`xv-moves`): a resume that was lost
    /// with its connection is made again.
    package var moves: UInt64?

    package init(
      signal: SignalNumber, reason: Reason? = nil, expedited: [Expedited] = [], thread: ThreadName,
      core: Int? = nil
    ) {
      self.signal = signal
      self.reason = reason
      self.expedited = expedited
      self.thread = thread
      self.core = core
    }
  }

  /// Where a thread stands.
  package struct Place: Hashable, Sendable {
    package var thread: UInt64
    package var programCounter: UInt64

    package init(thread: UInt64, programCounter: UInt64) {
      self.thread = thread
      self.programCounter = programCounter
    }
  }

  /// Keys of lldb's stop replies.
  package struct DebuggerFields: Hashable, Sendable {
    /// The thread's name.
    package var name: [UInt8]
    /// Why it stopped, in lldb's words; nil when nothing happened to the thread itself.
    package var reason: String?
    /// More about the reason, for people.
    package var description: [UInt8]?
    /// All threads and where they stand.
    package var threads: [Place]

    package init(
      name: [UInt8], reason: String? = nil, description: [UInt8]? = nil, threads: [Place] = []
    ) {
      self.name = name
      self.reason = reason
      self.description = description
      self.threads = threads
    }
  }

  /// A register sent with a stop.
  package struct Expedited: Hashable, Sendable {
    package var number: Int
    package var bytes: [UInt8]

    package init(number: Int, bytes: [UInt8]) {
      self.number = number
      self.bytes = bytes
    }
  }

  /// The reply's content; process ids only for a client that offered `multiprocess+`.
  package func encoded(multiprocess: Bool) -> [UInt8] {
    switch self {
    case .stopped(let stop):
      return stop.encoded(multiprocess: multiprocess)
    case .exited(let status, let process):
      return [UInt8(ascii: "W")] + Hex.byte(status) + suffix(process, multiprocess)
    case .killed(let signal, let process):
      return [UInt8(ascii: "X")] + Hex.byte(signal.rawValue) + suffix(process, multiprocess)
    case .threadExited(let status, let thread):
      return [UInt8(ascii: "w")] + Hex.byte(status) + [UInt8(ascii: ";")]
        + thread.encoded(multiprocess: multiprocess)
    case .noneResumed: return [UInt8(ascii: "N")]
    }
  }

  private func suffix(_ process: UInt64, _ multiprocess: Bool) -> [UInt8] {
    multiprocess ? [UInt8](";process:".utf8) + Hex.number(process) : []
  }
}

extension StopReply.Stop {
  func encoded(multiprocess: Bool) -> [UInt8] {
    var bytes = [UInt8(ascii: "T")] + Hex.byte(signal.rawValue)
    func pair(_ key: [UInt8], _ value: [UInt8]) {
      bytes.append(contentsOf: key)
      bytes.append(UInt8(ascii: ":"))
      bytes.append(contentsOf: value)
      bytes.append(UInt8(ascii: ";"))
    }
    switch reason {
    case .softwareBreakpoint: pair([UInt8]("swbreak".utf8), [])
    case .hardwareBreakpoint: pair([UInt8]("hwbreak".utf8), [])
    case .watchpoint(.read, let address): pair([UInt8]("rwatch".utf8), Hex.number(address))
    case .watchpoint(.access, let address): pair([UInt8]("awatch".utf8), Hex.number(address))
    case .watchpoint(_, let address): pair([UInt8]("watch".utf8), Hex.number(address))
    case .systemCallEntry(let number):
      pair([UInt8]("syscall_entry".utf8), Hex.number(number))
    case .systemCallReturn(let number):
      pair([UInt8]("syscall_return".utf8), Hex.number(number))
    case .forked(let child):
      pair([UInt8]("fork".utf8), child.encoded(multiprocess: multiprocess))
    case .vforked(let child):
      pair([UInt8]("vfork".utf8), child.encoded(multiprocess: multiprocess))
    case .vforkDone: pair([UInt8]("vforkdone".utf8), [])
    case .created: pair([UInt8]("create".utf8), [])
    case .cloned(let child):
      pair([UInt8]("clone".utf8), child.encoded(multiprocess: multiprocess))
    case .executed(let path): pair([UInt8]("exec".utf8), Hex.encode(path))
    case nil: break
    }
    if let debugger {
      pair([UInt8]("hexname".utf8), Hex.encode(debugger.name))
      if let reason = debugger.reason { pair([UInt8]("reason".utf8), [UInt8](reason.utf8)) }
      if let text = debugger.description {
        pair([UInt8]("description".utf8), Hex.encode(text))
      }
      if !debugger.threads.isEmpty {
        pair([UInt8]("threads".utf8), list(debugger.threads.map(\.thread)))
        pair([UInt8]("thread-pcs".utf8), list(debugger.threads.map(\.programCounter)))
      }
    }
    for register in expedited {
      pair(Hex.byte(UInt8(truncatingIfNeeded: register.number)), Hex.encode(register.bytes))
    }
    pair([UInt8]("thread".utf8), thread.encoded(multiprocess: multiprocess))
    if let core { pair([UInt8]("core".utf8), Hex.number(core)) }
    if let moves { pair([UInt8]("moves".utf8), Hex.number(moves)) }
    return bytes
  }

  private func list(_ numbers: [UInt64]) -> [UInt8] {
    Array(numbers.map { Hex.number($0) }.joined(separator: [UInt8(ascii: ",")]))
  }
}
