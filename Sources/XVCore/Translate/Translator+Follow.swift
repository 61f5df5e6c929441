// SPDX-License-Identifier: GPL-3.0-only

/// A transfer whose target stands in constant memory, and was taken for a direct one.
struct FollowedTransfer: BitwiseCopyable {
  /// A stub of a procedure linkage table that a call goes through; of no bytes when the transfer itself reads the slot.
  var stub: UInt64
  var stubLength: UInt8
  var slot: UInt64
  var target: UInt64

  func moved(by distance: UInt64) -> FollowedTransfer {
    FollowedTransfer(
      stub: stub &+ distance, stubLength: stubLength, slot: slot &+ distance, target: target &+ distance)
  }
}

/// Calls and jumps through slots that the dynamic linker has filled and protected go where the slots say, without a
/// lookup. In libraries that do not hide their own functions most calls are of that kind.
///
/// Only inside one file's code: what is kept of a unit names nothing outside. Who changes a slot's page by a mapping
/// call, writes there as a debugger does, or sets a breakpoint in a stub, throws the unit away: it says of stub and
/// slot what it says of inlined code (`Block.isInlined`).
extension Translator {
  /// Makes a call or jump direct if it can be followed.
  mutating func follow(_ instruction: inout Instruction, _ area: ExecutableRanges.Area, arena: Int) {
    guard scanIsStable, !area.isVolatile, checks == .none, !makesEachRead else { return }
    let transfer: FollowedTransfer?
    switch instruction.kind {
    case .call where area.range.contains(instruction.target) && arenas[arena].serves(instruction.target):
      transfer = stubTransfer(at: instruction.target, area)
    case .indirectCall, .indirectJump: transfer = slotTransfer(of: instruction, area)
    default: return
    }
    guard let transfer, arenas[arena].serves(transfer.target) else { return }
    instruction.target = transfer.target
    if instruction.kind == .indirectCall { instruction.kind = .call }
    if instruction.kind == .indirectJump { instruction.kind = .jump }
    followed.append(transfer)
    scanHasCopies = true
  }

  /// Whether a transfer goes where it went when it was followed.
  mutating func isCurrent(_ transfer: FollowedTransfer) -> Bool {
    guard let area = ranges.area(containing: transfer.target), area.isFile, !area.isVolatile else { return false }
    if transfer.stubLength == 0 { return constant(at: transfer.slot) == transfer.target }
    guard area.range.contains(transfer.stub), let found = stubTransfer(at: transfer.stub, area) else { return false }
    return found.slot == transfer.slot && found.target == transfer.target
  }

  /// The stub at an address: perhaps endbr64, then a jump through a slot.
  private mutating func stubTransfer(at stub: UInt64, _ area: ExecutableRanges.Area) -> FollowedTransfer? {
    let landing: UInt32 = 0xfa1e_0ff3  // endbr64
    guard
      let (bytes, available) = reader.code(
        at: stub, in: area.range, process: process, isVolatile: false, request: request)
    else { return nil }
    let skipped = available > 4 && UnsafeRawPointer(bytes).loadUnaligned(as: UInt32.self) == landing ? 4 : 0
    // Anything but a jump through memory, which is 6 or 7 bytes long, is no stub; most functions are none.
    guard available >= skipped + 7, bytes[skipped] == 0xff || bytes[skipped] == 0xf2,
      let jump = decoder.decode(bytes + skipped, available: 7, address: stub &+ UInt64(skipped)),
      jump.kind == .indirectJump, area.range.contains(jump.end &- 1),
      !hasBreakpoints || !(stub..<jump.end).contains(where: breakpoints.contains),
      var transfer = slotTransfer(of: jump, area)
    else { return nil }
    transfer.stub = stub
    transfer.stubLength = UInt8(jump.end &- stub)
    return transfer
  }

  private mutating func slotTransfer(of instruction: Instruction, _ area: ExecutableRanges.Area) -> FollowedTransfer? {
    guard instruction.prefix == .ripRelative, let target = constant(at: instruction.target), area.range.contains(target)
    else { return nil }
    return FollowedTransfer(stub: instruction.target, stubLength: 0, slot: instruction.target, target: target)
  }

  /// What constant memory holds at an address; nil where nothing is known to be constant.
  private mutating func constant(at slot: UInt64) -> UInt64? {
    guard let range = constants.range(containing: slot, of: process), slot &+ 8 <= range.upperBound,
      let (bytes, available) = reader.code(at: slot, in: range, process: process, isVolatile: false, request: request),
      available >= 8
    else { return nil }
    return UnsafeRawPointer(bytes).loadUnaligned(as: UInt64.self)
  }
}
