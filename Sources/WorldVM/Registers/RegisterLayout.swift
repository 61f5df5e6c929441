// SPDX-License-Identifier: GPL-3.0-only
package import XVCore

/// A debugger's view of a thread's registers: numbers, sizes and order on the wire.
///
/// Bytes are raw and little-endian; the wire's hex is not this type's business.
package struct RegisterLayout: Sendable {
  /// Length of what `encode` returns.
  package let byteCount: Int
  private let features: [RegisterFeature]
  private let registers: [RegisterDescription]
  private let state: ExtendedState

  /// The registers of a program whose XCR0 has these bits, on this processor.
  package init(xcr0: UInt64) { self.init(xcr0: xcr0, offsets: .ofProcessor) }

  package init(xcr0: UInt64, offsets: XSaveOffsets) {
    features = RegisterFeature.features(xcr0: xcr0)
    registers = features.flatMap(\.registers)
    byteCount = registers.reduce(0) { $0 + $1.byteCount }
    state = ExtendedState(offsets: offsets, xcr0: xcr0)
  }

  /// The target description, as gdb or as lldb understands it best.
  package func targetXML(forLLDB isLLDB: Bool) -> [UInt8] {
    Array(TargetDescription(features: features, isForLLDB: isLLDB).xml.utf8)
  }

  /// A register's number by its name in the description.
  package func number(of name: String) -> Int? { registers.firstIndex { $0.name == name } }

  package var registerCount: Int { registers.count }
  package func byteCount(of number: Int) -> Int? {
    registers.indices.contains(number) ? registers[number].byteCount : nil
  }

  /// All registers in the order of their numbers, as `g` answers them.
  ///
  /// Without an extended state the bytes end before the first register that comes from there.
  package func encode(_ values: Registers) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(byteCount)
    for register in registers {
      guard append(register, of: values, to: &bytes) else { break }
    }
    return bytes
  }

  /// Takes what `encode` gave (`G`); bytes may end early, and registers beyond stay as they are.
  package func decode(_ bytes: [UInt8], into values: inout Registers) {
    var offset = 0
    for register in registers {
      let end = offset + register.byteCount
      guard end <= bytes.count else { return }
      _ = write(Array(bytes[offset..<end]), register, in: &values)
      offset = end
    }
  }

  /// One register's bytes (`p`); nil when there is no such register or it was not read.
  package func register(_ number: Int, of values: Registers) -> [UInt8]? {
    var bytes: [UInt8] = []
    guard registers.indices.contains(number), append(registers[number], of: values, to: &bytes)
    else { return nil }
    return bytes
  }

  /// Sets one register (`P`); false when there is no such register, the length is wrong, or its state
  /// was not read.
  package func setRegister(_ number: Int, _ bytes: [UInt8], in values: inout Registers) -> Bool {
    registers.indices.contains(number) && write(bytes, registers[number], in: &values)
  }

  /// False, and nothing appended, when the register's state was not read.
  private func append(
    _ register: RegisterDescription, of values: Registers, to bytes: inout [UInt8]
  ) -> Bool {
    switch register.place {
    case .general(let general):
      let value = general.value(of: values.general)
      withUnsafeBytes(of: value.littleEndian) { bytes += $0.prefix(register.byteCount) }
    case .x87Control(let control):
      guard let value = control.read(state, of: values.extended) else { return false }
      bytes += value
    case .mxcsr:
      guard let value = state.mxcsr(of: values.extended) else { return false }
      bytes += [UInt8](littleEndian: value)
    case .component(let component, let offset):
      let field = offset..<offset + register.byteCount
      guard let value = state.read(component, field, of: values.extended) else { return false }
      bytes += value
    }
    return true
  }

  private func write(
    _ bytes: [UInt8], _ register: RegisterDescription, in values: inout Registers
  ) -> Bool {
    guard bytes.count == register.byteCount else { return false }
    switch register.place {
    case .general(let general):
      general.set(UInt64(littleEndian: bytes[...]), in: &values.general)
      return true
    case .x87Control(let control):
      return control.write(bytes, state, in: &values.extended)
    case .mxcsr:
      return state.setMXCSR(bytes.load(at: 0), in: &values.extended)
    case .component(let component, let offset):
      let field = offset..<offset + register.byteCount
      return state.write(component, field, bytes, in: &values.extended)
    }
  }
}
