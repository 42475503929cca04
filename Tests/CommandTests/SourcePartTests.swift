import BatchCore
import TestSupport
import Testing

/// Single checkpoints, and virtual tables that later batches wrote to: every record leads back alike.
@Suite struct SourcePartTests {
    struct Case: CustomStringConvertible, Sendable {
        let name: String
        let before: String
        /// One checkpoint each.
        let steps: [String]
        var description: String { name }

        init(_ name: String, _ before: String, _ steps: String...) {
            self.name = name
            self.before = before
            self.steps = steps
        }

        func job(_ snapshot: String) -> String {
            let steps = steps.enumerated().map { "  - id: s\($0.offset)\n    sql: \"\($0.element)\"\n" }.joined()
            return "snapshot: \(snapshot)\nsteps:\n\(steps)"
        }
    }

    static let cases = [
        Case(
            "the same rows in every step",
            "CREATE TABLE t(id INTEGER PRIMARY KEY, u UNIQUE, v); INSERT INTO t VALUES(1, 'a', 1), (2, 'b', 2), (3, 'c', 3)",
            "UPDATE t SET v = v + 1; DELETE FROM t WHERE id = 3",
            "UPDATE t SET v = v * 10, u = u || '!'; INSERT INTO t VALUES(3, 'again', 0)",
            "UPDATE t SET u = CASE id WHEN 1 THEN 'b!' ELSE 'z' END WHERE id < 3 AND 0; UPDATE t SET v = 0; DELETE FROM t WHERE id = 1"
        ),
        Case(
            "a counter",
            "CREATE TABLE t(id INTEGER PRIMARY KEY AUTOINCREMENT, v); INSERT INTO t(v) VALUES(1)",
            "INSERT INTO t(v) VALUES(2), (3)", "INSERT INTO t(v) VALUES(4)", "INSERT INTO t(v) VALUES(5); DELETE FROM t"
        ),
        Case(
            "no rowid, keys by case",
            "CREATE TABLE t(k TEXT COLLATE NOCASE PRIMARY KEY, v) WITHOUT ROWID; INSERT INTO t VALUES('a', 1), ('b', 2)",
            "UPDATE t SET k = 'A' WHERE k = 'a'", "UPDATE t SET v = v + 1", "DELETE FROM t WHERE k = 'b'"),
        Case(
            "hidden rowids",
            "CREATE TABLE h(rowid, _rowid_, oid, v); INSERT INTO h VALUES(7, 8, 9, 'a'), (1, 2, 3, 'b')",
            "UPDATE h SET v = 'c' WHERE oid = 3", "INSERT INTO h VALUES(0, 0, 0, 'd')", "DELETE FROM h WHERE v = 'c'"),
        Case(
            "the schema changes on the way",
            "CREATE TABLE t(a, b DEFAULT 7); INSERT INTO t VALUES(1, 2), (3, 4); CREATE TABLE gone(x); INSERT INTO gone VALUES(1)",
            "CREATE TABLE made(x UNIQUE); INSERT INTO made VALUES(1), (2); UPDATE t SET b = 0",
            "ALTER TABLE t ADD COLUMN c DEFAULT 'x'; UPDATE t SET c = a; DROP TABLE gone; CREATE INDEX i ON t(c)",
            "UPDATE made SET x = x + 10; UPDATE t SET b = 9"),
        Case(
            "full text and an R*Tree",
            """
            CREATE VIRTUAL TABLE f USING fts5(body); INSERT INTO f VALUES('one two'), ('three');
            CREATE VIRTUAL TABLE r USING rtree(id, a, b); INSERT INTO r VALUES(1, 0, 1), (2, 5, 6)
            """,
            "UPDATE f SET body = 'four' WHERE rowid = 1; UPDATE r SET b = 9 WHERE id = 1",
            "INSERT INTO f VALUES('five'); INSERT INTO r VALUES(3, 1, 2)",
            "DELETE FROM f WHERE rowid = 1; DELETE FROM r"),
    ]

    @Test(arguments: cases, [("log", "full"), ("git", "full"), ("bak", "full"), ("git", "delta"), ("bak", "delta")])
    func everyRecordUndoesSingleCheckpoints(_ example: Case, _ record: (source: String, snapshot: String)) throws {
        try BadLuckScene.with(jobs: ["d": example.job(record.snapshot)]) { scene in
            try scene.sql(example.before)
            try scene.expect(0, "run", "--id", "first", "--sql", "UPDATE items SET qty = 1 WHERE id = 1")
            let before = try scene.dump()
            try scene.shell("cp app.db plain.db")
            try scene.expect(0, "run", "--id", "d")
            let after = try scene.dump()
            var between: [String] = []
            for step in example.steps.dropLast() {
                try scene.sql(step, in: "plain.db")
                between.append(try scene.dump("plain.db"))
            }
            let note = "\(example) from \(record)"
            for number in [2, 1] {
                let document = try scene.json(
                    "rollback", "--id", "d.1", "--to", "\(number)", "--source", record.source)
                #expect(document["source"]?.string == record.source, "\(note): \(document)")
                #expect(try scene.dump() == between[number - 1], "\(note), to \(number)")
                try scene.expectWhole("\(note), to \(number)")
            }
            try scene.expect(0, "rollback", "--id", "d.1", "--source", record.source, note: note)
            #expect(try scene.dump() == before, "\(note), the rest")
            try scene.expectWhole("\(note), the rest")
            for number in [3, 2, 1] {
                try scene.expect(0, "rollback", "--id", "rollback.\(number)", "--source", record.source, note: note)
            }
            #expect(try scene.dump() == after, "\(note), taken back")
        }
    }

    @Test(arguments: ["git", "bak"])
    func aPointWithoutTheUndoLogSaysWhatToDo(_ source: String) throws {
        try BadLuckScene.with(jobs: ["d": SourcePartTests.cases[0].job("delta")]) { scene in
            try scene.sql(SourcePartTests.cases[0].before)
            try scene.expect(0, "run", "--id", "d")
            // An erasure leaves no copies of the undo log behind.
            try scene.expect(0, "erase", "--table", "items", "--where", "id = 1", "--yes")
            let before = try scene.dump()
            let result = try scene.expect(
                .noRestorePoint, "rollback", "--id", "d.1", "--to", "1", "--source", source)
            #expect(result.err.contains("d.1: the "), "\(result.err)")
            #expect(result.err.contains("batchmgr rollback --id d.1"), "\(result.err)")
            #expect(try scene.dump() == before)
            try scene.expect(0, "rollback", "--id", "d.1", "--to", "1")
        }
    }

    @Test(arguments: ["log", "git", "bak"], ["full", "delta"])
    func anRTreeThatALaterBatchWroteTo(_ source: String, _ snapshot: String) throws {
        let step =
            "UPDATE r SET b = 90 WHERE id < 20; DELETE FROM r WHERE id > 150; INSERT INTO r VALUES(500, 1, 2, 'n')"
        try BadLuckScene.with(jobs: ["d": "snapshot: \(snapshot)\nsteps:\n  - id: a\n    sql: \(step)\n"]) { scene in
            try scene.sql(
                """
                CREATE VIRTUAL TABLE r USING rtree(id, a, b, +note); WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 \
                FROM n WHERE i < 200) INSERT INTO r SELECT i, i * 7 % 50, i * 7 % 50 + 3, 'row ' || i FROM n
                """)
            try scene.expect(0, "run", "--id", "first", "--sql", "UPDATE items SET qty = 1 WHERE id = 1")
            let read = "SELECT id, a, b, note FROM r WHERE id NOT BETWEEN 600 AND 900 ORDER BY id"
            let before = try scene.sql(read)
            try scene.expect(0, "run", "--id", "d")
            let later = "WITH n(i) AS (SELECT 600 UNION ALL SELECT i + 1 FROM n WHERE i < 800)"
            try scene.expect(
                0, "run", "--id", "later", "--sql", "\(later) INSERT INTO r SELECT i, i % 60, i % 60 + 1, 'l' FROM n")
            let document = try scene.json("rollback", "--id", "d.1", "--source", source)
            #expect(document["source"]?.string == source, "\(document)")
            #expect(try scene.sql(read) == before)
            #expect(try scene.sql("SELECT count(*) FROM r WHERE id >= 600") == "201")
            #expect(try scene.sql("SELECT rtreecheck('r')") == "ok")
        }
    }
}
