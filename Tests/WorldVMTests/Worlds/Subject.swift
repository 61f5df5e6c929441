// SPDX-License-Identifier: GPL-3.0-only
import Glibc
import Testing

/// The program that every kind of world holds: a variable, a deep recursion, an exit status.
enum Subject {
  static let depth = 200
  static let status: Int32 = 7
  static let value: UInt64 = 0x1122_3344_5566_7788

  private static let source = """
    #include <stdlib.h>
    volatile unsigned long value = 0x1122334455667788ul;
    const char text[] = "text of the subject";
    volatile unsigned long pages[4096];
    __attribute__((noinline)) unsigned long deep(int n) {
      volatile unsigned long frame[4];
      frame[n & 3] = n;
      if (n == 0) return frame[0];
      return deep(n - 1) + frame[n & 3];
    }
    __attribute__((noinline)) int wait_here(void) { return value == 42 ? 42 : 7; }
    int main(void) {
      deep(\(depth));
      return wait_here();
    }
    """

  /// Built once; static pages of its own and no surprises: dynamically linked, symbols in its file.
  static let program: Result<String, any Error> = Result {
    let path = try Subject.directory.get() + "/subject"
    let file = fopen(path + ".c", "w")
    try #require(file != nil)
    fputs(source, file)
    fclose(file)
    try run(["gcc", "-O1", "-g", "-o", path, path + ".c"])
    return path
  }

  static let directory: Result<String, any Error> = Result {
    var template = Array("/tmp/xv-worlds-XXXXXX".utf8CString)
    try #require(mkdtemp(&template) != nil)
    let path = template.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
    atexit {
      if case .success(let path) = Subject.directory {
        _ = try? Subject.run(["rm", "-rf", path])
      }
    }
    return path
  }

  /// A core file of the program in `wait_here`, as gdb writes it.
  static let core: Result<String, any Error> = Result {
    let program = try Subject.program.get()
    let path = program + ".core"
    try run([
      "gdb", "-nx", "-batch", "-ex", "set debuginfod enabled off", "-ex", "break wait_here", "-ex",
      "run", "-ex", "gcore \(path)", program,
    ])
    return path
  }

  static func run(_ words: [String]) throws {
    let process = try Command(["timeout", "-k", "5", "50"] + words)
    let status = process.wait()
    try #require(status == 0, "\(words.joined(separator: " ")) ended with \(status)")
  }
}

/// A command that ends with its owner.
final class Command: Sendable {
  let process: pid_t

  init(_ words: [String]) throws {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    for number in [STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO] {
      posix_spawn_file_actions_addopen(
        &actions, number, "/dev/null", number == STDIN_FILENO ? O_RDONLY : O_WRONLY, 0)
    }
    // The threads that run tests block most signals; a command that did would not end.
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var none = sigset_t()
    sigemptyset(&none)
    posix_spawnattr_setsigmask(&attributes, &none)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
    var pointers = words.map { strdup($0) } + [nil]
    defer { for pointer in pointers { free(pointer) } }
    var process: pid_t = 0
    let code = posix_spawnp(&process, words[0], &actions, &attributes, &pointers, Glibc.environ)
    try #require(code == 0, "\(words[0]) cannot be started: install it with scripts/install test")
    self.process = process
  }

  func wait() -> Int32 {
    var status: Int32 = 0
    while waitpid(process, &status, 0) < 0, errno == EINTR {}
    return status >> 8 & 0xff
  }

  deinit {
    // `timeout` passes it on, and waits.
    kill(process, SIGTERM)
    while waitpid(process, nil, 0) < 0, errno == EINTR {}
  }
}
