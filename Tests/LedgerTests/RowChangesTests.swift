import BatchCore
import BatchLedger
import TestSupport
import Testing

/// Rows that are brought to a wanted state, whatever unique values they exchange on the way.
@Suite struct RowChangesTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let setup: String
        /// Leads from what is wanted to what is there.
        let since: String
    }

    static let cases = [
        Case(
            testDescription: "two rows exchange a unique value",
            setup: "CREATE TABLE t(id INTEGER PRIMARY KEY, u UNIQUE); INSERT INTO t VALUES(1, 'a'), (2, 'b'), (3, 'c')",
            since:
                "UPDATE t SET u = CASE id WHEN 1 THEN 'x' ELSE 'y' END WHERE id < 3; UPDATE t SET u = 'b' WHERE id = 1; UPDATE t SET u = 'a' WHERE id = 2"
        ),
        Case(
            testDescription: "and would destroy each other",
            setup:
                "CREATE TABLE t(id INTEGER PRIMARY KEY, u UNIQUE ON CONFLICT REPLACE); INSERT INTO t VALUES(1, 'a'), (2, 'b'), (3, 'c')",
            since:
                "UPDATE t SET u = 'x' WHERE id = 1; UPDATE t SET u = 'a' WHERE id = 2; UPDATE t SET u = 'b' WHERE id = 1"
        ),
        Case(
            testDescription: "values of a partial index on an expression go round",
            setup:
                "CREATE TABLE t(id INTEGER PRIMARY KEY, u, w); CREATE UNIQUE INDEX i ON t(lower(u)) WHERE w = 1; INSERT INTO t VALUES(1, 'a', 1), (2, 'b', 1), (3, 'A', 0)",
            since: "UPDATE t SET w = 0 WHERE id = 1; UPDATE t SET w = 1 WHERE id = 3"),
        Case(
            testDescription: "columns that hide the rowid",
            setup:
                "CREATE TABLE t(rowid, _rowid_, oid TEXT UNIQUE); INSERT INTO t VALUES(1, 2, 'a'), (3, 4, 'b'), (5, 6, 'c')",
            since:
                "DELETE FROM t WHERE oid = 'a'; UPDATE t SET oid = 'a', rowid = 9 WHERE oid = 'b'; INSERT INTO t VALUES(7, 8, 'b')"
        ),
        Case(
            testDescription: "a key in another case",
            setup:
                "CREATE TABLE t(id TEXT COLLATE NOCASE PRIMARY KEY, v) WITHOUT ROWID; INSERT INTO t VALUES('Key', 1), ('b', 2)",
            since:
                "UPDATE t SET id = 'kEY', v = 7 WHERE id = 'key'; DELETE FROM t WHERE id = 'b'; INSERT INTO t VALUES('c', 3)"
        ),
        Case(
            testDescription: "a counter that had moved on",
            setup: "CREATE TABLE t(id INTEGER PRIMARY KEY AUTOINCREMENT, v); INSERT INTO t(v) VALUES(1), (2)",
            since: "DELETE FROM t WHERE id = 1; INSERT INTO t(v) VALUES(3)"),
    ]

    @Test(arguments: cases) func rowsComeToTheWantedState(_ example: Case) throws {
        let folder = TemporaryFolder()
        let wanted = try Connection(path: folder.file("wanted.db"), mode: .create)
        try wanted.execute(example.setup)
        let made = try Connection(path: folder.file("app.db"), mode: .create)
        try made.execute(example.setup + "; " + example.since)
        let bench = try Bench(made.path, spillFolder: folder.path)
        let undo = Undo(bench.gateway)
        try undo.open()
        defer { undo.close() }
        try bench.gateway.begin()
        let layout = try #require(try SchemaReader(bench.connection).layout(named: "t"))
        let (was, now) = (try rows(wanted), try rows(bench.connection))
        #expect(was != now)
        let changes = Set(was.keys).union(now.keys).map { RowChange(key: $0, before: was[$0], after: now[$0]) }
            .filter { $0.before != $0.after }
        try undo.goBack(over: RowChanges([(layout, changes)]), named: "restore.1")
        #expect(try rows(bench.connection) == was)
        #expect(try SchemaReader(bench.connection).layout(named: "t") == layout)
        if layout.isAutoincrement {
            #expect(try bench.connection.value("SELECT seq FROM sqlite_sequence WHERE name = 't'") == .integer(3))
        }
        // A row that is not what it was taken for stays.
        let stale = changes.map {
            RowChange(key: $0.key, before: $0.after, after: $0.after.map { $0.map { _ in .null } })
        }
        .filter { $0.after != nil && was[$0.key] != nil }
        if !stale.isEmpty {
            #expect(throws: BatchError.self) {
                try undo.goBack(over: RowChanges([(layout, stale)]), named: "restore.1")
            }
        }
    }

    private func rows(_ connection: Connection) throws -> [RowKey: [SQLValue]] {
        var rows: [RowKey: [SQLValue]] = [:]
        let layout = try #require(try SchemaReader(connection).layout(named: "t"))
        try connection.withVisibleRowid(of: layout) { (visible) throws(BatchError) in
            let reader = try RowReader(visible, on: connection)
            while let row = try reader.next() {
                if let key = row.key { rows[key] = row.values }
            }
        }
        return rows
    }
}
