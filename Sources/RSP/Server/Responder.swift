// SPDX-License-Identifier: GPL-3.0-only

/// What answers packets: it knows what they mean, not how they travel.
///
/// One client is served at a time, on one thread. A responder outlives its clients.
package protocol Responder: AnyObject {
  /// A new client: what the last one negotiated and selected is void.
  func clientConnected()
  /// Answers a packet that came while the program stood still.
  func answer(_ packet: Packet) -> Answer
  /// Answers a packet that came while it runs; nil keeps the packet until the next stop.
  func answerWhileRunning(_ packet: Packet) -> Answer?
  /// The client wants a stop. When the program stands still, its next resume ends at once.
  func interrupt()
  /// Takes what `stopDescriptor` tells of; nil when the program runs on nevertheless.
  func takeStopReply() -> Reply?
  /// Takes the same while nothing is owed; what the client is to be notified of.
  func takeNotification() -> Reply?
  /// Readable when `takeStopReply` has something to take.
  var stopDescriptor: Int32 { get }
  /// Readable when the program printed something that is to go to the client; negative when its
  /// output goes elsewhere.
  var consoleDescriptor: Int32 { get }
  /// Takes what there is of it, without waiting.
  func takeConsole() -> [UInt8]
}

extension Responder {
  package func takeNotification() -> Reply? {
    _ = takeStopReply()
    return nil
  }
  package var consoleDescriptor: Int32 { -1 }
  package func takeConsole() -> [UInt8] { [] }
}

/// What follows from a packet.
package enum Answer: Hashable, Sendable {
  case reply(Reply)
  /// Console output (each piece an `O` packet), then the reply.
  case console([UInt8], Reply)
  /// The reply, then a notification.
  case announced(Reply, Reply)
  /// The program runs: a stop reply is owed and comes by itself.
  case resumed
  /// Nothing is sent and nothing is owed.
  case silence
  /// The last reply of this session, then the server ends.
  case last(Reply?)
}
