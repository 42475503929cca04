/// What `keep:` of a workspace keeps of everything that grows; the rest goes by itself after each run.
public struct KeepPolicy: Hashable, Sendable {
    public var bak = RetentionPolicy(last: 5, daily: 7, weekly: 4, monthly: 12)
    /// How long the undo log of a batch stays in the database: after that the batch is undone from git. Nil: for ever.
    public var undo: Duration? = .seconds(90 * 86_400)
    /// How long reports and logs of rollbacks stay. Nil: for ever.
    public var reports: Duration? = .seconds(400 * 86_400)

    public init() {}

}

/// What went, and what it freed.
public struct KeepReport: Hashable, Sendable {
    public var bakFiles = 0
    /// Batches whose undo log left the database.
    public var undoLogs = 0
    public var reports = 0
    /// Of files that went.
    public var fileBytes: Int64 = 0
    /// Of the undo log: room in the database that is used again.
    public var databaseBytes: Int64 = 0

    public init() {}

    public var isEmpty: Bool { bakFiles + undoLogs + reports == 0 }

    /// `3 .bak files, the undo logs of 2 batches`
    public var words: String {
        var parts: [String] = []
        if bakFiles > 0 { parts.append(bakFiles == 1 ? "1 .bak file" : "\(bakFiles) .bak files") }
        if undoLogs > 0 {
            parts.append(undoLogs == 1 ? "the undo log of 1 batch" : "the undo logs of \(undoLogs) batches")
        }
        if reports > 0 { parts.append(reports == 1 ? "1 report" : "\(reports) reports") }
        return parts.joined(separator: ", ")
    }

    public var json: JSONValue {
        [
            "bak_files": JSONValue(bakFiles), "undo_logs": JSONValue(undoLogs), "reports": JSONValue(reports),
            "file_bytes": .integer(fileBytes), "database_bytes": .integer(databaseBytes),
        ]
    }
}
