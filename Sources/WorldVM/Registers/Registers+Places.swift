// SPDX-License-Identifier: GPL-3.0-only
internal import CLinux
public import XVCore

/// What of the registers are addresses, for those who do not import the kernel's structures.
extension Registers {
  /// rip.
  public var programCounter: Address {
    get { Address(UInt64(general.rip)) }
    set { general.rip = numericCast(newValue.rawValue) }
  }

  /// rsp.
  public var stackPointer: Address {
    get { Address(UInt64(general.rsp)) }
    set { general.rsp = numericCast(newValue.rawValue) }
  }
}
