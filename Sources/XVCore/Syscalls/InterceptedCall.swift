// SPDX-License-Identifier: GPL-3.0-only

/// The system calls that the server must see; all others run in the fragment
/// (numbers: arch/x86/entry/syscalls/syscall_64.tbl).
enum InterceptedCall {
  static let write: Int32 = 1
  static let open: Int32 = 2
  static let mmap: Int32 = 9
  static let mprotect: Int32 = 10
  static let munmap: Int32 = 11
  static let brk: Int32 = 12
  static let rtSigaction: Int32 = 13
  static let rtSigreturn: Int32 = 15
  static let pwrite64: Int32 = 18
  static let writev: Int32 = 20
  static let mremap: Int32 = 25
  static let msync: Int32 = 26
  static let mincore: Int32 = 27
  static let madvise: Int32 = 28
  static let shmat: Int32 = 30
  static let clone: Int32 = 56
  static let fork: Int32 = 57
  static let vfork: Int32 = 58
  static let execve: Int32 = 59
  static let shmdt: Int32 = 67
  static let creat: Int32 = 85
  static let getrlimit: Int32 = 97
  static let ptrace: Int32 = 101
  static let mlock: Int32 = 149
  static let munlock: Int32 = 150
  static let mlockall: Int32 = 151
  static let prctl: Int32 = 157
  static let archPrctl: Int32 = 158
  static let setrlimit: Int32 = 160
  static let openat: Int32 = 257
  static let pwritev: Int32 = 296
  static let prlimit64: Int32 = 302
  static let seccomp: Int32 = 317
  static let execveat: Int32 = 322
  static let mlock2: Int32 = 325
  static let pwritev2: Int32 = 328
  static let pkeyMprotect: Int32 = 329
  static let rseq: Int32 = 334
  static let clone3: Int32 = 435
  static let openat2: Int32 = 437
  static let processMadvise: Int32 = 440
  static let mseal: Int32 = 462

  static let numbers: [Int32] = [
    mmap, mprotect, munmap, rtSigaction, rtSigreturn, mremap, madvise, shmat, clone, fork, vfork, execve,
    shmdt, mlock, mlockall, archPrctl, execveat, mlock2, pkeyMprotect, rseq, clone3, open, creat, openat,
    openat2, ptrace, prctl, mincore, seccomp, getrlimit, setrlimit, prlimit64, processMadvise, brk,
    msync, munlock, mseal,
  ]

  /// Seen once the program may write to its own memory by a file (`Engine.writeFile`).
  static let fileWrites: [Int32] = [write, pwrite64, writev, pwritev, pwritev2]

  /// In the number of an x32 call. Such calls would change mappings and processes unseen: they are
  /// refused, as by kernels without them.
  static let x32Bit: Int32 = 0x4000_0000

  /// What these do, another thread's call may do to the same memory before it is noted.
  static func changesMappings(_ number: Int32) -> Bool {
    switch number {
    case mmap, munmap, mprotect, pkeyMprotect, mremap, shmat, shmdt: true
    default: false
    }
  }

  static func isIntercepted(_ number: Int32) -> Bool {
    if number & x32Bit != 0 { return true }
    if number >= 512 { return number < 548 }
    return numbers.contains(number)
  }
}

/// Which calls the server sees; the fragments are made for it.
enum AskedCalls {
  case intercepted
  /// Also those that write to files.
  case writesToo
  case all

  func contains(_ number: Int32) -> Bool {
    switch self {
    case .intercepted: InterceptedCall.isIntercepted(number)
    case .writesToo: InterceptedCall.isIntercepted(number) || InterceptedCall.fileWrites.contains(number)
    case .all: true
    }
  }
}
