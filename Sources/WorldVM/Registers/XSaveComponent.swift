// SPDX-License-Identifier: GPL-3.0-only
internal import CLinux

/// A part of the XSAVE area, numbered as in XCR0 and XSTATE_BV.
package enum XSaveComponent: Int, CaseIterable, Sendable {
  case x87 = 0
  case sse = 1
  /// Upper halves of ymm0 to ymm15.
  case avx = 2
  /// k0 to k7.
  case opmask = 5
  /// Upper halves of zmm0 to zmm15.
  case zmmHi256 = 6
  /// zmm16 to zmm31.
  case hi16ZMM = 7
  case pkru = 9

  package var bit: UInt64 { 1 << UInt64(rawValue) }
}

/// Where the components stand in a standard-format XSAVE area.
///
/// The first two are fixed; the others differ between processors (CPUID leaf 0xD).
package struct XSaveOffsets: Sendable {
  /// By the component's number.
  private var ranges: [Range<Int>?]

  /// The x87 part without MXCSR, which belongs to SSE, is not in one piece: its range is what has
  /// to be zero in its initial state, the control word aside.
  private static let x87 = 0..<160
  private static let sse = 160..<416

  /// Offsets that are given; components that are left out do not exist.
  package init(_ given: [XSaveComponent: Range<Int>]) {
    ranges = Array(repeating: nil, count: 64)
    for (component, range) in given { ranges[component.rawValue] = range }
    ranges[XSaveComponent.x87.rawValue] = Self.x87
    ranges[XSaveComponent.sse.rawValue] = Self.sse
  }

  /// This processor's.
  package static let ofProcessor: XSaveOffsets = {
    var ranges: [XSaveComponent: Range<Int>] = [:]
    for component in XSaveComponent.allCases where component.rawValue > 1 {
      var size: UInt32 = 0
      var offset: UInt32 = 0
      if xv_cpuid_xsave_component(UInt32(component.rawValue), &size, &offset) != 0 {
        ranges[component] = Int(offset)..<Int(offset) + Int(size)
      }
    }
    return XSaveOffsets(ranges)
  }()

  /// Where the last component ends: the length of an area that holds all of them.
  var areaLength: Int { max(576, ranges.compactMap { $0?.upperBound }.max() ?? 0) }

  /// Those of the components in XCR0 bits that there is a place for.
  func present(in xcr0: UInt64) -> UInt64 {
    XSaveComponent.allCases.reduce(0) { bits, component in
      self[component] == nil ? bits : bits | component.bit & xcr0
    }
  }

  package subscript(component: XSaveComponent) -> Range<Int>? { ranges[component.rawValue] }
}
