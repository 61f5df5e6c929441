// SPDX-License-Identifier: GPL-3.0-only

/// Fields of a standard-format XSAVE area (Intel SDM volume 1, 13.4), read and written so that
/// XSTATE_BV stays true.
///
/// A component whose XSTATE_BV bit is clear is in its initial state, whatever its bytes say: all
/// zero, except the x87 control word 0x37F and MXCSR 0x1F80. The first write that changes such a
/// component writes out its initial state and sets the bit.
struct ExtendedState {
  private static let stateBitsOffset = 512
  /// Legacy area and header: nothing shorter is an XSAVE area.
  private static let shortest = 576
  private static let mxcsrOffset = 24
  private static let initialControlWord: UInt16 = 0x37F
  private static let initialMXCSR: UInt32 = 0x1F80
  private static let initialX87: [UInt8] = {
    var bytes = [UInt8](repeating: 0, count: 160)
    bytes.store(initialControlWord, at: 0)
    return bytes
  }()
  /// As long as the longest register.
  private static let zeros = [UInt8](repeating: 0, count: 32)

  let offsets: XSaveOffsets
  /// Components that there are, as in XCR0.
  let xcr0: UInt64

  /// The absolute range of a field of a component, if the area holds it.
  private func place(
    _ component: XSaveComponent, _ field: Range<Int>, in area: [UInt8]
  ) -> Range<Int>? {
    guard area.count >= Self.shortest, xcr0 & component.bit != 0, let whole = offsets[component]
    else { return nil }
    let start = whole.lowerBound + field.lowerBound
    let end = whole.lowerBound + field.upperBound
    return end <= min(whole.upperBound, area.count) ? start..<end : nil
  }

  private func isInitial(_ component: XSaveComponent, in area: [UInt8]) -> Bool {
    area.word(at: Self.stateBitsOffset) & component.bit == 0
  }

  /// The bytes of a field whose offset counts from the component's start.
  func read(
    _ component: XSaveComponent, _ field: Range<Int>, of area: [UInt8]
  ) -> ArraySlice<UInt8>? {
    guard let place = place(component, field, in: area) else { return nil }
    guard isInitial(component, in: area) else { return area[place] }
    return component == .x87 ? Self.initialX87[field] : Self.zeros[..<field.count]
  }

  /// Nothing changes when the field has these bytes already, so that a write of all registers does
  /// not end an initial state.
  func write(
    _ component: XSaveComponent, _ field: Range<Int>, _ bytes: [UInt8], in area: inout [UInt8]
  ) -> Bool {
    guard bytes.count == field.count, let place = place(component, field, in: area) else {
      return false
    }
    if read(component, field, of: area)?.elementsEqual(bytes) == true { return true }
    leaveInitialState(component, in: &area)
    area.replaceSubrange(place, with: bytes)
    return true
  }

  /// MXCSR stands in the legacy area and counts with SSE and with AVX: XSAVE stores it for either.
  func mxcsr(of area: [UInt8]) -> UInt32? {
    guard area.count >= Self.shortest else { return nil }
    let stored: UInt32 = area.load(at: Self.mxcsrOffset)
    let isStored = !isInitial(.sse, in: area) || !isInitial(.avx, in: area)
    return isStored || stored != 0 ? stored : Self.initialMXCSR
  }

  func setMXCSR(_ value: UInt32, in area: inout [UInt8]) -> Bool {
    guard let current = mxcsr(of: area) else { return false }
    if value == current { return true }
    leaveInitialState(.sse, in: &area)
    area.store(value, at: Self.mxcsrOffset)
    return true
  }

  private func leaveInitialState(_ component: XSaveComponent, in area: inout [UInt8]) {
    guard isInitial(component, in: area), let whole = offsets[component] else { return }
    let mxcsr = mxcsr(of: area)
    switch component {
    case .x87:
      // Around MXCSR and its mask, bytes 24 to 31.
      area.replaceSubrange(0..<24, with: repeatElement(0, count: 24))
      area.replaceSubrange(32..<160, with: repeatElement(0, count: 128))
      area.store(Self.initialControlWord, at: 0)
    default:
      area.replaceSubrange(whole, with: repeatElement(0, count: whole.count))
      // With one of their bits set the kernel takes MXCSR from the area.
      if component == .sse || component == .avx, let mxcsr {
        area.store(mxcsr, at: Self.mxcsrOffset)
      }
    }
    area.store(
      area.word(at: Self.stateBitsOffset) | component.bit, at: Self.stateBitsOffset)
  }
}

/// Little-endian integers in an XSAVE area or a register's bytes.
extension [UInt8] {
  package func load<Value: FixedWidthInteger>(at offset: Int) -> Value {
    withUnsafeBytes {
      Value(littleEndian: $0.loadUnaligned(fromByteOffset: offset, as: Value.self))
    }
  }

  package mutating func store<Value: FixedWidthInteger>(_ value: Value, at offset: Int) {
    withUnsafeMutableBytes {
      $0.storeBytes(of: value.littleEndian, toByteOffset: offset, as: Value.self)
    }
  }

  /// The bytes of an integer, lowest first.
  package init(littleEndian value: some FixedWidthInteger) {
    self = Swift.withUnsafeBytes(of: value.littleEndian) { Array($0) }
  }
}

extension FixedWidthInteger {
  /// The integer that the bytes are, lowest first; at most its own width of them.
  package init(littleEndian bytes: ArraySlice<UInt8>) {
    self = bytes.reversed().reduce(0) { $0 << 8 | Self($1) }
  }
}
