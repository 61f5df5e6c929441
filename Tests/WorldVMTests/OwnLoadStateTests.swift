// SPDX-License-Identifier: GPL-3.0-only
import CLinux
import Glibc
import Testing
import WorldVM
import XVCore

/// What is loaded, read from this process's own memory; the kernel is the oracle.
@Suite(.timeLimit(.minutes(1))) struct OwnLoadStateTests {
  /// This process's memory, read without a chance to crash.
  struct OwnMemory: MemorySource {
    func readMemory(at address: Address, count: Int) -> [UInt8] {
      var bytes = [UInt8](repeating: 0, count: count)
      let result = bytes.withUnsafeMutableBytes { buffer in
        var here = iovec(iov_base: buffer.baseAddress, iov_len: count)
        var there = iovec(
          iov_base: UnsafeMutableRawPointer(bitPattern: UInt(address.rawValue)), iov_len: count)
        return process_vm_readv(getpid(), &here, 1, &there, 1, 0)
      }
      return Array(bytes.prefix(max(result, 0)))
    }
    func writeMemory(_ bytes: [UInt8], at address: Address) -> Int { 0 }
  }

  private static func read(_ path: String) throws -> [UInt8] {
    let file = try #require(fopen(path, "r"))
    defer { fclose(file) }
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 4096)
    while case let count = fread(&buffer, 1, buffer.count, file), count > 0 {
      bytes += buffer[..<count]
    }
    return bytes
  }

  /// The kernel's answer: for each file that code is mapped from, where its first mapping begins.
  private static func oracle() throws -> [String: UInt64] {
    var first: [String: UInt64] = [:]
    var withCode: Set<String> = []
    for line in String(decoding: try read("/proc/self/maps"), as: UTF8.self).split(separator: "\n")
    {
      let fields = line.split(separator: " ")
      guard fields.count == 6, fields[5].hasPrefix("/") else { continue }
      let path = String(fields[5])
      if first[path] == nil { first[path] = UInt64(fields[0].prefix { $0 != "-" }, radix: 16) }
      if fields[1].contains("x") { withCode.insert(path) }
    }
    return first.filter { withCode.contains($0.key) }
  }

  private static func resolved(_ path: String) -> String {
    guard let real = realpath(path, nil) else { return path }
    defer { free(real) }
    return String(cString: real)
  }

  @Test func agreesWithTheKernel() throws {
    let memory = CachedMemory(source: OwnMemory(), state: try RunState())
    let reader = LoadStateReader(
      memory: memory, auxiliary: AuxiliaryVector(try Self.read("/proc/self/auxv")))
    let found = try reader.read(main: "/proc/self/exe", entryInFile: nil)
    #expect(found.main.linkMap.rawValue != 0)
    var modules = [Self.resolved(found.main.path): found.main.base.rawValue]
    for library in found.libraries where library.path.hasPrefix("/") {
      modules[Self.resolved(library.path)] = library.base.rawValue
    }
    #expect(modules == (try Self.oracle()))
    #expect(modules.count > 3)
    #expect(found.libraries.allSatisfy { $0.dynamicSection.rawValue != 0 })
  }

  @Test func buildIDIsTheOneInMemory() throws {
    let memory = CachedMemory(source: OwnMemory(), state: try RunState())
    let libc = try #require(try Self.oracle().first { $0.key.hasSuffix("/libc.so.6") })
    var buildIDs = BuildIDs()
    let buildID = buildIDs[libc.key]
    #expect(buildID.count == 20)
    // The note is in libc's first pages: namesz 4, descsz 20, type 3, "GNU", the id.
    let head = try memory.readAvailable(from: Address(libc.value), count: 4096)
    let note: [UInt8] = [4, 0, 0, 0, 20, 0, 0, 0, 3, 0, 0, 0] + Array("GNU\0".utf8) + buildID
    #expect((0..<head.count - note.count).contains { head[$0...].starts(with: note) })
    #expect(buildIDs["/dev/null"] == [])
    #expect(buildIDs["/no/such/file"] == [])
    #expect(buildIDs["/etc/passwd"] == [])
  }
}
