// SPDX-License-Identifier: GPL-3.0-only

/// What is to be thrown away, and how much of xv moves.
enum Discard: Hashable {
  /// All fragments.
  case flush
  /// All fragments, but what is live is kept aside, to be copied back when it is asked for.
  case collect
  /// All fragments and arenas: code appeared where no arena is left for it.
  case arenas
  /// All fragments and arenas, and the region goes to another place.
  case relocate
}

/// Switches that make life hard for the translator: every test must give the same result under them.
package struct Torture: Hashable, Sendable {
  /// Discard all fragments at every n-th request (0: never); and so on.
  package var flush: UInt64 = 0
  package var collect: UInt64 = 0
  package var relocate: UInt64 = 0
  /// All accesses to memory are looked at; no watchpoint is in a debug register.
  package var watch = false

  package init() {}

  /// `flush=N,collect=N,relocate=N,watch`, each at most once.
  package init?(_ text: String) {
    var seen: Set<Substring> = []
    for word in text.split(separator: ",", omittingEmptySubsequences: false) {
      if word == "watch" {
        guard seen.insert(word).inserted else { return nil }
        watch = true
        continue
      }
      let parts = word.split(separator: "=", omittingEmptySubsequences: false)
      guard parts.count == 2, let count = UInt64(parts[1]), count > 0, count < 1 << 32,
        seen.insert(parts[0]).inserted
      else { return nil }
      switch parts[0] {
      case "flush": flush = count
      case "collect": collect = count
      case "relocate": relocate = count
      default: return nil
      }
    }
  }

  package var isOn: Bool { flush | collect | relocate != 0 || watch }
}

/// Says when a torture switch is due.
///
/// After a discard every thread has requests of its own, also one that only waits in a system call. If
/// these alone brought the next, nobody would get on: hence n requests for each thread. A handler may
/// need more requests than that, and signals may come faster than it ends: nothing is due while a
/// handler runs, unless that takes `patience` times as long (it may have been left by a jump).
struct TortureClock {
  private static let patience: UInt64 = 64

  private(set) var torture: Torture
  /// Requests since the last time; but for those about system calls.
  private var flush: UInt64 = 0
  private var collect: UInt64 = 0
  private var relocate: UInt64 = 0
  private var handling: Set<ThreadID> = []

  init(_ torture: Torture) { self.torture = torture }

  mutating func tick() {
    flush &+= 1
    collect &+= 1
    relocate &+= 1
  }

  mutating func enterHandler(_ thread: ThreadID) {
    if torture.isOn { handling.insert(thread) }
  }

  /// A move takes system calls of the program's.
  mutating func stopRelocating() { torture.relocate = 0 }

  mutating func leave(_ thread: ThreadID) { handling.remove(thread) }

  func due(threads: Int) -> Discard? {
    guard torture.isOn else { return nil }
    let scale = UInt64(threads) * (handling.isEmpty ? 1 : TortureClock.patience)
    if torture.relocate > 0, relocate >= torture.relocate * scale { return .relocate }
    if torture.collect > 0, collect >= torture.collect * scale { return .collect }
    if torture.flush > 0, flush >= torture.flush * scale { return .flush }
    return nil
  }

  /// Each has a count of its own, so that with several switches all of them have their turns.
  mutating func done(_ kind: Discard) {
    switch kind {
    case .flush: flush = 0
    case .collect: collect = 0
    case .relocate, .arenas: relocate = 0
    }
    handling.removeAll()
  }
}

/// Numbers that look random and come again in every run (SplitMix64, Steele, Lea, Flood 2014).
struct RepeatableNumbers: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var word = state
    word = (word ^ (word >> 30)) &* 0xbf58_476d_1ce4_e5b9
    word = (word ^ (word >> 27)) &* 0x94d0_49bb_1331_11eb
    return word ^ (word >> 31)
  }
}
