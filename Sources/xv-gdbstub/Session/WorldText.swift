// SPDX-License-Identifier: GPL-3.0-only
internal import WorldVM

extension StubSession {
  /// What is served, for people.
  var worldText: String {
    let texts = inferiors.map { inferior in
      (inferiors.count > 1 ? "process \(inferior.processID): " : "") + text(of: inferior.world)
    }
    return texts.joined()
  }

  private func text(of world: any World) -> String {
    var text = "\(world.name), incarnation \(world.currentIncarnation.number)\n"
    if let remote = world as? RemoteWorld {
      let counters = remote.counters
      text += "link: \(remote.link.state)\n"
      text += "pages: \(counters.fetchedPages) fetched in \(counters.fetches) fetches, "
      text += "\(counters.hits) found in the cache\n"
    }
    return text
  }

  /// One line a change: incarnation, what, where.
  var mapLogText: String {
    do throws(WorldError) {
      let entries = try world.mapLog()
      return entries.isEmpty
        ? "nothing has changed\n" : entries.map { "\($0)\n" }.joined()
    } catch {
      return "\(error)\n"
    }
  }
}
