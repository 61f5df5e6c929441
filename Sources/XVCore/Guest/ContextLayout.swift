// SPDX-License-Identifier: GPL-3.0-only

/// The layout of the shared region and of one thread's context.
///
/// The region is one memfd, mapped whole and writable by the server and in pieces by the guest:
///
///     offset 0            gate        r-x   stubs through which fragments leave the cache
///     sharedOffset        shared      rw-   the doorbell
///     masterOffset        master      rw-   indirect targets known to the whole process; the gate
///                                           writes nothing but how often it looked each up
///     arenasOffset        arenas      r-x   fragments, mapped near the code they translate
///     contextsOffset      contexts    rw-   one per thread; %gs of the thread points at it
///     windowsOffset       windows     rw-   one pair of arrays per thread: which tables serve which
///                                           window of the program's code
///     defaultOffset       default     rw-   what a window without a table reads: zero, always
///     tablesOffset        tables      rw-   indirect targets by address (`TargetTables`)
///
/// A context is reached by machine code as `gs:[offset]`; only `Context` and the emitters name these
/// offsets. What is behind the contexts is reached through %gs as well: a thread whose context lies
/// `n` strides behind the first has its windows `n` strides behind the first pair.
package enum RegionLayout {
  package static let gateOffset = 0
  package static let gateSize = 0x1_0000
  package static let sharedOffset = 0x1_0000
  package static let sharedSize = 0x1_0000
  package static let masterOffset = 0x10_0000
  /// Two tables (returns, jumps) of `masterEntries` + `masterTail` entries of 16 bytes.
  package static let masterBits = 20
  package static let masterEntries = 1 << masterBits
  package static let masterTail = 0x1000
  package static let masterTableSize = (masterEntries + masterTail) * 16
  package static let masterSize = 2 * masterTableSize
  package static let arenasOffset = 0x400_0000
  package static let arenaSize = 0x1000_0000
  package static let maximumArenas = 12
  package static let contextsOffset = arenasOffset + maximumArenas * arenaSize
  /// A page more than a pair of windows needs: else all of them would meet in the same sets of the caches.
  package static let contextStride = 0x8_1000
  package static let maximumThreads = 1280
  static let contextsSize = maximumThreads * contextStride
  static let windowsOffset = contextsOffset + contextsSize
  /// What the server maps, too.
  static let serverSize = windowsOffset + contextsSize
  static let defaultOffset = serverSize
  /// More than a table, by what the contexts' distance from one another and no address' upper half can
  /// reach; and a number that no program comes by (see `Context.isLeftover`).
  static let defaultSize = 0x8_5ad3_7000
  static let tablesOffset = defaultOffset + defaultSize
  /// One table (`TargetTables`): its targets, then 2 bytes for each byte of a window.
  static let tableSize = tableNumbers + 2 << windowBits
  /// Where a table's numbers begin. Its targets end here.
  static let tableNumbers = 0x400_0000
  /// Targets of a table; none has the number 0.
  static let tableTargets = 0x1_0000
  /// A window is the part of the address space whose addresses share their upper halves.
  static let windowBits = 32
  /// Each has two tables, one for returns and one for jumps.
  static let maximumWindows = 6
  package static let regionSize = tablesOffset + 2 * maximumWindows * tableSize
}

/// Offsets into a thread's context.
package enum ContextLayout {
  /// 16 slots of 8 bytes in the processor's register order: rax rcx rdx rbx rsp rbp rsi rdi r8...r15.
  static let registers = 0x00
  static let flags = 0x80
  /// What the server put for a native system call: number and six arguments, then the result.
  static let callNumber = 0x90
  static let callArguments = 0x98
  static let callResult = 0xc8
  /// Where indirect lookups put rcx and rdx. Apart from `registers`, because a scratch register
  /// that the target does not need is never reloaded: its value stays here, and only recovery asks.
  static let spilledRCX = 0x100
  static let spilledRDX = 0x108
  /// Where the indirect branch leads whose lookup is being made, when the miss has nowhere else to look.
  static let jumpTarget = 0x110
  /// What completing a call pushes.
  static let returnAddress = 0x118
  /// The mailbox, on a cache line of its own.
  static let state = 0x140
  static let kind = 0x144
  static let exit = 0x148
  static let asleep = 0x14c
  static let target = 0x150
  static let retry = 0x158
  /// Where the gate goes on after an answer: one of its own labels, and from there the fragment.
  static let next = 0x160
  static let resume = 0x168
  /// The original pc of a thread that stands in the gate for a system call or a probe.
  static let originalPC = 0x170
  /// What completing a transfer adds to rsp.
  static let adjustment = 0x178
  /// Pointers set once.
  static let gateMiss = 0x180
  static let gateReturnLookup = 0x188
  static let gateJumpLookup = 0x190
  static let gateSystemCall = 0x198
  static let gateProbe = 0x1a0
  static let masterReturns = 0x1a8
  static let masterJumps = 0x1b0
  static let doorbell = 0x1b8
  static let contextAddress = 0x1c0
  static let stackTop = 0x1c8
  static let guestGSBase = 0x1d0
  /// The processor from which the last request was posted, plus one; 0 when it cannot be known.
  static let processor = 0x1d8
  /// How often the gate looks before it sleeps.
  static let spins = 0x1dc
  /// Lookups that the inline table did not answer.
  static let lookups = 0x1e0
  /// The frame that rt_sigreturn is given: `signalFrameSize` bytes.
  static let signalFrame = 0x200
  static let signalFrameSize = 304
  /// The address of an access that is being looked at.
  static let watchedAddress = 0x340
  /// Of all rounds of a string instruction: their length, and where the highest ends.
  static let watchedLength = 0x348
  static let watchedEnd = 0x350
  /// The time stamp counter when the last timed call began (`TimedCall`); 0 when there was none.
  static let callBegan = 0x358
  /// A timespec of the server's for such a call.
  static let timeout = 0x360
  /// `WatchFilter.comparisons`, up to `path`.
  static let watchRanges = 0x370
  /// A path that the server puts down for a call.
  static let path = 0x400
  static let stackEnd = 0x1000
  /// One byte for each low 16 bits of a system call number, of `CallKind`.
  static let callMap = 0x1_0000
  /// How often blocks that check themselves have run on this thread: 4 bytes each, shared by blocks whose
  /// numbers agree in the low bits.
  static let counts = 0x2_0000
  static let countEntries = 0x1000
  /// The tables of `WatchFilter`: 2 x 256 bytes, 14 x 256 bytes, 64 KiB.
  static let watchHighBytes = 0x2_4000
  static let watchVerdicts = 0x2_4200
  static let watchStarts = 0x3_0000
  /// For each upper half of a user address, where the table of that window begins: 8 bytes each, what has
  /// to be added to `tables`. 0: no table, which leads to the default.
  static let windowEntries = 0x8000
  static let returnWindows = RegionLayout.contextsSize
  /// Not a multiple of a page away: one upper half has its entries in different sets of the caches.
  static let jumpWindows = returnWindows + 0x4_0240
  /// The default's numbers, its targets, and, for a table, how many numbers it has given out.
  static let tables =
    RegionLayout.defaultOffset + RegionLayout.tableNumbers - RegionLayout.contextsOffset
  static let tableTargets = tables - RegionLayout.tableTargets * 8
  static let tableCount = tableTargets - 8

  static func slot(_ register: Int) -> Int { registers + register * 8 }
  static func count(_ block: Int32) -> Int { counts + Int(block) % countEntries * 4 }
}

/// What the fragment does with a system call whose number is not known when its code is translated.
enum CallKind {
  static let plain: UInt8 = 0
  /// The server must see it.
  static let asked: UInt8 = 1
  /// The fragment notes when it begins.
  static let timed: UInt8 = 2
}

/// What the mailbox's state word says.
enum MailboxState {
  static let idle: UInt32 = 0
  static let posted: UInt32 = 1
  static let answered: UInt32 = 2
}

/// What a thread in the gate asks for.
enum RequestKind: UInt32 {
  case miss = 1
  case returnLookup = 2
  case jumpLookup = 3
  case systemCall = 4
  case systemCallDone = 5
  case probe = 6

  /// The thread that asks owes the cache nothing but its request, which it can make again.
  var mayFlush: Bool {
    switch self {
    case .miss, .returnLookup, .jumpLookup, .systemCall: true
    case .systemCallDone, .probe: false
    }
  }
}
