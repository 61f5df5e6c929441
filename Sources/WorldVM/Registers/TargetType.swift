// SPDX-License-Identifier: GPL-3.0-only

/// A type that a target description defines (gdb manual, "Target Description Format").
///
/// Types are known only inside the feature that defines them, so a feature names all it needs.
enum TargetType: Sendable {
  case vector(id: String, element: String, count: Int)
  case union(id: String, fields: [(name: String, type: String)])
  /// One-bit flags by bit number.
  case flags(id: String, byteCount: Int, bits: [(name: String, bit: Int)])

  /// What one 128-bit vector register may be read as; gdb prints the fields in this order.
  static let vec128: [TargetType] = {
    let views: [(field: String, id: String, element: String, count: Int)] = [
      ("v8_bfloat16", "v8bf16", "bfloat16", 8),
      ("v8_half", "v8h", "ieee_half", 8),
      ("v4_float", "v4f", "ieee_single", 4),
      ("v2_double", "v2d", "ieee_double", 2),
      ("v16_int8", "v16i8", "int8", 16),
      ("v8_int16", "v8i16", "int16", 8),
      ("v4_int32", "v4i32", "int32", 4),
      ("v2_int64", "v2i64", "int64", 2),
    ]
    let fields = views.map { (name: $0.field, type: $0.id) } + [(name: "uint128", type: "uint128")]
    return views.map { .vector(id: $0.id, element: $0.element, count: $0.count) }
      + [.union(id: "vec128", fields: fields)]
  }()

  static let pairOf128 = TargetType.vector(id: "v2ui128", element: "uint128", count: 2)

  static let eflags = TargetType.flags(
    id: "i386_eflags", byteCount: 4,
    bits: [
      // Bit 1 is always set and has no name; gdb shows it as an empty field.
      ("CF", 0), ("", 1), ("PF", 2), ("AF", 4), ("ZF", 6), ("SF", 7), ("TF", 8), ("IF", 9),
      ("DF", 10), ("OF", 11), ("NT", 14), ("RF", 16), ("VM", 17), ("AC", 18), ("VIF", 19),
      ("VIP", 20), ("ID", 21),
    ])

  static let mxcsr = TargetType.flags(
    id: "i386_mxcsr", byteCount: 4,
    bits: [
      ("IE", 0), ("DE", 1), ("ZE", 2), ("OE", 3), ("UE", 4), ("PE", 5), ("DAZ", 6), ("IM", 7),
      ("DM", 8), ("ZM", 9), ("OM", 10), ("UM", 11), ("PM", 12), ("FZ", 15),
    ])

  var xml: String {
    switch self {
    case .vector(let id, let element, let count):
      return "<vector id=\"\(id)\" type=\"\(element)\" count=\"\(count)\"/>\n"
    case .union(let id, let fields):
      let lines = fields.map { "<field name=\"\($0.name)\" type=\"\($0.type)\"/>\n" }
      return "<union id=\"\(id)\">\n\(lines.joined())</union>\n"
    case .flags(let id, let byteCount, let bits):
      let lines = bits.map {
        "<field name=\"\($0.name)\" start=\"\($0.bit)\" end=\"\($0.bit)\" type=\"bool\"/>\n"
      }
      return "<flags id=\"\(id)\" size=\"\(byteCount)\">\n\(lines.joined())</flags>\n"
    }
  }
}
