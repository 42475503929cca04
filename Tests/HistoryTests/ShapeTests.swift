import BatchCore
import BatchHistory
import BatchLedger
import BatchSystem
import Testing

/// Odd databases that the test makes itself: each goes to git and to `.bak` and comes back.
@Suite struct ShapeTests {
    static let shapes: [String] = [
        "CREATE TABLE \"a/b\"(x); INSERT INTO \"a/b\" VALUES (1); CREATE TABLE \".git\"(x); INSERT INTO \".git\" VALUES (2)",
        "CREATE TABLE \"\"(x); INSERT INTO \"\" VALUES (1); CREATE TABLE \"new\nline\"(\"co\"\"l\" TEXT); INSERT INTO \"new\nline\" VALUES ('é')",
        "CREATE TABLE Ä(x); CREATE TABLE ä(x); INSERT INTO Ä VALUES (1); INSERT INTO ä VALUES (2); CREATE TABLE '🦆'(x); INSERT INTO '🦆' VALUES (3)",
        "CREATE TABLE v(a); INSERT INTO v VALUES (1), (1.0), (-0.0), (9e999), (-9e999), (5e-324), ('1'), (x''), (''), (NULL), (CAST(x'c328' AS TEXT)), ('a' || char(0) || 'b'), ('\"\\' || char(10, 13, 9, 127, 1)), (9223372036854775807), (-9223372036854775808), ('{\"git\":\"0123456789012345678901234567890123456789\",\"blob\":1}')",
        "CREATE TABLE big(id INTEGER PRIMARY KEY, b); INSERT INTO big VALUES (1, zeroblob(5000)), (2, randomblob(100000)), (3, hex(randomblob(4000))), (4, x'00ff'), (5, zeroblob(5000)), (9, 'x')",
        "CREATE TABLE sparse(id INTEGER PRIMARY KEY, v); INSERT INTO sparse VALUES (-9223372036854775808, 'a'), (-1, 'b'), (0, 'c'), (9223372036854775807, 'd'); WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 900) INSERT INTO sparse SELECT random(), i FROM n",
        "CREATE TABLE w(a TEXT COLLATE NOCASE, b, v, PRIMARY KEY (b DESC, a)) WITHOUT ROWID; WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 900) INSERT INTO w SELECT 'Key' || i, i % 7, i FROM n",
        "CREATE TABLE h(rowid, _rowid_, oid, v); INSERT INTO h VALUES (7, 8, 9, 'a'), (1, 2, 3, 'b'), (7, 8, 9, 'a'); DELETE FROM h WHERE v = 'b'; CREATE INDEX hi ON h(oid)",
        "CREATE TABLE u(id INTEGER PRIMARY KEY, x UNIQUE); INSERT INTO u VALUES (1, 'a'), (2, 'b'), (3, 'c'), (4, 'd'), (5, 'e'); CREATE TRIGGER tu AFTER INSERT ON u BEGIN DELETE FROM u; END",
        "CREATE TABLE g(id INTEGER PRIMARY KEY, a, v AS (a * 2), s AS (a + 1) STORED); INSERT INTO g(a) VALUES (1), (2), (3), (4), (5), (6)",
        "CREATE TABLE gone(id INTEGER PRIMARY KEY AUTOINCREMENT); INSERT INTO gone VALUES (50); CREATE TABLE s(id INTEGER PRIMARY KEY AUTOINCREMENT, v); INSERT INTO s(v) VALUES (1), (2); CREATE INDEX si ON s(v); ANALYZE; DROP TABLE gone",
        "PRAGMA encoding='UTF-16be'; PRAGMA page_size=1024; PRAGMA user_version=7; PRAGMA application_id=99; CREATE TABLE t(a); INSERT INTO t VALUES ('🦆'), (CAST(x'd800' AS TEXT)), ('é')",
    ]

    @Test(arguments: shapes)
    func `comes back from git and from bak`(_ sql: String) throws {
        let work = Workplace()
        let database = try work.make("source.db", sql)
        let scenario = try Scenario(database)
        let git = scenario.work.git
        let first = try git.commit(scenario.content(.all, scenario.before, id: "a.1"), connection: scenario.old)
        let second = try git.commit(
            scenario.content(.changes(scenario.changes, before: scenario.before.digest), scenario.after, id: "b.1"),
            connection: scenario.new)
        #expect(scenario.work.git("fsck --strict").output.isEmpty)
        #expect(try Workplace.dump(git.restore(first, to: scenario.work.path("1.db")).path) == scenario.dumps.before)
        #expect(try Workplace.dump(git.restore(second, to: scenario.work.path("2.db")).path) == scenario.dumps.after)
        #expect(Workplace.run("git clone -q '\(git.path)' '\(scenario.work.path("clone"))'").code == 0)
        let bak = scenario.bak
        let full = try bak.writeFull(
            scenario.label("a.1", base: nil, time: 0), from: scenario.old, before: scenario.before)
        let (delta, pending) = try bak.writeDelta(
            scenario.label("b.1", base: full.name, time: 1), changes: scenario.changes, before: scenario.before,
            after: scenario.after, source: scenario.new)
        try pending.value()
        for recorded in [[:], [full.name: full.hash, delta.name: delta.hash]] {
            let rebuilt = try bak.restore(
                BakTarget(scenario.after.digest.combined, file: nil, .after), database: "main",
                to: scenario.work.path("by\(recorded.count).db"), recorded: recorded)
            #expect(Workplace.dump(rebuilt.path) == scenario.dumps.after)
        }
    }

    @Test func `a table that grows, shrinks and empties keeps the tree of its rows alone`() throws {
        let work = Workplace()
        let grow =
            "WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %) INSERT OR IGNORE INTO t SELECT i * 3, 'v' || i FROM n"
        let steps = [
            "INSERT INTO t VALUES (1, 'a')", grow.replacing("%", with: "40"), grow.replacing("%", with: "3000"),
            "DELETE FROM t WHERE id % 9 <> 0", "DELETE FROM t WHERE id > 200", "DELETE FROM t",
            "INSERT INTO t VALUES (-5, 'x')",
        ]
        var database = try work.make("0.db", "CREATE TABLE t(id INTEGER PRIMARY KEY, v)")
        let start = try Connection(path: database)
        var state = try DatabaseState.read(start)
        _ = try work.git.commit(content(.all, state, "a.1"), connection: start)
        for (index, step) in steps.enumerated() {
            let next = work.copy(database, as: "\(index + 1).db")
            let old = try Connection(path: database)
            let new = try Connection(path: next)
            try new.execute(step)
            let after = try DatabaseState.read(new)
            let source = try DifferenceSource(from: old, to: new)
            let commit = try work.git.commit(
                content(.changes(source, before: state.digest), after, "b.\(index + 1)"), connection: new)
            let whole = GitStore(path: work.path("whole\(index).git"))
            let expected = try whole.commit(content(.all, after, "b.\(index + 1)"), connection: new)
            #expect(
                work.tree(of: commit)
                    == Workplace.run("git --git-dir='\(whole.path)' rev-parse \(expected)^{tree}").output, "\(step)")
            (database, state) = (next, after)
        }
    }

    private func content(_ rows: PointContent.Rows, _ state: DatabaseState, _ id: String) -> PointContent {
        PointContent(branch: "main", tag: "batch/" + id, message: Workplace.message(id), state: state, rows: rows)
    }

    @Test func `tenants have folders of their own, and a row that changes its tenant moves`() throws {
        let work = Workplace()
        let database = try work.make(
            "a.db",
            """
            CREATE TABLE t(id INTEGER PRIMARY KEY, tenant_id, v); CREATE TABLE shared(a); INSERT INTO shared VALUES (1);
            WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300) INSERT INTO t SELECT i, 'T' || (i % 3), i FROM n;
            INSERT INTO t VALUES (900, NULL, 1), (901, 12, 2)
            """)
        let scenario = try Scenario(
            database, "UPDATE t SET tenant_id = 'new/one' WHERE id < 30; DELETE FROM t WHERE id = 901")
        let git = scenario.work.git
        _ = try git.commit(
            scenario.content(.all, scenario.before, id: "a.1", tenant: "tenant_id"), connection: scenario.old)
        #expect(
            scenario.work.git("ls-tree --name-only main tenants/").output
                == "tenants/%540\ntenants/%541\ntenants/%542\ntenants/%null\ntenants/12\n")
        let moved = try git.commit(
            scenario.content(
                .changes(scenario.changes, before: scenario.before.digest), scenario.after, id: "b.1",
                tenant: "tenant_id"),
            connection: scenario.new)
        #expect(scenario.work.git("ls-tree --name-only main tenants/").output.contains("tenants/new%2fone\n"))
        #expect(!scenario.work.git("ls-tree --name-only main tenants/").output.contains("tenants/12\n"))
        #expect(scenario.work.git("ls-tree --name-only main shared/tables/").output == "shared/tables/shared\n")
        #expect(try Workplace.dump(git.restore(moved, to: scenario.work.path("r.db")).path) == scenario.dumps.after)
    }

    @Test func `changes that do not begin at the last point are refused`() throws {
        let work = Workplace()
        let scenario = try Scenario(
            try work.make("a.db", "CREATE TABLE t(a); INSERT INTO t VALUES (1), (2)"), "DELETE FROM t")
        _ = try scenario.work.git.commit(scenario.content(.all, scenario.after, id: "a.1"), connection: scenario.new)
        let error = #expect(throws: BatchError.self) {
            try scenario.work.git.commit(
                scenario.content(.changes(scenario.changes, before: scenario.before.digest), scenario.after, id: "b.1"),
                connection: scenario.new)
        }
        #expect(error?.code == .schemaChanged)
    }

    @Test func `a missing or damaged link of a bak chain is named`() throws {
        let work = Workplace()
        let scenario = try Scenario(
            try work.make("a.db", "CREATE TABLE t(a); INSERT INTO t VALUES (1), (2)"), "DELETE FROM t WHERE a = 1")
        let bak = scenario.bak
        let full = try bak.writeFull(
            scenario.label("a.1", base: nil, time: 0), from: scenario.old, before: scenario.before)
        let (delta, pending) = try bak.writeDelta(
            scenario.label("b.1", base: full.name, time: 1), changes: scenario.changes, before: scenario.before,
            after: scenario.after, source: scenario.new)
        try pending.value()
        Workplace.run(
            "sqlite3 '\(delta.path)' \"UPDATE batchmgr_bak_block SET data = zeroblob(40) WHERE kind = 'changes'\"")
        let damaged = #expect(throws: BatchError.self) {
            try bak.restore(batch: "b.1", database: "main", .after, to: scenario.work.path("r.db"))
        }
        #expect(damaged?.code == .corruptRecord && damaged?.message.contains(delta.name) == true)
        Workplace.run("rm '\(full.path)'")
        let missing = #expect(throws: BatchError.self) {
            try bak.restore(batch: "b.1", database: "main", .after, to: scenario.work.path("r.db"))
        }
        #expect(missing?.code == .noRestorePoint && missing?.message.contains(full.name) == true)
        #expect(Workplace.run("ls '\(scenario.work.folder)' | grep -c 'r.db'").output == "0\n")
    }
}
