// SPDX-License-Identifier: GPL-3.0-only
internal import CLinux
import Glibc

/// What /proc tells about a process that is to be attached to, and what speaks against it.
enum AttachTarget {
  /// Throws when the process cannot be attached to, with the reason in words.
  static func check(_ process: Int32) throws(GuestError) {
    func refuse(_ why: String) -> GuestError { .cannotAttach(process: process, why: why) }
    guard process > 0, let status = ProcessStatus(of: process) else {
      throw refuse("there is no such process")
    }
    if process == getpid() { throw refuse("it is xv itself") }
    if let group = status.number("Tgid"), group != UInt64(process) {
      throw refuse("it is a thread of process \(group); attach to that")
    }
    if let why = tracing(status) { throw refuse(why) }
    if "ZX".contains(status.state) {
      throw refuse("it has ended, or its first thread has")
    }
    if status.number("Seccomp") == 1 {
      throw refuse("it is confined by seccomp's strict mode, which would kill it for xv's calls")
    }
    if status.number("Kthread") == 1 { throw refuse("it is a thread of the kernel") }
    try checkFormat(process)
    if let parent = status.number("PPid"), xv_share_memory(process, Int32(parent)) != 0 {
      throw refuse(
        "it shares its memory with its parent, process \(parent), until it ends or executes a program (vfork, CLONE_VM), and what xv puts there would stay; attach to that one, or again later")
    }
    if AddressMap(process: process).lines.contains(where: { $0.path.hasPrefix("/memfd:xv ") }) {
      throw refuse("memory of another xv is still in it")
    }
  }

  /// Why the kernel refused to let a thread be seized.
  static func refusal(_ process: Int32, _ errno: Int32) -> GuestError {
    let why = ProcessStatus(of: process).flatMap { tracing($0) } ?? notPermitted(errno)
    return .cannotAttach(process: process, why: why)
  }

  /// TracerPid is the id of the thread that traces.
  private static func tracing(_ status: ProcessStatus) -> String? {
    guard let tracer = status.number("TracerPid"), tracer != 0 else { return nil }
    let process = ProcessStatus(of: Int32(tracer))?.number("Tgid") ?? tracer
    return "it is traced by process \(process) already; detach that first"
  }

  private static func notPermitted(_ errno: Int32) -> String {
    let why = String(cString: strerror(errno))
    guard errno == EPERM || errno == EACCES else { return why }
    return "\(why); it must be a process of yours and kernel.yama.ptrace_scope 0, or you need CAP_SYS_PTRACE"
  }

  /// e_ident[EI_CLASS] and e_machine of the ELF header (elf(5)).
  private static func checkFormat(_ process: Int32) throws(GuestError) {
    let descriptor = xv_open("/proc/\(process)/exe", O_RDONLY | O_CLOEXEC, 0)
    guard descriptor >= 0 else {
      let why = descriptor == -ENOENT ? "it is a thread of the kernel" : notPermitted(-descriptor)
      throw .cannotAttach(process: process, why: why)
    }
    defer { close(descriptor) }
    var header = [UInt8](repeating: 0, count: 20)
    guard read(descriptor, &header, 20) == 20 else { return }
    if header[4] == 1 {
      throw .cannotAttach(
        process: process, why: "it is a 32-bit program; xv runs 64-bit x86-64 programs")
    }
  }
}

/// The lines of /proc/PID/status.
struct ProcessStatus {
  private let lines: [ArraySlice<UInt8>]

  /// nil when there is no such process or thread.
  init?(of process: Int32) {
    guard let bytes = AddressMap.contents(of: "/proc/\(process)/status"), !bytes.isEmpty else {
      return nil
    }
    lines = bytes.split(separator: UInt8(ascii: "\n"))
  }

  /// The letter of the state: R, S, D, T, t, Z, X.
  var state: Character { text("State")?.first ?? "?" }

  func text(_ field: String) -> String? {
    let name = field.utf8
    for line in lines where line.starts(with: name) && line.dropFirst(name.count).first == UInt8(ascii: ":") {
      let value = line.dropFirst(name.count + 1).drop { $0 == UInt8(ascii: "\t") || $0 == UInt8(ascii: " ") }
      return String(decoding: value, as: UTF8.self)
    }
    return nil
  }

  func number(_ field: String) -> UInt64? { text(field).flatMap { UInt64($0) } }

  func kilobytes(_ field: String) -> UInt64? {
    text(field).flatMap { UInt64($0.prefix { $0 != " " }) }
  }

  /// A set of signals: bit n - 1 is signal n.
  func signals(_ field: String) -> UInt64 {
    text(field).flatMap { UInt64($0, radix: 16) } ?? 0
  }
}
