// SPDX-License-Identifier: GPL-3.0-only
internal import XVCore

/// The memory in an image; each write goes through to the file.
struct SwapMemory: MemorySource {
  let image: SwapImage

  func readMemory(at address: Address, count: Int) throws(WorldError) -> [UInt8] {
    do throws(GuestError) {
      return try image.readMemory(at: address.rawValue, count: count)
    } catch {
      throw WorldError(error)
    }
  }

  func writeMemory(_ bytes: [UInt8], at address: Address) throws(WorldError) -> Int {
    do throws(GuestError) {
      return try image.writeMemory(bytes, at: address.rawValue)
    } catch {
      throw WorldError(error)
    }
  }
}
