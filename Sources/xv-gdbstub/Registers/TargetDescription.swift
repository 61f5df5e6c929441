// SPDX-License-Identifier: GPL-3.0-only

/// The XML in which a stub tells a debugger its registers (`qXfer:features:read:target.xml`).
struct TargetDescription {
  var features: [RegisterFeature]

  /// Registers carry their numbers, so that none depends on what stands before it.
  var xml: String {
    var text = """
      <?xml version="1.0"?>
      <!DOCTYPE target SYSTEM "gdb-target.dtd">
      <target version="1.0">
      <architecture>i386:x86-64</architecture>
      <osabi>GNU/Linux</osabi>

      """
    var number = 0
    for feature in features {
      text += "<feature name=\"\(feature.name)\">\n"
      for type in feature.types { text += type.xml }
      for register in feature.registers {
        let group = register.group.map { " group=\"\($0)\"" } ?? ""
        text += "<reg name=\"\(register.name)\" bitsize=\"\(register.byteCount * 8)\""
        text += " type=\"\(register.type)\" regnum=\"\(number)\"\(group)/>\n"
        number += 1
      }
      text += "</feature>\n"
    }
    return text + "</target>\n"
  }
}
