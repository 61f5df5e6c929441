// SPDX-License-Identifier: GPL-3.0-only

/// All packets that are understood, by the bytes they begin with; the first row that fits counts.
///
/// A whole name must be followed by nothing, so that `qC` is not taken for `qCRC`. `MultiMemRead`
/// stands before `M` only to be refused as unknown.
package enum PacketTable {
  /// Whether a name must be all of the packet.
  package enum Extent: Hashable { case whole, prefix }
  package struct Row: Sendable {
    package let name: StaticString
    package let extent: Extent
    let parse: @Sendable (inout PacketScanner) -> Packet?
  }

  package static let rows: [Row] = [
    Row("g") { RegisterPacket.readAll(&$0) },
    Row("G") { RegisterPacket.writeAll(&$0) },
    Row("p") { RegisterPacket.read(&$0) },
    Row("P") { RegisterPacket.write(&$0) },
    Row("m") { MemoryPacket.read(&$0) },
    Row("MultiMemRead:") { MemoryPacket.readRanges(&$0) },
    Row("M") { MemoryPacket.write(&$0) },
    Row("x") { MemoryPacket.readBinary(&$0) },
    Row("X") { MemoryPacket.writeBinary(&$0) },
    Row("qSearch:memory:") { MemoryPacket.search(&$0) },
    Row("qCRC:") { MemoryPacket.checksum(&$0) },
    Row("Z") { BreakpointPacket.parse(&$0, inserts: true) },
    Row("z") { BreakpointPacket.parse(&$0, inserts: false) },
    Row("?", .whole) { _ in .process(.status) },
    Row("c") { ResumePacket.legacy(&$0, .run, hasSignal: false) },
    Row("C") { ResumePacket.legacy(&$0, .run, hasSignal: true) },
    Row("s") { ResumePacket.legacy(&$0, .step, hasSignal: false) },
    Row("S") { ResumePacket.legacy(&$0, .step, hasSignal: true) },
    Row("vCont?", .whole) { _ in .resume(.actionsWanted) },
    Row("vCont;") { ResumePacket.actions(&$0) },
    Row("vCtrlC", .whole) { _ in .resume(.interrupt) },
    Row("k", .whole) { _ in .process(.kill) },
    Row("vKill;") { ProcessPacket.killProcess(&$0) },
    Row("D") { ProcessPacket.detach(&$0) },
    Row("qAttached") { _ in .process(.attached) },
    Row("H") { ThreadPacket.select(&$0) },
    Row("T") { ThreadPacket.isAlive(&$0) },
    Row("qC", .whole) { _ in .thread(.current) },
    Row("qfThreadInfo", .whole) { _ in .thread(.first) },
    Row("qsThreadInfo", .whole) { _ in .thread(.next) },
    Row("qThreadExtraInfo,") { ThreadPacket.extraInformation(&$0) },
    Row("qGetTLSAddr:") { ThreadPacket.localAddress(&$0) },
    Row("qSupported") { FeatureOffer.parse(&$0) },
    Row("QStartNoAckMode", .whole) { _ in .startNoAckMode },
    Row("qXfer:") { TransferPacket.parse(&$0) },
    Row("vFile:") { FilePacket.parse(&$0) },
    Row("QPassSignals:") { SignalPacket.pass(&$0) },
    Row("QProgramSignals:") { SignalPacket.program(&$0) },
    Row("QNonStop:") { ThreadModePacket.nonStop(&$0) },
    Row("QThreadEvents:") { ThreadModePacket.threadEvents(&$0) },
    Row("QThreadOptions;") { ThreadModePacket.options(&$0) },
    Row("vStopped", .whole) { _ in .threadMode(.nextStop) },
    Row("QCatchSyscalls:") { CatchPacket.parse(&$0) },
    Row("qRcmd,") { $0.hexBytes().map { .monitor($0) } },
    Row("qSymbol:") { _ in .symbols },
    Row("!", .whole) { _ in .launch(.extend) },
    Row("R") { _ in .launch(.restart) },
    Row("vRun;") { LaunchPacket.run(&$0) },
    Row("A") { LaunchPacket.runByArguments(&$0) },
    Row("qLaunchSuccess", .whole) { _ in .launch(.result) },
    Row("qExecAndArgs", .whole) { _ in .launch(.commandLineWanted) },
    Row("vAttach;") { LaunchPacket.attach(&$0) },
    Row("vAttachName;") { LaunchPacket.attach(&$0, .running) },
    Row("vAttachWait;") { LaunchPacket.attach(&$0, .next) },
    Row("vAttachOrWait;") { LaunchPacket.attach(&$0, .runningOrNext) },
    Row("qVAttachOrWaitSupported", .whole) { _ in .launch(.attachByNameWanted) },
    Row("QEnvironmentHexEncoded:") { LaunchPacket.encoded(&$0) { .set(variable: $0) } },
    Row("QEnvironmentUnset:") { LaunchPacket.encoded(&$0) { .unset(variable: $0) } },
    Row("QEnvironmentReset", .whole) { _ in .launch(.resetEnvironment) },
    Row("QEnvironment:") { LaunchPacket.plain(&$0) },
    Row("QSetWorkingDir:") { LaunchPacket.encoded(&$0) { .workingDirectory($0) } },
    Row("QStartupWithShell:") { LaunchPacket.flag(&$0) { .shell($0) } },
    Row("QDisableRandomization:") { LaunchPacket.flag(&$0) { .randomization(disabled: $0) } },
    Row("QSetDisableASLR:") { LaunchPacket.flag(&$0) { .randomization(disabled: $0) } },
    Row("QSetSTDIN:") { LaunchPacket.standardFile(&$0, 0) },
    Row("QSetSTDOUT:") { LaunchPacket.standardFile(&$0, 1) },
    Row("QSetSTDERR:") { LaunchPacket.standardFile(&$0, 2) },
    Row("QSetDetachOnError:") { LaunchPacket.flag(&$0) { .detachOnError($0) } },
    Row("QLaunchArch:") { _ in .launch(.architecture) },
    Row("QSaveRegisterState") { RegisterPacket.save(&$0) },
    Row("QRestoreRegisterState:") { RegisterPacket.restore(&$0) },
    Row("QThreadSuffixSupported", .whole) { _ in .debugger(.threadSuffix) },
    Row("QListThreadsInStopReply", .whole) { _ in .debugger(.threadsInStops) },
    Row("QEnableErrorStrings", .whole) { _ in .debugger(.errorStrings) },
    Row("qHostInfo", .whole) { _ in .debugger(.host) },
    Row("qProcessInfo", .whole) { _ in .debugger(.process) },
    Row("qGetPid", .whole) { _ in .debugger(.processID) },
    Row("qGDBServerVersion", .whole) { _ in .debugger(.serverVersion) },
    Row("qGetWorkingDir", .whole) { _ in .debugger(.workingDirectory) },
    Row("qEcho:") { DebuggerPacket.echo(&$0) },
    Row("qSpeedTest:response_size:") { DebuggerPacket.speedTest(&$0) },
    Row("I") { DebuggerPacket.input(&$0) },
    Row("jThreadsInfo", .whole) { _ in .debugger(.threadStops) },
    Row("qThreadStopInfo") { DebuggerPacket.threadStop(&$0) },
    Row("qMemoryRegionInfo") { DebuggerPacket.region(&$0) },
    Row("_M") { DebuggerPacket.allocate(&$0) },
    Row("_m") { DebuggerPacket.release(&$0) },
    Row("qWatchpointSupportInfo:", .whole) { _ in .debugger(.watchpoints) },
    Row("qShlibInfoAddr", .whole) { _ in .debugger(.linkerStructure) },
    Row("qFileLoadAddress:") { DebuggerPacket.loadAddress(&$0) },
    Row("qfProcessInfo") { PlatformPacket.processes(&$0) },
    Row("qsProcessInfo", .whole) { _ in .platform(.nextProcess) },
    Row("qProcessInfoPID:") { PlatformPacket.decimal(&$0) { .process($0) } },
    Row("qUserName:") { PlatformPacket.decimal(&$0) { .user($0) } },
    Row("qGroupName:") { PlatformPacket.decimal(&$0) { .group($0) } },
    Row("qPlatform_mkdir:") { PlatformPacket.path(&$0) { .makeDirectory(mode: $0, path: $1) } },
    Row("qPlatform_chmod:") { PlatformPacket.path(&$0) { .changeMode(mode: $0, path: $1) } },
    Row("qPlatform_shell:") { PlatformPacket.shell(&$0) },
    Row("qPathComplete:") { PlatformPacket.complete(&$0) },
    Row("qLaunchGDBServer") { PlatformPacket.launchServer(&$0) },
    Row("qQueryGDBServer", .whole) { _ in .platform(.servers) },
    Row("qKillSpawnedProcess:") { PlatformPacket.decimal(&$0) { .endServer($0) } },
    Row("jModulesInfo:") { DebuggerPacket.modules(&$0) },
    Row("jMultiBreakpoint:") { DebuggerPacket.breakpoints(&$0) },
    Row("qModuleInfo:") { DebuggerPacket.module(&$0) },
  ]

  /// The rows by first byte, so that a hot packet is compared with a few names only.
  private static let index: [[Row]] = (0...UInt8.max).map { first in
    rows.filter { $0.name.utf8Start[0] == first }
  }

  static func parse(_ content: [UInt8]) -> Packet {
    guard let first = content.first else { return .unknown }
    for row in index[Int(first)] {
      var scanner = PacketScanner(content)
      guard scanner.skip(row.name), row.extent == .prefix || scanner.isAtEnd else { continue }
      return row.parse(&scanner) ?? .malformed
    }
    return .unknown
  }
}

extension PacketTable.Row {
  init(
    _ name: StaticString, _ extent: PacketTable.Extent = .prefix,
    parse: @escaping @Sendable (inout PacketScanner) -> Packet?
  ) {
    self.init(name: name, extent: extent, parse: parse)
  }
}
