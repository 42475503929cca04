internal import TestSupport
internal import Testing

/// Rows that REPLACE removes, where TEMP triggers record.
struct ReplacedRowTests {
    private static let schema = """
        CREATE TABLE t(id INTEGER PRIMARY KEY, v TEXT, u INT UNIQUE);
        INSERT INTO t VALUES(1,'a',1),(2,'b',2),(3,'c',3),(7,'q',9);
        CREATE TABLE w(a, b, c UNIQUE, PRIMARY KEY(a, b)) WITHOUT ROWID;
        INSERT INTO w VALUES(1,1,1),(1,2,2),(2,1,3);

        """
    private static let work = """
        REPLACE INTO t VALUES(9,'z',1);
        UPDATE OR REPLACE t SET id = 2 WHERE id = 3;
        REPLACE INTO w VALUES(1,1,3);
        INSERT OR REPLACE INTO w SELECT a + 1, b, c FROM w;
        """
    private static let begin = #"SELECT batch_begin('work', NULL, '{"capture": "triggers", "on_commit": "end"}');"#

    /// Where triggers can be made recursive for the length of the batch, and where they cannot.
    static let alone = ["", "PRAGMA recursive_triggers = ON"]
    static let among = ["CREATE TRIGGER own AFTER INSERT ON w BEGIN SELECT 1; END", "ATTACH ':memory:' AS aux"]

    @Test(arguments: alone + among) func theyComeBack(others: String) throws {
        try TemporaryFolder.with { folder in
            _ = try Hosts.sql(folder, ReplacedRowTests.schema)
            let rows = "SELECT * FROM t; SELECT * FROM w;"
            let before = try Hosts.sql(folder, rows)
            let result = try Hosts.sqlite(
                folder,
                "\(others);\(ReplacedRowTests.begin)\(ReplacedRowTests.work) SELECT batch_commit(); SELECT batch_rollback('work');\(rows)"
            )
            #expect(result.out == "work.1\nwork.1\nrollback.1\n\(before)", "\(result)")
        }
    }

    /// Which row a partial or computed index removes is known where its triggers fire, and else found out at the end.
    @Test(arguments: alone + among) func aPartialIndexRemovesNothingUnseen(others: String) throws {
        try TemporaryFolder.with { folder in
            _ = try Hosts.sql(folder, ReplacedRowTests.schema + "CREATE UNIQUE INDEX tv ON t(lower(v)) WHERE u > 5;")
            let result = try Hosts.sqlite(
                folder,
                "\(others);\(ReplacedRowTests.begin)REPLACE INTO t VALUES(10,'Q',10);SELECT batch_commit();SELECT batch_rollback('work');"
            )
            if ReplacedRowTests.alone.contains(others) {
                #expect(result.out == "work.1\nwork.1\nrollback.1\n", "\(result)")
            } else {
                #expect(result.err.contains("ERR_DATA_NOT_UNDOABLE"), "\(result)")
            }
            #expect(try Hosts.sql(folder, "SELECT * FROM t WHERE id IN (7, 10)") == "7|q|9\n")
        }
    }

    /// However the batch ends.
    @Test(arguments: [
        "SELECT batch_commit();", "SELECT batch_abort();", "COMMIT;", "ROLLBACK;",
        "SELECT batch_checkpoint('c'); ROLLBACK;",
        "INSERT OR ROLLBACK INTO t VALUES(1, 'x', 1);",
    ])
    func theSettingOfTheHostComesBack(ending: String) throws {
        try TemporaryFolder.with { folder in
            _ = try Hosts.sql(folder, ReplacedRowTests.schema)
            let result = try Hosts.sqlite(
                folder,
                """
                \(ReplacedRowTests.begin)
                .output /dev/null
                \(ReplacedRowTests.work)
                \(ending)
                .output
                PRAGMA recursive_triggers;
                """)
            #expect(result.out == "work.1\n0\n", "\(result)")
        }
    }

    /// It would have fired for rows that are replaced, which it does not without the batch.
    @Test func aTriggerMadeInTheBatchIsRefused() throws {
        try TemporaryFolder.with { folder in
            _ = try Hosts.sql(folder, ReplacedRowTests.schema)
            let before = try Hosts.dump(folder)
            let work = "CREATE TRIGGER own AFTER DELETE ON t BEGIN SELECT 1; END; SELECT batch_commit();"
            let result = try Hosts.sqlite(folder, ReplacedRowTests.begin + work)
            #expect(
                result.err.contains("batch_commit: ERR_SECURITY_FORBIDDEN_STATEMENT: a trigger was created"),
                "\(result)")
            #expect(try Hosts.dump(folder) == before)
            let recursive = try Hosts.sqlite(
                folder,
                "PRAGMA recursive_triggers = ON;" + ReplacedRowTests.begin + work + "SELECT batch_rollback('work');")
            #expect(recursive.out == "work.1\nwork.1\nrollback.1\n", "\(recursive)")
            #expect(try Hosts.dump(folder) == before)
        }
    }

    @Test func aHostThatSwitchesItOffCannotCommit() throws {
        try TemporaryFolder.with { folder in
            _ = try Hosts.sql(folder, ReplacedRowTests.schema)
            let before = try Hosts.dump(folder)
            let result = try Hosts.sqlite(
                folder,
                "\(ReplacedRowTests.begin)PRAGMA recursive_triggers = OFF; REPLACE INTO t VALUES(9,'z',1); SELECT batch_commit();"
            )
            #expect(
                result.err.contains("ERR_DATA_NOT_UNDOABLE") && result.err.contains("recursive_triggers"), "\(result)")
            #expect(try Hosts.dump(folder) == before)
        }
    }
}
