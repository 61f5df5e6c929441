// SPDX-License-Identifier: GPL-3.0-only
internal import RSP
internal import WorldVM
internal import XVCore

extension StubSession {
  func respond(to packet: SignalPacket) -> Reply {
    switch packet {
    case .pass(let signals): passedSignals = Set(signals.compactMap(client.signals.linux))
    case .program(let signals): programSignals = Set(signals.compactMap(client.signals.linux))
    }
    return .ok
  }

  func respond(to packet: CatchPacket) throws(WorldError) -> Reply {
    switch packet {
    case .none: try world.catchCalls(.none)
    case .all: try world.catchCalls(.all)
    case .some(let numbers): try world.catchCalls(.some(numbers))
    }
    catchesCalls = packet != .none
    return .ok
  }
}
