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
