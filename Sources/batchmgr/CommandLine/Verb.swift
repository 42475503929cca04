public import BatchCore

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
    /// Under which heading help lists it.
    public let topic: Topic
    /// Who may call it where a workspace has roles; nil: everybody. A verb that does not say is an admin's alone.
    public let role: Role?
    public let trace: Trace

    /// The headings of help, in its order.
    public enum Topic: String, Sendable, CaseIterable {
        case run = "Run batches"
        case look = "Look at what happened"
        case undo = "Undo and restore"
        case care = "Take care of the records"
        case heal = "Repair what is wrong"
        case govern = "Rules, approvals and audit"
        case tool = "Set up and get help"
    }

    /// What a call leaves behind. An action has a row in the audit, whatever became of it; a new verb is one unless it
    /// says otherwise.
    public enum Trace: String, Sendable {
        /// Nothing: it is about the tool, not about a database.
        case none
        /// Lines in the log.
        case view
        /// Lines in the log, and a row in the audit, in `control.db`: it only reads. Where batchmgr has never worked,
        /// it leaves nothing.
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
        options: [Option] = [], topic: Topic = .tool, role: Role? = .admin, trace: Trace = .action,
        examples: [Example] = []
    ) {
        self.name = name
        self.summary = summary
        self.details = details
        self.positionals = positionals
        self.options = options
        self.examples = examples
        self.topic = topic
        self.role = role
        self.trace = trace
    }

    /// `catalog` of `catalog list`; nil for a verb of one word.
    public var group: String? {
        name.firstIndex(of: " ").map { String(name[..<$0]) }
    }

    /// The options whose values may stand alone, in this order: `blame invoices 42`.
    public var mainOptions: [Option] { options.filter(\.isMain) }

    /// What the verb is about.
    public var mainOption: Option? { mainOptions.first }

    /// `batchmgr run JOB [options]`
    public var usage: String {
        let mains = mainOptions.map { option in
            let name = option.argument?.placeholder ?? ""
            return option.isRequired ? name : "[\(name)]"
        }
        let required = options.filter { $0.isRequired && !$0.isMain }.map(\.usage)
        let rest = options.contains { !$0.isRequired && !$0.isMain } ? ["[options]"] : []
        let words = positionals.isEmpty ? mains : positionals.map(\.usage)
        return (["batchmgr", name] + words + required + rest).joined(separator: " ")
    }
}

/// One option of a verb, as data.
public struct Option: Hashable, Sendable {
    /// Without the dashes: `dry-run`.
    public let name: String
    /// Nil for a flag.
    public let argument: Argument?
    public let summary: String
    public let isRequired: Bool
    /// May be given more than once.
    public let repeats: Bool
    /// What the verb is about: its value may stand alone, without the name; of several the first word is the first's.
    public private(set) var isMain = false
    /// The value when the option stands alone; nil: it needs one.
    public private(set) var valueAlone: String?

    private init(_ name: String, _ argument: Argument?, _ summary: String, isRequired: Bool, repeats: Bool) {
        self.name = name
        self.argument = argument
        self.summary = summary
        self.isRequired = isRequired
        self.repeats = repeats
    }

    public static func flag(_ name: String, _ summary: String) -> Option {
        Option(name, nil, summary, isRequired: false, repeats: false)
    }

    public static func value(_ name: String, _ argument: Argument, _ summary: String) -> Option {
        Option(name, argument, summary, isRequired: false, repeats: false)
    }

    public static func required(_ name: String, _ argument: Argument, _ summary: String) -> Option {
        Option(name, argument, summary, isRequired: true, repeats: false)
    }

    public static func repeated(_ name: String, _ argument: Argument, _ summary: String) -> Option {
        Option(name, argument, summary, isRequired: false, repeats: true)
    }

    /// The same option, as the one that the verb is about: `show reprice.3` is `show --id reprice.3`.
    public var main: Option {
        var option = self
        option.isMain = true
        return option
    }

    /// The same option, which may also be given without a value: `--sql` is `--sql forward`.
    func alone(_ value: String) -> Option {
        var option = self
        option.valueAlone = value
        return option
    }

    /// Of a verb whose answer may be long; the text then shows the first lines and says how many more there are.
    static let all = Option.flag("all", "show all of it (default: the first 20)")

    /// How many lines of a list the text of this call shows.
    static func limit(_ arguments: ParsedArguments) -> Int {
        let isCut = arguments.verb.options.contains { $0.name == all.name }
        return isCut && !arguments.has("all") && !arguments.has("limit") ? 20 : .max
    }

    /// `--set NAME=VALUE`, or `--sql [forward|back]`
    public var usage: String {
        guard let argument else { return "--\(name)" }
        return valueAlone == nil ? "--\(name) \(argument.placeholder)" : "--\(name) [\(argument.placeholder)]"
    }

    /// What the value of an option or a positional may be; completion and checking both read it.
    public enum Argument: Hashable, Sendable {
        /// Any text, shown in help under this name.
        case text(String)
        case file(String)
        case folder(String)
        /// A whole number, zero or more.
        case number(String)
        /// `name=value`, for options that may be repeated.
        case pair(String)
        case choice([String])

        /// As help shows it: `PATH`, or `restrict|cascade`.
        public var placeholder: String {
            switch self {
            case .text(let name), .file(let name), .folder(let name), .number(let name), .pair(let name): name
            case .choice(let words): words.joined(separator: "|")
            }
        }

        /// Why `value` does not fit; nil when it does.
        func objection(to value: String) -> String? {
            switch self {
            case .text, .file, .folder: value.isEmpty ? "is empty" : nil
            case .number:
                value.utf8.allSatisfy { $0 >= 48 && $0 <= 57 } && Int(value) != nil ? nil : "is not a whole number"
            case .pair:
                value.firstIndex(of: "=").map { $0 > value.startIndex } ?? false ? nil : "is not of the form NAME=VALUE"
            case .choice(let words): words.contains(value) ? nil : "is not one of: \(words.joined(separator: ", "))"
            }
        }
    }
}

/// One argument that stands for itself, without an option name.
public struct Positional: Hashable, Sendable {
    public let argument: Option.Argument
    public let summary: String
    public let isRequired: Bool
    public let repeats: Bool

    public init(_ argument: Option.Argument, _ summary: String, isRequired: Bool = true, repeats: Bool = false) {
        self.argument = argument
        self.summary = summary
        self.isRequired = isRequired
        self.repeats = repeats
    }

    /// `SHELL`, `[VERB…]`
    public var usage: String {
        let name = argument.placeholder + (repeats ? "…" : "")
        return isRequired ? name : "[\(name)]"
    }
}

/// The command line as a whole: every verb that can be called, and the options that all of them take.
public struct Tool: Sendable {
    public let verbs: [Verb]

    public init(verbs: [Verb]) { self.verbs = verbs }

    public func verb(named name: String) -> Verb? { verbs.first { $0.name == name } }

    /// The verbs of a group: `catalog` → `catalog list`, `catalog show`, …
    public func verbs(inGroup group: String) -> [Verb] { verbs.filter { $0.group == group } }

    /// What stands before other words of a verb: `queue`, `queue dead`.
    var groups: [String] {
        var groups: [String] = []
        for verb in verbs {
            let words = verb.name.split(separator: " ")
            for count in 1..<max(1, words.count) {
                let group = words.prefix(count).joined(separator: " ")
                if !groups.contains(group) { groups.append(group) }
            }
        }
        return groups
    }

    /// The words that may follow those of a group.
    func words(after group: String) -> [String] {
        var next: [String] = []
        for verb in verbs where verb.name.hasPrefix(group + " ") {
            let word = String(verb.name.dropFirst(group.count + 1).prefix { $0 != " " })
            if !next.contains(word) { next.append(word) }
        }
        return next
    }

    /// Words that people type for a verb of another name.
    public static let synonyms: [String: String] = [
        "undo": "rollback", "revert": "rollback", "rewind": "rollback", "log": "list", "ls": "list",
        "batches": "list", "batch": "show", "snapshot": "points", "snapshots": "points", "tags": "points",
        "backup": "points",
        "backups": "points", "restore-points": "points", "checkpoints": "points", "commits": "points",
        "fsck": "verify", "validate": "catalog validate", "jobs": "catalog list",
        "exec": "run", "execute": "run", "apply": "run", "start": "run", "migrate": "run", "query": "run", "sql": "run",
        "cancel": "stop",
        "abort": "stop", "kill": "stop", "redo": "rollback", "reset": "rollback", "retry": "resume",
        "continue": "resume", "cat": "show", "info": "show", "inspect": "show", "annotate": "blame",
        "why": "show", "explain": "show", "dependents": "graph", "dependencies": "graph", "compare": "diff",
        "changes": "diff",
        "forget": "prune", "clean": "prune", "cleanup": "prune", "purge": "prune", "delete": "erase",
        "uninstall": "remove", "deinit": "remove", "rm": "remove", "rehome": "home set", "move": "home set",
        "compact": "history compact", "optimize": "vacuum", "gc": "history compact", "checkout": "restore",
        "recover": "restore", "export": "restore", "test": "drill", "setup": "init", "install": "init",
        "create": "init",
        "health": "check", "monitor": "check", "stats": "metrics report", "statistics": "metrics report",
        "daemon": "serve", "server": "serve", "web": "serve", "ui": "serve", "console": "serve", "worker": "queue work",
        "pause": "queue pause", "schedules": "schedule list", "cron": "schedule list", "incidents": "incident list",
        "runbooks": "runbook list", "releases": "release list", "contracts": "contract list", "tokens": "token list",
        "repair": "heal run", "fix": "heal run", "scan": "heal scan", "freeze": "switch set", "settings": "config show",
        "configure": "config show", "tail": "logs", "trace": "logs", "switches": "switch list", "plans": "plan list",
        "keys": "ops list", "approve": "plan approve", "man": "help",
    ]

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
