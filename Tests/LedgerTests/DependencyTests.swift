import BatchCore
import BatchLedger
import TestSupport
import Testing

/// Which later batches depend on an earlier one, and why.
@Suite struct DependencyTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let setup: String
        let first: String
        let second: String
        /// Kind and evidence; nil when the second batch is independent.
        let expected: String?
        /// SQLite allows a view of a table that is gone, and an update to the same value leaves nothing in the way.
        var mayBeUndoneAlone: Bool { second.hasPrefix("CREATE VIEW") || first == second }
    }

    private static let rows =
        "CREATE TABLE t(id INTEGER PRIMARY KEY, u TEXT UNIQUE COLLATE NOCASE, v); INSERT INTO t VALUES(1, 'a', 0), (2, 'b', 0), (3, 'c', 0)"
    private static let family =
        "CREATE TABLE p(id INTEGER PRIMARY KEY, u UNIQUE, x, y, UNIQUE(x, y)); CREATE TABLE c(p REFERENCES p, u REFERENCES p(u), x, y, FOREIGN KEY(y, x) REFERENCES p(y, x)); INSERT INTO p VALUES(1, 'one', 1, 1), (2, 'two', 2, 2); INSERT INTO c VALUES(1, NULL, NULL, NULL), (NULL, 'two', NULL, NULL)"
    private static let words =
        "CREATE TABLE p(k TEXT COLLATE NOCASE PRIMARY KEY, n) WITHOUT ROWID; CREATE TABLE c(k TEXT REFERENCES p)"

    private static func documents(_ kind: String) -> String {
        "CREATE TABLE p(id INTEGER PRIMARY KEY); CREATE TABLE c(id INTEGER PRIMARY KEY, doc TEXT, "
            + "p INT AS (json_extract(doc, '$.p')) \(kind) REFERENCES p); INSERT INTO p VALUES(1); INSERT INTO c(doc) VALUES('{}')"
    }
    private static let partial =
        "CREATE TABLE t(id INTEGER PRIMARY KEY, u TEXT COLLATE NOCASE, gone); CREATE UNIQUE INDEX i ON t(u) WHERE gone = 0; INSERT INTO t VALUES(1, 'a', 0), (2, 'b', 0)"

    static let cases = [
        Case(
            testDescription: "same row", setup: rows, first: "UPDATE t SET v = 1 WHERE id < 3",
            second: "UPDATE t SET v = 2 WHERE id > 1", expected: "row: row t 1 key"),
        Case(
            testDescription: "row updated with the value it had", setup: rows, first: "UPDATE t SET v = 7 WHERE id = 1",
            second: "UPDATE t SET v = 7 WHERE id = 1", expected: "row: row t 1 key"),
        Case(
            testDescription: "other rows", setup: rows, first: "UPDATE t SET v = 1 WHERE id = 1",
            second: "UPDATE t SET v = 2 WHERE id = 2; INSERT INTO t VALUES(9, 'q', 1)", expected: nil),
        Case(
            testDescription: "deleted key taken again", setup: rows, first: "DELETE FROM t WHERE id = 1",
            second: "INSERT INTO t VALUES(1, 'q', 0)", expected: "row: row t 1 key"),
        Case(
            testDescription: "inserted row deleted", setup: rows, first: "INSERT INTO t VALUES(7, 'q', 0), (8, 'r', 0)",
            second: "DELETE FROM t WHERE id >= 7", expected: "row: row t 2 keys"),
        Case(
            testDescription: "unique value freed then taken", setup: rows, first: "UPDATE t SET u = 'z' WHERE id = 1",
            second: "INSERT INTO t VALUES(9, 'A', 0)", expected: "unique: unique t(u) 1 key"),
        Case(
            testDescription: "unique value freed then taken, UTF-16", setup: "PRAGMA encoding = 'UTF-16'; " + rows,
            first: "DELETE FROM t WHERE id = 2", second: "UPDATE t SET u = 'B' WHERE id = 3",
            expected: "unique: unique t(u) 1 key"),
        Case(
            testDescription: "other unique value taken", setup: rows, first: "UPDATE t SET u = 'z' WHERE id = 1",
            second: "INSERT INTO t VALUES(9, 'y', 0)", expected: nil),
        Case(
            testDescription: "inserted parent referenced", setup: family,
            first: "INSERT INTO p VALUES(7, 'seven', 7, 7)", second: "INSERT INTO c(p) VALUES(7)",
            expected: "foreign_key: foreign_key p 1 key"),
        Case(
            testDescription: "inserted parent referenced by text",
            setup: "CREATE TABLE p(id INTEGER PRIMARY KEY); CREATE TABLE c(p TEXT REFERENCES p)",
            first: "INSERT INTO p VALUES(7)", second: "INSERT INTO c VALUES('7')",
            expected: "foreign_key: foreign_key p 1 key"),
        Case(
            testDescription: "inserted parent referenced by UNIQUE", setup: family,
            first: "INSERT INTO p VALUES(7, 'seven', 7, 7)", second: "UPDATE c SET u = 'seven' WHERE p = 1",
            expected: "foreign_key: foreign_key p(u) 1 key"),
        Case(
            testDescription: "inserted parent referenced by composite key", setup: family,
            first: "INSERT INTO p VALUES(7, 'seven', 7, 8)", second: "INSERT INTO c(x, y) VALUES(7, 8)",
            expected: "foreign_key: foreign_key p(x,y) 1 key"),
        Case(
            testDescription: "old parent referenced", setup: family, first: "INSERT INTO p VALUES(7, 'seven', 7, 7)",
            second: "INSERT INTO c(p) VALUES(2)", expected: nil),
        Case(
            testDescription: "child removed then parent removed", setup: family, first: "DELETE FROM c WHERE p = 1",
            second: "DELETE FROM p WHERE id = 1", expected: "foreign_key: foreign_key p 1 key"),
        Case(
            testDescription: "child retargeted then parent key changed", setup: family, first: "UPDATE c SET u = NULL",
            second: "UPDATE p SET u = 'zwei' WHERE id = 2", expected: "foreign_key: foreign_key p(u) 1 key"),
        Case(
            testDescription: "WITHOUT ROWID parent, NOCASE", setup: words, first: "INSERT INTO p VALUES('Word', 1)",
            second: "INSERT INTO c VALUES('wORD')", expected: "foreign_key: foreign_key p(k) 1 key"),
        Case(
            testDescription: "table created then filled", setup: rows, first: "CREATE TABLE n(a)",
            second: "INSERT INTO n VALUES(1)", expected: "row: definition of n"),
        Case(
            testDescription: "column added then row written", setup: rows, first: "ALTER TABLE t ADD COLUMN w",
            second: "UPDATE t SET w = 1 WHERE id = 1", expected: "row: row t 1 key"),
        Case(
            testDescription: "rows written then table altered", setup: rows, first: "UPDATE t SET v = 1 WHERE id = 1",
            second: "ALTER TABLE t RENAME COLUMN v TO w", expected: "row: row t 1 key"),
        Case(
            testDescription: "table created then viewed", setup: rows, first: "CREATE TABLE n(a)",
            second: "CREATE VIEW nv AS SELECT a FROM n", expected: "row: definition of n"),
        Case(
            testDescription: "index created then rows written", setup: rows, first: "CREATE INDEX i ON t(v)",
            second: "UPDATE t SET v = 3", expected: nil),
        Case(
            testDescription: "inserted parent referenced by a stored generated column", setup: documents("STORED"),
            first: "INSERT INTO p VALUES(7)", second: "INSERT INTO c(doc) VALUES('{\"p\":7}')",
            expected: "foreign_key: foreign_key p 1 key"),
        Case(
            testDescription: "inserted parent referenced by a virtual column", setup: documents("VIRTUAL"),
            first: "INSERT INTO p VALUES(7)", second: "UPDATE c SET doc = '{\"p\":7}' WHERE id = 1",
            expected: "foreign_key: foreign_key p 1 key"),
        Case(
            testDescription: "another parent referenced by a virtual column", setup: documents("VIRTUAL"),
            first: "INSERT INTO p VALUES(7)", second: "INSERT INTO c(doc) VALUES('{\"p\":1}')", expected: nil),
        Case(
            testDescription: "inserted parent with a generated key referenced",
            setup:
                "CREATE TABLE p(doc, k INT AS (json_extract(doc, '$.k')) VIRTUAL UNIQUE); CREATE TABLE c(k INT REFERENCES p(k))",
            first: "INSERT INTO p(doc) VALUES('{\"k\":7}')", second: "INSERT INTO c VALUES(7)",
            expected: "foreign_key: foreign_key p(k) 1 key"),
        Case(
            testDescription: "inserted parent referenced by text with a point",
            setup: "CREATE TABLE p(id INTEGER PRIMARY KEY); CREATE TABLE c(p TEXT REFERENCES p)",
            first: "INSERT INTO p VALUES(7)", second: "INSERT INTO c VALUES(' 7.0')",
            expected: "foreign_key: foreign_key p 1 key"),
        Case(
            testDescription: "inserted parent of REAL referenced by text",
            setup: "CREATE TABLE p(r REAL UNIQUE); CREATE TABLE c(r TEXT REFERENCES p(r))",
            first: "INSERT INTO p VALUES(2.5)", second: "INSERT INTO c VALUES('25e-1')",
            expected: "foreign_key: foreign_key p(r) 1 key"),
        Case(
            testDescription: "inserted parent of TEXT referenced by a number",
            setup: "CREATE TABLE p(t TEXT UNIQUE); CREATE TABLE c(t REAL REFERENCES p(t))",
            first: "INSERT INTO p VALUES('7.0')", second: "INSERT INTO c VALUES(7)",
            expected: "foreign_key: foreign_key p(t) 1 key"),
        Case(
            testDescription: "a number that a parent of TEXT writes otherwise",
            setup:
                "PRAGMA foreign_keys = OFF; CREATE TABLE p(t TEXT UNIQUE); CREATE TABLE c(t INT REFERENCES p(t)); INSERT INTO p VALUES('7')",
            first: "INSERT INTO p VALUES('07')", second: "INSERT INTO c VALUES(7)", expected: nil),
        Case(
            testDescription: "inserted parent referenced by a number, UTF-16",
            setup:
                "PRAGMA encoding = 'UTF-16'; CREATE TABLE p(t TEXT UNIQUE COLLATE NOCASE); CREATE TABLE c(t INT REFERENCES p(t))",
            first: "INSERT INTO p VALUES('7')", second: "INSERT INTO c VALUES(7)",
            expected: "foreign_key: foreign_key p(t) 1 key"),
        Case(
            testDescription: "value of a partial index freed then taken", setup: partial,
            first: "UPDATE t SET gone = 1 WHERE id = 1", second: "INSERT INTO t VALUES(9, 'A', 0)",
            expected: "unique: unique t(u where gone = 0) 1 key"),
        Case(
            testDescription: "value that a partial index leaves out taken", setup: partial,
            first: "UPDATE t SET gone = 1 WHERE id = 1", second: "INSERT INTO t VALUES(9, 'a', 1)", expected: nil),
        Case(
            testDescription: "value of an expression freed then taken",
            setup:
                "CREATE TABLE t(id INTEGER PRIMARY KEY, u); CREATE UNIQUE INDEX i ON t(lower(u), abs(id) % 2 DESC); INSERT INTO t VALUES(1, 'a'), (2, 'b')",
            first: "DELETE FROM t WHERE id = 1", second: "INSERT INTO t VALUES(5, 'A')",
            expected: "unique: unique t(lower(u),abs(id) % 2) 1 key"),
        Case(
            testDescription: "value of a generated column freed then taken",
            setup:
                "CREATE TABLE t(id INTEGER PRIMARY KEY, u, g AS (u || '!') UNIQUE COLLATE NOCASE); INSERT INTO t VALUES(1, 'a'), (2, 'b')",
            first: "UPDATE t SET u = 'z' WHERE id = 1", second: "INSERT INTO t VALUES(5, 'A')",
            expected: "unique: unique t(g) 1 key"),
        Case(
            testDescription: "full-text document",
            setup: "CREATE VIRTUAL TABLE f USING fts5(a); INSERT INTO f VALUES('x'), ('y')",
            first: "UPDATE f SET a = 'z' WHERE rowid = 1", second: "DELETE FROM f WHERE rowid = 1",
            expected: "row: row f 1 key"),
    ]

    @Test(arguments: cases) func dependentsAreFoundWithTheirEvidence(_ example: Case) throws {
        let folder = TemporaryFolder()
        let made = try Connection(path: folder.file("app.db"), mode: .create)
        try made.execute(example.setup)
        let bench = try Bench(made.path, spillFolder: folder.path)
        let before = bench.dump()
        let first = try bench.run("first", example.first)
        let second = try bench.run("second", example.second)
        let edges = try bench.dependents(of: first)
        #expect(edges.map { "\($0.kind.rawValue): \($0.evidence)" } == [example.expected].compactMap(\.self))
        #expect(edges.allSatisfy { $0.batch == second.record.seq && $0.on == first.record.seq && $0.depth == 1 })
        let forward = bench.dump()
        if example.expected != nil, !example.mayBeUndoneAlone {
            #expect(throws: BatchError.self) { try bench.undo(first) }
            #expect(bench.dump() == forward, "a refused undo leaves nothing")
        }
        try bench.undo(first, second)
        #expect(Shell.firstDifference(before, bench.dump()) == nil)
    }

    /// Key hashes of some thousand bytes are kept in rows that fit a page: else each would leave half a page empty.
    @Test func keysOfAFewHundredRowsAreKeptInSmallRows() throws {
        let folder = TemporaryFolder()
        let bench = try Bench(folder.file("app.db"), spillFolder: folder.path)
        try bench.run("setup", "CREATE TABLE t(k TEXT PRIMARY KEY, v) WITHOUT ROWID")
        let rows = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 900)"
        let first = try bench.run("first", "\(rows) INSERT INTO t SELECT 'k' || i, 0 FROM n")
        let ledger = try Connection(path: folder.file("app.db"))
        let facts = try ledger.rows(
            "SELECT count(*), max(length(keys)), sum(count) FROM batchmgr_facts f JOIN batchmgr_relations r ON r.id = f.relation WHERE r.kind = 'rows' AND f.side = 0"
        )
        #expect(facts.first?[0].integer ?? 0 >= 8 && facts.first?[1].integer ?? 0 < 1_000, "\(facts)")
        #expect(facts.first?[2].integer == 900)
        let every = try bench.run("every", "UPDATE t SET v = 1 WHERE substr(k, -1) = '0'")
        let edges = try bench.dependents(of: first).filter { $0.batch == every.record.seq }
        #expect(edges.map(\.evidence) == ["row t 90 keys"])
        try bench.undo(first, every)
        #expect(try ledger.value("SELECT count(*) FROM t")?.integer == 0)
    }

    @Test func dependentsOfDependentsAreFoundWithTheirDepth() throws {
        let folder = TemporaryFolder()
        let bench = try Bench(folder.file("app.db"), spillFolder: folder.path)
        try bench.run(
            "setup", "CREATE TABLE t(id INTEGER PRIMARY KEY, v); INSERT INTO t VALUES(1, 0), (2, 0), (3, 0), (4, 0)")
        let a = try bench.run("a", "UPDATE t SET v = 1 WHERE id = 1")
        let b = try bench.run("b", "UPDATE t SET v = 2 WHERE id IN (1, 2)")
        let c = try bench.run("c", "UPDATE t SET v = 3 WHERE id IN (2, 3)")
        try bench.run("d", "UPDATE t SET v = 4 WHERE id = 4")
        #expect(try bench.dependents(of: a).map(\.batch) == [b.record.seq, c.record.seq])
        #expect(try bench.dependents(of: a).map(\.depth) == [1, 2])
        #expect(try bench.dependents(of: a).map(\.on) == [a.record.seq, b.record.seq])
        // What was rolled back, and the rollback itself, do not count.
        try bench.undo(c)
        #expect(try bench.dependents(of: a).map(\.batch) == [b.record.seq])
        try bench.undo(b)
        #expect(try bench.dependents(of: a) == [])
    }
}
