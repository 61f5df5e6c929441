// SPDX-License-Identifier: GPL-3.0-only

/// A program that runs as translated code.
///
/// Safe from any thread: what needs the tracer is carried out on the guest's own tracer thread while
/// the caller waits. Everything is in original terms: no cache address ever leaves this interface.
package final class Guest: Sendable {
  /// Starts `options.program` and stops it at its first instruction (ld.so's, or the program's own
  /// when it is static). `onStop` is called on the tracer thread, once for each resume, when the
  /// whole guest stands still again or is gone; it must not call back into the guest.
  package static func launch(
    _ options: LaunchOptions, onStop: @escaping @Sendable (StopEvent) -> Void
  ) throws(GuestError) -> Guest { fatalError("being written") }

  /// Process id of the guest.
  package var pid: Int32 { fatalError() }
  /// Live threads, oldest first.
  package var threads: [ThreadID] { fatalError() }

  // MARK: While stopped
  package func registers(of thread: ThreadID, extended: Bool) throws(GuestError) -> Registers { fatalError() }
  /// Writes the general registers, and the extended ones unless `registers.extended` is empty.
  package func setRegisters(_ registers: Registers, of thread: ThreadID) throws(GuestError) { fatalError() }
  /// Sets or takes away a breakpoint probe. Setting it twice, or taking away one that is not there, returns false.
  package func insertBreakpoint(at address: OriginalAddress) throws(GuestError) -> Bool { fatalError() }
  package func removeBreakpoint(at address: OriginalAddress) throws(GuestError) -> Bool { fatalError() }
  package func resume(_ plan: ResumePlan) throws(GuestError) { fatalError() }
  /// Lets the program go on natively, without xv; the guest object is then of no more use.
  package func detach(signal: Int32) throws(GuestError) { fatalError() }
  /// The siginfo_t (128 bytes) of the stop's signal.
  package func signalInformation(of thread: ThreadID) throws(GuestError) -> [UInt8] { fatalError() }

  // MARK: At any time
  /// Reads up to `count` bytes; the result is shorter at the first unreadable page, empty when the first byte is unreadable.
  package func readMemory(at address: OriginalAddress, count: Int) -> [UInt8] { fatalError() }
  /// Writes (also into read-only pages, as ptrace does) and returns how many bytes were written; fragments of changed code are thrown away.
  package func writeMemory(_ bytes: [UInt8], at address: OriginalAddress) -> Int { fatalError() }
  /// Asks a running guest to stop; the answer comes through `onStop`.
  package func interrupt() { fatalError() }
  /// Kills the guest and waits for its end. No `onStop` follows.
  package func kill() { fatalError() }

  // MARK: For people
  /// Counters by name, in the order they should be printed.
  package var statistics: [(name: String, value: UInt64)] { fatalError() }
  /// The fragment that holds `address`, translating it if need be; nil when there is no code.
  package func block(at address: OriginalAddress) throws(GuestError) -> BlockListing? { fatalError() }
}

/// Original and translated bytes of one block, for disassembly.
package struct BlockListing: Sendable {
  package var original: OriginalAddress
  package var originalBytes: [UInt8]
  package var cache: CacheAddress
  package var cacheBytes: [UInt8]
  /// Where each original instruction's translation begins: (original address, offset into cacheBytes).
  package var instructions: [(original: OriginalAddress, cacheOffset: Int)]
}
