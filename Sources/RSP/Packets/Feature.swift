// SPDX-License-Identifier: GPL-3.0-only

/// One feature that the client offers in `qSupported`: its exact name and what it says of it.
package struct FeatureOffer: Hashable, Sendable {
  package enum Stance: Hashable, Sendable { case yes, no, asked, value(String) }

  package var name: String
  package var stance: Stance

  package init(name: String, stance: Stance) {
    self.name = name
    self.stance = stance
  }

  static func parse(_ scanner: inout PacketScanner) -> Packet? {
    guard scanner.skip(":") else { return scanner.isAtEnd ? .supported([]) : .unknown }
    var offers: [FeatureOffer] = []
    while !scanner.isAtEnd {
      if let offer = FeatureOffer(scanner.field(before: ";")) { offers.append(offer) }
    }
    return .supported(offers)
  }

  private init?(_ field: ArraySlice<UInt8>) {
    guard let last = field.last else { return nil }
    let text = { String(decoding: $0, as: UTF8.self) } as (ArraySlice<UInt8>) -> String
    switch last {
    case UInt8(ascii: "+"): self.init(name: text(field.dropLast()), stance: .yes)
    case UInt8(ascii: "-"): self.init(name: text(field.dropLast()), stance: .no)
    case UInt8(ascii: "?"): self.init(name: text(field.dropLast()), stance: .asked)
    default:
      guard let equals = field.firstIndex(of: UInt8(ascii: "=")) else { return nil }
      self.init(
        name: text(field[..<equals]), stance: .value(text(field[field.index(after: equals)...])))
    }
  }
}
