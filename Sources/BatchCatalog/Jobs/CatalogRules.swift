internal import BatchCore

/// What a job file may say beyond the keys that every job has: the kinds of steps, and the names of the workspace.
public struct CatalogRules: Sendable {
    /// The key of each kind of step, with the keys that may stand beside it.
    public let kinds: [KeyChoice]
    /// The step kinds that the workspace adds; nil admits any.
    public var plugins: [String]?
    /// The databases of the workspace; nil admits any name.
    public var databases: [String]?

    public init(kinds: [KeyChoice], plugins: [String]?, databases: [String]? = nil) {
        self.kinds = kinds
        self.plugins = plugins
        self.databases = databases
    }

    /// A definition that was pinned with a batch must be readable for ever: when its plugin is gone, and when an older
    /// version of the tool was less strict.
    var isPinned: Bool { plugins == nil }

    /// Keys that already mean something in a step.
    public var reservedNames: Set<String> {
        Set(["id"] + kinds.flatMap { [$0.key.name] + $0.beside.map(\.name) } + CatalogRules.tries.map(\.name))
    }

    /// Names that a plugin cannot have: the reserved ones of the tool itself. Kinds that other modules add have a dot in
    /// their names, which a plugin cannot have.
    public static let ownNames: Set<String> = [
        "id", "sql", "check", "exec", "export", "snapshot", "for_each", "chunk", "pause", "undo", "retry", "timeout",
        "schedule.enqueue", "schedule.wait", "schedule.backfill", "ocr.discover", "ocr.prep", "ocr.recognise",
        "ocr.publish", "ocr.review", "ocr.remove", "ocr.clean", "ocr.mend", "repair.manifest", "repair.quarantine",
        "repair.restart", "repair.release",
        "audit.digests", "audit.contracts", "audit.integrity", "audit.keys", "audit.copies", "audit.drill",
        "audit.disk", "audit.files", "audit.rules", "audit.report",
    ]

    /// The kind that the keys of a step choose; a key that nobody knows is a plugin.
    func choice(in step: YAMLNode) -> (entry: YAMLNode.Entry, choice: KeyChoice)? {
        for entry in step.entries {
            if let kind = kinds.first(where: { $0.key.name == entry.key }) { return (entry, kind) }
        }
        let reserved = reservedNames
        return step.entries.first { !reserved.contains($0.key) }
            .map { ($0, KeyChoice(KeyRule($0.key, .anything, ""), beside: CatalogRules.tries)) }
    }

    /// How often and how long a step is tried: most kinds take these keys.
    public static let tries = [
        KeyRule("retry", .record(retry), "How often a failed step is tried again."),
        KeyRule("timeout", .text(.duration), "How long one try may take."),
    ]

    private static let retry = KeyTable(
        "a retry rule",
        [
            KeyRule("max", .integer(1...100), required: true, "Tries after the first."),
            KeyRule("backoff", .text(.duration), "Pause before the next try; doubles each time (`1s`)."),
        ])
}

extension ValueShape {
    static let arguments = ValueShape.list(.argument, mayBeEmpty: false)
}
