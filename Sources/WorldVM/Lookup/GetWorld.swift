// SPDX-License-Identifier: GPL-3.0-only
package import XVCore

/// The world at a place; returns when it answers, however long that takes, or the caller cancels.
///
/// `.lookupFailed` when a name or host cannot be resolved or the registry cannot be read; `.badWorld`
/// when what is described is no world. `onLinkChange` is told how a remote world is reached, at each change.
public func getWorld(
  where text: String, registry: WorldRegistry = .ofUser,
  onLinkChange: (@Sendable (LinkState) -> Void)? = nil
) throws(WorldError) -> any World {
  try getWorld(
    where: text, registry: registry, options: LaunchOptions(program: "", arguments: []),
    onLinkChange: onLinkChange)
}

/// The same; `options` are for a process, which is seized under xv.
package func getWorld(
  where text: String, registry: WorldRegistry = .ofUser, options: LaunchOptions,
  onLinkChange: (@Sendable (LinkState) -> Void)? = nil
) throws(WorldError) -> any World {
  var place = try WorldPlace(text)
  // A name may stand for a name, but not for itself.
  var names: Set<String> = []
  while case .name(let name) = place {
    guard names.insert(name).inserted else { throw .badWorld("the name \(name) stands for itself") }
    place = try WorldPlace(try registry.place(named: name))
  }
  switch place {
  case .process(let process):
    do throws(GuestError) {
      return try ProcessWorld.attach(process, options, name: text)
    } catch {
      throw WorldError(error)
    }
  case .server(let server):
    return try RemoteWorld.connect(to: server, name: text, onLinkChange: onLinkChange)
  case .core(let path): return try CoreWorld(path: path, name: text)
  case .swap(let path): return try SwapWorld(path: path, name: text, options: options)
  case .name(let name): throw .lookupFailed(name)
  }
}

/// A world that is none: every use raises `.badWorld`.
public func noWorld() -> any World { NoWorld() }
