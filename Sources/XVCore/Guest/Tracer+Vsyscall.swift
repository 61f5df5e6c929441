// SPDX-License-Identifier: GPL-3.0-only
internal import CLinux
import Glibc

/// The three calls at fixed addresses of old programs. The kernel emulates them when an instruction
/// is fetched there and goes on at the return address, which would be original code
/// (arch/x86/entry/vsyscall/vsyscall_64.c); so they are carried out here.
enum Vsyscall {
  /// gettimeofday, time, getcpu: their system calls' numbers.
  static func number(at address: UInt64) -> UInt64? {
    switch address {
    case 0xffff_ffff_ff60_0000: 96
    case 0xffff_ffff_ff60_0400: 201
    case 0xffff_ffff_ff60_0800: 309
    default: nil
    }
  }
}

extension Tracer {
  /// Carries out the call at which the thread stands; false when it stands at none or the kernel
  /// offers none. rcx and r11 are kept, as the kernel does.
  func makeVsyscall(_ thread: ThreadID, _ registers: inout user_regs_struct) -> Bool {
    guard let engine, let number = Vsyscall.number(at: UInt64(registers.rip)),
      engine.lock.locked({ engine.translator.pointee.ranges.hasVsyscall })
    else { return false }
    var target: UInt64 = 0
    guard xv_read_remote(process, UInt64(registers.rsp), &target, 8) == 8 else { return false }
    let arguments = [registers.rdi, registers.rsi, registers.rdx].map { UInt64($0) }
    guard
      let result = try? inject(
        thread, registers, at: engine.gate.injectedCall, number, arguments)
    else { return false }
    // The kernel's emulation faults where the call would say EFAULT: the fetch at the original does that.
    guard result != -Int64(EFAULT) else { return false }
    registers.rax = numericCast(UInt64(bitPattern: result))
    registers.rip = numericCast(target)
    registers.rsp += 8
    return true
  }
}
