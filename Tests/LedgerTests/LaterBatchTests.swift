import BatchCore
import BatchLedger
import TestSupport
import Testing

/// A batch is undone while later ones live on.
@Suite struct LaterBatchTests {
    private func bench(_ setup: String, _ folder: TemporaryFolder) throws -> Bench {
        let made = try Connection(path: folder.file("app.db"), mode: .create)
        try made.execute(setup)
        return try Bench(folder.file("app.db"), spillFolder: folder.path)
    }

    struct Virtual: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let setup: String
        let first: String
        let second: String
        let query: String
    }

    static let docs =
        "INSERT INTO f(rowid, a, b) VALUES(1, 'red fox', 'x'), (2, 'blue bird', 'y'), (3, 'green frog', 'z'), (4, 'old owl', 'w')"
    static let first =
        "UPDATE f SET a = 'changed' WHERE rowid = 2; DELETE FROM f WHERE rowid = 1; INSERT INTO f(rowid, a, b) VALUES(9, 'new words', 'w')"
    static let second =
        "UPDATE f SET b = 'later' WHERE rowid = 3; INSERT INTO f(rowid, a, b) VALUES(20, 'later fox', 'l')"
    static let search =
        "SELECT rowid, a, b, (SELECT group_concat(rowid) FROM (SELECT rowid FROM f WHERE f MATCH 'fox OR blue OR changed OR later OR words' ORDER BY rowid)) FROM f ORDER BY rowid"
    static let virtual = [
        Virtual(
            testDescription: "FTS3", setup: "CREATE VIRTUAL TABLE f USING fts3(a, b); \(docs)", first: first,
            second: second, query: search),
        Virtual(
            testDescription: "FTS4", setup: "CREATE VIRTUAL TABLE f USING fts4(a, b); \(docs)", first: first,
            second: second, query: search),
        Virtual(
            testDescription: "FTS5", setup: "CREATE VIRTUAL TABLE f USING fts5(a, b); \(docs)", first: first,
            second: second, query: search),
        Virtual(
            testDescription: "FTS5, external content",
            setup:
                "CREATE TABLE d(id INTEGER PRIMARY KEY, a, b); CREATE VIRTUAL TABLE f USING fts5(a, b, content='d', content_rowid='id'); CREATE TRIGGER di AFTER INSERT ON d BEGIN INSERT INTO f(rowid, a, b) VALUES(new.id, new.a, new.b); END; CREATE TRIGGER dd AFTER DELETE ON d BEGIN INSERT INTO f(f, rowid, a, b) VALUES('delete', old.id, old.a, old.b); END; INSERT INTO d VALUES(1, 'red fox', 'x'), (2, 'blue bird', 'y')",
            first: "DELETE FROM d WHERE id = 1; INSERT INTO d VALUES(9, 'new words', 'w')",
            second: "INSERT INTO d VALUES(20, 'later fox', 'l')", query: search),
        Virtual(
            testDescription: "R*Tree",
            setup:
                "CREATE VIRTUAL TABLE r USING rtree(id, x0, x1, y0, y1, +name); \(ShapeTests.numbers) INSERT INTO r SELECT i, i, i + 1.5, -i, i, 'n' || i FROM n",
            first:
                "UPDATE r SET x1 = 99 WHERE id = 3; DELETE FROM r WHERE id = 4; INSERT INTO r VALUES(900, 1, 2, 3, 4, 'new'); UPDATE r SET name = 'z' WHERE id = 6",
            second:
                "WITH RECURSIVE n(i) AS (SELECT 100 UNION ALL SELECT i + 1 FROM n WHERE i < 400) INSERT INTO r SELECT i, i % 17, i % 17 + 1, 0, 1, 'later' FROM n; DELETE FROM r WHERE id = 30",
            query: "SELECT * FROM r ORDER BY id"),
        Virtual(
            testDescription: "R*Tree of integers",
            setup: "CREATE VIRTUAL TABLE r USING rtree_i32(id, x0, x1); INSERT INTO r VALUES(1, -5, 5), (2, 7, 8)",
            first: "UPDATE r SET x0 = -6 WHERE id = 1; INSERT INTO r VALUES(3, 1, 2)",
            second: "INSERT INTO r VALUES(4, 1, 2)", query: "SELECT * FROM r ORDER BY id"),
    ]

    @Test(arguments: virtual) func virtualTablesAreUndoneByTheirContent(_ shape: Virtual) throws {
        let folder = TemporaryFolder()
        let bench = try bench(shape.setup, folder)
        let expected = try Connection(path: folder.copy(database: bench.path, as: "expected.db"))
        let first = try bench.run("first", shape.first)
        try bench.run("second", shape.second)
        try expected.execute(shape.second)
        let forward = try bench.connection.rows(shape.query)
        #expect(try bench.dependents(of: first) == [])
        let rollback = try bench.undo(first)
        #expect(try bench.connection.rows(shape.query) == expected.rows(shape.query))
        #expect(try bench.staleDigests() == [])
        #expect(try bench.connection.value("PRAGMA integrity_check")?.string == "ok")
        try bench.undo(rollback)
        #expect(try bench.connection.rows(shape.query) == forward)
    }

    @Test func aRowOfAVirtualTableThatChangedSinceIsAConflict() throws {
        for setup in ["CREATE VIRTUAL TABLE f USING fts5(a, b)", "CREATE VIRTUAL TABLE f USING rtree(id, a, b)"] {
            let folder = TemporaryFolder()
            let bench = try bench(setup + "; INSERT INTO f(rowid, a, b) VALUES(1, 1, 2), (2, 3, 4)", folder)
            let first = try bench.run("first", "UPDATE f SET b = 5 WHERE rowid = 1")
            try bench.run("second", "UPDATE f SET b = 6 WHERE rowid = 1; UPDATE f SET b = 9 WHERE rowid = 2")
            let before = bench.dump()
            #expect { try bench.undo(first) } throws: { ($0 as? BatchError)?.code == .conflict }
            #expect(bench.dump() == before)
        }
    }

    @Test func aContentlessIndexThatALaterBatchWroteToIsAConflict() throws {
        let folder = TemporaryFolder()
        let bench = try bench("CREATE VIRTUAL TABLE f USING fts5(a, content='')", folder)
        let first = try bench.run("first", "INSERT INTO f(rowid, a) VALUES(1, 'one')")
        try bench.run("second", "INSERT INTO f(rowid, a) VALUES(2, 'two')")
        #expect { try bench.undo(first) } throws: {
            ($0 as? BatchError)?.code == .conflict && "\($0)".contains("keeps no content")
        }
    }

    @Test(arguments: [
        "CREATE TABLE t(a, b)", "CREATE TABLE t(a, b); CREATE INDEX i ON t(a)", "CREATE TABLE t(a TEXT PRIMARY KEY, b)",
    ])
    func rowsAreFoundByTheirContentAfterVacuum(_ setup: String) throws {
        let folder = TemporaryFolder()
        let bench = try bench(
            setup + "; \(ShapeTests.numbers) INSERT INTO t SELECT 'k' || i, i FROM n; DELETE FROM t WHERE b < 10",
            folder)
        let query = "SELECT a, b FROM t ORDER BY b, a"
        let before = try bench.connection.rows(query)
        let run = try bench.run(
            "first",
            "UPDATE t SET b = b + 1000 WHERE b % 3 = 0; DELETE FROM t WHERE b % 5 = 0; INSERT INTO t VALUES('n', 7), ('m', 8); UPDATE t SET b = b + 1 WHERE b > 1000"
        )
        let forward = try bench.connection.rows(query)
        try bench.connection.execute("DELETE FROM t WHERE 0; VACUUM")
        let rollback = try bench.undo(run)
        #expect(try bench.connection.rows(query) == before)
        #expect(try bench.staleDigests() == [])
        try bench.connection.execute("VACUUM")
        try bench.undo(rollback)
        #expect(try bench.connection.rows(query) == forward)
    }

    @Test func aRowOfTheSameContentIsNoSubstituteWithoutVacuum() throws {
        let folder = TemporaryFolder()
        let bench = try bench("CREATE TABLE t(a, b); INSERT INTO t VALUES(1, 1), (2, 2)", folder)
        let run = try bench.run("first", "UPDATE t SET b = 5 WHERE a = 1")
        try bench.connection.execute("DELETE FROM t WHERE a = 1; INSERT INTO t(rowid, a, b) VALUES(77, 1, 5)")
        #expect { try bench.undo(run) } throws: { ($0 as? BatchError)?.code == .conflict }
    }

    @Test func conflictsAreListedWithTableKeyAndReason() throws {
        let folder = TemporaryFolder()
        let bench = try bench(
            "CREATE TABLE t(a INTEGER PRIMARY KEY, b); INSERT INTO t VALUES(1, 1), (2, 2), (3, 3), (4, 4)", folder)
        let run = try bench.run(
            "first", "UPDATE t SET b = b + 10 WHERE a < 3; DELETE FROM t WHERE a = 3; INSERT INTO t VALUES(9, 9)")
        try bench.connection.execute(
            "UPDATE t SET b = 0 WHERE a = 1; DELETE FROM t WHERE a = 2; INSERT INTO t VALUES(3, 33)")
        let before = bench.dump()
        let outcome = try bench.rehearse([run])
        let found = Set(outcome.conflicts.map { "\($0.table) \($0.key.map { "\($0)" } ?? "") \($0.reason)" })
        #expect(found == ["t rowid(1) changed", "t rowid(2) missing", "t rowid(3) taken"])
        #expect(bench.dump() == before, "a rehearsal keeps nothing")
    }

    @Test func counterThatMovedOnIsLeftAlone() throws {
        let folder = TemporaryFolder()
        let bench = try bench("CREATE TABLE t(a INTEGER PRIMARY KEY AUTOINCREMENT, b)", folder)
        let first = try bench.run("first", "INSERT INTO t(b) VALUES('x')")
        try bench.run("second", "INSERT INTO t(b) VALUES('y')")
        try bench.undo(first)
        #expect(try bench.connection.value("SELECT seq FROM sqlite_sequence WHERE name = 't'") == .integer(2))
        #expect(try bench.connection.rows("SELECT a, b FROM t") == [[.integer(2), .string("y")]])
    }

    @Test func aTableThatALaterBatchUsesIsNotDropped() throws {
        for later in ["INSERT INTO n VALUES(1)", "CREATE INDEX ni ON n(a)", "ALTER TABLE n ADD COLUMN b"] {
            let folder = TemporaryFolder()
            let bench = try bench("CREATE TABLE t(a)", folder)
            let first = try bench.run("first", "CREATE TABLE n(a)")
            let second = try bench.run("second", later)
            #expect(try bench.dependents(of: first).map(\.batch) == [second.record.seq], "\(later)")
            let before = bench.dump()
            #expect(throws: BatchError.self, "\(later)") { try bench.undo(first) }
            #expect(bench.dump() == before)
            try bench.undo(first, second)
            #expect(try bench.staleDigests() == [])
        }
    }

    @Test func onlyLaterCheckpointsAreUndone() throws {
        let folder = TemporaryFolder()
        let bench = try bench("CREATE TABLE t(a INTEGER PRIMARY KEY, b); INSERT INTO t VALUES(1, 0)", folder)
        let run = try bench.run(
            "first", "UPDATE t SET b = 1", "UPDATE t SET b = 2; INSERT INTO t VALUES(2, 2)", "DELETE FROM t")
        try bench.undo(run, after: 1)
        #expect(try bench.connection.rows("SELECT a, b FROM t") == [[.integer(1), .integer(1)]])
        try bench.undo(run)
        #expect(try bench.connection.rows("SELECT a, b FROM t") == [[.integer(1), .integer(0)]])
    }
}
