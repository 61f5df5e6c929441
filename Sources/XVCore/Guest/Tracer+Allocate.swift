// SPDX-License-Identifier: GPL-3.0-only
internal import CLinux
import Glibc

/// Memory that a debugger wants in the guest: mapped by a call that one of its threads is made to
/// carry out, and known like a mapping that the program made itself.
extension Tracer {
  func allocate(_ count: UInt64, _ protection: Int32) throws(GuestError) -> UInt64 {
    guard let engine else { throw .gone }
    let kind = UInt64(MAP_PRIVATE | MAP_ANONYMOUS)
    let wanted = [0, count, UInt64(protection), kind, UInt64.max, 0]
    var native = wanted
    native[2] = engine.guarded(wanted[2])
    let address = try makeCall("mmap", InterceptedCall.mmap, native)
    engine.lock.locked { engine.noteMapped(at: address, wanted) }
    return address
  }

  func release(_ address: UInt64, _ count: UInt64) throws(GuestError) {
    guard let engine else { throw .gone }
    _ = try makeCall("munmap", InterceptedCall.munmap, [address, count])
    engine.lock.locked { engine.noteUnmapped(address, count) }
  }

  /// A thread that stands before a signal would lose the signal's details by the call, so another one
  /// is asked if there is one.
  private func makeCall(
    _ name: String, _ number: Int32, _ arguments: [UInt64]
  ) throws(GuestError) -> UInt64 {
    let waiting = threads.filter { $0.value.processID == process && $0.value.state == .canonical }
    let free = waiting.filter { $0.value.stoppedBySignal == 0 }
    guard let engine, let thread = (free.isEmpty ? waiting : free).keys.min(),
      let state = threads[thread]
    else { throw .gone }
    let result = try inject(
      thread, state.registers.general, at: engine.gate.injectedCall, UInt64(number), arguments)
    // It no longer stands before its signal's delivery.
    threads[thread]?.stoppedBySignal = 0
    guard result >= 0 || result < -4095 else { throw .system(call: name, errno: Int32(-result)) }
    return UInt64(bitPattern: result)
  }
}

extension Guest {
  /// Maps fresh private memory into the program.
  package func allocate(count: UInt64, protection: Int32) throws(GuestError) -> OriginalAddress {
    try whileStopped { tracer throws(GuestError) in
      OriginalAddress(try tracer.allocate(count, protection))
    }
  }

  /// Takes memory of `allocate` away.
  package func release(_ address: OriginalAddress, count: UInt64) throws(GuestError) {
    try whileStopped { tracer throws(GuestError) in
      try tracer.release(address.rawValue, count)
    }
  }
}
