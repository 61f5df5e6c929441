// SPDX-License-Identifier: GPL-3.0-only
internal import Glibc

/// A wish that a wait ends, made from any thread or task.
///
/// Calls that may wait for somebody else (another machine, a lock) end with an error of their own when
/// the cancellation that was current at their beginning is cancelled:
///
///     let cancellation = try Cancellation()
///     Cancellation.$current.withValue(cancellation) { ... }      // here
///     cancellation.cancel()                                      // anywhere else
public final class Cancellation: Sendable {
  /// The cancellation of the calling thread or task.
  @TaskLocal public static var current: Cancellation?

  private let counter: EventCounter

  public init() throws(DescriptorError) { counter = try EventCounter() }

  /// Readable once it was cancelled, and from then on.
  public var descriptor: Int32 { counter.descriptor }

  public func cancel() { counter.raise() }

  public var isCancelled: Bool {
    var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    return poll(&entry, 1, 0) > 0
  }

  /// Cancelled when the Swift task is that calls it; `body` runs on the calling thread.
  public static func ofTask<Result: Sendable>(
    _ body: @Sendable () async throws -> Result
  ) async throws -> Result {
    let cancellation = try Cancellation()
    return try await withTaskCancellationHandler {
      try await $current.withValue(cancellation) { try await body() }
    } onCancel: {
      cancellation.cancel()
    }
  }
}
