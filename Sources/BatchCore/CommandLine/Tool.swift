/// The command line as a whole: every verb that can be called, and the options that all of them take.
public struct Tool: Sendable {
    public static let version = "0.1.0"

    public let verbs: [Verb]

    public init(verbs: [Verb]) { self.verbs = verbs }

    public func verb(named name: String) -> Verb? { verbs.first { $0.name == name } }

    /// The verbs of a group: `catalog` → `catalog list`, `catalog show`, …
    public func verbs(inGroup group: String) -> [Verb] { verbs.filter { $0.group == group } }

    /// What may stand as the first word.
    public var firstWords: [String] {
        var words: [String] = []
        for verb in verbs {
            let word = verb.group ?? verb.name
            if !words.contains(word) { words.append(word) }
        }
        return words
    }
}
