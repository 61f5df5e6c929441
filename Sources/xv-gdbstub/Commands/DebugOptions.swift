// SPDX-License-Identifier: GPL-3.0-only
internal import ArgumentParser
internal import RSP

/// Options for whoever wants to see what the server does, or how a client gets along with less.
package struct DebugOptions: ParsableArguments {
  @Option(
    name: .customLong("debug"),
    help: ArgumentHelp(
      """
      Print to stderr: remote (each packet; also when nothing is named), threads (what translator and \
      tracer do), all. Written --debug or --debug=WORDS.
      """, valueName: "remote,threads,all"))
  var debug: String?

  @Option(help: ArgumentHelp("Print all messages to this file instead.", valueName: "path"))
  var debugFile: String?

  @Option(
    help: ArgumentHelp(
      "What each packet is printed with: none or timestamp.", valueName: "none,timestamp,all"))
  var debugFormat: String?

  @Option(
    help: ArgumentHelp(
      "Answer these as if they were not known.", valueName: "vCont,T,Tthread,qC,qfThreadInfo,threads"))
  var disablePacket: String?

  @Flag(help: .hidden)
  var selftest = false

  package init() {}

  package mutating func validate() throws {
    if let debug, DebugTopics(words: debug) == nil {
      throw ValidationError("--debug=\(debug): the words are remote, threads, event-loop and all.")
    }
    if let disablePacket, DisabledPacket.packets(disablePacket) == nil {
      throw ValidationError(
        "--disable-packet=\(disablePacket): the words are vCont, T, Tthread, qC, qfThreadInfo and threads.")
    }
    if let debugFormat,
      !debugFormat.split(separator: ",").allSatisfy({ ["none", "timestamp", "all"].contains($0) })
    {
      throw ValidationError("--debug-format=\(debugFormat): the words are none, timestamp and all.")
    }
  }

  package var topics: DebugTopics { debug.flatMap { DebugTopics(words: $0) } ?? [] }

  package var disabledPackets: Set<DisabledPacket> {
    disablePacket.flatMap { DisabledPacket.packets($0) } ?? []
  }

  func arm() throws(EndpointError) {
    if let debugFile { try Diagnostics.redirect(to: debugFile) }
    let words = debugFormat?.split(separator: ",") ?? []
    Diagnostics.hasTimestamps = words.contains("timestamp") || words.contains("all")
  }
}
