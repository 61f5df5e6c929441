// SPDX-License-Identifier: GPL-3.0-only
internal import CLinux

/// The stubs through which fragments leave the cache, and what recovery needs to know about them.
///
/// A fragment never takes a trap to reach the server (a synchronous signal that the guest blocks would
/// make the kernel reset the guest's handler). It jumps here; the gate puts away the registers it
/// needs, posts a request in the thread's context, spins, then sleeps on a futex, and goes on where
/// the answer says. Nothing here touches the guest's stack, and nothing on the short paths touches
/// the flags: counting is done with `lea`, testing with `jrcxz`.
///
/// The life of a miss:
///
///     fragment   jcc stub            a direct exit that is not linked
///     stub       mov gs:[exit], id ; jmp gs:[gateMiss]
///     miss       rcx, r11 -> context; kind = miss; state = posted (xchg: a full barrier)
///                doorbell rung if the server sleeps
///     wait       spin on state, then futex
///                the server translates, links the exit, writes `next` and `resume`, state = answered
///     finish     rcx, r11 <- context; jmp gs:[resume]
struct Gate {
  /// Where the original pc of a thread inside the gate is to be found.
  enum Phase: UInt8 {
    /// The target of exit `context.exit`.
    case miss
    /// Roll back: recover as if the thread stood at `context.retry`.
    case lookup
    /// `context.originalPC`: the stub or the server has put it there.
    case parked
    /// In, or right after, a system call made for the guest: rax is live, the rest is in the file.
    case inSystemCall
    /// As before, with the result in `context.callResult`.
    case systemCallDone
    /// All registers are going back into place; pc is `context.originalPC`.
    case leaving
    /// An indirect call has pushed its return address: pc is `context.target`.
    case called
    /// The thread runs original code next (a jump to where there is no code).
    case resumed
  }

  enum Flags: UInt8 {
    case live
    /// ah holds SF ZF AF PF CF, al holds OF.
    case lahf
    /// ah holds SF ZF AF PF CF; OF is live.
    case overflowLive
    case file
  }

  struct Mark {
    var offset: UInt32
    var phase: Phase
    /// Registers whose values are in the context's register file.
    var file: RegisterSet
    /// Scratch registers whose values are in the spill slots (they win over `file`).
    var spilled: SpillSet
    var flags: Flags
    /// rsp has still to be raised by `context.adjustment`.
    var isAdjustmentDue = false
  }

  private(set) var marks: [Mark] = []
  private(set) var size = 0

  // Entry points, as guest addresses.
  private(set) var miss: UInt64 = 0
  private(set) var returnLookup: UInt64 = 0
  private(set) var jumpLookup: UInt64 = 0
  private(set) var systemCall: UInt64 = 0
  private(set) var probe: UInt64 = 0

  // Places where an answer lets the thread go on.
  private(set) var finishMiss: UInt64 = 0
  private(set) var finishLookup: UInt64 = 0
  /// Completes an indirect transfer without going back to its fragment (which may be gone).
  private(set) var finishTransfer: UInt64 = 0
  /// The same for a call, which has pushed nothing yet.
  private(set) var finishCall: UInt64 = 0
  private(set) var loadAll: UInt64 = 0
  private(set) var nativeCall: UInt64 = 0
  /// Makes rt_sigreturn with the frame at `target`.
  private(set) var signalReturn: UInt64 = 0
  /// Makes a call of whose result nothing need be noted, and goes on behind it.
  private(set) var plainCall: UInt64 = 0
  /// A `syscall` instruction for calls that the tracer injects with ptrace.
  private(set) var injectedCall: UInt64 = 0
  /// An instruction that does nothing, for a thread that is to take the trap of its trap flag.
  private(set) var trap: UInt64 = 0
  /// Makes the calls of a list, whose address is in rbx, and traps at its end or behind the first that
  /// fails.
  private(set) var injectedCalls: UInt64 = 0

  var emitter: Emitter
  let start: UnsafeMutableRawPointer
  let guest: UInt64
  var current = Mark(offset: 0, phase: .resumed, file: [], spilled: [], flags: .live)

  /// Writes the gate's code at `server`, which the guest sees at `guest`.
  init(at server: UnsafeMutableRawPointer, guest: UInt64) {
    start = server
    self.guest = guest
    emitter = Emitter(at: server, guestDelta: guest &- UInt64(UInt(bitPattern: server)))
    buildInjection()
    buildMiss()
    returnLookup = buildLookup(
      .returnLookup, windows: ContextLayout.returnWindows, master: ContextLayout.masterReturns)
    finishLookup = buildFinishLookup()
    jumpLookup = buildLookup(
      .jumpLookup, windows: ContextLayout.jumpWindows, master: ContextLayout.masterJumps)
    finishCall = buildFinishCall()
    finishTransfer = buildFinishTransfer()
    buildFullEntries()
    size = server.distance(to: emitter.cursor)
    precondition(size <= Gate.listOffset)
  }

  /// What holds at a gate address.
  func mark(at offset: UInt32) -> Mark? { marks.last { $0.offset <= offset } }

  // MARK: Pieces

  mutating func mark(
    _ phase: Phase? = nil, file: RegisterSet? = nil, spilled: SpillSet? = nil, flags: Flags? = nil
  ) {
    current.offset = UInt32(start.distance(to: emitter.cursor))
    if let phase { current.phase = phase }
    if let file { current.file = file }
    if let spilled { current.spilled = spilled }
    if let flags { current.flags = flags }
    marks.append(current)
  }

  mutating func save(_ register: Int) {
    emitter.store(register, slot: ContextLayout.slot(register))
    mark(file: current.file.union(RegisterSet(register)))
  }

  mutating func restore(_ register: Int) {
    emitter.load(register, slot: ContextLayout.slot(register))
    mark(file: current.file.subtracting(RegisterSet(register)))
  }

  private mutating func buildInjection() {
    mark(.resumed)
    injectedCall = emitter.address
    emitter.u16(0x050f)  // syscall
    emitter.byte(0xf4)  // hlt: never reached
    trap = emitter.address
    emitter.u16(0xf490)  // nop ; hlt
    injectedCalls = emitter.address
    emitter.bytes(0x03_8b_48, count: 3)  // mov rax, [rbx]
    emitter.bytes(0x28_78_c0_85_48, count: 5)  // test rax, rax ; js the trap
    emitter.bytes(0x08_7b_8b_48, count: 4)  // mov rdi, [rbx+8]
    emitter.bytes(0x10_73_8b_48, count: 4)  // mov rsi, [rbx+16]
    emitter.bytes(0x18_53_8b_48, count: 4)  // mov rdx, [rbx+24]
    emitter.bytes(0x20_53_8b_4c, count: 4)  // mov r10, [rbx+32]
    emitter.bytes(0x28_43_8b_4c, count: 4)  // mov r8, [rbx+40]
    emitter.bytes(0x30_4b_8b_4c, count: 4)  // mov r9, [rbx+48]
    emitter.u16(0x050f)  // syscall
    emitter.bytes(0xffff_f000_3d48, count: 6)  // cmp rax, -4096
    emitter.u16(0x0677)  // ja the trap
    emitter.bytes(0x38_c3_83_48, count: 4)  // add rbx, 56
    emitter.u16(0xd0eb)  // jmp back
    emitter.u16(0xf4cc)  // int3 ; hlt
  }

  private mutating func buildMiss() {
    mark(.miss, file: [], spilled: [], flags: .live)
    miss = emitter.address
    save(Register.rcx)
    save(Register.r11)
    emitter.storeImmediate32(RequestKind.miss.rawValue, slot: ContextLayout.kind)
    post()
    wait(light: true)
    mark()
    finishMiss = emitter.address
    restore(Register.rcx)
    restore(Register.r11)
    emitter.jump(slot: ContextLayout.resume)
  }

  /// mov ecx, posted ; xchg gs:[state], ecx ; ring the doorbell if the server sleeps.
  mutating func post() {
    if ProcessorFeatures.hasRDPID {
      emitter.bytes(0xf9_c7_0f_f3, count: 4)  // rdpid rcx
      emitter.bytes(0x01_49_8d, count: 3)  // lea ecx, [rcx+1]
      emitter.bytes(0x25_0c_89_65, count: 4)  // mov gs:[processor], ecx
      emitter.u32(UInt32(ContextLayout.processor))
    }
    emitter.byte(0xb9)
    emitter.u32(MailboxState.posted)
    emitter.bytes(0x25_0c_87_65, count: 4)
    emitter.u32(UInt32(ContextLayout.state))
  }

  /// Rings the doorbell if the server sleeps, waits for the answer and jumps where it says.
  ///
  /// `light`: only rcx and r11 are free; the others are put away around a system call.
  mutating func wait(light: Bool) {
    let callRegisters = [
      Register.rax, Register.rdi, Register.rsi, Register.rdx, Register.r10, Register.r8,
      Register.r9,
    ]
    let waitState = current
    // rcx = doorbell word; zero means that the server is awake.
    emitter.load(Register.rcx, slot: ContextLayout.doorbell)
    emitter.u16(0x098b)  // mov ecx, [rcx]
    let awake = emitter.jumpIfZero()
    if light { for register in callRegisters { save(register) } }
    emitter.load(Register.rdi, slot: ContextLayout.doorbell)
    emitter.bytes(0x07c7, count: 2)  // mov dword [rdi], 0
    emitter.u32(0)
    emitter.move(Register.rax, immediate: 202)  // futex
    emitter.move(Register.rsi, immediate: 1)  // FUTEX_WAKE
    emitter.move(Register.rdx, immediate: 1)
    emitter.u16(0x050f)
    if light { for register in callRegisters { restore(register) } }
    current = waitState
    mark()
    emitter.landFar(awake)

    emitter.bytes(0x25_1c_8b_44_65, count: 5)  // mov r11d, gs:[spins]
    emitter.u32(UInt32(ContextLayout.spins))
    let loop = emitter.address
    loadState()
    let answered = emitter.jumpIfZero()
    emitter.bytes(0xd9_89_44, count: 3)  // mov ecx, r11d
    emitter.bytes(0xff_5b_8d_45, count: 4)  // lea r11d, [r11-1]
    let sleepy = emitter.shortJump(0xe3)
    emitter.u16(0x90f3)  // pause
    emitter.shortJumpBack(to: loop)

    emitter.land(sleepy)
    if light { for register in callRegisters { save(register) } }
    emitter.byte(0xb9)  // mov ecx, 1 ; xchg gs:[asleep], ecx
    emitter.u32(1)
    emitter.bytes(0x25_0c_87_65, count: 4)
    emitter.u32(UInt32(ContextLayout.asleep))
    let again = emitter.address
    emitter.move(Register.rax, immediate: 202)
    emitter.load(Register.rdi, slot: ContextLayout.contextAddress)
    emitter.bytes(0xbf_8d_48, count: 3)  // lea rdi, [rdi+state]
    emitter.u32(UInt32(ContextLayout.state))
    emitter.move(Register.rsi, immediate: 0)  // FUTEX_WAIT
    emitter.move(Register.rdx, immediate: UInt64(MailboxState.posted))
    emitter.move(Register.r10, immediate: 0)
    emitter.u16(0x050f)
    loadState()
    let woken = emitter.shortJump(0xe3)
    emitter.jump(to: again)
    emitter.land(woken)
    emitter.storeImmediate32(0, slot: ContextLayout.asleep)
    if light { for register in callRegisters { restore(register) } }
    current = waitState
    mark()
    emitter.landFar(answered)
    emitter.storeImmediate32(MailboxState.idle, slot: ContextLayout.state)
    emitter.jump(slot: ContextLayout.next)
  }

  private mutating func loadCallArguments() {
    emitter.load(Register.rax, slot: ContextLayout.callNumber)
    let order = [
      Register.rdi, Register.rsi, Register.rdx, Register.r10, Register.r8, Register.r9,
    ]
    for (index, register) in order.enumerated() {
      emitter.load(register, slot: ContextLayout.callArguments + index * 8)
    }
  }

  /// mov ecx, gs:[state] ; lea ecx, [rcx-answered]: zero when answered.
  private mutating func loadState() {
    emitter.bytes(0x25_0c_8b_65, count: 4)
    emitter.u32(UInt32(ContextLayout.state))
    emitter.bytes(0xfe_49_8d, count: 3)
  }

  private mutating func buildFullEntries() {
    systemCall = saveAll(.systemCall)
    let posted = emitter.address
    let full = current
    post()
    wait(light: false)
    current = full
    probe = saveAll(.probe)
    emitter.jump(to: posted)
    buildLoadAll()
    buildNativeCall(posted: posted)
  }

  private mutating func saveAll(_ kind: RequestKind) -> UInt64 {
    mark(.parked, file: [], spilled: [], flags: .live)
    let entry = emitter.address
    for register in 0..<16 { emitter.store(register, slot: ContextLayout.slot(register)) }
    emitter.load(Register.rsp, slot: ContextLayout.stackTop)
    mark(file: RegisterSet(Register.rsp))
    emitter.byte(0x9c)  // pushfq
    emitter.bytes(0x25_04_8f_65, count: 4)  // pop gs:[flags]
    emitter.u32(UInt32(ContextLayout.flags))
    mark(file: .all, flags: .file)
    emitter.storeImmediate32(kind.rawValue, slot: ContextLayout.kind)
    return entry
  }

  private mutating func loadFlags() {
    emitter.load(Register.rsp, slot: ContextLayout.stackTop)
    emitter.bytes(0x25_34_ff_65, count: 4)  // push gs:[flags]
    emitter.u32(UInt32(ContextLayout.flags))
    emitter.byte(0x9d)  // popfq
  }

  private mutating func buildLoadAll() {
    mark(.leaving, file: .all, spilled: [], flags: .file)
    loadAll = emitter.address
    loadFlags()
    for register in 0..<16 {
      emitter.load(register, slot: ContextLayout.slot(register))
    }
    emitter.jump(slot: ContextLayout.resume)
  }

  private mutating func buildNativeCall(posted: UInt64) {
    // Until the call is made the thread stands before the original instruction.
    nativeCall = emitter.address
    buildCall()
    emitter.store(Register.rax, slot: ContextLayout.callResult)
    mark(.systemCallDone)
    emitter.storeImmediate32(RequestKind.systemCallDone.rawValue, slot: ContextLayout.kind)
    emitter.jump(to: posted)
    signalReturn = emitter.address
    buildCall(rsp: ContextLayout.target)
    emitter.u16(0x0b0f)  // ud2: rt_sigreturn does not come back
    plainCall = emitter.address
    buildCall()
    emitter.load(Register.rcx, slot: ContextLayout.target)
    emitter.jump(slot: ContextLayout.resume)
  }

  private mutating func buildCall(rsp: Int? = nil) {
    mark(.parked, file: .all, spilled: [], flags: .file)
    loadFlags()
    for register in [
      Register.rbx, Register.rbp, Register.rsp, Register.r12, Register.r13, Register.r14,
      Register.r15,
    ] {
      emitter.load(register, slot: ContextLayout.slot(register))
    }
    if let rsp { emitter.load(Register.rsp, slot: rsp) }
    loadCallArguments()
    emitter.u16(0x050f)
    mark(.inSystemCall)
  }
}
