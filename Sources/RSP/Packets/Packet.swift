// SPDX-License-Identifier: GPL-3.0-only

/// A request of the client, parsed.
///
/// One case a family; each family has a file of its own.
package enum Packet: Hashable, Sendable {
  case startNoAckMode
  case supported([FeatureOffer])
  case register(RegisterPacket)
  case memory(MemoryPacket)
  case breakpoint(BreakpointPacket)
  case resume(ResumePacket)
  case process(ProcessPacket)
  case thread(ThreadPacket)
  case transfer(TransferPacket)
  case file(FilePacket)
  case signals(SignalPacket)
  case catchCalls(CatchPacket)
  case threadMode(ThreadModePacket)
  case debugger(DebuggerPacket)
  case platform(PlatformPacket)
  case launch(LaunchPacket)
  case monitor([UInt8])
  case symbols
  /// Nothing in the table fits: answered by the empty packet.
  case unknown
  /// A packet of the table with content that does not parse: answered by an error.
  case malformed

  package init(_ content: [UInt8]) {
    self = PacketTable.parse(content)
  }
}
