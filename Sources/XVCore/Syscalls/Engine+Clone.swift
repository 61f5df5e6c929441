// SPDX-License-Identifier: GPL-3.0-only
internal import CLinux

/// clone, clone3 and vfork.
extension Engine {
  func makeThreadOrProcess(
    _ thread: ThreadID, _ context: Context, _ number: Int32, _ arguments: [UInt64]
  ) {
    let flags = cloneFlags(thread) ?? 0
    guard virtualization.hasRoomForThread || flags & UInt64(CLONE_VM) == 0 else {
      // As the kernel says it at its own bound.
      return complete(thread, context, result: -Int64(EAGAIN))
    }
    guard flags & UInt64(CLONE_UNTRACED) != 0 else {
      return makeNatively(context, number, arguments)
    }
    // What is made there runs in the cache, too, and somebody has to answer it: the flag is left out.
    var traced = arguments
    if number == InterceptedCall.clone3 {
      if let words = cloneArguments(arguments) {
        for (index, word) in words.enumerated() {
          let kept = index == 0 ? word & ~UInt64(CLONE_UNTRACED) : word
          context.store64(ContextLayout.path + index * 8, kept)
        }
        traced[0] = context.guestAddress &+ UInt64(ContextLayout.path)
        traced[1] = UInt64(words.count * 8)
      }
    } else {
      traced[0] &= ~UInt64(CLONE_UNTRACED)
    }
    makeNatively(context, number, traced)
  }

  /// clone3's struct, whose first word are the flags; nil when the kernel is to refuse it.
  private func cloneArguments(_ arguments: [UInt64]) -> [UInt64]? {
    let size = arguments[1]
    guard (64...0x1000).contains(size), size % 8 == 0, let words = readWords(arguments[0], Int(size / 8))
    else { return nil }
    // What no kernel knows yet has to be zero, and need not be told then.
    let known = 32
    return words.dropFirst(known).allSatisfy { $0 == 0 } ? Array(words.prefix(known)) : nil
  }
}
