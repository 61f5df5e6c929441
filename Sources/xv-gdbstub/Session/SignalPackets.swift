// SPDX-License-Identifier: GPL-3.0-only
internal import RSP

extension StubSession {
  func respond(to packet: SignalPacket) -> Reply {
    switch packet {
    case .pass(let signals): passedSignals = Set(signals.compactMap(client.signals.linux))
    case .program(let signals): programSignals = Set(signals.compactMap(client.signals.linux))
    }
    return .ok
  }
}
