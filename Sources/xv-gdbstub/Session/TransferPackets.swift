// SPDX-License-Identifier: GPL-3.0-only
internal import CLinux
internal import Glibc
internal import RSP
internal import WorldVM
internal import XVCore

/// The object that is being transferred: it is made once and handed out window by window.
struct TransferCache {
  private var object: TransferPacket.Object?
  private var annex = ""
  private var content: [UInt8] = []

  /// Nil when the packet begins a transfer, or goes on with one that is not the cached one.
  func content(for packet: TransferPacket) -> [UInt8]? {
    packet.offset > 0 && packet.object == object && packet.annex == annex ? content : nil
  }

  mutating func keep(_ content: [UInt8], for packet: TransferPacket) {
    object = packet.object
    annex = packet.annex
    self.content = content
  }

  mutating func forget() { self = TransferCache() }
}

extension StubSession {
  func respond(to packet: TransferPacket) throws(WorldError) -> Reply {
    if case .write(let bytes) = packet.operation {
      return try changeSignalInformation(bytes, at: packet.offset)
    }
    if let content = transfers.content(for: packet) { return Reply(packet.window(of: content)) }
    guard let content = try content(of: packet.object, packet.annex) else { return .malformed }
    transfers.keep(content, for: packet)
    return Reply(packet.window(of: content))
  }

  /// Nil when the object has no such annex.
  private func content(
    of object: TransferPacket.Object, _ annex: String
  ) throws(WorldError) -> [UInt8]? {
    switch object {
    case .features: annex == "target.xml" ? layout.targetXML(forLLDB: client.isLLDB) : nil
    case .auxiliaryVector: try world.auxiliaryVector()
    case .executableFile: Array(try reached(program(annex)).world.executablePath().utf8)
    case .libraries: try libraryList().xml(LibraryList.Part(annex))
    case .systemTables: SystemTable.document(annex)
    case .threads: threadsXML()
    case .signalInformation: try world.signalInformation(of: generalThread)
    }
  }

  /// The process that an annex names in hex; the current one for none.
  private func program(_ annex: String) throws(WorldError) -> Inferior {
    if annex.isEmpty { return current }
    guard let number = UInt64(annex, radix: 16), let named = inferior(of: number) else {
      throw .failed(call: "process \(annex)", errno: ESRCH)
    }
    return named
  }

  private func changeSignalInformation(
    _ bytes: [UInt8], at offset: Int
  ) throws(WorldError) -> Reply {
    var information = try world.signalInformation(of: generalThread)
    guard offset + bytes.count <= information.count else { return .malformed }
    information.replaceSubrange(offset..<offset + bytes.count, with: bytes)
    try world.setSignalInformation(information, of: generalThread)
    transfers.forget()
    return Reply(Hex.number(bytes.count))
  }

  private func libraryList() throws(WorldError) -> LibraryList {
    let loadState = try world.modules()
    // lldb never asks again after an empty list; after an error it does (llvm#57756).
    if client.isLLDB, loadState.libraries.allSatisfy({ $0.linkMap.rawValue == 0 }) {
      throw .lookupFailed("the dynamic linker's list")
    }
    let debug = try DynamicSection(world: world, at: loadState.main.dynamicSection).debugStructure
    return LibraryList(loadState, debugStructure: debug)
  }

  private func threadsXML() -> [UInt8] {
    var xml = XMLText("<threads>\n")
    let threads = visible.flatMap { inferior in inferior.threads.map { (inferior, $0) } }
    for (inferior, thread) in threads {
      let id = name(of: thread, in: inferior).encoded(multiprocess: client.isMultiprocess)
      xml.append("<thread id=\"")
      xml.append(String(decoding: id, as: UTF8.self))
      let world = inferior.world
      if !world.isElsewhere, let core = ThreadStatistics(of: thread, in: world.processID)?.core {
        xml.append("\" core=\"\(core)")
      }
      xml.append("\" name=\"")
      xml.appendEscaped(commandName(of: thread, in: world))
      if !inferior.isAway, let handle = handle(of: thread, in: world) { xml.append("\" handle=\"\(handle)") }
      xml.append("\"/>\n")
    }
    xml.append("</threads>\n")
    return xml.bytes
  }

  /// The thread's pthread_t, which is its thread pointer; nil before it has one.
  private func handle(of thread: ThreadID, in world: any World) -> String? {
    do throws(WorldError) {
      let pointer = UInt64(try world.registers(of: thread, extended: false).general.fs_base)
      guard pointer != 0 else { return nil }
      let bytes = withUnsafeBytes(of: pointer.littleEndian) { Array($0) }
      return String(decoding: Hex.encode(bytes), as: UTF8.self)
    } catch {
      return nil
    }
  }
}
