import BatchCore
import BatchLedger
import TestSupport
import Testing

/// The triggers that see to writes outside any batch.
@Suite struct GuardTests {
    @Test(arguments: ShapeTests.rows + ShapeTests.constraints, [GuardMode.track, .enforce])
    func guardedRowsComeBackExactly(_ shape: ShapeCase, _ mode: GuardMode) throws { try shape.check(guardedBy: mode) }

    @Test(arguments: ShapeTests.virtual + ShapeTests.definitions, [GuardMode.track, .enforce])
    func guardedDefinitionsComeBackExactly(_ shape: ShapeCase, _ mode: GuardMode) throws {
        try shape.check(guardedBy: mode)
    }
}

/// What clients do outside any batch, as the notes of mode `track` tell it.
@Suite struct TrackingTests {
    struct Client: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let setup: String
        let sql: String
        /// Tables with the keys that must be noted; nil for the whole table.
        let keys: [RowKey]?

        init(_ name: String, _ setup: String, _ sql: String, _ keys: [RowKey]?) {
            (testDescription, self.setup, self.sql, self.keys) = (name, setup, sql, keys)
        }
    }

    static let clients = [
        Client("insert", "CREATE TABLE t(a, b)", "INSERT INTO t VALUES(1, 2), (3, 4)", [.rowid(1), .rowid(2)]),
        Client(
            "update of the key", "CREATE TABLE t(a INTEGER PRIMARY KEY, b); INSERT INTO t VALUES(1, 2)",
            "UPDATE t SET a = 9", [.rowid(1), .rowid(9)]),
        Client("delete of all", "CREATE TABLE t(a, b); INSERT INTO t VALUES(1, 2)", "DELETE FROM t", [.rowid(1)]),
        Client(
            "the same row twice", "CREATE TABLE t(a, b); INSERT INTO t VALUES(1, 2)",
            "UPDATE t SET b = 1; UPDATE OR FAIL t SET b = 2; UPDATE OR ROLLBACK t SET b = 3; INSERT OR FAIL INTO t(rowid) VALUES(4); UPDATE OR FAIL t SET a = 4",
            [.rowid(1), .rowid(4)]),
        Client(
            "REPLACE of a unique value",
            "CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT UNIQUE COLLATE NOCASE); INSERT INTO t VALUES(1, 'x'), (2, 'y')",
            "REPLACE INTO t VALUES(7, 'X')", [.rowid(1), .rowid(7)]),
        Client(
            "REPLACE with recursive triggers",
            "CREATE TABLE t(a INTEGER PRIMARY KEY, b UNIQUE); INSERT INTO t VALUES(1, 'x'), (2, 'y')",
            "PRAGMA recursive_triggers = ON; REPLACE INTO t VALUES(7, 'x')", [.rowid(1), .rowid(7)]),
        Client(
            "UPDATE OR REPLACE",
            "CREATE TABLE t(a INTEGER PRIMARY KEY, b UNIQUE); INSERT INTO t VALUES(1, 'x'), (2, 'y')",
            "UPDATE OR REPLACE t SET b = 'x' WHERE a = 2", [.rowid(1), .rowid(2)]),
        Client(
            "upsert",
            "CREATE TABLE t(a INTEGER PRIMARY KEY, b UNIQUE, c); INSERT INTO t VALUES(1, 'x', 0), (2, 'y', 0)",
            "INSERT INTO t(b) VALUES('x') ON CONFLICT(b) DO UPDATE SET c = 5", [.rowid(1)]),
        Client(
            "WITHOUT ROWID, case of the key",
            "CREATE TABLE t(a TEXT COLLATE NOCASE PRIMARY KEY, b) WITHOUT ROWID; INSERT INTO t VALUES('ab', 1)",
            "REPLACE INTO t VALUES('AB', 2)", [.values([.string("AB")]), .values([.string("ab")])]),
        Client(
            "composite key with values of all kinds",
            "CREATE TABLE t(a, b, c, PRIMARY KEY(c, a, b)) WITHOUT ROWID",
            "INSERT INTO t VALUES(0.1, x'00ff', 'it''s'), (CAST(x'6100' AS TEXT), -9e999, 9223372036854775807)",
            [
                .values([.integer(.max), .text([0x61, 0]), .real(-.infinity)]),
                .values([.string("it's"), .real(0.1), .blob([0, 255])]),
            ]),
        Client(
            "generated columns",
            "CREATE TABLE t(a, b AS (a * 2) VIRTUAL UNIQUE, c AS (a || 'x') STORED); INSERT INTO t VALUES(1), (2)",
            "REPLACE INTO t VALUES(1); UPDATE OR REPLACE t SET a = 1 WHERE a = 2", [.rowid(1), .rowid(2), .rowid(3)]),
        Client(
            "five key columns",
            "CREATE TABLE t(a, b, c, d, e, PRIMARY KEY(a, b, c, d, e)) WITHOUT ROWID",
            "INSERT INTO t VALUES(1,2,3,4,5)", nil),
        Client(
            "an index on an expression", "CREATE TABLE t(a, b); CREATE UNIQUE INDEX i ON t(lower(a))",
            "INSERT INTO t VALUES('x', 1)", nil),
        Client(
            "hidden rowid", "CREATE TABLE t(rowid, oid, _rowid_); INSERT INTO t VALUES(1, 2, 3)", "DELETE FROM t", nil),
        Client(
            "a cascade",
            "CREATE TABLE p(a INTEGER PRIMARY KEY); CREATE TABLE t(a REFERENCES p ON DELETE CASCADE); INSERT INTO p VALUES(1); INSERT INTO t VALUES(1)",
            "PRAGMA foreign_keys = ON; DELETE FROM p", [.rowid(1)]),
        Client(
            "a trigger of the user",
            "CREATE TABLE p(a); CREATE TABLE t(a); CREATE TRIGGER x AFTER INSERT ON p BEGIN INSERT INTO t VALUES(new.a); END",
            "INSERT INTO p VALUES(5)", [.rowid(1)]),
        Client("nothing", "CREATE TABLE t(a); INSERT INTO t VALUES(1)", "UPDATE t SET a = 2 WHERE a = 9", []),
    ]

    @Test(arguments: clients) func everyTouchedRowIsNoted(_ client: Client) throws {
        let folder = TemporaryFolder()
        try Connection(path: folder.file("app.db"), mode: .create).execute(client.setup)
        let bench = try Bench(folder.file("app.db"), spillFolder: folder.path, guardMode: .track)
        let other = try Connection(path: bench.path)
        try other.execute(client.sql)
        let notes = try WriteGuard(bench.ledger).notes().first { $0.table == "t" }
        if let keys = client.keys {
            #expect(Set(notes?.keys ?? []) == Set(keys))
            #expect(notes?.isWhole != true)
        } else {
            #expect(notes?.isWhole == true)
        }
    }

    @Test(arguments: clients.dropLast()) func noWriteGetsPastEnforce(_ client: Client) throws {
        let folder = TemporaryFolder()
        try Connection(path: folder.file("app.db"), mode: .create).execute(client.setup)
        let bench = try Bench(folder.file("app.db"), spillFolder: folder.path, guardMode: .enforce)
        let before = bench.dump()
        let other = try Connection(path: bench.path)
        #expect {
            try other.execute(client.sql)
        } throws: {
            ($0 as? BatchError)?.message.contains("ERR_SECURITY_WRITE_OUTSIDE_GATEWAY: table ") == true
        }
        #expect(bench.dump() == before)
    }

    @Test func aBatchMayNotTouchTheGuard() throws {
        let folder = TemporaryFolder()
        try Connection(path: folder.file("app.db"), mode: .create).execute("CREATE TABLE t(a)")
        let bench = try Bench(folder.file("app.db"), spillFolder: folder.path, guardMode: .track)
        for sql in [
            "DROP TRIGGER batchmgr_guard_after_insert_t", "DELETE FROM batchmgr_drift",
            "INSERT INTO batchmgr_gate VALUES(2)",
        ] {
            #expect {
                try bench.run("bad", sql)
            } throws: {
                ($0 as? BatchError)?.code == .forbiddenStatement
            }
        }
        #expect(try WriteGuard(bench.ledger).isIntact())
        try Connection(path: bench.path).execute("DROP TRIGGER batchmgr_guard_after_insert_t")
        #expect(try !WriteGuard(bench.ledger).isIntact())
    }

    @Test(arguments: SharedData.databases) func realDatabasesAreGuarded(_ database: String) throws {
        let folder = TemporaryFolder()
        let copy = folder.copy(database: database, as: "app.db")
        let before = Shell.dump(copy)
        let bench = try Bench(copy, spillFolder: folder.path, guardMode: .track)
        #expect(try WriteGuard(bench.ledger).isIntact())
        #expect(Shell.firstDifference(before, bench.dump()) == nil)
        try bench.connection.transaction { () throws(BatchError) in try WriteGuard(bench.ledger).set(.enforce) }
        #expect(try WriteGuard(bench.ledger).isIntact())
        try bench.connection.transaction { () throws(BatchError) in try WriteGuard(bench.ledger).set(.off) }
        #expect(Shell.firstDifference(before, bench.dump()) == nil)
    }
}
