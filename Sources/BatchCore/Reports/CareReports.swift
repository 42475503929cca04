/// `prune`
public struct PruneReport: Report, Hashable {
    public struct Point: Hashable, Sendable {
        public let name: String
        public let bak: String
        public let bytes: Int64
        /// Why it is kept; empty: it is removed.
        public let reasons: [String]

        public init(name: String, bak: String, bytes: Int64, reasons: [String]) {
            self.name = name
            self.bak = bak
            self.bytes = bytes
            self.reasons = reasons
        }

        var json: JSONValue {
            [
                "point": .string(name), "bak": .string(bak), "bytes": .integer(bytes), "kept": .bool(!reasons.isEmpty),
                "reasons": .array(reasons.map(JSONValue.string)),
            ]
        }
    }

    /// Those with a `.bak`, the oldest first.
    public let points: [Point]
    public var isDryRun: Bool
    /// Batches whose undo log leaves the database: their restore points lead back over them.
    public var undoLogs: [BatchID] = []
    /// Paths of reports and logs that go.
    public var reports: [String] = []
    /// Bytes of undo logs that went.
    public var freedInDatabase: Int64 = 0
    /// Why the file of the database is no smaller.
    public var note: String?

    public init(points: [Point], isDryRun: Bool) {
        self.points = points
        self.isDryRun = isDryRun
    }

    public var removed: [Point] { points.filter(\.reasons.isEmpty) }
    public var freedBytes: Int64 { removed.reduce(0) { $0 + $1.bytes } }

    public func members(_ call: CallOptions) -> [JSONValue.Member] {
        [
            .init("points", .array(points.map(\.json))), .init("removed", JSONValue(removed.count)),
            .init("freed_bytes", .integer(freedBytes)),
            .init("undo_logs", .array(undoLogs.map { .string($0.description) })),
            .init("reports", JSONValue(reports.count)), .init("freed_in_database", .integer(freedInDatabase)),
        ] + JSONValue.Member.only("note", note.map(JSONValue.string)) + JSONValue.Member.only("dry_run", if: isDryRun)
    }
}

/// `history compact`
public struct CompactReport: Report {
    /// Packs before and after.
    public let packs: (before: Int, after: Int)
    public let objects: Int
    /// Of all packs, before and after.
    public let bytes: (before: Int64, after: Int64)
    /// Milliseconds.
    public let duration: Double

    public init(packs: (before: Int, after: Int), objects: Int, bytes: (before: Int64, after: Int64), duration: Double)
    {
        self.packs = packs
        self.objects = objects
        self.bytes = bytes
        self.duration = duration
    }

    public func members(_ call: CallOptions) -> [JSONValue.Member] {
        [
            .init("packs_before", JSONValue(packs.before)), .init("packs_after", JSONValue(packs.after)),
            .init("objects", JSONValue(objects)), .init("bytes_before", .integer(bytes.before)),
            .init("bytes_after", .integer(bytes.after)), .init("duration_ms", .number(duration)),
        ]
    }
}

/// `erase`
public struct EraseReport: Report, Hashable {
    public let table: String
    /// Different rows, by key, that were anywhere.
    public let rows: Int
    /// Those among them that are, or were, in the table today.
    public let liveRows: Int
    /// Entries of the undo log that are gone.
    public let entries: Int
    /// Commits and `.bak` files that were written anew.
    public let commits: Int
    public let files: Int
    public let warnings: [Warning]
    public let isDryRun: Bool
    /// Milliseconds.
    public let duration: Double

    public init(
        table: String, rows: Int, liveRows: Int = 0, entries: Int = 0, commits: Int = 0, files: Int = 0,
        warnings: [Warning] = [], isDryRun: Bool, duration: Double
    ) {
        self.table = table
        self.rows = rows
        self.liveRows = liveRows
        self.entries = entries
        self.commits = commits
        self.files = files
        self.warnings = warnings
        self.isDryRun = isDryRun
        self.duration = duration
    }

    public func members(_ call: CallOptions) -> [JSONValue.Member] {
        [
            .init("table", .string(table)), .init("rows", JSONValue(rows)), .init("live_rows", JSONValue(liveRows)),
            .init("undo_entries", JSONValue(entries)), .init("commits", JSONValue(commits)),
            .init("bak_files", JSONValue(files)), .init("warnings", warnings.texts(call)),
            .init("duration_ms", .number(duration)),
        ] + warnings.codes + JSONValue.Member.only("dry_run", if: isDryRun)
    }
}

/// `vacuum`
public struct VacuumReport: Report, Hashable {
    /// Bytes of the database.
    public let before: Int64
    public let after: Int64

    public init(before: Int64, after: Int64) {
        self.before = before
        self.after = after
    }

    public func members(_ call: CallOptions) -> [JSONValue.Member] {
        [.init("bytes_before", .integer(before)), .init("bytes_after", .integer(after))]
    }
}
