// SPDX-License-Identifier: GPL-3.0-only
internal import RSP
internal import XVCore

/// What the client said in `qSupported` that it understands; nothing until it says so.
struct ClientFeatures {
  var isMultiprocess = false
  var understandsSoftwareBreak = false
  var understandsHardwareBreak = false
  var understandsExec = false
  var understandsFork = false
  var understandsVfork = false
  /// `N` replies.
  var understandsNoneResumed = false
  var wantsThreadEvents = false
  var understandsErrorMessages = false
  /// It wants the number of resumes in each stop: it is our own.
  var countsMoves = false
  /// `vRun` has all arguments as one text, quoted as for a shell.
  var sendsOneArgument = false
  /// How it numbers signals.
  var signals: SignalNumbering { isLLDB ? .linux : .gdb }
  /// Whether it is lldb: it gives some packets another meaning than gdb does.
  var isLLDB = false
  // What only lldb asks for.
  var wantsThreadsInStops = false
  var understandsErrorStrings = false

  /// lldb names the processors of which it knows register descriptions; gdb names i386 alone.
  fileprivate static func isLLDB(_ offer: FeatureOffer) -> Bool {
    guard offer.name == "xmlRegisters", case .value(let processors) = offer.stance else {
      return false
    }
    return processors.split(separator: ",").contains("arm")
  }
}

extension StubSession {
  /// `qSupported`: names are matched exactly, and what is not known is passed over.
  func negotiate(_ offers: [FeatureOffer]) -> Reply {
    client = ClientFeatures()
    client.isLLDB = offers.contains(where: ClientFeatures.isLLDB)
    for offer in offers where offer.stance == .yes {
      switch offer.name {
      case "multiprocess": client.isMultiprocess = true
      case "swbreak": client.understandsSoftwareBreak = true
      case "hwbreak": client.understandsHardwareBreak = true
      case "exec-events": client.understandsExec = true
      case "single-inf-arg": client.sendsOneArgument = launcher != nil
      case "fork-events": client.understandsFork = true
      case "vfork-events": client.understandsVfork = true
      case "no-resumed": client.understandsNoneResumed = true
      case "xv-moves": client.countsMoves = true
      case "error-message": client.understandsErrorMessages = true
      default: break
      }
    }
    var supported = [
      "PacketSize=\(String(Connection.packetSize, radix: 16))",
      "QStartNoAckMode+", "vContSupported+", "QPassSignals+", "QProgramSignals+",
      "ConditionalBreakpoints+", "BreakpointCommands+",
      "QCatchSyscalls+", "QNonStop+", "QThreadEvents+",
    ]
    if launcher != nil {
      supported += [
        "QStartupWithShell+", "QEnvironmentHexEncoded+", "QEnvironmentReset+",
        "QEnvironmentUnset+", "QSetWorkingDir+", "QDisableRandomization+",
      ]
    }
    if client.isLLDB {
      supported += ["qEcho+", "native-signals+", "QThreadSuffixSupported+", "QListThreadsInStopReply+",
        "MultiMemRead+", "jMultiBreakpoint+",]
    } else {
      // lldb that is told of it takes `x` to be gdb's only since version 21.
      supported.append("binary-upload+")
      supported.append("QThreadOptions=\(String(Self.threadOptions.rawValue, radix: 16))")
    }
    supported += TransferPacket.Object.allCases.map { "qXfer:\($0.rawValue):read+" }
    supported += ["qXfer:siginfo:write+", "augmented-libraries-svr4-read+"]
    if client.isMultiprocess { supported.append("multiprocess+") }
    if client.understandsSoftwareBreak { supported.append("swbreak+") }
    if client.understandsHardwareBreak { supported.append("hwbreak+") }
    if client.understandsExec { supported.append("exec-events+") }
    if client.sendsOneArgument { supported.append("single-inf-arg+") }
    if client.isMultiprocess, client.understandsFork { supported.append("fork-events+") }
    if client.isMultiprocess, client.understandsVfork { supported.append("vfork-events+") }
    if client.countsMoves { supported.append("xv-moves+") }
    if client.understandsNoneResumed { supported.append("no-resumed+") }
    tellEvents()
    if client.understandsErrorMessages { supported.append("error-message+") }
    return Reply(supported.joined(separator: ";"))
  }
}
