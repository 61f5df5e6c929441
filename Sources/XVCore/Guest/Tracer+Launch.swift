// SPDX-License-Identifier: GPL-3.0-only
internal import CLinux
import Glibc

extension Tracer {
  func launch() throws(GuestError) {
    try spawn()
    try begin()
  }

  /// Makes a process of the program, which stands before its first instruction, and native. `wanted`: the id that
  /// it is to have if it can be had; 0: any.
  func spawn(wanted: Int32 = 0) throws(GuestError) {
    addressLimit = AddressLimit.inherited
    if let why = FileSizeLimit.refusal() { throw .cannotLaunch(program: options.program, why: why) }
    let path = try LaunchPath.resolve(options.program)
    let start = try options.prelude.map { prelude throws(GuestError) in
      try LaunchPath.resolve(prelude.command.first ?? "")
    } ?? path
    let childSignal = ChildEvents.signalWasIgnored ? 1 << UInt64(SIGCHLD - 1) : UInt64(0)
    var spawned = xv_spawned()
    // Strings of their own, because a C array of strings has no place for Swift's.
    let files = (0..<3).map { number in options.standardFiles[number].map { strdup($0) } ?? nil }
    defer { files.forEach { free($0) } }
    let status = withSpawnStrings { argv, environment, directory in
      start.withCString { path in
        var request = xv_spawn_request(
          path: path, argv: argv, envp: environment ?? UnsafePointer(Glibc.environ),
          disable_randomization: options.disableRandomization ? 1 : 0,
          new_process_group: options.newProcessGroup ? 1 : 0,
          redirect_standard_io: options.redirectStandardIO ? 1 : 0,
          working_directory: directory,
          standard_files: (UnsafePointer(files[0]), UnsafePointer(files[1]), UnsafePointer(files[2])),
          default_signals: options.defaultSignals,
          ignored_signals: options.ignoredSignals | childSignal,
          wanted: wanted,
          signal_mask: options.signalMask)
        return xv_spawn(&request, &spawned)
      }
    }
    guard status == 0 else { throw .system(call: "fork", errno: -status) }
    defer { close(spawned.failure) }
    process = spawned.pid
    do throws(GuestError) {
      try control.seize(process)
    } catch {
      close(spawned.go)
      _ = Glibc.kill(process, SIGKILL)
      _ = control.waitForEvent(of: ThreadID(process))
      throw .cannotLaunch(
        program: options.program,
        why: "ptrace is not permitted here (\(error)); allow it (CAP_SYS_PTRACE, kernel.yama.ptrace_scope) and try again")
    }
    FileSizeLimit.impose(on: process)
    var byte: UInt8 = 0
    _ = Glibc.write(spawned.go, &byte, 1)
    _ = Glibc.close(spawned.go)
    try waitForExec(spawned.failure)
    for _ in 0..<(options.prelude?.execs ?? 0) {
      control.resume(ThreadID(process), signal: 0)
      try waitForExec(spawned.failure)
    }
  }

  private func waitForExec(_ failure: Int32) throws(GuestError) {
    while true {
      guard let event = control.waitForEvent(of: ThreadID(process)) else { throw .gone }
      switch event {
      case .execed: return
      case .exited, .killed:
        var why: Int32 = 0
        let count = read(failure, &why, 4)
        throw .cannotLaunch(
          program: options.program,
          why: count == 4 ? String(cString: strerror(why)) : endedEarly)
      case .forked(let child, _):
        // A shell's own business, and native.
        _ = control.waitForEvent(of: child)
        control.detach(child, signal: 0)
        control.resume(ThreadID(process), signal: 0)
      case .signal(let signal): control.resume(ThreadID(process), signal: signal)
      default: control.resume(ThreadID(process), signal: 0)
      }
    }
  }

  private var endedEarly: String {
    guard let first = options.prelude?.command.first else { return "it ended before it began" }
    return "\(first) ended before it had executed it; are its format and its interpreter right?"
  }

  /// A new image stands before its first instruction: gives it its region, gate and main context.
  func begin() throws(GuestError) {
    let thread = ThreadID(process)
    if let engine {
      addressLimit = engine.lock.locked { engine.addressLimits[process] }
      tracees.retire(engine)
    }
    engine = nil
    regionAddress = nil
    holdsMaker = false
    threads = [thread: newThread(of: process)]
    var registers = try synchronize(thread)
    registers.orig_rax = numericCast(UInt64.max)
    threads[thread]?.registers.general = registers
    let segmentOf64BitCode = 0x33
    guard registers.cs == segmentOf64BitCode else {
      throw .cannotLaunch(program: options.program, why: "it is a 32-bit program")
    }
    let status = ProcessStatus(of: process)
    guard !isChild || !Tracer.isFiltered(status) else {
      throw .cannotLaunch(program: options.program, why: "its system calls are filtered")
    }
    let map = AddressMap(process: process)
    guard let stub = systemCallInstruction(map) else {
      throw .cannotLaunch(program: options.program, why: "its vdso holds no system call instruction")
    }
    vdsoCall = stub
    guard let core = RegionPlace.first(map) else {
      throw .cannotLaunch(program: options.program, why: "no room for xv in its address space")
    }
    regionAddress = core
    let ignored = status?.signals("SigIgn") ?? 0
    if let addressLimit {
      guard (status?.kilobytes("VmSize") ?? 0) << 10 <= addressLimit.soft else {
        // As the kernel does when it finds in the middle of an exec that there is no room.
        _ = Glibc.kill(process, SIGSEGV)
        throw .cannotLaunch(program: options.program, why: "it does not fit into its address space (ulimit -v)")
      }
      AddressLimit.lift(process)
    }
    let engine = try moveInto(thread, registers, core: core, map: map, ignored: ignored)
    limitAddresses(engine)
    // A filter outlives exec.
    if Tracer.isFiltered(status) { engine.enterSandbox() }
    guard engine.addThread(thread) != nil else { throw .system(call: "context", errno: ENOMEM) }
    // What the new image ignores it has inherited, and may ignore for ever without a call.
    engine.handlers[thread] = SignalHandlers(ignored: ignored)
    threads[thread]?.registers.general = registers
    threads[thread]?.state = .canonical
    try engine.startDispatcher()
    trace("process \(process) begins at \(OriginalAddress(UInt64(registers.rip)))")
  }

  /// Whether a process filters its system calls (seccomp(2)) more than this one does: it might be killed
  /// for those that xv makes it carry out.
  static func isFiltered(_ status: ProcessStatus?) -> Bool {
    (status?.number("Seccomp_filters") ?? 0) > ownFilters
  }

  private static let ownFilters = ProcessStatus(of: getpid())?.number("Seccomp_filters") ?? 0

  /// Puts the region into an image that stands before its first instruction.
  private func moveInto(
    _ thread: ThreadID, _ registers: user_regs_struct, core: UInt64, map: AddressMap, ignored: UInt64
  ) throws(GuestError) -> Engine {
    let place = UInt64(registers.rsp) - 0x400
    let file = try makeRegionFile(thread, registers, at: vdsoCall, name: place)
    do throws(GuestError) {
      var zeros: UInt64 = 0
      _ = xv_write_remote(process, place, &zeros, 4)
      let region = try Region(process: process, descriptor: file)
      // The gate, once there, makes the other calls.
      var calls = regionCalls(core: core, file: file, replacing: false)
      let gate = calls.removeFirst()
      let result = try inject(thread, registers, at: vdsoCall, gate.number, gate.arguments)
      guard result == gate.arguments[0] else { throw .system(call: "mmap", errno: Int32(-result)) }
      let engine = makeEngine(region: region, core: core, map: map)
      self.engine = engine
      calls += guardCalls(engine)
      try inject(
        calls, thread, registers, by: engine.gate, ignoresTrap: ignored >> UInt64(SIGTRAP - 1) & 1 != 0)
      return engine
    } catch {
      _ = try? inject(thread, registers, at: vdsoCall, 3, [UInt64(file)])
      guard case .system(_, let errno) = error else { throw error }
      throw .cannotLaunch(
        program: options.program,
        why: "xv's memory cannot be mapped into it (\(String(cString: strerror(errno)))); is the address space limited (ulimit -v)?")
    }
  }

  /// Gate and translator for a region, with the mappings that the guest has now.
  func makeEngine(region: consuming Region, core: UInt64, map: AddressMap) -> Engine {
    let engine = Engine(
      process: process, region: region, guestCore: core, options: options, trace: trace,
      bell: tracees.bell)
    engine.isChild = isChild
    engine.translator.pointee.breakpoints = breakpoints
    engine.caughtCalls = caughtCalls
    if caughtCalls == .none, let directory = options.persistDirectory, !options.torture.isOn {
      let persisted = PersistentCode(directory: directory, process: process)
      engine.translator.pointee.persisted = persisted
      engine.translator.pointee.expect(blocks: persisted?.keptBlocks ?? 0)
    }
    engine.translator.pointee.ranges.hasVsyscall = map.lines.contains { $0.path == "[vsyscall]" }
    engine.learnRanges(map)
    return engine
  }

  func systemCallInstruction(_ map: AddressMap) -> UInt64? {
    guard let vdso = map.lines.first(where: { $0.path == "[vdso]" }) else { return nil }
    var code = [UInt8](repeating: 0, count: Int(vdso.range.upperBound - vdso.range.lowerBound))
    guard xv_read_remote(process, vdso.range.lowerBound, &code, code.count) == code.count else {
      return nil
    }
    return (0..<(code.count - 1)).first { code[$0] == 0x0f && code[$0 + 1] == 0x05 }
      .map { vdso.range.lowerBound + UInt64($0) }
  }

  /// The arguments, the environment (null: the server's) and the working directory (null likewise).
  private func withSpawnStrings<Result>(
    _ body: (
      UnsafePointer<UnsafeMutablePointer<CChar>?>, UnsafePointer<UnsafeMutablePointer<CChar>?>?,
      UnsafePointer<CChar>?
    ) -> Result
  ) -> Result {
    withStrings(options.prelude?.command ?? options.arguments) { argv in
      withStrings(options.environment ?? []) { environment in
        let variables = options.environment == nil ? nil : environment
        guard let directory = options.workingDirectory else { return body(argv, variables, nil) }
        return directory.withCString { body(argv, variables, $0) }
      }
    }
  }

  private func withStrings<Result>(
    _ strings: [String], _ body: (UnsafePointer<UnsafeMutablePointer<CChar>?>) -> Result
  ) -> Result {
    var pointers = strings.map { strdup($0) }
    pointers.append(nil)
    defer { pointers.forEach { free($0) } }
    return body(&pointers)
  }
}

/// Finds the program and says what is wrong with it before anything is started.
enum LaunchPath {
  static func resolve(_ program: String) throws(GuestError) -> String {
    let path = try find(program)
    var information = stat()
    guard stat(path, &information) == 0 else {
      throw .cannotLaunch(program: program, why: String(cString: strerror(errno)))
    }
    guard information.st_mode & S_IFMT == S_IFREG else {
      throw .cannotLaunch(program: program, why: "it is not a regular file")
    }
    guard access(path, X_OK) == 0 else {
      throw .cannotLaunch(
        program: program, why: "\(String(cString: strerror(errno))): is it executable (chmod +x)?")
    }
    try checkFormat(path, program)
    return path
  }

  private static func find(_ program: String) throws(GuestError) -> String {
    if program.utf8.contains(UInt8(ascii: "/")) { return program }
    let search = getenv("PATH").map { String(cString: $0) } ?? "/usr/local/bin:/usr/bin:/bin"
    for directory in search.split(separator: ":", omittingEmptySubsequences: false) {
      let path = (directory.isEmpty ? "." : String(directory)) + "/" + program
      var information = stat()
      if access(path, X_OK) == 0, stat(path, &information) == 0,
        information.st_mode & S_IFMT == S_IFREG
      {
        return path
      }
    }
    throw .cannotLaunch(program: program, why: "no such program in PATH; name it with a path")
  }

  /// e_ident and e_machine of the ELF header (elf(5)). A script must name its interpreter: a shell
  /// that is told ENOEXEC may run the file itself, and the shell would be debugged in its place.
  private static func checkFormat(_ path: String, _ program: String) throws(GuestError) {
    let descriptor = xv_open(path, O_RDONLY | O_CLOEXEC, 0)
    guard descriptor >= 0 else { return }  // executable but unreadable: the kernel can run it
    defer { close(descriptor) }
    var header = [UInt8](repeating: 0, count: 256)  // BINPRM_BUF_SIZE (linux/binfmts.h)
    let count = read(descriptor, &header, header.count)
    if count >= 2, header[0] == UInt8(ascii: "#"), header[1] == UInt8(ascii: "!") {
      guard namesInterpreter(header[2..<count]) else {
        throw .cannotLaunch(program: program, why: "its first line, #!, names no interpreter")
      }
      return
    }
    guard count >= 20, header[0..<4] == [0x7f, 0x45, 0x4c, 0x46] else {
      throw .cannotLaunch(
        program: program, why: "it is neither an ELF file nor a script that begins with #!")
    }
    if header[4] == 1 {
      throw .cannotLaunch(
        program: program, why: "it is a 32-bit program; xv runs 64-bit x86-64 programs")
    }
    let machine = Int(header[18]) | Int(header[19]) << 8
    if machine != 62 {
      throw .cannotLaunch(
        program: program, why: "it is for another processor (ELF machine \(machine), not x86-64)")
    }
  }

  /// Whether anything but blanks stands before the line's end (fs/binfmt_script.c).
  private static func namesInterpreter(_ line: ArraySlice<UInt8>) -> Bool {
    let first = line.first { $0 != UInt8(ascii: " ") && $0 != UInt8(ascii: "\t") }
    return first != nil && first != UInt8(ascii: "\n") && first != 0
  }
}

extension Engine {
  /// Learns where code may be from /proc/PID/maps; not in guard mode, once the guard is set.
  func learnRanges(_ map: AddressMap) {
    noteConstants(map)
    for line in map.lines where line.protection & 4 != 0 && line.path != "[vsyscall]"
      && !isOwn(line.range)
    {
      translator.pointee.ranges.add(
        ExecutableRanges.Area(
          range: line.range, protection: line.protection,
          isFile: (line.inode != 0 || line.path == "[vdso]") && !line.isShared,
          isShared: line.isShared,
          module: persistedModule(
            path: line.path, slide: line.range.lowerBound &- line.offset,
            isWanted: line.inode != 0 && line.protection & 2 == 0,
            isSure: { $0.isMapped(by: line, of: process) })))
    }
  }
}
