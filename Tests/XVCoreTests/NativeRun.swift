// SPDX-License-Identifier: GPL-3.0-only
import CLinux
import Glibc
import Testing

@testable import XVCore

/// A program stepped by the processor without xv: the sequence of states that is right.
enum NativeRun {
  struct State {
    var state: GuestState
    /// Before a jump that has no place in the cache when its target follows: a direct one, or one through a slot that
    /// may be constant, also behind endbr64.
    var isBeforeJump: Bool
  }

  /// States before each instruction, equal neighbours taken together, up to the program's end.
  static func states(_ path: String, limit: Int) throws -> [State] {
    let control = PtraceControl()
    let process = try spawn(path, control)
    let thread = ThreadID(process)
    defer { end(process, control) }
    try reach(.execed, of: thread, control)
    // To the end of execve.
    control.resumeToSystemCall(thread)
    try reach(.systemCallStop, of: thread, control)
    var states: [State] = []
    while states.count < limit {
      let registers = try control.registers(thread)
      var top: UInt64 = 0
      _ = xv_read_remote(process, UInt64(registers.rsp), &top, 8)
      let state = GuestState(registers, stackTop: top)
      if states.last?.state != state {
        states.append(State(state: state, isBeforeJump: isJump(process, state.pc)))
      }
      control.singleStep(thread)
      let event = control.waitForEvent(of: thread)
      if case .exiting = event {
        control.resume(thread, signal: 0)
        return states
      }
      guard case .signal(SIGTRAP) = event else { break }
    }
    Issue.record("the native program does not end by itself after \(states.count) states")
    return states
  }

  private static func isJump(_ process: Int32, _ pc: UInt64) -> Bool {
    var code: UInt64 = 0
    _ = xv_read_remote(process, pc, &code, 8)
    if code & 0xffff_ffff == 0xfa1e_0ff3 { code >>= 32 }
    if code & 0xff == 0xf2 { code >>= 8 }
    return [0xeb, 0xe9].contains(code & 0xff) || code & 0xffff == 0x25ff
  }

  private static func end(_ process: Int32, _ control: PtraceControl) {
    kill(process, SIGKILL)
    while let event = control.waitForEvent(of: ThreadID(process)) {
      switch event {
      case .exited, .killed: return
      default: control.resume(ThreadID(process), signal: 0)
      }
    }
  }

  private static func spawn(_ path: String, _ control: PtraceControl) throws -> Int32 {
    var spawned = xv_spawned()
    var arguments = [strdup(path), nil]
    defer { free(arguments[0]) }
    let status = path.withCString { path in
      arguments.withUnsafeMutableBufferPointer { arguments in
        var request = xv_spawn_request(
          path: path, argv: arguments.baseAddress, envp: Glibc.environ, disable_randomization: 1,
          new_process_group: 0, redirect_standard_io: 0,
          working_directory: nil, standard_files: (nil, nil, nil), default_signals: 0,
          ignored_signals: 0, wanted: 0, signal_mask: 0)
        return xv_spawn(&request, &spawned)
      }
    }
    try #require(status == 0)
    try control.seize(spawned.pid)
    var byte: UInt8 = 0
    write(spawned.go, &byte, 1)
    close(spawned.go)
    close(spawned.failure)
    return spawned.pid
  }

  private enum Awaited { case execed, systemCallStop }

  private static func reach(
    _ awaited: Awaited, of thread: ThreadID, _ control: PtraceControl
  ) throws {
    while let event = control.waitForEvent(of: thread) {
      switch (awaited, event) {
      case (.execed, .execed), (.systemCallStop, .systemCallStop): return
      case (_, .exited), (_, .killed): break
      default:
        control.resume(thread, signal: 0)
        continue
      }
      break
    }
    throw GuestError.gone
  }
}
