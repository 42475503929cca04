/// One verb of the tool, as data: parsing, help, completion and `docs/cli.md` all read this.
public struct Verb: Hashable, Sendable {
    public struct Example: Hashable, Sendable {
        public let command: String
        public let meaning: String

        public init(_ command: String, _ meaning: String) {
            self.command = command
            self.meaning = meaning
        }
    }

    /// One word, or two for a verb of a group: `catalog list`.
    public let name: String
    /// One line, without a full stop.
    public let summary: String
    /// Sentences below the summary.
    public let details: String
    public let positionals: [Positional]
    public let options: [Option]
    public let examples: [Example]
    public let trace: Trace

    /// What a call leaves behind. An action has a row in the audit, whatever became of it; a new verb is one unless it
    /// says otherwise.
    public enum Trace: String, Sendable {
        /// Nothing: it is about the tool, not about a database.
        case none
        /// Lines in the log.
        case view
        /// Lines in the log, and a row in the audit, in `control.db`: it only reads. Where batchmgr has never worked, it
        /// leaves nothing.
        case check
        /// Lines in the log, and a row in the audit.
        case action
        /// The same, in `control.db`: it concerns the whole workspace, not one database.
        case workspace

        public var isAudited: Bool { self != .none && self != .view }
        /// May make the folder of the records beside a database.
        public var makesFolder: Bool { self == .action || self == .workspace }
    }

    public init(
        _ name: String, _ summary: String, details: String = "", positionals: [Positional] = [],
        options: [Option] = [], trace: Trace = .action, examples: [Example] = []
    ) {
        self.name = name
        self.summary = summary
        self.details = details
        self.positionals = positionals
        self.options = options
        self.examples = examples
        self.trace = trace
    }

    /// `catalog` of `catalog list`; nil for a verb of one word.
    public var group: String? {
        name.firstIndex(of: " ").map { String(name[..<$0]) }
    }

    /// `batchmgr run --id JOB [options]`
    public var usage: String {
        let required = options.filter(\.isRequired).map(\.usage)
        let rest = options.contains { !$0.isRequired } ? ["[options]"] : []
        return (["batchmgr", name] + required + positionals.map(\.usage) + rest).joined(separator: " ")
    }
}
