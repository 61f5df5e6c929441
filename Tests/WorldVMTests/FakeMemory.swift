// SPDX-License-Identifier: GPL-3.0-only
import Synchronization
import WorldVM
import XVCore

/// Memory of a few pages that counts how often each is fetched.
final class FakeMemory: MemorySource {
  private struct State {
    var pages: [UInt64: [UInt8]] = [:]
    var fetches: [UInt64: Int] = [:]
    var calls = 0
  }

  private let state = Mutex(State())

  /// Pages by number; the byte at each address is a function of the address.
  init(pages: Set<UInt64>) {
    state.withLock { state in
      for page in pages {
        state.pages[page] = (0..<4096).map { Self.byte(at: page << 12 + UInt64($0)) }
      }
    }
  }

  static func byte(at address: UInt64) -> UInt8 {
    UInt8(truncatingIfNeeded: (address &* 0x9E37_79B9_7F4A_7C15) >> 56)
  }

  static func bytes(_ range: Range<UInt64>) -> [UInt8] { range.map(byte(at:)) }

  var calls: Int { state.withLock { $0.calls } }
  /// How often each page was asked for, those that cannot be read included.
  var fetches: [UInt64: Int] { state.withLock { $0.fetches } }

  func map(_ page: UInt64) {
    state.withLock { $0.pages[page] = [UInt8](repeating: 0, count: 4096) }
  }
  func unmap(_ page: UInt64) { state.withLock { $0.pages[page] = nil } }
  /// Changes memory as a running program does, behind the cache.
  func poke(_ value: UInt8, at address: UInt64) {
    state.withLock { $0.pages[address >> 12]?[Int(address & 4095)] = value }
  }
  func peek(_ address: UInt64) -> UInt8? {
    state.withLock { $0.pages[address >> 12]?[Int(address & 4095)] }
  }

  func readMemory(at address: Address, count: Int) -> [UInt8] {
    state.withLock { state in
      state.calls += 1
      var bytes: [UInt8] = []
      var position = address.rawValue
      while bytes.count < count {
        state.fetches[position >> 12, default: 0] += 1
        guard let page = state.pages[position >> 12] else { break }
        let offset = Int(position & 4095)
        let taken = min(4096 - offset, count - bytes.count)
        bytes += page[offset..<offset + taken]
        position &+= UInt64(taken)
      }
      return bytes
    }
  }

  func writeMemory(_ bytes: [UInt8], at address: Address) -> Int {
    state.withLock { state in
      for (index, byte) in bytes.enumerated() {
        let position = address.rawValue &+ UInt64(index)
        guard state.pages[position >> 12] != nil else { return index }
        state.pages[position >> 12]?[Int(position & 4095)] = byte
      }
      return bytes.count
    }
  }
}
