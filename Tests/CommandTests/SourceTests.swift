import BatchCore
import TestSupport
import Testing

/// Every record of a batch undoes it alike, and a damaged one gives way to the next.
@Suite struct SourceTests {
    /// What the database is before, and what the batch does.
    struct Case: CustomStringConvertible, Sendable {
        let name: String
        let before: String
        let batch: String
        var description: String { name }

        init(_ name: String, _ before: String, _ batch: String) {
            self.name = name
            self.before = before
            self.batch = batch
        }
    }

    static let cases = [
        Case(
            "rows",
            "CREATE TABLE t(id INTEGER PRIMARY KEY, a, b REAL, c BLOB); INSERT INTO t VALUES(1, 'x', 1, x'00'), (2, 'y', 2.5, NULL), (3, 'z', 3, 'k')",
            "UPDATE t SET a = 'new', b = 7 WHERE id = 1; DELETE FROM t WHERE id = 2; INSERT INTO t VALUES(9, 'n', 5e-324, x'ff')"
        ),
        Case(
            "unique values that change places",
            "CREATE TABLE t(id INTEGER PRIMARY KEY, u UNIQUE, v); INSERT INTO t VALUES(1, 'a', 1), (2, 'b', 2), (3, 'c', 3)",
            "UPDATE t SET u = u || '!'; UPDATE t SET u = CASE id WHEN 1 THEN 'b' WHEN 2 THEN 'c' ELSE 'a' END"),
        Case(
            "no key", "CREATE TABLE t(a, b); INSERT INTO t VALUES(1, 1), (1, 1), (2, NULL)",
            "DELETE FROM t WHERE rowid = 2; UPDATE t SET b = 'x' WHERE a = 2; INSERT INTO t VALUES(1, 1)"),
        Case(
            "without rowid, key by case",
            "CREATE TABLE t(k TEXT COLLATE NOCASE PRIMARY KEY, v) WITHOUT ROWID; INSERT INTO t VALUES('a', 1), ('b', 2), ('c', 3)",
            "UPDATE t SET k = 'A' WHERE k = 'a'; UPDATE t SET v = 9 WHERE k = 'b'; DELETE FROM t WHERE k = 'c'"),
        Case(
            "counter", "CREATE TABLE t(id INTEGER PRIMARY KEY AUTOINCREMENT, v); INSERT INTO t(v) VALUES(1), (2)",
            "INSERT INTO t(v) VALUES(3), (4); DELETE FROM t WHERE id = 4"),
        Case(
            "generated columns and triggers",
            "CREATE TABLE t(id INTEGER PRIMARY KEY, a, g AS (a * 2), s AS (a + 1) STORED UNIQUE); CREATE TABLE seen(x); CREATE TRIGGER r AFTER UPDATE ON t BEGIN INSERT INTO seen VALUES(old.a); END; INSERT INTO t(a) VALUES(1), (2), (3)",
            "UPDATE t SET a = a + 10"),
        Case(
            "table made, dropped and altered",
            "CREATE TABLE gone(id INTEGER PRIMARY KEY, v); INSERT INTO gone VALUES(1, 'a'), (2, 'b'); CREATE INDEX gi ON gone(v); CREATE TABLE t(a, b DEFAULT 7); INSERT INTO t VALUES(1, 2), (3, 4); CREATE VIEW w AS SELECT a FROM t",
            "CREATE TABLE made(x); INSERT INTO made VALUES(1); DROP TABLE gone; ALTER TABLE t ADD COLUMN c DEFAULT 'x'; UPDATE t SET b = 0 WHERE a = 1; CREATE INDEX ti ON t(a)"
        ),
        Case(
            "full text", "CREATE VIRTUAL TABLE f USING fts5(body); INSERT INTO f VALUES('one two'), ('three')",
            "UPDATE f SET body = 'four five' WHERE rowid = 1; INSERT INTO f VALUES('six')"),
        Case(
            "full text renamed, and a new one under its name",
            "CREATE VIRTUAL TABLE f USING fts5(b); INSERT INTO f VALUES('one two'), ('two')",
            "ALTER TABLE f RENAME TO g; CREATE VIRTUAL TABLE f USING fts5(c); INSERT INTO g VALUES('three'); INSERT INTO f VALUES('x')"
        ),
        Case(
            "full text made anew", "CREATE VIRTUAL TABLE f USING fts5(b); INSERT INTO f VALUES('one two'), ('two')",
            "DROP TABLE f; CREATE VIRTUAL TABLE f USING fts5(b); INSERT INTO f VALUES('x')"),
        Case(
            "R*Tree renamed, and a new one under its name",
            "CREATE VIRTUAL TABLE r USING rtree(id, a, b); INSERT INTO r VALUES(1, 0, 1), (2, 5, 6)",
            "ALTER TABLE r RENAME TO q; CREATE VIRTUAL TABLE r USING rtree(id, a, b, c, d); INSERT INTO r VALUES(4, 1, 2, 3, 4)"
        ),
        Case(
            "rowid hidden by columns",
            "CREATE TABLE h(rowid, _rowid_, oid, v); INSERT INTO h VALUES(7, 8, 9, 'a'), (1, 2, 3, 'b')",
            "UPDATE h SET v = 'c' WHERE oid = 3; INSERT INTO h VALUES(0, 0, 0, 'd')"),
    ]

    @Test(arguments: cases, ["log", "git", "bak"])
    func everyRecordGivesTheSameResult(_ example: Case, _ source: String) throws {
        try BadLuckScene.with { scene in
            try scene.sql(example.before)
            let before = try scene.dump()
            try scene.expect(0, "run", "--id", "b", "--sql", example.batch)
            let after = try scene.dump()
            #expect(after != before)
            let document = try scene.json("rollback", "--id", "b.1", "--source", source)
            #expect(document["source"]?.string == source, "\(document)")
            #expect(try scene.dump() == before, "\(example) from \(source)")
            try scene.expectWhole("\(example) from \(source)")
            try scene.expect(0, "rollback", "--id", "rollback.1", "--source", source)
            #expect(try scene.dump() == after, "\(example) from \(source), taken back")
            try scene.expectWhole("\(example) from \(source), taken back")
        }
    }

    @Test(arguments: ["git", "bak"])
    func deltasUndoToo(_ source: String) throws {
        try BadLuckScene.with(jobs: ["d": SourceTests.delta]) { scene in
            try scene.sql(
                "CREATE TABLE u(id INTEGER PRIMARY KEY AUTOINCREMENT, k UNIQUE, v, w); INSERT INTO u(k, v, w) VALUES('a', 1, 1), ('b', 2, 2), ('c', 3, 3)"
            )
            try scene.expect(0, "run", "--id", "first", "--sql", "UPDATE items SET qty = 7 WHERE id = 1")
            let before = try scene.dump()
            try scene.expect(0, "run", "--id", "d")
            #expect(try scene.sql("SELECT bak_kind FROM batchmgr_points ORDER BY id DESC LIMIT 1") == "delta")
            try scene.expect(0, "rollback", "--id", "d", "--source", source)
            #expect(try scene.dump() == before)
            try scene.expectWhole("a delta from \(source)")
        }
    }

    private static let delta = """
        snapshot: delta
        steps:
          - id: a
            sql: UPDATE u SET k = k || 'x', v = v + 1; UPDATE u SET w = 0 WHERE id = 3; INSERT INTO u(k) VALUES('q'), ('r'); DELETE FROM u WHERE id = 1
        """

    @Test(arguments: ["log", "git", "bak"])
    func aRowThatOthersChangedIsAConflictInEveryRecord(_ source: String) throws {
        try BadLuckScene.with(jobs: ["d": "snapshot: delta\nsteps:\n  - id: a\n    sql: UPDATE items SET qty = 50\n"]) {
            scene in
            try scene.expect(0, "run", "--id", "d")
            try scene.sql("UPDATE items SET qty = 51 WHERE id = 2")
            let before = try scene.dump()
            let result = try scene.expect(.conflict, "rollback", "--id", "d.1", "--source", source)
            #expect(result.err.contains("items 2: changed outside any batch"), "\(result.err)")
            #expect(try scene.dump() == before)
        }
    }

    @Test(arguments: ["log", "git", "bak"])
    func aConflictShowsWhatTheBatchLeft(_ source: String) throws {
        try BadLuckScene.with(
            jobs: ["d": "snapshot: delta\nsteps:\n  - id: a\n    sql: UPDATE items SET qty = 50 WHERE id < 4\n"]
        ) { scene in
            try scene.expect(0, "run", "--id", "first", "--sql", "UPDATE items SET price = 10")
            try scene.expect(0, "run", "--id", "d")
            try scene.sql("UPDATE items SET qty = 51 WHERE id = 1; DELETE FROM items WHERE id = 2")
            try scene.expect(0, "run", "--id", "later", "--sql", "UPDATE items SET qty = 52 WHERE id = 3")
            let document = try scene.json("rollback", "--id", "d.1", "--source", source, "--mode", "unconflicted")
            let conflicts = document["conflicts"]?.array ?? []
            #expect(conflicts.count == 3, "\(document)")
            for conflict in conflicts {
                let id = conflict["key"]?.integer ?? 0
                #expect(conflict["expected"] == ["id": .integer(id), "price": 10, "qty": 50], "\(conflict)")
            }
        }
    }

    /// The log knows what a later batch found; a change outside any batch is a batch of its own there.
    @Test func whereGitCannotTellTheLogDoes() throws {
        try BadLuckScene.with { scene in
            try scene.expect(0, "run", "--id", "b", "--sql", "UPDATE items SET price = 10, qty = 50")
            try scene.sql("UPDATE items SET qty = 51 WHERE id = 1")
            try scene.expect(0, "run", "--id", "later", "--sql", "UPDATE items SET qty = 52 WHERE id = 3")
            try scene.shell("rm -rf backups/batch_manager/history.git")
            let document = try scene.json("rollback", "--id", "b.1", "--source", "log", "--mode", "unconflicted")
            let expected = (document["conflicts"]?.array ?? []).map { ($0["key"]?.integer ?? 0, $0["expected"]) }
            #expect(expected.first { $0.0 == 3 }?.1 == ["id": 3, "price": 10, "qty": 50], "\(document)")
            #expect(expected.first { $0.0 == 1 }?.1 == ["id": 1, "price": 10, "qty": 50], "\(document)")
        }
    }

    // MARK: Damage

    /// Damages every record of a batch but those that are named.
    private func damage(_ scene: BadLuckScene, keeping kept: Set<String>) throws {
        if !kept.contains("log") {
            try scene.sql("UPDATE batchmgr_undo SET data = CAST(x'00' || substr(data, 2) AS BLOB)")
        }
        if !kept.contains("git") {
            let packs = try scene.shell(
                "cd backups/batch_manager/history.git/objects/pack && chmod u+w *.pack && for p in *.pack; do printf '\\377\\377\\377\\377' | dd of=$p bs=1 seek=14 conv=notrunc status=none; done"
            )
            #expect(packs.code == 0, "\(packs.err)")
        }
        if !kept.contains("bak") {
            let files = try scene.shell(
                "cd backups/batch_manager && for b in *.bak; do printf X | dd of=$b bs=1 seek=4000 conv=notrunc status=none; done"
            )
            #expect(files.code == 0, "\(files.err)")
        }
    }

    @Test(arguments: [["log", "git", "bak"], ["git", "bak"], ["bak"], ["git"], ["log", "bak"]])
    func theFirstRecordThatVerifiesIsUsed(_ kept: [String]) throws {
        try BadLuckScene.with { scene in
            let before = try scene.dump()
            try scene.expect(
                0, "run", "--id", "b", "--sql", "UPDATE items SET qty = 50; INSERT INTO items VALUES(9, 9, 9)")
            try damage(scene, keeping: Set(kept))
            // A plain write to the ledger is no drift of the user's rows.
            let document = try scene.json("rollback", "--id", "b.1", "--dry-run")
            #expect(document["source"]?.string == kept[0], "\(document)")
            let warnings = document["warnings"]?.array?.compactMap(\.string) ?? []
            let skipped = ["log", "git", "bak"].prefix { $0 != kept[0] }
            #expect(warnings.count == skipped.count, "\(warnings)")
            if skipped.contains("log") { #expect(warnings.first?.contains("undo block 0") == true, "\(warnings)") }
            if skipped.contains("git") {
                #expect(warnings.last?.hasPrefix("the git commit was not used: ") == true, "\(warnings)")
            }
            try scene.expect(0, "rollback", "--id", "b.1")
            #expect(try scene.dump() == before)
        }
    }

    @Test func whenAllAreDamagedNothingChanges() throws {
        try BadLuckScene.with { scene in
            try scene.expect(0, "run", "--id", "b", "--sql", "UPDATE items SET qty = 50")
            try damage(scene, keeping: [])
            let before = try scene.dump()
            let result = try scene.expect(.noRestorePoint, "rollback", "--id", "b.1")
            #expect(result.code == 5)
            #expect(result.err.contains("undo block 0") && result.err.contains("git") && result.err.contains(".bak"))
            #expect(try scene.dump() == before)
            #expect(try scene.status("b.1") == "committed")
        }
    }

    @Test func aRecordThatIsAskedForAndDamagedIsNotReplaced() throws {
        try BadLuckScene.with { scene in
            try scene.expect(0, "run", "--id", "b", "--sql", "UPDATE items SET qty = 50")
            try damage(scene, keeping: ["log", "git"])
            let before = try scene.dump()
            let result = try scene.expect(.noRestorePoint, "rollback", "--id", "b.1", "--source", "bak")
            #expect(result.err.contains("SHA-256"))
            #expect(try scene.dump() == before)
            try scene.expect(.usage, "rollback", "--id", "b.1", "--source", "tape")
        }
    }
}
