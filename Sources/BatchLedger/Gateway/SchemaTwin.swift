internal import BatchCore
internal import CSQLite

/// The schema of a host's database once more, in memory and without rows. Statements of the host are compiled there to
/// learn what they read and set: the authorizer of the host's own connection belongs to the host.
///
/// What cannot be compiled, because it uses a function, a module or another database that only the host has, stays
/// unknown.
final class SchemaTwin {
    /// Of the original: the twin is of use while it stays the same.
    let schemaVersion: Int64
    private let twin: Connection
    private let authorizer: Authorizer
    /// Built-in functions that the host has put others in the place of; those could do anything.
    private let replaced: Set<String>

    /// - Parameter host: its schema is read.
    init(of host: Connection, schemaVersion: Int64) throws(BatchError) {
        self.schemaVersion = schemaVersion
        twin = try Connection(path: ":memory:", mode: .create)
        twin.tolerateUnknownCollations()
        // With these a statement may set more columns than without, never fewer.
        try twin.execute("PRAGMA foreign_keys = ON; PRAGMA recursive_triggers = ON")
        let objects = "SELECT sql FROM main.sqlite_schema WHERE sql IS NOT NULL ORDER BY type <> 'table', rowid"
        for sql in try host.rows(objects).compactMap({ $0[0].string }) where SchemaTwin.canCopy(sql) {
            // One that fails is missing, and statements that use it stay unknown.
            try? twin.execute(sql)
        }
        replaced = Set(
            try host.rows("SELECT lower(name) FROM pragma_function_list WHERE NOT builtin").compactMap { $0[0].string })
        authorizer = Authorizer(twin)
        authorizer.attach()
    }

    deinit { authorizer.detach() }

    /// Modules of others may do something when a table is created.
    private static func canCopy(_ sql: String) -> Bool {
        guard sql.hasPrefix("CREATE VIRTUAL TABLE") else { return true }
        return sql.lowercased().contains(#/using\s+["`\[]?(fts3|fts4|fts5|rtree|rtree_i32)\b/#)
    }

    /// - Returns: what the compiler says of the statement; nil when it cannot be told.
    func findings(of sql: String) -> StatementFindings? {
        guard (try? authorizer.prepare(sql)) != nil else { return nil }
        let findings = authorizer.findings
        return findings.changesSchema || !findings.functions.isDisjoint(with: replaced) ? nil : findings
    }
}
