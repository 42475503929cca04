import BatchCore
import BatchLedger
import TestSupport
import Testing

/// What an undo must bring back, and what must not get into its way.
@Suite struct ExactStateTests {
    // MARK: Clauses of the schema

    struct Clause: Sendable, CustomTestStringConvertible {
        let constraint: String
        let action: String
        var testDescription: String { "\(constraint) ON CONFLICT \(action)" }
    }

    static let clauses = ["UNIQUE", "NOT NULL", "PRIMARY KEY"].flatMap { constraint in
        ["ROLLBACK", "ABORT", "FAIL", "IGNORE", "REPLACE"].map { Clause(constraint: constraint, action: $0) }
    }

    private static func table(_ clause: Clause) -> String {
        func on(_ constraint: String) -> String {
            clause.constraint == constraint ? "\(constraint) ON CONFLICT \(clause.action)" : constraint
        }
        return "CREATE TABLE t(id TEXT \(on("PRIMARY KEY")), k \(on("UNIQUE")), v \(on("NOT NULL")) DEFAULT 5); "
            + "INSERT INTO t VALUES('1', 'a', 1), ('2', 'b', 1), ('3', 'c', 1)"
    }

    @Test(arguments: clauses) func noClauseOfTheSchemaHasASayInAnUndo(_ clause: Clause) throws {
        let folder = TemporaryFolder()
        let bench = try Bench(folder.file("app.db"), spillFolder: folder.path)
        try bench.connection.execute(ExactStateTests.table(clause))
        try bench.takeAsItIs()
        let before = bench.dump()
        let run = try bench.run("b", "DELETE FROM t WHERE id IN ('1', '3'); UPDATE t SET v = 2 WHERE id = '2'")
        let rows = try bench.connection.rows("SELECT * FROM t ORDER BY id")
        // Somebody takes what the undo needs.
        try bench.connection.execute(
            clause.constraint == "PRIMARY KEY"
                ? "INSERT INTO t VALUES('3', 'z', 7)" : "INSERT INTO t VALUES('9', 'c', 7)")
        let taken = try bench.connection.rows("SELECT * FROM t ORDER BY id")
        #expect(throws: BatchError.self) { try bench.undo(run) }
        #expect(try bench.connection.rows("SELECT * FROM t ORDER BY id") == taken, "all or nothing")
        let outcome = try bench.rehearse([run])
        #expect(outcome.conflicts.count == 1)
        #expect(try bench.connection.rows("SELECT * FROM t ORDER BY id") == taken, "a dry run leaves nothing")
        try bench.connection.execute("DELETE FROM t WHERE v = 7")
        #expect(try bench.connection.rows("SELECT * FROM t ORDER BY id") == rows)
        try bench.undo(run)
        #expect(bench.dump() == before)
    }

    @Test(arguments: clauses) func aStatementThatMeetsAClauseIsRecordedWholeOrNotAtAll(_ clause: Clause) throws {
        let folder = TemporaryFolder()
        let bench = try Bench(folder.file("app.db"), spillFolder: folder.path)
        try bench.connection.execute(ExactStateTests.table(clause) + "; CREATE TABLE u(x)")
        try bench.takeAsItIs()
        let before = bench.dump()
        let row =
            clause.constraint == "NOT NULL"
            ? "'8', 'y', NULL" : clause.constraint == "UNIQUE" ? "'8', 'a', 1" : "'1', 'y', 1"
        do {
            let run = try bench.run(
                "b",
                "INSERT INTO u VALUES(1); INSERT INTO t VALUES('7', 'x', 1), (\(row)), ('9', 'w', 1); INSERT INTO u VALUES(2)"
            )
            try bench.undo(run)
        } catch { #expect(error.code == .constraint) }
        #expect(bench.connection.isAutocommit)
        #expect(bench.dump() == before)
    }

    // MARK: Foreign keys

    struct Family: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let setup: String
        let parent: String
        let child: String
    }

    static let families = [
        Family(
            testDescription: "virtual child",
            setup:
                "CREATE TABLE p(id INTEGER PRIMARY KEY); CREATE TABLE c(doc, p INT AS (json_extract(doc, '$.p')) REFERENCES p)",
            parent: "INSERT INTO p VALUES(3)", child: "INSERT INTO c VALUES('{\"p\":3}')"),
        Family(
            testDescription: "generated parent, child without rowid",
            setup:
                "CREATE TABLE p(doc, k INT AS (json_extract(doc, '$.k')) STORED UNIQUE); CREATE TABLE c(id TEXT PRIMARY KEY, k REFERENCES p(k)) WITHOUT ROWID",
            parent: "INSERT INTO p(doc) VALUES('{\"k\":3}')", child: "INSERT INTO c VALUES('x', 3)"),
        Family(
            testDescription: "text against a number",
            setup: "CREATE TABLE p(id INTEGER PRIMARY KEY); CREATE TABLE c(p TEXT REFERENCES p)",
            parent: "INSERT INTO p VALUES(3)", child: "INSERT INTO c VALUES('3.0')"),
        Family(
            testDescription: "another case",
            setup: "CREATE TABLE p(k TEXT COLLATE NOCASE UNIQUE); CREATE TABLE c(k TEXT REFERENCES p(k))",
            parent: "INSERT INTO p VALUES('Key')", child: "INSERT INTO c VALUES('kEY')"),
    ]

    /// The child comes from the application, so that no fact tells of it.
    @Test(arguments: families, [false, true]) func anUndoLeavesNoRowThatRefersToNothing(
        _ family: Family, hasOldViolation: Bool
    ) throws {
        let folder = TemporaryFolder()
        let bench = try Bench(folder.file("app.db"), spillFolder: folder.path, foreignKeys: false)
        try bench.connection.execute(family.setup)
        if hasOldViolation {
            try bench.connection.execute(family.child.replacing("3", with: "4").replacing("kEY", with: "none"))
        }
        try bench.takeAsItIs()
        let run = try bench.run("parent", family.parent)
        let old = try bench.connection.rows("PRAGMA foreign_key_check")
        #expect(old.count == (hasOldViolation ? 1 : 0))
        try bench.connection.execute(family.child.replacing("'x'", with: "'y'"))
        try bench.takeAsItIs()
        let before = bench.dump()
        #expect(throws: BatchError.self) { try bench.undo(run) }
        #expect(bench.dump() == before)
        #expect(try bench.connection.rows("PRAGMA foreign_key_check") == old)
        try bench.connection.execute(hasOldViolation ? "DELETE FROM c" : "DELETE FROM c")
        try bench.takeAsItIs()
        try bench.undo(run)
        #expect(try bench.connection.rows("PRAGMA foreign_key_check").isEmpty)
    }

    // MARK: What SQLite keeps for itself

    static let scripts = [
        "ALTER TABLE t RENAME TO t2", "DROP TABLE t", "INSERT INTO t(a) VALUES(9), (10)", "DELETE FROM t",
        "CREATE TABLE n(id INTEGER PRIMARY KEY AUTOINCREMENT, a UNIQUE); INSERT INTO n(a) VALUES(1); ANALYZE",
        "ANALYZE", "PRAGMA user_version = 5; PRAGMA application_id = 77",
        "PRAGMA user_version = 0; ALTER TABLE t ADD COLUMN z",
    ]

    @Test(arguments: scripts) func countersStatisticsAndSettingsComeBackAgainAndAgain(_ script: String) throws {
        let folder = TemporaryFolder()
        let bench = try Bench(folder.file("app.db"), spillFolder: folder.path)
        try bench.connection.execute(
            """
            PRAGMA user_version = 3; CREATE TABLE t(id INTEGER PRIMARY KEY AUTOINCREMENT, a UNIQUE); \
            INSERT INTO t(a) VALUES(1), (2), (3); DELETE FROM t WHERE id = 3; \
            INSERT INTO sqlite_sequence VALUES(NULL, 7); ANALYZE
            """)
        try bench.takeAsItIs()
        func state() throws -> [String] {
            [String(decoding: bench.dump(), as: UTF8.self)]
                + (try ["user_version", "application_id"].map { "\(try bench.connection.rows("PRAGMA \($0)"))" })
        }
        let before = try state()
        let run = try bench.run("b", script)
        let after = try state()
        #expect(before != after || script == "ANALYZE")
        let undone = try bench.undo(run)
        #expect(try state() == before)
        let redone = try bench.undo(undone)
        #expect(try state() == after)
        try bench.undo(redone)
        #expect(try state() == before)
        #expect(try bench.ledger.state()?.combined == StateDigest.compute(bench.connection).combined)
    }

    @Test func aCounterThatIsWrongIsNoticed() throws {
        let folder = TemporaryFolder()
        let bench = try Bench(folder.file("app.db"), spillFolder: folder.path)
        try bench.connection.execute(
            "CREATE TABLE t(id INTEGER PRIMARY KEY AUTOINCREMENT); INSERT INTO t DEFAULT VALUES; INSERT INTO sqlite_sequence VALUES(NULL, 1)"
        )
        try bench.takeAsItIs()
        func isKnown() throws -> Bool {
            try bench.ledger.state()?.combined == StateDigest.compute(bench.connection).combined
        }
        for sql in [
            "UPDATE sqlite_sequence SET seq = 9 WHERE name = 't'",
            "UPDATE sqlite_sequence SET seq = 9 WHERE name IS NULL",
            "PRAGMA user_version = 9", "PRAGMA application_id = 9",
        ] {
            #expect(try isKnown())
            try bench.connection.execute(sql)
            #expect(try !isKnown(), "\(sql)")
            try bench.takeAsItIs()
        }
    }

    // MARK: Virtual tables

    @Test(arguments: ["fts5(a)", "fts4(a)"], ["DROP TABLE f", "ALTER TABLE f RENAME TO g"])
    func aCascadeGoesBackOverAFullTextTableThatWasDropped(_ module: String, _ script: String) throws {
        let folder = TemporaryFolder()
        let bench = try Bench(folder.file("app.db"), spillFolder: folder.path)
        try bench.connection.execute("CREATE VIRTUAL TABLE f USING \(module); INSERT INTO f VALUES('x')")
        try bench.takeAsItIs()
        let before = bench.dump()
        let a = try bench.run("a", "INSERT INTO f VALUES('w')")
        let b = try bench.run("b", "INSERT INTO f VALUES('v')")
        let c = try bench.run("c", script)
        #expect(try bench.dependents(of: a).map(\.batch) == [b.record.seq, c.record.seq])
        try bench.undo(a, b, c)
        #expect(bench.dump() == before)
        #expect(try bench.connection.rows("SELECT a FROM f WHERE f MATCH 'x'").count == 1)
    }

    @Test func aFullTextTableMayBeCalledUsing() throws {
        let folder = TemporaryFolder()
        let bench = try Bench(folder.file("app.db"), spillFolder: folder.path)
        try bench.connection.execute(
            "CREATE VIRTUAL TABLE \"using\" USING fts5(a, tokenize = 'unicode61'); INSERT INTO \"using\" VALUES('x')")
        try bench.takeAsItIs()
        let run = try bench.run("a", "INSERT INTO \"using\" VALUES('w')")
        try bench.run("b", "INSERT INTO \"using\" VALUES('v')")
        try bench.undo(run)
        #expect(try bench.connection.rows("SELECT a FROM \"using\" ORDER BY rowid").map { $0[0].string } == ["x", "v"])
    }

    // MARK: The ledger

    @Test(arguments: [
        "DELETE FROM batchmgr_facts WHERE checkpoint = 2",
        "UPDATE batchmgr_facts SET keys = x'0000' WHERE checkpoint = 2",
        "UPDATE batchmgr_relations SET table_name = 'other'",
    ])
    func factsThatAreMissingOrChangedAreNoticed(_ damage: String) throws {
        let folder = TemporaryFolder()
        let bench = try Bench(folder.file("app.db"), spillFolder: folder.path)
        try bench.connection.execute("CREATE TABLE t(id INTEGER PRIMARY KEY, v); INSERT INTO t VALUES(1, 0), (2, 0)")
        try bench.takeAsItIs()
        let a = try bench.run("a", "UPDATE t SET v = 1 WHERE id = 1")
        try bench.run("b", "UPDATE t SET v = 2 WHERE id = 1")
        try bench.ledger.verifyFacts()
        #expect(try bench.dependents(of: a).count == 1)
        try bench.connection.execute(damage)
        #expect(throws: BatchError.self) { try bench.ledger.verifyFacts() }
        #expect(throws: BatchError.self) { try bench.dependents(of: a) }
    }

    @Test func aTableOfTheApplicationMayBeginLikeTheLedgers() throws {
        let folder = TemporaryFolder()
        let bench = try Bench(folder.file("app.db"), spillFolder: folder.path)
        try bench.connection.execute("CREATE TABLE batchmgr_notes(id INTEGER PRIMARY KEY, v); CREATE TABLE \"\"(v)")
        try bench.takeAsItIs()
        let before = bench.dump()
        let run = try bench.run("a", "INSERT INTO batchmgr_notes VALUES(1, 'x'); INSERT INTO \"\" VALUES(1)")
        #expect(try StateDigest.compute(bench.connection).tables["batchmgr_notes"]?.rows == 1)
        #expect(try StateDigest.compute(bench.connection).tables[""]?.rows == 1)
        try bench.undo(run)
        #expect(bench.dump() == before)
        #expect(try bench.connection.rows("SELECT * FROM batchmgr_notes").isEmpty)
        #expect(throws: BatchError.self) { try bench.run("b", "CREATE TABLE batchmgr_other(x)") }
    }
}
