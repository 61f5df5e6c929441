// SPDX-License-Identifier: GPL-3.0-only
internal import RSP
internal import WorldVM
internal import XVCore

/// Which breakpoints the client set where.
///
/// One address may carry a software and a hardware one (a `break` and a `thbreak`); for the world
/// they are one.
struct BreakpointTable {
  private(set) var kinds: [Address: Set<BreakpointPacket.Kind>] = [:]

  /// True when it is the first at its address.
  mutating func insert(_ kind: BreakpointPacket.Kind, at address: Address) -> Bool {
    let isFirst = kinds[address] == nil
    kinds[address, default: []].insert(kind)
    return isFirst
  }

  /// True when it was the last at its address; nil when there was none.
  mutating func remove(_ kind: BreakpointPacket.Kind, at address: Address) -> Bool? {
    guard kinds[address]?.remove(kind) != nil else { return nil }
    guard kinds[address]?.isEmpty == true else { return false }
    kinds[address] = nil
    return true
  }

  mutating func removeAll() -> [Address] {
    defer { kinds = [:] }
    return Array(kinds.keys)
  }
}

extension StubSession {
  func respond(to packet: BreakpointPacket) throws(WorldError) -> Reply {
    if current.isAway { return try later(packet) }
    // Nobody will hit it, and gdb does not resume where it could not set one.
    if current.hasUntoldEnd { return .ok }
    switch packet.kind {
    case .software, .hardware: break
    case .write: return try watch(.write, packet)
    case .read: return try watch(.read, packet)
    case .access: return try watch(.access, packet)
    }
    // gdb sets its breakpoints in all processes before any of them goes; this one never comes there.
    if inferiors.count > 1, world is any FixedWorld { return .ok }
    let address = Address(packet.address)
    if packet.inserts {
      try insert(packet.kind, at: address)
      // A breakpoint that is there is given others.
      agent.set(packet)
    } else {
      guard let wasLast = breakpoints.remove(packet.kind, at: address) else { return .malformed }
      agent.remove(packet)
      if wasLast { try world.clearBreak(address) }
    }
    try agent.attach(to: world)
    return .ok
  }

  private func insert(_ kind: BreakpointPacket.Kind, at address: Address) throws(WorldError) {
    guard breakpoints.insert(kind, at: address) else { return }
    do throws(WorldError) {
      _ = try world.setBreak(address)
    } catch {
      _ = breakpoints.remove(kind, at: address)
      throw error
    }
  }

  private func watch(
    _ kind: Watchpoint.Kind, _ packet: BreakpointPacket
  ) throws(WorldError) -> Reply {
    let watchpoint = Watchpoint(kind, at: Address(packet.address), length: packet.size)
    if packet.inserts {
      if !watchpoints.contains(watchpoint) { try world.setWatch(watchpoint) }
      watchpoints.insert(watchpoint)
    } else {
      guard watchpoints.remove(watchpoint) != nil else { return .malformed }
      try world.clearWatch(watchpoint)
    }
    return .ok
  }

  /// Takes all breakpoints, watchpoints and caught calls away: their client is gone, or their image is.
  func clearBreakpoints() {
    if current.isAway { return clearLater() }
    if catchesCalls {
      do throws(WorldError) { try world.catchCalls(.none) } catch {}
      catchesCalls = false
    }
    for watchpoint in watchpoints {
      do throws(WorldError) { try world.clearWatch(watchpoint) } catch {}
    }
    watchpoints = []
    agent.removeAll()
    for address in breakpoints.removeAll() {
      // A world that has ended, or has a new image, has no breakpoint there any more.
      do throws(WorldError) { try world.clearBreak(address) } catch {}
    }
    do throws(WorldError) { try agent.attach(to: world) } catch {}
  }
}
