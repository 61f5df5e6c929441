// SPDX-License-Identifier: GPL-3.0-only

extension Client {
  /// A thread as a server lists it.
  package struct ListedThread: Hashable, Sendable {
    package var id: ThreadName
    package var name: String?
    package var core: Int?
  }

  var isMultiprocess: Bool { features.has("multiprocess") }

  func encoded(_ thread: ThreadName) -> [UInt8] { thread.encoded(multiprocess: isMultiprocess) }

  /// The live threads; process 0 when the server does not tell processes.
  package func threads(_ patience: Patience) throws(ClientError) -> [ListedThread] {
    if features.has("qXfer:threads:read") {
      let document = try transfer("threads", patience)
      var threads: [ListedThread] = []
      let problem = XMLReader.read(document) { element in
        guard element.name == "thread", let text = element.attributes["id"],
          let id = ThreadName(wire: Array(text.utf8))
        else { return }
        threads.append(
          ListedThread(
            id: id, name: element.attributes["name"],
            core: element.attributes["core"].flatMap { Int($0) }))
      }
      if let problem { throw .malformed(request: "qXfer:threads", reply: problem) }
      return threads
    }
    return try listedThreads(patience)
  }

  /// `qfThreadInfo` and `qsThreadInfo`.
  package func listedThreads(_ patience: Patience) throws(ClientError) -> [ListedThread] {
    var threads: [ListedThread] = []
    var request = "qfThreadInfo"
    while true {
      let reply = try ask(request, patience)
      if reply.first == UInt8(ascii: "l") { return threads }
      guard reply.first == UInt8(ascii: "m"), threads.count < 1 << 20 else {
        throw ClientReply.malformed(reply, to: Array(request.utf8))
      }
      for field in reply.dropFirst().split(separator: UInt8(ascii: ",")) {
        if let id = ThreadName(wire: Array(field)) { threads.append(ListedThread(id: id)) }
      }
      request = "qsThreadInfo"
    }
  }

  package func isAlive(_ thread: ThreadName, _ patience: Patience) throws(ClientError) -> Bool {
    let request = [UInt8(ascii: "T")] + encoded(thread)
    return try exchange(request, patience).elementsEqual("OK".utf8)
  }

  /// Where a thread has a variable of its own, by the module's link_map and an offset.
  package func threadLocal(
    at offset: UInt64, linkMap: UInt64, of thread: ThreadName, _ patience: Patience
  ) throws(ClientError) -> UInt64 {
    let numbers = [UInt8(ascii: ",")] + Hex.number(offset) + [UInt8(ascii: ",")] + Hex.number(linkMap)
    let request = [UInt8]("qGetTLSAddr:".utf8) + encoded(thread) + numbers
    let reply = try ask(request, patience)
    guard let address = UInt64(String(decoding: reply, as: UTF8.self), radix: 16) else {
      throw ClientReply.malformed(reply, to: request)
    }
    return address
  }

  /// The thread that the server means when nobody chooses one; nil when it does not say.
  package func currentThread(_ patience: Patience) throws(ClientError) -> ThreadName? {
    let reply = try exchange("qC", patience)
    return reply.starts(with: "QC".utf8) ? ThreadName(wire: Array(reply.dropFirst(2))) : nil
  }
}

extension ThreadName {
  /// `p<process>.<thread>`, or the thread alone.
  init?(wire text: [UInt8]) {
    let whole = String(decoding: text, as: UTF8.self)
    guard whole.hasPrefix("p") else {
      guard let thread = UInt64(whole, radix: 16) else { return nil }
      self.init(process: 0, thread: thread)
      return
    }
    let parts = whole.dropFirst().split(separator: ".")
    guard parts.count == 2, let process = UInt64(parts[0], radix: 16),
      let thread = UInt64(parts[1], radix: 16)
    else { return nil }
    self.init(process: process, thread: thread)
  }
}
