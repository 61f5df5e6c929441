// SPDX-License-Identifier: GPL-3.0-only

/// Words of a command line, quoted as the shell quotes.
package enum ShellWords {
  /// For the shell one word, whatever stands in it.
  package static func quoted(_ word: String) -> String {
    "'" + word.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''")
      + "'"
  }

  /// The words of a line, quotes and backslashes taken away; nothing is expanded.
  package static func split(_ line: String) -> [String] {
    var words: [String] = []
    var word: String?
    var quote: Character?
    var rest = line[...]
    while let character = rest.popFirst() {
      switch (character, quote) {
      case (" ", nil), ("\t", nil), ("\n", nil):
        if let word { words.append(word) }
        word = nil
      case ("'", nil), ("\"", nil):
        quote = character
        word = word ?? ""
      case (_, character): quote = nil
      case ("\\", nil): word = (word ?? "") + (rest.popFirst().map(String.init) ?? "\\")
      case ("\\", "\"") where rest.first.map { "\"\\$`".contains($0) } == true:
        word = (word ?? "") + String(rest.removeFirst())
      default: word = (word ?? "") + String(character)
      }
    }
    if let word { words.append(word) }
    return words
  }
}
