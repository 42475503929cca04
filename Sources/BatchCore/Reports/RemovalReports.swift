/// `remove`
public struct RemovalReport: Report {
    public let database: String
    /// Of the copies and the history.
    public let folder: String
    /// Of the ledger.
    public var tables: [String] = []
    /// Of the guard.
    public var triggers: [String] = []
    /// In the folder.
    public var files: [String] = []
    /// In the git history, where the folder is shared.
    public var references: [String] = []
    /// Other databases that the folder belongs to.
    public var neighbours: [String] = []
    /// Tables with a name like those of the ledger that are not its; they stay.
    public var others: [String] = []
    public var batches = 0
    public var isDone = false

    public init(database: String, folder: String) {
        self.database = database
        self.folder = folder
    }

    public var isEmpty: Bool { tables.isEmpty && triggers.isEmpty && files.isEmpty && references.isEmpty }

    public func members(_ call: CallOptions) -> [JSONValue.Member] {
        func texts(_ texts: [String]) -> JSONValue { .array(texts.map(JSONValue.string)) }
        return [
            .init("database", .string(database)), .init("removed", .bool(isDone)), .init("batches", JSONValue(batches)),
            .init("tables", texts(tables)), .init("triggers", texts(triggers)), .init("folder", .string(folder)),
            .init("files", texts(files)), .init("references", texts(references)),
            .init("shared_with", texts(neighbours)), .init("left", texts(others)),
        ]
    }
}

/// `forget-copies`
public struct ForgetReport: Report {
    /// `.bak` files.
    public var files: [String] = []
    public var commits: [String] = []
    /// Restore points of which no copy is left.
    public var points = 0
    /// Batches that cannot be undone any more: git alone had what they changed.
    public var stuck: [BatchID] = []
    public var isDone = false

    public init() {}

    public var isEmpty: Bool { files.isEmpty && commits.isEmpty }

    public func members(_ call: CallOptions) -> [JSONValue.Member] {
        [
            .init("forgotten", .bool(isDone)), .init("files", .array(files.map(JSONValue.string))),
            .init("commits", .array(commits.map(JSONValue.string))), .init("points", JSONValue(points)),
            .init("not_undoable", .array(stuck.map { .string($0.description) })),
        ]
    }
}
