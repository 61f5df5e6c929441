// SPDX-License-Identifier: GPL-3.0-only

/// One register as a debugger sees it, and where its bytes come from.
struct RegisterDescription: Sendable {
  enum Place: Sendable {
    case general(GeneralRegister)
    case x87Control(X87Control)
    case mxcsr
    /// A field, counted from the component's start.
    case component(XSaveComponent, offset: Int)
  }

  var name: String
  var byteCount: Int
  /// A type of gdb's target descriptions, or one that the feature defines.
  var type: String
  /// gdb's register group, where it cannot be told from the type.
  var group: String?
  var place: Place
}

/// Registers that a processor has together, under the name by which debuggers know them.
struct RegisterFeature: Sendable {
  var name: String
  /// What its registers' types need, in the order of definition.
  var types: [TargetType] = []
  var registers: [RegisterDescription]
}
