// SPDX-License-Identifier: GPL-3.0-only
internal import CLinux
import Glibc

/// Mapping arenas while the program runs. The sequence of events: docs/sequences/arenas.md.
extension Tracer {
  /// Maps an arena for code at `target` through a stopped thread. True when there is one, or when none can be
  /// added before others are given up: the caller looks again. False when nobody is there to go on.
  ///
  /// The engine's lock is held to the end: meanwhile no thread begins a call that changes a range of its own
  /// choice.
  func mapArena(near target: UInt64, by thread: ThreadID) -> Bool {
    guard let engine, let registers = threads[thread]?.registers.general else { return false }
    return engine.lock.locked {
      guard engine.translator.pointee.arena(for: target) == nil,
        engine.translator.pointee.arenaCount < RegionLayout.maximumArenas
      else { return true }
      // Another thread, through which memory was reached last, may have ended.
      engine.translator.pointee.process = thread.rawValue
      // The program may have more than its limit allows, and xv has to map this nevertheless.
      for process in engine.addressLimits.keys { AddressLimit.lift(process) }
      defer { engine.imposeAddressLimits() }
      do throws(GuestError) {
        try mapArena(near: target, for: engine, by: thread, registers)
        return true
      } catch {
        guard error != .gone else { return false }
        // Its code must not run unseen.
        engine.say("no room for translations near \(OriginalAddress(target)): \(error); the program is killed")
        for process in Set(threads.values.map(\.processID)) { Glibc.kill(process, SIGKILL) }
        return false
      }
    }
  }

  private func mapArena(
    near target: UInt64, for engine: Engine, by thread: ThreadID, _ registers: user_regs_struct
  ) throws(GuestError) {
    while let place = engine.placeForArena(near: target) {
      func make(_ call: InjectedCall, _ name: String) throws(GuestError) -> Bool {
        let result = try inject(
          thread, registers, at: engine.gate.injectedCall, call.number, call.arguments)
        if result == -Int64(EEXIST) { return false }
        guard UInt64(bitPattern: result) == place else {
          throw .system(call: "\(name) at \(CacheAddress(place))", errno: Int32(truncatingIfNeeded: -result))
        }
        return true
      }
      // Since the look at the mappings the kernel may have given the place to another thread, for a stack or a
      // heap: the call that maps the arena would replace that. A thread alone stands still.
      if threads.count > 1, try !make(engine.reserveArenaCall(at: place), "mmap") { continue }
      _ = try make(engine.mapArenaCall(engine.translator.pointee.arenaCount, at: place), "mremap")
      return engine.addArena(at: place)
    }
    throw .system(call: "finding a hole of \(Arena.size >> 20) MiB within reach", errno: ENOMEM)
  }
}
