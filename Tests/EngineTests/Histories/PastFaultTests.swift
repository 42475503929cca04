import BatchCore
import TestSupport
import Testing

/// The smallest histories of faults that random ones found.
@Suite struct PastFaultTests {
    struct Fault: Sendable, CustomTestStringConvertible {
        let name: String
        let history: History

        var testDescription: String { name }

        init(_ name: String, encoding: String? = nil, vacuums: Bool = false, _ setup: String, _ events: [History.Event])
        {
            self.name = name
            var traits = HistoryTraits.plain
            traits.encoding = encoding
            traits.vacuums = vacuums
            history = History(traits: traits, setup: [.plain(setup)], events: events)
        }
    }

    private static func run(_ steps: String..., snapshot: JobDefinition.SnapshotPolicy = .delta) -> History.Event {
        .batch(steps: steps.map { [.plain($0)] }, snapshot: snapshot)
    }

    /// Of the live batch that is so many places before the last.
    private static func rollBack(
        _ place: Int, _ mode: RollbackMode = .cascade, readers: RollbackRequest.ReaderPolicy = .include,
        source: RollbackRequest.Source? = nil
    ) -> History.Event {
        var way = RollbackWay(mode)
        way.source = source
        way.readers = readers
        return .rollback(place, way)
    }

    private static func keep(
        _ place: Int, _ mode: RollbackMode, _ source: RollbackRequest.Source? = nil
    ) -> History.Event {
        var way = RollbackWay(mode)
        way.source = source
        way.onConflict = .keep
        return .rollback(place, way)
    }

    private static func overwrite(_ place: Int) -> History.Event {
        var way = RollbackWay(.cascade)
        way.onConflict = .overwrite
        return .rollback(place, way)
    }

    static let faults: [Fault] = [
        Fault(
            "a UTF-16 database restored with an index in the order of bytes", encoding: "UTF-16le",
            "CREATE TABLE p(id TEXT COLLATE NOCASE PRIMARY KEY); INSERT INTO p VALUES('K7')",
            [run("INSERT INTO p VALUES('k4')")]),
        Fault(
            "a unique index that a rollback from a restore point made before the rows in its way had gone",
            "CREATE TABLE c(id INTEGER PRIMARY KEY, x); INSERT INTO c VALUES(1, -1), (2, -1)",
            [
                run("DELETE FROM c"), run("CREATE UNIQUE INDEX i ON c(x); UPDATE c SET x = 1 WHERE id = 7"),
                rollBack(1),
                keep(0, .unconflicted, .bak),
            ]),
        Fault(
            "a unique index that came back from git before the rows in its way had gone",
            "CREATE TABLE c(id INTEGER PRIMARY KEY, x); CREATE UNIQUE INDEX i ON c(x); INSERT INTO c VALUES(1, 1)",
            [run("DROP INDEX i; INSERT INTO c VALUES(2, 1)"), rollBack(0, source: .git)]),
        Fault(
            "a replay of what reads a table that somebody else wrote to since",
            "CREATE TABLE c(id INTEGER PRIMARY KEY, u, v); INSERT INTO c VALUES(1, 0, 0), (5, 0, 0); CREATE TABLE d(x)",
            [
                run("UPDATE c SET u = 6 WHERE id = 5"),
                run("UPDATE c SET v = u + (SELECT count(*) FROM d) + (SELECT count(*) FROM c)"),
                .outside(.plain("INSERT INTO d VALUES(1); INSERT INTO c VALUES(8, 8, 8)")), rollBack(1, .replay),
            ]),
        Fault(
            "a replay after a change from outside that only a restore point keeps",
            "CREATE TABLE c(id INTEGER PRIMARY KEY, u, v); INSERT INTO c VALUES(1, 0, 0), (5, 0, 0)",
            [
                run("UPDATE c SET u = 6 WHERE id = 5"), run("UPDATE c SET v = u + (SELECT count(*) FROM c)"),
                run("UPDATE c SET u = 9 WHERE id = 1"), .outside(.plain("INSERT INTO c VALUES(8, 8, 8)")), rollBack(0),
                rollBack(2, .replay),
            ]),
        Fault(
            "a point with the statistics of a batch that ran again after it",
            "CREATE TABLE p(id INTEGER PRIMARY KEY, x); CREATE INDEX i ON p(x); INSERT INTO p VALUES(1, 1), (2, 2)",
            [
                run("ANALYZE"), run("INSERT INTO p VALUES(3, 3), (4, 4)"),
                run("INSERT INTO p SELECT id + 10, 7 FROM p; ANALYZE"), rollBack(1, .replay),
            ]),
        Fault(
            "a table whose text changed with the name of another one, and its place with VACUUM", vacuums: true,
            """
            CREATE TABLE p(id INTEGER PRIMARY KEY, x); CREATE INDEX i ON p(x); CREATE TABLE c(id INTEGER PRIMARY KEY);
            CREATE TABLE w(id INTEGER PRIMARY KEY, x REFERENCES c(id))
            """,
            [
                run("INSERT INTO w(id) VALUES(1)"), run("ALTER TABLE c RENAME TO d"), .outside(.plain("VACUUM")),
                rollBack(1, source: .log), rollBack(0), rollBack(0),
            ]),
        Fault(
            "a table whose columns, checks and indexes call JSON functions",
            """
            CREATE TABLE j(id INTEGER PRIMARY KEY, v CHECK(json_valid(v)), x AS (json_extract(v, '$.x')) STORED,
                y AS (v ->> '$.x') VIRTUAL);
            CREATE INDEX jx ON j(json_extract(v, '$.x')); INSERT INTO j(id, v) VALUES(1, '{"x": 1}'), (2, '{"x": 2}')
            """,
            [
                run(#"UPDATE j SET v = '{"x": 5}' WHERE id = 1"#), run(#"INSERT INTO j(id, v) VALUES(3, '{}')"#),
                rollBack(1, source: .bak), rollBack(0, source: .git),
            ]),
        Fault(
            "a table that has its name in other letters afterwards",
            "CREATE TABLE t(id INTEGER PRIMARY KEY, v); INSERT INTO t VALUES(1, 'a')",
            [
                run("ALTER TABLE t RENAME TO aside; ALTER TABLE aside RENAME TO T"),
                run("INSERT INTO T VALUES(2, 'b')"),
                rollBack(1), rollBack(0),
            ]),
        Fault(
            "a replay of what a new unique index had made REPLACE and IGNORE do",
            "CREATE TABLE t(id INTEGER PRIMARY KEY, k); INSERT INTO t VALUES(1, 1), (2, 2)",
            [
                run("CREATE UNIQUE INDEX u ON t(k)"), run("INSERT OR REPLACE INTO t VALUES(3, 1)"),
                run("INSERT OR IGNORE INTO t VALUES(4, 2)"), rollBack(2, .replay),
            ]),
        Fault(
            "statistics in a table that goes with the batch which analysed first",
            "CREATE TABLE t(v); CREATE INDEX ti ON t(v); INSERT INTO t VALUES(1); CREATE TABLE z(a); CREATE INDEX zi ON z(a)",
            [run("INSERT INTO t VALUES(5); ANALYZE t"), run("INSERT INTO z VALUES(2); ANALYZE z"), rollBack(1)]),
        Fault(
            "a row that a dropped unique index would not have allowed",
            "CREATE TABLE t(id INTEGER PRIMARY KEY, k); CREATE UNIQUE INDEX u ON t(k); INSERT INTO t VALUES(1, 1)",
            [run("DROP INDEX u"), run("INSERT INTO t VALUES(2, 1)"), rollBack(1)]),
        Fault(
            "a replay that gives a table its name back in other letters",
            "CREATE TABLE t(id INTEGER PRIMARY KEY, v); INSERT INTO t VALUES(1, 'a'), (2, 'b')",
            [
                run("ALTER TABLE t RENAME TO aside; ALTER TABLE aside RENAME TO T"),
                run("UPDATE t SET v = 'c' WHERE id = 2"), rollBack(1, .replay),
                run("UPDATE t SET v = 'd' WHERE id = 2"),
            ]),
        Fault(
            "a row that the clause of its table kept out",
            "CREATE TABLE c(id INTEGER PRIMARY KEY ON CONFLICT IGNORE, v); CREATE TABLE p(x)",
            [
                run("INSERT INTO c VALUES(1, 'a')"), run("INSERT INTO c VALUES(1, 'b')"),
                rollBack(1, readers: .prove),
            ]),
        Fault(
            "a delta .bak after drift that an earlier command had found", "CREATE TABLE p(id INTEGER PRIMARY KEY, v)",
            [
                run("INSERT INTO p VALUES(1, 'a')"), .outside(.plain("UPDATE p SET v = 'other'")), rollBack(0),
                run("INSERT INTO p VALUES(2, 'b')"),
            ]),
        Fault(
            "a delta .bak of a batch that changed the schema", "CREATE TABLE p(id INTEGER PRIMARY KEY, v)",
            [
                run("INSERT INTO p VALUES(1, 'a')"), run("ALTER TABLE p ADD COLUMN w"),
                run("CREATE VIEW s AS SELECT * FROM p"),
            ]),
        Fault(
            "a rollback that came back and left what it had undone alive", "CREATE TABLE p(id INTEGER PRIMARY KEY, v)",
            [run("INSERT INTO p VALUES(1, 'a')"), rollBack(0), rollBack(0), rollBack(0), rollBack(0)]),
        Fault(
            "a counter that a delta .bak met twice", "CREATE TABLE t(id INTEGER PRIMARY KEY AUTOINCREMENT)",
            [run("ALTER TABLE t ADD COLUMN v"), run("INSERT INTO t VALUES(2, 'x')")]),
        Fault(
            "statistics lost with a table that a delta .bak makes anew",
            "CREATE TABLE t(id INTEGER PRIMARY KEY, x); INSERT INTO t VALUES(1, 2); CREATE INDEX i ON t(x)",
            [run("ANALYZE"), run("ALTER TABLE t ADD COLUMN v"), run("INSERT INTO t VALUES(2, 3, 4)", "ANALYZE")]),
        Fault(
            "a small change of a wide row that no .bak could be read for",
            "CREATE TABLE t(id INTEGER PRIMARY KEY, \((0..<70).map { "c\($0)" }.joined(separator: ", "))); INSERT INTO t(id) VALUES(1)",
            [run("UPDATE t SET c1 = 1"), run("UPDATE t SET c69 = 1")]),
        Fault(
            "a table renamed, a trigger on it, and VACUUM", vacuums: true,
            "CREATE TABLE gone(x); CREATE TABLE c(x); CREATE TRIGGER t AFTER DELETE ON c BEGIN SELECT 1; END; DROP TABLE gone",
            [run("ALTER TABLE c RENAME TO d"), .outside(.plain("VACUUM")), rollBack(0)]),
        Fault(
            "counters that went with the only table that had one", "CREATE TABLE p(id INTEGER PRIMARY KEY, v)",
            [run("CREATE TABLE t(id INTEGER PRIMARY KEY AUTOINCREMENT)"), rollBack(0)]),
        Fault(
            "rows that VACUUM numbered anew", vacuums: true,
            "CREATE TABLE p(v); INSERT INTO p VALUES('a'), ('b'); CREATE TABLE q(id INTEGER PRIMARY KEY)",
            [run("DELETE FROM p WHERE v = 'a'"), .outside(.plain("VACUUM")), run("INSERT INTO q VALUES(1)")]),
        Fault(
            "a replay with a table that hides its rowid",
            "CREATE TABLE p(id INTEGER PRIMARY KEY, v); CREATE TABLE h(rowid, _rowid_, oid, v); INSERT INTO h VALUES(1, 2, 3, 4), (5, 6, 7, 8); INSERT INTO p VALUES(1, 'a')",
            [
                run("UPDATE p SET v = 'bad'; DELETE FROM h WHERE oid = 7"),
                run("UPDATE p SET v = v || '!'; INSERT INTO h VALUES(9, 9, 9, 9)"), rollBack(1, .replay),
            ]),
        Fault(
            "a table that hides its rowid beside a view of a table that is gone",
            "CREATE TABLE p(x, v); CREATE TABLE c(rowid, _rowid_, oid, x); CREATE VIEW s AS SELECT x, v FROM p; INSERT INTO c VALUES(1, 2, 3, 4)",
            [
                run("DROP TABLE p"), run("INSERT INTO c VALUES(5, 6, 7, 8)", "UPDATE c SET oid = 9 WHERE x = 4"),
                run("DELETE FROM c"), rollBack(0), rollBack(1),
            ]),
        Fault(
            "and beside a trigger that SQLite cannot parse",
            "CREATE TABLE p(x); CREATE TABLE c(rowid, _rowid_, oid, x); CREATE TRIGGER t AFTER DELETE ON c BEGIN DELETE FROM p WHERE x = old.oid; END; INSERT INTO c VALUES(1, 2, 3, 4)",
            [run("DROP TABLE p"), run("INSERT INTO c VALUES(5, 6, 7, 8)"), rollBack(0), rollBack(0)]),
        Fault(
            "a rollback taken back after one that took back what was before it",
            "CREATE TABLE p(id INTEGER PRIMARY KEY, v); INSERT INTO p VALUES(1, 'a')",
            [
                run("UPDATE p SET v = 'b'"), run("UPDATE p SET v = 'c'"), rollBack(0), rollBack(1), rollBack(1),
                run("UPDATE p SET v = v || 'd'"),
            ]),
        Fault(
            "and the same with a setting of the file", "CREATE TABLE p(id INTEGER PRIMARY KEY, v)",
            [
                run("PRAGMA user_version = 6"), run("PRAGMA user_version = 4"), rollBack(0), rollBack(1), rollBack(1),
                run("INSERT INTO p VALUES(1, 'a')"),
            ]),
        Fault(
            "a row of a full-text index whose number another one has now",
            "CREATE VIRTUAL TABLE f USING fts5(a); INSERT INTO f(rowid, a) VALUES(5, 'one')",
            [
                run("DELETE FROM f WHERE f MATCH 'one'"), run("INSERT INTO f(rowid, a) VALUES(5, 'two')"),
                rollBack(1, .unconflicted),
            ]),
        Fault(
            "a row of a full-text index that a later batch did not find",
            "CREATE VIRTUAL TABLE f USING fts5(a); INSERT INTO f(rowid, a) VALUES(7, 'one'); CREATE TABLE t(a); INSERT INTO t VALUES(1)",
            [
                run("DELETE FROM f WHERE f MATCH 'one'"), run("DELETE FROM f WHERE rowid = 7", "UPDATE t SET a = 2"),
                rollBack(1, .cascade, readers: .prove),
            ]),
        Fault(
            "an index and a trigger that come back to a table renamed since",
            "CREATE TABLE p(id INTEGER PRIMARY KEY, v); INSERT INTO p VALUES(1, 'a')",
            [
                run("ALTER TABLE p RENAME TO q"),
                run("CREATE INDEX i ON q(v)", "CREATE TRIGGER t AFTER INSERT ON q BEGIN DELETE FROM q; END"),
                rollBack(0),
                rollBack(1), rollBack(1, .unconflicted), rollBack(1, .cascade),
            ]),
        Fault(
            "a UTF-16 database of views alone, restored", encoding: "UTF-16le", "CREATE VIEW s AS SELECT 1",
            [run("CREATE TABLE t(a)")]),
        Fault(
            "a rollback that undid an earlier batch, and a column added since, beside a batch in between",
            "CREATE TABLE t(id INTEGER PRIMARY KEY, v); INSERT INTO t VALUES(1, 'a')",
            [
                run("INSERT INTO t VALUES(2, 'b')"), run("INSERT INTO t VALUES(3, 'c')"),
                run("ALTER TABLE t ADD COLUMN w TEXT NOT NULL DEFAULT 'x'"), rollBack(2), rollBack(1, .restrict),
            ]),
        Fault(
            "a number that a later batch took, while VACUUM may have given others",
            "CREATE TABLE t(id TEXT PRIMARY KEY, q INT UNIQUE); INSERT INTO t(rowid, id, q) VALUES(10, 'a', 9)",
            [
                run("REPLACE INTO t(rowid, id, q) VALUES(11, 'b', 9)"),
                run("INSERT INTO t(rowid, id, q) VALUES(10, 'c', 1)"), .outside(.plain("CREATE INDEX i ON t(q)")),
                keep(1, .unconflicted),
            ]),
        Fault(
            "both copies of a batch after rows were numbered anew", vacuums: true,
            "CREATE TABLE w(id INT, x INT); INSERT INTO w VALUES(1, 1), (2, 2), (3, 3)",
            [
                run("DELETE FROM w WHERE id = 1"), .outside(.plain("VACUUM")), run("UPDATE w SET x = 9 WHERE id = 3"),
                run("UPDATE w SET x = 8"),
            ]),
        Fault(
            "and of one that left such a table alone", vacuums: true,
            "CREATE TABLE w(id INT, x INT); CREATE TABLE t(a); INSERT INTO w VALUES(1, 1), (2, 2), (3, 3)",
            [run("DELETE FROM w WHERE id = 1"), .outside(.plain("VACUUM")), run("INSERT INTO t VALUES(1)")]),
        Fault(
            "a row of a table that bears another name by now, from a .bak",
            "CREATE TABLE p(id INTEGER PRIMARY KEY, u UNIQUE); INSERT INTO p VALUES(1, 1), (2, 2)",
            [run("UPDATE p SET u = 7 WHERE id = 1"), run("ALTER TABLE p RENAME TO q"), keep(1, .unconflicted, .bak)]),
        Fault(
            "coordinates of an R*Tree that an undo from git had put back",
            "CREATE VIRTUAL TABLE r USING rtree(id, x0, x1, +note); INSERT INTO r VALUES(7, 7, 9, 'a'), (8, 1, 2, 'b')",
            [
                run("UPDATE r SET x1 = x1 + 1 WHERE id = 7"), rollBack(0, source: .git),
                run("INSERT INTO r VALUES(3, 3, 5, 'c')"), run("UPDATE r SET note = 'd' WHERE id = 8"), rollBack(2),
            ]),
        Fault(
            "a writer of a table whose trigger was dropped, and comes back",
            """
            CREATE TABLE c(id INTEGER PRIMARY KEY, x); CREATE TABLE l(x); INSERT INTO c VALUES(1, 1);
            CREATE TRIGGER g AFTER INSERT ON c BEGIN INSERT INTO l VALUES(new.x); END
            """,
            [
                run("DROP TRIGGER g"), run("INSERT INTO c VALUES(2, 2)"), run("UPDATE c SET x = 3 WHERE id = 1"),
                rollBack(2),
            ]),
        Fault(
            "a dependent that lives again with the rollback that had undone it",
            "CREATE TABLE p(id INTEGER PRIMARY KEY, v); INSERT INTO p VALUES(1, '0'), (2, '0')",
            [
                run("UPDATE p SET v = v || 'a' WHERE id = 1"), run("UPDATE p SET v = v || 'b'"), rollBack(0),
                run("UPDATE p SET v = v || 'c'"), rollBack(2), rollBack(1), rollBack(0), rollBack(0),
            ]),
        Fault(
            "an inserted row that somebody has deleted before an overwriting rollback",
            "CREATE TABLE p(id TEXT PRIMARY KEY, x); INSERT INTO p VALUES('a', 1)",
            [
                run("INSERT INTO p VALUES('k', 8)"), run("CREATE TABLE c(x)"),
                .outside(.plain("DELETE FROM p WHERE x > 3")), overwrite(1),
            ]),
    ]

    /// SQLite 3.40 reports whole numbers as reals where a key that does not stand first meets a REAL column.
    static let keysAfterReals: [Fault] = [
        "v TEXT, g REAL, a INT, PRIMARY KEY(g, a)", "g REAL, v TEXT, a INT, PRIMARY KEY(a, g)",
        "v TEXT, a REAL, g, PRIMARY KEY(g)", "a NUMERIC, v REAL, g TEXT, PRIMARY KEY(g, a)",
        "a, g REAL, v BLOB AS (g) VIRTUAL, PRIMARY KEY(g)",
    ].flatMap { columns in
        ["UTF-8", "UTF-16be"].map { (encoding: String) in
            Fault(
                "WITHOUT ROWID, \(columns), \(encoding)", encoding: encoding,
                "CREATE TABLE t(\(columns)) WITHOUT ROWID; INSERT INTO t(g, a) VALUES(3, 5), (4, 6.5), (7.5, 8)",
                [
                    run("INSERT INTO t(g, a) VALUES(9, 9.0)"), run("UPDATE t SET a = a + 1 WHERE g < 7"),
                    run("DELETE FROM t WHERE g > 3"), rollBack(0, source: .git), rollBack(0), rollBack(2),
                ])
        }
    }

    /// SQLite takes U+FEFF at the beginning of a UTF-16 text for a byte order mark.
    static let marks: [Fault] = ["UTF-8", "UTF-16le", "UTF-16be"].flatMap { (encoding: String) in
        ["char(65279)", "char(65279, 65279) || 'a'", "char(65534) || 'a'", "'a' || char(65279)"].map { text in
            Fault(
                "\(text) in \(encoding)", encoding: encoding,
                "CREATE TABLE t(id INTEGER PRIMARY KEY, v UNIQUE); INSERT INTO t VALUES(1, \(text)), (2, 'b')",
                [
                    run("UPDATE t SET v = 'c' WHERE id = 1"), run("INSERT INTO t VALUES(3, \(text))"),
                    run("DELETE FROM t WHERE id = 3"), rollBack(0, source: .git), rollBack(0, source: .bak),
                    rollBack(2),
                ])
        }
    }

    @Test(arguments: faults + keysAfterReals + marks) func staysCorrected(_ fault: Fault) throws {
        let found = HistoryTrial.failure(of: fault.history)
        #expect(found == nil, "\(found.map { "\($0)" } ?? "")")
    }
}
