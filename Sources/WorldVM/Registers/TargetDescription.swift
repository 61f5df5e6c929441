// SPDX-License-Identifier: GPL-3.0-only

/// The XML in which a stub tells a debugger its registers (`qXfer:features:read:target.xml`).
struct TargetDescription {
  var features: [RegisterFeature]
  /// lldb takes what gdb is told, but shows sets of registers by group and knows no vector types.
  var isForLLDB = false

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
        let group = (isForLLDB ? feature.set(of: register) : register.group)
          .map { " group=\"\($0)\"" } ?? ""
        // The name by which lldb's users know it.
        let alternative = isForLLDB && register.name == "eflags" ? " altname=\"rflags\"" : ""
        let format = isForLLDB ? register.format : ""
        text += "<reg name=\"\(register.name)\" bitsize=\"\(register.byteCount * 8)\""
        text += " type=\"\(register.type)\" regnum=\"\(number)\"\(group)\(format)\(alternative)/>\n"
        number += 1
      }
      text += "</feature>\n"
    }
    return text + "</target>\n"
  }
}

extension RegisterFeature {
  /// lldb-server's name for the set that a register is shown in.
  fileprivate func set(of register: RegisterDescription) -> String {
    switch register.place {
    case .general: "General Purpose Registers"
    case .x87Control, .mxcsr, .component(.x87, _), .component(.sse, _): "Floating Point Registers"
    case .component(.avx, _): "Advanced Vector Extensions"
    case .component(.pkru, _): "Memory Protection Keys"
    case .component: "Advanced Vector Extensions 512"
    }
  }
}

extension RegisterDescription {
  fileprivate var format: String {
    byteCount > 8
      ? " encoding=\"vector\" format=\"vector-uint8\"" : " encoding=\"uint\" format=\"hex\""
  }
}
