// SPDX-License-Identifier: GPL-3.0-only
internal import Glibc
internal import RSP
internal import WorldVM
internal import XVCore

extension StubSession {
  /// What lldb asks beyond gdb's protocol.
  func respond(to packet: DebuggerPacket) throws(WorldError) -> Reply {
    switch packet {
    case .threadSuffix:
      client.isLLDB = true
      return .ok
    case .threadsInStops:
      client.wantsThreadsInStops = true
      return .ok
    case .errorStrings:
      client.understandsErrorStrings = true
      return .ok
    case .host: return Reply(HostDescription().text)
    case .process: return Reply(try processDescription().text)
    case .processID: return Reply(Hex.number(current.processID))
    case .serverVersion: return Reply("name:xv-gdbstub;version:\(StubCommand.version);")
    case .workingDirectory: return Reply(Hex.encode(try workingDirectory()))
    case .echo(let text): return Reply(text)
    case .speedTest(let count):
      // No byte like the one before: a run would be shortened.
      return Reply(Array("data:".utf8) + (0..<count).map { UInt8(ascii: "a") + UInt8($0 % 26) })
    case .input(let text):
      terminal?.type(text)
      return terminal == nil ? .empty : .ok
    case .threadStops: return Reply(try threadStops())
    case .threadStop(let thread): return try threadStop(thread)
    case .regionsWanted: return .ok
    case .region(let address): return Reply(try regionText(around: Address(address)))
    case .allocate(let count, let permissions):
      return Reply(Hex.number(try allocate(count, permissions).rawValue))
    case .release(let address):
      try release(Address(address))
      return .ok
    case .watchpoints: return Reply("num:\(Watchpoint.most);")
    case .linkerStructure: return try linkerStructure()
    case .loadAddress(let path):
      return Reply(Hex.number(try loadAddress(of: path).rawValue))
    case .modules(let paths): return Reply(ModuleDescription.list(paths))
    case .breakpoints(let packets): return Reply(batch(packets))
    case .module(let path): return Reply(try ModuleDescription(path: path).text)
    }
  }

  private func processDescription() throws(WorldError) -> ProcessDescription {
    world.isElsewhere
      ? ProcessDescription(elsewhere: current.processID)
      : try ProcessDescription(processID: world.processID)
  }

  private func workingDirectory() throws(WorldError) -> [UInt8] {
    if world.isElsewhere { throw .refused("\(world.name) tells no working directory") }
    let link = "/proc/\(world.processID)/cwd"
    var path = [UInt8](repeating: 0, count: Int(PATH_MAX))
    let count = readlink(link, &path, path.count)
    guard count >= 0 else { throw .failed(call: "readlink \(link)", errno: errno) }
    return Array(path[..<count])
  }

  /// The replies to several packets about breakpoints, as one.
  private func batch(_ packets: [BreakpointPacket?]) -> [UInt8] {
    let replies = packets.map { packet -> Reply in
      guard let packet else { return .malformed }
      do throws(WorldError) {
        return try respond(to: packet)
      } catch {
        return errorReply(error)
      }
    }
    var json = JSONText()
    json.object { json in
      json.key("results")
      json.array(replies) { $0.string($1.content) }
    }
    return json.bytes
  }

  // MARK: Memory
  private func allocate(
    _ count: UInt64, _ permissions: DebuggerPacket.Permissions
  ) throws(WorldError) -> Address {
    let address = try world.allocate(count: count, protection: permissions.rawValue)
    allocations[address] = count
    return address
  }

  private func release(_ address: Address) throws(WorldError) {
    guard let count = allocations.removeValue(forKey: address) else {
      throw .failed(call: "release of memory that was not allocated here", errno: EINVAL)
    }
    try world.release(address, count: count)
  }

  /// The mapping that holds an address, or the hole.
  private func regionText(around address: Address) throws(WorldError) -> String {
    var holeStart = Address(0)
    for mapping in try world.mappings() {
      if mapping.range.contains(address) {
        let size = mapping.range.upperBound - mapping.range.lowerBound
        return "start:\(digits(mapping.range.lowerBound));size:\(String(size, radix: 16));"
          + "permissions:\(letters(mapping.protection));flags:;" + nameText(mapping.path)
      }
      if mapping.range.lowerBound > address {
        // A hole may be larger than half of the address space.
        let size = mapping.range.lowerBound.rawValue - holeStart.rawValue
        return "start:\(digits(holeStart));size:\(String(size, radix: 16));"
      }
      holeStart = mapping.range.upperBound
    }
    // To the end of the address space, whose size has no place in 64 bits if nothing is mapped.
    let size = UInt64.max - holeStart.rawValue
    return "start:\(digits(holeStart));size:\(String(size, radix: 16));"
  }

  private func digits(_ address: Address) -> String { String(address.rawValue, radix: 16) }

  private func letters(_ protection: Int32) -> String {
    (protection & PROT_READ != 0 ? "r" : "") + (protection & PROT_WRITE != 0 ? "w" : "")
      + (protection & PROT_EXEC != 0 ? "x" : "")
  }

  private func nameText(_ path: String) -> String {
    path.isEmpty ? "" : "name:\(String(decoding: Hex.encode(Array(path.utf8)), as: UTF8.self));"
  }

  // MARK: What is loaded
  /// Where the address of the dynamic linker's r_debug stands: lldb reads it from there.
  private func linkerStructure() throws(WorldError) -> Reply {
    let main = try world.modules().main
    guard let slot = try DynamicSection(world: world, at: main.dynamicSection).debugSlot else {
      throw .lookupFailed("a DT_DEBUG entry")
    }
    return Reply(Hex.number(slot.rawValue))
  }

  private func loadAddress(of path: [UInt8]) throws(WorldError) -> Address {
    let name = String(decoding: path, as: UTF8.self)
    guard let first = try world.mappings().first(where: { $0.path == name }) else {
      throw .lookupFailed(name)
    }
    return first.range.lowerBound
  }
}
