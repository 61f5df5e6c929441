// SPDX-License-Identifier: GPL-3.0-only
internal import CLinux

/// rt_sigreturn. The kernel is to find a fragment's address where the frame says the program's: it is given a
/// copy of the frame, in the thread's context. The program's own frame is only read. What the kernel takes
/// from it besides, the vector state, stays there and is named by a pointer.
extension Engine {
  /// What the kernel reads of a frame (arch/x86/include/asm/sigframe.h, struct rt_sigframe): rsp points at
  /// its ucontext, whose sigcontext begins at 40 and holds rip and the flags as its 17th and 18th word. The
  /// signal mask comes last; what lies behind is for the handler alone.
  enum SignalFrame {
    static let size = ContextLayout.signalFrameSize
    static let rip = 168
    static let flags = 176
  }

  func returnFromSignal(_ thread: ThreadID, _ context: Context) {
    tortureClock.leave(thread)
    var frame = context.register(Register.rsp)
    let copy = context.base + ContextLayout.signalFrame
    let size = SignalFrame.size
    // A frame that cannot be read is left to the kernel, which sends SIGSEGV.
    if xv_read_remote(memoryOwner, frame, copy, size) == size {
      let target = copy.load(fromByteOffset: SignalFrame.rip, as: UInt64.self)
      switch block(at: target, entry: .linked) {
      case .block(let number):
        var entry = linked(number).rawValue
        let flags = copy.load(fromByteOffset: SignalFrame.flags, as: UInt64.self)
        if stepping.contains(thread) || flags & TrapStep.flag != 0 {
          let arena = Int(translator.pointee.blocks[Int(number)].arena)
          entry = translator.pointee.stopFragment(at: target, arena: arena).rawValue
        }
        copy.storeBytes(of: entry, toByteOffset: SignalFrame.rip, as: UInt64.self)
        frame = context.guestAddress &+ UInt64(ContextLayout.signalFrame)
      case .needsArena: return park(thread, .needsArena(near: target))
      case .noRoom(let kind): return park(thread, .discard(kind))
      case .noCode: break
      }
    }
    context.store64(ContextLayout.target, frame)
    setCall(context, UInt64(InterceptedCall.rtSigreturn), [])
    context.answer(next: gate.signalReturn)
  }
}
