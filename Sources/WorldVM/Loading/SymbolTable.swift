// SPDX-License-Identifier: GPL-3.0-only
import CElf
import Glibc
public import XVCore

/// The functions and variables of a module, where they are in its world.
public struct SymbolTable: Sendable {
  public struct Symbol: Hashable, Sendable {
    public var name: String
    public var address: Address
    public var size: UInt64
    public var isFunction: Bool
  }

  /// In the order of addresses.
  public let symbols: [Symbol]
  private let indices: [String: Int]

  /// Those that the file defines; of two with one name the global one counts.
  init(_ file: borrowing ELFFile, base: Address) {
    var found: [(symbol: Symbol, isGlobal: Bool)] = []
    file.forEachSymbol { name, symbol in
      let kind = symbol.st_info & 0xf
      guard symbol.st_shndx != UInt16(SHN_UNDEF), kind == UInt8(STT_FUNC) || kind == UInt8(STT_OBJECT)
      else { return }
      found.append(
        (
          Symbol(
            name: name, address: base + symbol.st_value, size: symbol.st_size,
            isFunction: kind == UInt8(STT_FUNC)),
          symbol.st_info >> 4 != 0
        ))
    }
    found.sort { $0.symbol.address < $1.symbol.address }
    symbols = found.map(\.symbol)
    var indices: [String: Int] = [:]
    for (index, entry) in found.enumerated()
    where entry.isGlobal || indices[entry.symbol.name] == nil { indices[entry.symbol.name] = index }
    self.indices = indices
  }

  public subscript(name: String) -> Symbol? { indices[name].map { symbols[$0] } }

  /// The symbol whose extent holds an address.
  public func symbol(at address: Address) -> Symbol? {
    var low = 0
    var high = symbols.count
    while low < high {
      let middle = (low + high) / 2
      if symbols[middle].address <= address { low = middle + 1 } else { high = middle }
    }
    // Several may begin at one address, some without a size.
    for symbol in symbols[..<low].reversed() {
      if address.rawValue &- symbol.address.rawValue < max(symbol.size, 1) { return symbol }
      if address.rawValue &- symbol.address.rawValue > 1 << 20 { return nil }
    }
    return nil
  }
}

extension World {
  /// A module's symbols, from its file or, where that was stripped, from the debug file that its build
  /// id names. `.lookupFailed` without a file, `.refused` when the file is not what was loaded.
  public func symbols(of module: LoadState.Module) throws(WorldError) -> SymbolTable {
    let file = try moduleFile(module)
    let known = module.buildID
    if !known.isEmpty, !file.buildID.isEmpty, file.buildID != known {
      throw .refused("the file \(module.path) is not the one that \(name) has loaded")
    }
    if !file.hasSymbolTable, known.count > 1 {
      let digits = known.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }
      let path = "/usr/lib/debug/.build-id/\(digits[0])/\(digits[1...].joined()).debug"
      if let debug = ELFFile(path), debug.hasSymbolTable {
        return SymbolTable(debug, base: module.base)
      }
    }
    return SymbolTable(file, base: module.base)
  }

  private func moduleFile(_ module: LoadState.Module) throws(WorldError) -> ELFFile {
    var path = module.path
    if !isElsewhere { path = ProcessFiles(processID: processID).reaching(path) }
    if let file = ELFFile(path), !isElsewhere || file.buildID == module.buildID { return file }
    if let remote = self as? RemoteWorld {
      do throws(WorldError) {
        if let file = ELFFile(bytes: try remote.file(module.path)) { return file }
      } catch .refused {
        // Its server has no files.
      }
    }
    throw .lookupFailed("the file \(module.path) of \(name)")
  }
}
