// SPDX-License-Identifier: GPL-3.0-only

extension Translator {
  /// Throws away every fragment with code in `range`. A thread that is inside one goes on to its end;
  /// nothing leads there any more. Returns whether there was one.
  @discardableResult
  mutating func invalidate(_ range: Range<UInt64>, forget: (UInt64, TargetTables.Kind) -> Void) -> Bool {
    let pageRange = (range.lowerBound >> 12)..<((range.upperBound &+ 0xfff) >> 12)
    reader.forget(pages: pageRange)
    survivors?.forget(range)
    guard !pageRange.isEmpty, pages.hasCode(pages: pageRange) else { return false }
    var found = false
    for number in pages.blocks(pages: pageRange) {
      let block = blocks[Int(number)]
      guard block.state == .live, block.original < range.upperBound,
        block.original &+ UInt64(max(block.length, 1)) > range.lowerBound
      else { continue }
      kill(block.unit, forget)
      found = true
    }
    stepFragments = stepFragments.filter { !($0.key &+ 15 > range.lowerBound && $0.key < range.upperBound) }
    leavingFragments = leavingFragments.filter { !($0.key &+ 15 > range.lowerBound && $0.key < range.upperBound) }
    if found { counters.invalidations &+= 1 }
    return found
  }

  private mutating func kill(_ unit: Int32, _ forget: (UInt64, TargetTables.Kind) -> Void) {
    guard !units[Int(unit)].isDead else { return }
    units[Int(unit)].isDead = true
    deadBytes += Int(units[Int(unit)].hotEnd - units[Int(unit)].hot)
      + Int(units[Int(unit)].coldEnd - units[Int(unit)].cold)
    var number = units[Int(unit)].firstBlock
    while number >= 0 {
      let block = blocks[Int(number)]
      retire(number, forget)
      number = block.nextInUnit
    }
  }

  private mutating func retire(_ number: Int32, _ forget: (UInt64, TargetTables.Kind) -> Void) {
    var block = blocks[Int(number)]
    block.state = .wanted
    if !block.isInlined { starts.remove(block.original) }
    // What leads here asks again. Exits of dead units stay in the lists: a thread may still be inside
    // one, and a call that returns into one must find its way on.
    var index = block.incoming
    while index >= 0 {
      if exits[Int(index)].isLinked {
        exits[Int(index)].isLinked = false
        unlink(index)
      }
      index = exits[Int(index)].next
    }
    // In this order: the gate looks here again when it has filled an entry there.
    if block.returnEntry != 0, returns.remove(block.original) { forget(block.original, .returns) }
    if block.jumpEntry != 0, jumps.remove(block.original) { forget(block.original, .jumps) }
    block.linked = 0
    block.body = 0
    block.bodyLive = .all
    block.slots = []
    block.callValid = []
    block.callEntry = 0
    block.jumpEntry = 0
    block.returnEntry = 0
    block.returnsBehindCall = false
    block.callSite = 0
    block.callLength = 0
    block.live = .all
    block.unit = -1
    block.nextInUnit = -1
    blocks[Int(number)] = block
  }
}
