// SPDX-License-Identifier: GPL-3.0-only
internal import CLinux
import Glibc

/// The calls that put the region into a process.
extension Tracer {
  /// The region's file is made by the process itself: it may see other files than xv does, and may be
  /// another user's. Returns its descriptor there.
  ///
  /// `name`: where eight bytes may be written.
  func makeRegionFile(
    _ thread: ThreadID, _ registers: user_regs_struct, at instruction: UInt64, name: UInt64
  ) throws(GuestError) -> Int32 {
    let text = Array("xv".utf8) + [0]
    guard xv_write_remote(process, name, text, text.count) == text.count else {
      throw .system(call: "process_vm_writev", errno: EFAULT)
    }
    return try makeNamedRegionFile(thread, registers, at: instruction, name: name)
  }

  /// As `makeRegionFile`; the name is there already.
  func makeNamedRegionFile(
    _ thread: ThreadID, _ registers: user_regs_struct, at instruction: UInt64, name: UInt64
  ) throws(GuestError) -> Int32 {
    let closeOnExec: UInt64 = 1
    let file = try inject(thread, registers, at: instruction, 319, [name, closeOnExec])
    guard file >= 0 else { throw .system(call: "memfd_create", errno: Int32(-file)) }
    return Int32(file)
  }

  /// The calls that map the region's pieces and close its descriptor; the gate comes first.
  ///
  /// `replacing`: over what lies there.
  func regionCalls(core: UInt64, file: Int32, replacing: Bool) -> [InjectedCall] {
    let sharedNoReserve: UInt64 = 0x01 | 0x4000
    let fixed: UInt64 = replacing ? 0x10 : 0x10_0000  // MAP_FIXED, MAP_FIXED_NOREPLACE
    let maps = VirtualizationState.pieces.map { offset, size, protection in
      InjectedCall(
        number: 9,
        arguments: [
          core + UInt64(offset), UInt64(size), protection, sharedNoReserve | fixed, UInt64(file),
          UInt64(offset),
        ])
    }
    return maps + [
      InjectedCall(number: 3, arguments: [UInt64(file)]),
      // A core file of the program holds nothing of xv's (MADV_DONTDUMP).
      InjectedCall(number: 28, arguments: [core, UInt64(RegionLayout.regionSize), 16]),
    ]
  }

  /// The calls that take PROT_EXEC from original code in guard mode.
  func guardCalls(_ engine: Engine) -> [InjectedCall] {
    guard options.guardOriginalCode else { return [] }
    return engine.translator.pointee.ranges.areas.map { area in
      InjectedCall(
        number: 10,
        arguments: [
          area.range.lowerBound, area.range.upperBound - area.range.lowerBound,
          UInt64(area.protection & ~4 | 1),
        ])
    }
  }

  /// xv has mapped what it needs: from here on the limit of the address space counts.
  func limitAddresses(_ engine: Engine) {
    guard let addressLimit else { return }
    engine.lock.locked {
      engine.addressLimits[process] = addressLimit
      engine.imposeAddressLimits()
    }
  }

  /// A process goes on without xv: the kernel's limit is the program's again.
  func restoreAddressLimit(of process: Int32) {
    let limit = engine.map { engine in engine.lock.locked { engine.addressLimits[process] } }
    (limit ?? addressLimit)?.impose(on: process, own: 0)
  }
}
