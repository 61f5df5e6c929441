// SPDX-License-Identifier: GPL-3.0-only

/// What a server could not be asked, or would not do.
package enum ClientError: Error, Hashable, Sendable {
  /// There is no server at the place: try again later.
  case unreachable(place: String, reason: String)
  /// The place means nothing, and will mean nothing later.
  case notAPlace(EndpointError)
  /// The connection ended.
  case disconnected
  /// The caller's time is over.
  case timedOut
  /// The caller does not want it any more.
  case cancelled
  /// The server answered with an error: its number if it gave one, its words if it gave some.
  case refused(request: String, number: Int?, text: String)
  /// The server does not know the packet.
  case unsupported(request: String)
  /// The answer makes no sense.
  case malformed(request: String, reply: String)
}

extension ClientError: CustomStringConvertible {
  package var description: String {
    switch self {
    case .unreachable(let place, let reason): "no server answers at \(place): \(reason)"
    case .notAPlace(let error): "\(error)"
    case .disconnected: "the server has closed the connection"
    case .timedOut: "the server did not answer in time"
    case .cancelled: "cancelled"
    case .refused(let request, let number, let text):
      "the server refused \(request): " + (text.isEmpty ? "error \(number ?? 0)" : text)
    case .unsupported(let request): "the server does not support \(request)"
    case .malformed(let request, let reply):
      "the server answered \(request) with nonsense: \(reply.prefix(60))"
    }
  }
}
