// SPDX-License-Identifier: GPL-3.0-only

/// The list of calls that the gate makes for the tracer (`Tracer.inject`), behind its code. Only the
/// tracer uses it, for one thread at a time.
extension Gate {
  static let listOffset = 0xf000
  /// Of one call: its number and six arguments.
  static let callSize = 56
  static let mostCalls = (RegionLayout.gateSize - listOffset) / callSize - 1

  /// Where the guest sees the list.
  var callList: UInt64 { guest &+ UInt64(Gate.listOffset) }

  func list(_ calls: [InjectedCall]) {
    var place = start + Gate.listOffset
    for call in calls {
      place.storeBytes(of: call.number, as: UInt64.self)
      for index in 0..<6 {
        let argument = index < call.arguments.count ? call.arguments[index] : 0
        place.storeBytes(of: argument, toByteOffset: 8 + index * 8, as: UInt64.self)
      }
      place += Gate.callSize
    }
    place.storeBytes(of: UInt64.max, as: UInt64.self)
  }

  /// Puts the name of a region's file where the list is.
  func putName() {
    (start + Gate.listOffset).storeBytes(of: 0x7678 /* "xv" */, as: UInt64.self)
  }
}
