// SPDX-License-Identifier: GPL-3.0-only
package import XVCore

/// A world whose program runs as translated code, and which can tell about its translator.
///
/// Apart from `World`, because only a process under xv has fragments: a remote or a swapped world
/// has none, and `monitor xv ...` says so instead of printing zeros.
package protocol TranslatedWorld: World {
  /// Counters by name, in the order in which they should be printed.
  var statistics: [(name: String, value: UInt64)] { get }
  /// The fragment that holds `address`, translated if need be; nil when there is no code.
  func block(at address: Address) throws(WorldError) -> BlockListing?

  /// Discards all translated code. The world stands still, and its program notices nothing.
  func flush() throws(WorldError)
  /// As `flush`; what is live is copied when it is asked for.
  func collect() throws(WorldError)
  /// Moves the translator's memory to another address of the program's, any suitable one if none is
  /// named. Returns where it is now.
  func relocate(to address: Address?) throws(WorldError) -> Address
}
