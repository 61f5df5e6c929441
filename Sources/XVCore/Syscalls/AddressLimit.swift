// SPDX-License-Identifier: GPL-3.0-only
internal import CLinux

/// The limit of a process's address space (RLIMIT_AS) as the program knows it. The kernel's is larger by what
/// xv has in that address space, so that the program gets as much memory as natively.
struct AddressLimit: Hashable {
  var soft: UInt64
  var hard: UInt64

  static let unlimited = UInt64.max
  private static let resource: Int32 = 9
  /// The most that xv maps into one process.
  private static let mostOwn =
    UInt64(RegionLayout.regionSize) + UInt64(RegionLayout.maximumArenas * RegionLayout.arenaSize)

  var isUnlimited: Bool { soft == AddressLimit.unlimited && hard == AddressLimit.unlimited }

  /// What the kernel has for a process.
  init?(of process: Int32) {
    var values: [UInt64] = [0, 0]
    guard xv_prlimit(process, AddressLimit.resource, nil, &values) == 0 else { return nil }
    soft = values[0]
    hard = values[1]
  }

  init(soft: UInt64, hard: UInt64) {
    self.soft = soft
    self.hard = hard
  }

  /// Makes it the kernel's, with room for what is xv's. Returns errno, or 0.
  @discardableResult
  func impose(on process: Int32, own: UInt64) -> Int32 {
    func raised(_ value: UInt64, by more: UInt64) -> UInt64 {
      let sum = value.addingReportingOverflow(more)
      return sum.overflow ? AddressLimit.unlimited : sum.partialValue
    }
    let most = own == 0 ? 0 : AddressLimit.mostOwn
    return AddressLimit.set(
      process, AddressLimit(soft: raised(soft, by: own), hard: raised(hard, by: most)))
  }

  /// Lets xv map what it needs, as far as this process may allow it.
  static func lift(_ process: Int32) {
    guard set(process, AddressLimit(soft: unlimited, hard: unlimited)) != 0,
      let present = AddressLimit(of: process)
    else { return }
    _ = set(process, AddressLimit(soft: present.hard, hard: present.hard))
  }

  private static func set(_ process: Int32, _ limit: AddressLimit) -> Int32 {
    -xv_prlimit(process, resource, [limit.soft, limit.hard], nil)
  }

  /// What xv itself was started under, for the programs that it starts; nil: no limit. xv then has none.
  static let inherited: AddressLimit? = {
    guard let limit = AddressLimit(of: 0), limit.soft != unlimited else { return nil }
    lift(0)
    return limit
  }()
}
