// SPDX-License-Identifier: GPL-3.0-only
import Glibc
import RSP
import Synchronization
import Testing
import WorldVM
import XVCore
import xv_gdbstub

@Suite("Session: watchpoints", .timeLimit(.minutes(1))) struct WatchpointTests {
  private func serve(_ world: FakeWorld) throws -> (FakeWorld, StubClient) {
    (world, try StubClient(StubSession(fake: world)))
  }

  private func watches(_ world: FakeWorld) -> Set<Watchpoint> {
    world.state.withLock { $0.watches }
  }

  @Test func setAndTakenAway() throws {
    let (world, client) = try serve(FakeWorld())
    #expect(client.ask("Z2,400010,4") == "OK")
    #expect(client.ask("Z2,400010,4") == "OK")
    #expect(client.ask("Z4,400010,4") == "OK")
    #expect(
      watches(world) == [
        Watchpoint(.write, at: Address(0x400010), length: 4),
        Watchpoint(.access, at: Address(0x400010), length: 4),
      ])
    #expect(client.ask("z2,400010,4") == "OK")
    #expect(client.ask("z2,400010,4") == "E22")
    #expect(watches(world) == [Watchpoint(.access, at: Address(0x400010), length: 4)])
  }

  @Test func refusedWhereThereAreTooMany() throws {
    let (world, client) = try serve(FakeWorld())
    for address in ["400010", "400018", "400020", "400028"] {
      #expect(client.ask("Z2,\(address),8") == "OK")
    }
    #expect(client.ask("Z2,400030,8")?.first == "E")
    #expect(client.ask("z2,400030,8") == "E22")
    #expect(watches(world).count == 4)
  }

  @Test func readsAreWatched() throws {
    let (world, client) = try serve(FakeWorld())
    #expect(client.ask("Z3,400010,4") == "OK")
    #expect(watches(world) == [Watchpoint(.read, at: Address(0x400010), length: 4)])
    #expect(client.ask("qWatchpointSupportInfo:") == "num:65536;")
  }

  @Test func hitsAreTold() throws {
    func hit(_ kind: Watchpoint.Kind) -> FakeWorld.Outcome {
      .stop(.watchpoint(WatchHit(kind, at: Address(0x400010))))
    }
    let (_, client) = try serve(FakeWorld(outcomes: [hit(.write), hit(.access), hit(.read)]))
    #expect(client.ask("c")?.hasPrefix("T05watch:400010;") == true)
    #expect(client.ask("c")?.hasPrefix("T05awatch:400010;") == true)
    #expect(client.ask("c")?.hasPrefix("T05rwatch:400010;") == true)
    #expect(client.ask("QThreadSuffixSupported") == "OK")
    let told = try #require(client.ask("?"))
    // 0x400010, in decimal, as text, in hex digits.
    #expect(told.contains("reason:watchpoint;description:34313934333230;"))
    let threads = try #require(client.ask("jThreadsInfo"))
    #expect(threads.contains("\"reason\":\"watchpoint\""))
    #expect(threads.contains("\"description\":\"4194320\""))
  }

  @Test func forgottenWithTheirImageAndTheirClient() throws {
    let (world, client) = try serve(FakeWorld(outcomes: [.stop(.execed(path: "/a"))]))
    #expect(client.ask("Z2,400010,4") == "OK")
    _ = client.ask("c")
    #expect(watches(world).isEmpty)
    #expect(client.ask("Z2,400010,4") == "OK")
    #expect(client.ask("D;1234") == "OK")
    #expect(watches(world).isEmpty)
  }
}
