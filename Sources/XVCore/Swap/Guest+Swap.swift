// SPDX-License-Identifier: GPL-3.0-only
import Glibc

extension Guest {
  /// Writes the program to disk and ends it; a running one is stopped first. When it throws, the program
  /// stands or runs as before. Returns the image's size on disk. No `onStop` follows.
  package func outload(
    to path: String, isCompressed: Bool = false, incarnation: UInt64
  ) throws(GuestError) -> UInt64 {
    let result = withTracer { [pid] tracer -> Result<UInt64, GuestError> in
      guard !tracer.isFinished else { return .failure(.gone) }
      guard tracer.process == pid else { return .failure(.cannotOutload("it shares the memory of its maker")) }
      guard !tracer.isNonStop else { return .failure(.cannotOutload("its threads stop one by one (non-stop)")) }
      let wasStopped = tracer.isStopped
      tracer.halt()
      do throws(GuestError) {
        return .success(
          try tracer.outload(to: path, isCompressed: isCompressed, incarnation: incarnation))
      } catch {
        if !wasStopped, !tracer.isFinished { tracer.resumeAll() }
        return .failure(error)
      }
    }
    switch result {
    case .success(let size): return size
    case .failure(let error): throw error
    case nil: throw .gone
    }
  }

  /// Makes a process of an image: it goes on where it was, or stands there for a debugger. Of the options
  /// those count that do not say what is to be launched, and how. `onStop` as for `launch`.
  package static func inload(
    _ image: SwapImage, _ options: LaunchOptions, onStop: @escaping @Sendable (StopEvent) -> Void
  ) throws(GuestError) -> Guest {
    let record = image.record
    var options = options
    options.image = image
    options.program = record.executable
    options.arguments = record.arguments.isEmpty ? [record.executable] : record.arguments
    options.environment = record.environment
    options.workingDirectory = record.workingDirectory
    options.prelude = nil
    options.standardFiles = [:]
    let noRandomization: UInt64 = 0x40000
    options.disableRandomization = record.personality & noRandomization != 0
    return try launch(options, onStop: onStop)
  }
}
