extension BatchError {
    /// A wrong command line; the hint is the verb's help.
    static func usage(_ message: String, _ verb: Verb? = nil) -> BatchError {
        BatchError(
            .usage, message, hint: verb.map { "\(command: "\(words: $0.name) --help")" } ?? "\(command: "--help")")
    }

    static func missing(_ thing: String, of verb: Verb) -> BatchError {
        BatchError(.usage, "\(verb.name) needs \(thing)", hint: Hint(verb.usage))
    }

    /// - Parameter known: what it could have been; the nearest is proposed.
    static func unknown(_ what: String, _ word: String, among known: [String], hint: Hint) -> BatchError {
        guard let near = Suggestion.nearest(to: word, in: known) else {
            return BatchError(.usage, "unknown \(what) '\(word)'", hint: hint)
        }
        return BatchError(.usage, "unknown \(what) '\(word)', did you mean '\(near)'?", hint: hint)
    }
}
