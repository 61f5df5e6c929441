// SPDX-License-Identifier: GPL-3.0-only
internal import RSP
internal import WorldVM
internal import XVCore

/// A place where a client wants a breakpoint.
struct BreakpointPlace: Hashable {
  var kind: BreakpointPacket.Kind
  var address: UInt64
}

/// What a client may do that looks on while another one drives: look.
extension ClientDesk {
  func answerToOnlooker(_ packet: Packet) -> Answer {
    if isNew, session.isRunning, packet.begins {
      // gdb shows these words, and that the connection is closed.
      return .last(refusal(running + ": connect when it stands still"))
    }
    switch packet {
    case .resume(let packet): return follow(packet)
    case .process(let packet): return answer(packet)
    case .breakpoint(let packet):
      wish(packet)
      return .reply(.ok)
    // Who drives says what is told and how.
    case .signals, .catchCalls(.none), .threadMode(.threadEvents), .threadMode(.nonStop(false)):
      return .reply(.ok)
    default:
      if packet.changesSomething { return .reply(refusal(notDriving)) }
      if packet.needsStandstill, session.isRunning { return .reply(refusal(running)) }
      return look { session.answer(packet) }
    }
  }

  private var notDriving: String {
    "you look on: \(shared.driverText); 'monitor xv drive' takes over"
  }
  private var running: String { "the program runs, and \(shared.driverText)" }

  // MARK: Going on
  /// Nothing goes on: where the programs stand is shown, or waited for.
  private func follow(_ packet: ResumePacket) -> Answer {
    switch packet {
    case .actionsWanted: return look { session.answer(.resume(packet)) }
    case .interrupt: return .reply(.ok)
    case .actions(let actions) where actions.allSatisfy({ $0.kind == .stop }): return .reply(.ok)
    case .actions, .legacy: break
    }
    if session.isRunning || isCurrent && isFollower {
      let places = session.breakpointPlaces
      if !wishes.isSubset(of: places) {
        announcement = Array("your breakpoints have no effect: \(shared.driverText)\n".utf8)
      }
      return wait()
    }
    if isCurrent { return .reply(refusal(notDriving)) }
    markSeen()
    view.choose(session.current)
    return .reply(look { session.stopReplyForOnlooker() })
  }

  /// A debugger sets its breakpoints each time it goes on, its own hidden ones among them; to refuse
  /// those would keep it from following.
  private func wish(_ packet: BreakpointPacket) {
    let place = BreakpointPlace(kind: packet.kind, address: packet.address)
    if packet.inserts { wishes.insert(place) } else { wishes.remove(place) }
  }

  // MARK: The program as a whole
  private func answer(_ packet: ProcessPacket) -> Answer {
    switch packet {
    case .status:
      if session.isRunning { return .reply(refusal(running)) }
      markSeen()
      view.choose(session.current)
      return .reply(look { session.stopReplyForOnlooker() })
    // So that a debugger that is left does not end the program.
    case .attached: return .reply(Reply("1"))
    case .kill: return .last(nil)
    case .detach: return .last(.ok)
    case .killProcess: return .reply(refusal(notDriving))
    }
  }
}

extension StubSession {
  /// Where the driver has breakpoints.
  var breakpointPlaces: Set<BreakpointPlace> {
    var places: Set<BreakpointPlace> = []
    for inferior in living {
      for (address, kinds) in inferior.breakpoints.kinds {
        for kind in kinds { places.insert(BreakpointPlace(kind: kind, address: address.rawValue)) }
      }
    }
    return places
  }
}

extension Packet {
  /// Whether it would change the programs, their files, or the server.
  var changesSomething: Bool {
    switch self {
    case .register(let packet): packet.changesRegisters
    case .memory(.write(_, let bytes)): !bytes.isEmpty
    case .transfer(let packet):
      if case .write = packet.operation { true } else { false }
    case .file(let packet): packet.changesFiles
    case .launch(.extend), .launch(.attach): false
    case .launch: true
    case .monitor(let command): !Self.harmless(command)
    case .debugger(let packet):
      switch packet {
      case .allocate, .release, .input, .breakpoints: true
      default: false
      }
    case .platform(let packet):
      switch packet {
      case .makeDirectory, .changeMode, .shell, .launchServer, .endServer: true
      default: false
      }
    case .catchCalls, .threadMode(.nonStop(true)): true
    default: false
    }
  }

  private static func harmless(_ command: [UInt8]) -> Bool {
    let words = String(decoding: command, as: UTF8.self).split(separator: " ")
    return words.count < 2 ? words != ["exit"] : ["maplog", "stats", "block"].contains(words[1])
  }

  /// Whether a client begins with it.
  var begins: Bool {
    switch self {
    case .supported, .process(.status): true
    default: false
    }
  }

  /// Whether it is about what only a program that stands still has.
  var needsStandstill: Bool {
    switch self {
    case .register, .memory, .thread(.localAddress): true
    case .transfer(let packet): packet.object == .signalInformation || packet.object == .libraries
    case .debugger(let packet):
      switch packet {
      case .threadStops, .threadStop, .region, .linkerStructure, .loadAddress: true
      default: false
      }
    default: false
    }
  }
}

extension FilePacket {
  fileprivate var changesFiles: Bool {
    switch self {
    case .open(_, let flags, _):
      !flags.isDisjoint(with: [.writeOnly, .readWrite, .append, .create, .truncate])
    case .write, .unlink, .link: true
    default: false
    }
  }
}
