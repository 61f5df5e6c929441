// SPDX-License-Identifier: GPL-3.0-only
internal import XVCore

extension ProcessWorld {
  /// Writes the program to disk, and ends it; when it throws, the program is as it was. Returns the world
  /// of the image and its size on disk.
  package func outload(
    to path: String, isCompressed: Bool = false
  ) throws(WorldError) -> (world: SwapWorld, size: UInt64) {
    let incarnation = state.incarnation.number
    let size = try ask { guest throws(GuestError) in
      try guest.outload(to: path, isCompressed: isCompressed, incarnation: incarnation)
    }
    memory.forget()
    state.invalidate(because: "the process of \(name) was written to \(path)")
    let world = try SwapWorld(path: path, name: "Outload", options: options)
    if let stop = state.lastStop { world.state.find(at: stop) }
    return (world, size)
  }

  /// Makes a process of an image, which stands still in the state that its world has had.
  static func inload(
    _ image: SwapImage, _ options: LaunchOptions, state: RunState
  ) throws(WorldError) -> ProcessWorld {
    var options = options
    options.debugged = true
    do throws(GuestError) {
      let guest = try Guest.inload(image, options) { state.post($0) }
      return ProcessWorld(guest: guest, state: state, isAttached: false, options: options)
    } catch {
      throw WorldError(error)
    }
  }
}

extension TranslatedWorld {
  /// Writes the program to disk; its world is another one afterwards.
  package func outloaded(
    to path: String, isCompressed: Bool = false
  ) throws(WorldError) -> (world: SwapWorld, size: UInt64) {
    if let process = self as? ProcessWorld ?? (self as? SwapWorld)?.live {
      return try process.outload(to: path, isCompressed: isCompressed)
    }
    throw .refused("the program is on disk already")
  }
}

/// Writes the program of a world to disk and ends it: its world is the one that is returned then, and the
/// image's size on disk is told. When it throws, the program is as it was.
public func outload(
  _ world: any World, to path: String, isCompressed: Bool = false
) throws(WorldError) -> (world: any World, size: UInt64) {
  guard let translated = world as? any TranslatedWorld else {
    throw .refused("\(world.name) does not run under xv here")
  }
  return try translated.outloaded(to: path, isCompressed: isCompressed)
}
