// SPDX-License-Identifier: GPL-3.0-only

extension Client {
  /// Why the program stands still; of a server that holds it stopped.
  package func status(_ patience: Patience) throws(ClientError) -> StopReply {
    let reply = try exchange("?", patience)
    return try stop(reply)
  }

  /// Gives the program the processor: the leftmost action that matches a thread is that thread's.
  ///
  /// The stop comes by `nextStop`. A server without `vCont` can run everything or step one thread.
  package func resume(
    _ actions: [ResumePacket.Action], _ patience: Patience
  ) throws(ClientError) {
    try requireServer()
    if resumeActions.isEmpty {
      try resumeByLegacyPackets(actions, patience)
    } else {
      let words = actions.map { action in
        action.word + (action.threads.map { [UInt8(ascii: ":")] + encoded($0) } ?? [])
      }
      try send([UInt8]("vCont;".utf8) + words.joined(separator: [UInt8(ascii: ";")]), patience)
    }
  }

  private func resumeByLegacyPackets(
    _ actions: [ResumePacket.Action], _ patience: Patience
  ) throws(ClientError) {
    guard let action = actions.first else { return }
    if case .one = action.threads?.thread, let threads = action.threads {
      _ = try exchange([UInt8]("Hc".utf8) + encoded(threads), patience)
    } else {
      _ = try exchange("Hc-1", patience)
    }
    try send(action.word, patience)
  }

  private func encoded(_ pattern: ThreadPattern) -> [UInt8] {
    func text(_ selector: ThreadSelector) -> [UInt8] {
      switch selector {
      case .any: [UInt8(ascii: "0")]
      case .all: [UInt8]("-1".utf8)
      case .one(let number): Hex.number(number)
      }
    }
    guard isMultiprocess, let process = pattern.process else { return text(pattern.thread) }
    return [UInt8(ascii: "p")] + text(process) + [UInt8(ascii: ".")] + text(pattern.thread)
  }

  /// Waits for the stop that a resume ends with; what is printed meanwhile goes to `console`.
  package func nextStop(_ patience: Patience) throws(ClientError) -> StopReply {
    while true {
      let reply = try receive(patience)
      if let text = Console.text(reply) {
        console?(text)
      } else if reply.first == UInt8(ascii: "F") {
        // The program wants a file of ours: there are none.
        try send([UInt8]("F-1,58".utf8), patience)
      } else {
        return try stop(reply)
      }
    }
  }

  private func stop(_ reply: [UInt8]) throws(ClientError) -> StopReply {
    selected = nil
    if let error = ClientReply.error(reply, to: [UInt8(ascii: "?")]) { throw error }
    guard let stop = StopReply(wire: reply) else {
      throw ClientReply.malformed(reply, to: [UInt8(ascii: "?")])
    }
    return stop
  }

  // MARK: The end
  /// Whether the program ran before the server: then a debugger's end is not the program's.
  package func isAttached(process: UInt64, _ patience: Patience) throws(ClientError) -> Bool {
    let suffix = isMultiprocess && process != 0 ? ":\(String(process, radix: 16))" : ""
    return try exchange("qAttached\(suffix)", patience).elementsEqual("1".utf8)
  }

  package func detach(process: UInt64, _ patience: Patience) throws(ClientError) {
    let suffix = isMultiprocess && process != 0 ? ";\(String(process, radix: 16))" : ""
    try command("D\(suffix)", patience)
  }

  package func kill(process: UInt64, _ patience: Patience) throws(ClientError) {
    do throws(ClientError) {
      try command("vKill;\(String(process, radix: 16))", patience)
    } catch .unsupported {
      // `k` has no answer.
      try send([UInt8(ascii: "k")], patience)
    } catch .disconnected {
      // A server that ends with its program may do so without an answer.
    }
  }
}

extension ResumePacket.Action {
  /// As `vCont` and the older packets have it, the threads left out.
  fileprivate var word: [UInt8] {
    let signal = signal.flatMap { $0 == .none ? nil : Hex.byte($0.rawValue) }
    switch kind {
    case .run: return signal.map { [UInt8(ascii: "C")] + $0 } ?? [UInt8(ascii: "c")]
    case .step: return signal.map { [UInt8(ascii: "S")] + $0 } ?? [UInt8(ascii: "s")]
    case .stepWithin(let start, let end):
      return [UInt8(ascii: "r")] + Hex.number(start) + [UInt8(ascii: ",")] + Hex.number(end)
    case .stop: return [UInt8(ascii: "t")]
    }
  }
}
