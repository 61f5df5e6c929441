// SPDX-License-Identifier: GPL-3.0-only
import Glibc
import Linux
import Testing

@Suite(.timeLimit(.minutes(1))) struct EventCounterTests {
  private static func isReadable(_ descriptor: Int32) -> Bool {
    var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    return poll(&entry, 1, 0) == 1
  }

  @Test func countsUpAndDown() throws {
    let counter = try EventCounter()
    #expect(!Self.isReadable(counter.descriptor))
    counter.raise()
    counter.raise()
    counter.lower()
    #expect(Self.isReadable(counter.descriptor))
    counter.waitUntilRaised()
    counter.lower()
    #expect(!Self.isReadable(counter.descriptor))
    counter.lower()
    #expect(!Self.isReadable(counter.descriptor))
  }

  @Test func isClosedAtExec() throws {
    let counter = try EventCounter()
    #expect(fcntl(counter.descriptor, F_GETFD) & FD_CLOEXEC != 0)
  }
}
