// SPDX-License-Identifier: GPL-3.0-only
internal import CLinux
internal import Glibc
internal import RSP
internal import Synchronization
internal import WorldVM
internal import XVCore

/// Conditions and commands of breakpoints, carried out where the program is: a condition that is false
/// costs no client a packet.
///
/// Decides on the tracer's thread, and is told what to decide on the session's.
final class BreakpointAgent: Sendable {
  private struct Actions {
    var conditions: [AgentExpression]
    var commands: [AgentExpression]
    var isEmpty: Bool { conditions.isEmpty && commands.isEmpty }
  }

  private let actions = Mutex<[UInt64: [BreakpointPacket.Kind: Actions]]>([:])
  private let layout: RegisterLayout
  /// Where what a command prints goes.
  private let output: Int32
  /// What the world was told last: whether it asks, and whether it can.
  private let asks = Mutex((isWanted: false, isDone: false))

  init(_ layout: RegisterLayout, output: Int32 = STDOUT_FILENO) {
    self.layout = layout
    self.output = output
  }

  func set(_ packet: BreakpointPacket) {
    let new = Actions(conditions: packet.conditions, commands: packet.commands)
    actions.withLock { $0[packet.address, default: [:]][packet.kind] = new }
  }

  func remove(_ packet: BreakpointPacket) {
    actions.withLock { actions in
      actions[packet.address]?[packet.kind] = nil
      if actions[packet.address]?.isEmpty == true { actions[packet.address] = nil }
    }
  }

  func removeAll() { actions.withLock { $0 = [:] } }

  /// Has the world ask at each hit, while there is anything to decide.
  func attach(to world: any World) throws(WorldError) {
    let isWanted = actions.withLock { $0.values.contains { $0.values.contains { !$0.isEmpty } } }
    guard asks.withLock({ $0.isWanted }) != isWanted else { return }
    let filter: BreakpointFilter = { [self] hit in isTold(hit) }
    let isDone = try world.filterBreaks(by: isWanted ? filter : nil)
    asks.withLock { $0 = (isWanted, isDone) }
  }

  /// Whether the session has to decide, because the world cannot.
  var isAskedAfterStops: Bool { asks.withLock { $0.isWanted && !$0.isDone } }

  /// Carries out the commands of the breakpoints at the thread's place whose conditions are true; true
  /// when the client has to be told.
  func isTold(_ hit: BreakpointHit) -> Bool {
    let address = UInt64(hit.registers.general.rip)
    guard let here = actions.withLock({ $0[address] }) else { return true }
    let subject = ThreadSubject(hit: hit, layout: layout, output: output)
    var isTold = false
    for actions in here.values where isMet(actions.conditions, subject) {
      if actions.commands.isEmpty { isTold = true }
      for command in actions.commands {
        do throws(AgentError) {
          try AgentMachine.run(command, about: subject)
        } catch {
          Diagnostics.print("xv-gdbstub: a command at \(Address(address)) failed: \(error)")
          break
        }
      }
    }
    return isTold
  }

  /// Without conditions, or when one is true or cannot be computed: then somebody has to look.
  private func isMet(_ conditions: [AgentExpression], _ subject: ThreadSubject) -> Bool {
    conditions.isEmpty
      || conditions.contains { condition in
        do throws(AgentError) {
          return try AgentMachine.value(of: condition, about: subject) != 0
        } catch {
          return true
        }
      }
  }
}

/// A thread at a breakpoint, as an expression sees it.
private struct ThreadSubject: AgentSubject {
  let hit: BreakpointHit
  let layout: RegisterLayout
  let output: Int32

  func register(_ number: Int) -> UInt64? {
    var bytes = layout.register(number, of: hit.registers)
    if bytes == nil {
      var registers = hit.registers
      registers.extended = hit.readExtended()
      bytes = layout.register(number, of: registers)
    }
    guard let bytes, bytes.count <= 8 else { return nil }
    return bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }

  func memory(at address: UInt64, count: Int) -> [UInt8]? {
    let bytes = hit.read(address, count)
    return bytes.count == count ? bytes : nil
  }

  func print(_ text: [UInt8]) {
    var rest = text[...]
    while !rest.isEmpty {
      let written = rest.withUnsafeBytes { write(output, $0.baseAddress, $0.count) }
      guard written > 0 else { return }
      rest = rest.dropFirst(written)
    }
  }
}

extension StubSession {
  /// A stop of a world that could not decide by itself: goes on when nobody is to be told.
  func goesOnUntold(_ thread: ThreadID) -> Bool {
    guard agent.isAskedAfterStops, interruption == .none, let plan = runningPlan else { return false }
    do throws(WorldError) {
      let world = world
      let hit = BreakpointHit(
        thread: thread, registers: try world.registers(of: thread, extended: true),
        readExtended: { [] },
        read: { address, count in
          do throws(WorldError) {
            return try world.copyReadAvailable(from: Address(address), count: count)
          } catch {
            return []
          }
        })
      if agent.isTold(hit) { return false }
      try world.start(plan)
      return true
    } catch {
      return false
    }
  }
}
