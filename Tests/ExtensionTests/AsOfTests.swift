internal import TestSupport
internal import Testing

/// Earlier states, read without restoring them.
struct AsOfTests {
    /// Every kind of row and key, with values that are easily lost.
    private static let schema = """
        CREATE TABLE plain(id INTEGER PRIMARY KEY, v, r REAL, b BLOB);
        INSERT INTO plain VALUES(1,'a',1,x'00ff'),(2,2,2.5,NULL),(3,-0.0,-0.0,'q'),(4,NULL,9e999,zeroblob(3));
        CREATE TABLE loose(v); INSERT INTO loose VALUES('x'),('y'),('z');
        CREATE TABLE pairs(a, b COLLATE NOCASE, c, PRIMARY KEY(a, b)) WITHOUT ROWID;
        INSERT INTO pairs VALUES(1,'K',1),(2,'k',2),(3,'x',3);
        CREATE TABLE made(k INTEGER PRIMARY KEY, n INT, twice AS (n * 2) STORED); INSERT INTO made(k, n) VALUES(1,1),(2,2);

        """

    private static let tables = ["plain", "loose", "pairs"]

    @Test func aTableOfThenEqualsTheRestoredPoint() throws {
        try TemporaryFolder.with { folder in
            _ = try Hosts.sql(folder, AsOfTests.schema)
            let batches = [
                "UPDATE plain SET v = 'one', r = r + 1; DELETE FROM loose WHERE v = 'y'; UPDATE pairs SET b = upper(b)",
                "DELETE FROM plain WHERE id = 2; INSERT INTO plain(v) VALUES('new'); UPDATE plain SET id = 30 WHERE id = 3",
                "INSERT INTO plain VALUES(2, 'again', 1, NULL); DELETE FROM pairs; INSERT INTO pairs VALUES(0, 0, 0)",
                "DELETE FROM loose; INSERT INTO loose SELECT v FROM plain; UPDATE plain SET b = x'01' WHERE id % 2",
            ]
            for (number, sql) in batches.enumerated() {
                let script = "SELECT batch_begin('b\(number)'); \(sql); SELECT batch_commit();\n"
                #expect(try Hosts.sqlite(folder, script).err == "")
            }
            #expect(try Hosts.sqlite(folder, "SELECT batch_rollback('b3');\n").err == "")
            for point in ["b0.1^", "b0.1", "b1.1", "b2.1", "b3.1", "rollback.1"] {
                #expect(try Hosts.tool(folder, "restore --point '\(point)' --to then.db").code == 0)
                for table in AsOfTests.tables {
                    let list = "SELECT * FROM %s ORDER BY 1, 2, 3".replacing(
                        "1, 2, 3", with: table == "loose" ? "1" : "1, 2, 3")
                    let now = try Hosts.sqlite(
                        folder,
                        """
                        CREATE VIRTUAL TABLE temp.earlier USING batch_as_of('\(table)', '\(point)');
                        .mode quote
                        \(list.replacing("%s", with: "earlier"));
                        """)
                    let restored = try BuiltTool.shell(
                        "sqlite3 -quote '\(folder)/then.db' '\(list.replacing("%s", with: table))'")
                    #expect(now.out == restored.out && now.err == "", "\(table) at \(point): \(now.err)")
                    #expect(!restored.out.isEmpty || table == "loose")
                }
                _ = try BuiltTool.shell("rm '\(folder)/then.db'")
            }
        }
    }

    @Test func aTableOfThenIsSearchedByItsKeyAndJoined() throws {
        try TemporaryFolder.with { folder in
            _ = try Hosts.sql(folder, AsOfTests.schema)
            let result = try Hosts.sqlite(
                folder,
                """
                SELECT batch_begin('first'); UPDATE plain SET v = 'f'; SELECT batch_commit();
                SELECT batch_begin('second'); UPDATE plain SET v = 's' WHERE id < 3; DELETE FROM plain WHERE id = 4;
                INSERT INTO plain(id, v) VALUES(5, 'n'); SELECT batch_commit();
                CREATE VIRTUAL TABLE temp.earlier USING batch_as_of(plain, first.1);
                SELECT '--';
                SELECT v FROM earlier WHERE id = 1; SELECT v FROM earlier WHERE id = '4'; SELECT v FROM earlier WHERE rowid = 3.0;
                SELECT count(*) FROM earlier WHERE id = 5; SELECT count(*) FROM earlier WHERE id = 1.5;
                SELECT count(*) FROM earlier WHERE id IS NULL; SELECT count(*) FROM earlier WHERE id IN (1, 4, 5);
                SELECT group_concat(plain.id || plain.v || ifnull(earlier.v, '-')) FROM plain LEFT JOIN earlier USING (id);
                SELECT key, json_extract(row, '$.v') FROM batch_as_of('plain', 'first') WHERE key = 4;
                SELECT count(*) FROM batch_log l, batch_as_of('plain', l.batch) r;
                """)
            #expect(result.err == "")
            let found = result.out.split(separator: "--\n").last
            #expect(found == "f\nf\nf\n0\n0\n0\n2\n1sf,2sf,3ff,5n-\n4|f\n8\n", "\(result.out)")
        }
    }

    @Test func changesAndHistoriesKeepTypesAndOrder() throws {
        try TemporaryFolder.with { folder in
            _ = try Hosts.sql(folder, AsOfTests.schema)
            let result = try Hosts.sqlite(
                folder,
                """
                SELECT batch_begin('first'); UPDATE plain SET v = v || '!' WHERE id = 1; SELECT batch_checkpoint('x');
                UPDATE plain SET b = 7, v = 'end' WHERE id = 1; INSERT INTO made(k, n) VALUES(9, 9);
                DELETE FROM pairs WHERE a = 3; SELECT batch_commit();
                SELECT '--';
                .mode quote
                SELECT * FROM batch_changes('first');
                SELECT batch, checkpoint, operation, "column", before, after FROM batch_row_history('plain', 1);
                SELECT operation, "column", before FROM batch_row_history('pairs', '[3, "x"]');
                """)
            let expected = """
                'insert','made',9,'k',NULL,9
                'insert','made',9,'n',NULL,9
                'delete','pairs','[3,"x"]','a',3,NULL
                'delete','pairs','[3,"x"]','b','x',NULL
                'delete','pairs','[3,"x"]','c',3,NULL
                'update','plain',1,'v','a','end'
                'update','plain',1,'b',X'00ff',7
                'first.1',2,'update','v','a!','end'
                'first.1',2,'update','b',X'00ff',7
                'first.1',1,'update','v','a','a!'
                'delete','a',3
                'delete','b','x'
                'delete','c',3

                """
            #expect(result.out.split(separator: "--\n").last.map(String.init) == expected, "\(result)")
        }
    }

    /// Two cursors over the same thing do not get into each other's way.
    @Test func aTableIsReadTwiceAtOnce() throws {
        try TemporaryFolder.with { folder in
            _ = try Hosts.sql(folder, AsOfTests.schema)
            let result = try Hosts.sqlite(
                folder,
                """
                SELECT batch_begin('first'); UPDATE plain SET v = 1; SELECT batch_commit();
                SELECT count(*) FROM batch_changes('first') a, batch_changes('first') b, batch_log;
                SELECT count(*) FROM batch_as_of('plain', 'first^') a JOIN batch_as_of('plain', 'first^') b USING (key);
                """)
            #expect(result.out == "first.1\nfirst.1\n16\n4\n", "\(result)")
        }
    }

    @Test(arguments: [
        ("SELECT * FROM batch_as_of('plain', 'nope')", "batch_as_of: ERR_UX_UNKNOWN_BATCH: there is no batch 'nope'"),
        ("SELECT * FROM batch_as_of('plan', 'first')", "did you mean"),
        ("SELECT * FROM batch_as_of('plain')", "batch_as_of: ERR_UX_USAGE"),
        ("SELECT * FROM batch_as_of", "batch_as_of: ERR_UX_USAGE"),
        ("SELECT * FROM batch_changes", "batch_changes: ERR_UX_USAGE: batch is not given"),
        ("SELECT * FROM batch_changes(x'ff')", "batch_changes: ERR_UX_USAGE: the argument batch is not a valid text"),
        ("SELECT * FROM batch_changes('a b')", "batch_changes: ERR_UX_USAGE: 'a b' does not name a batch"),
        ("SELECT * FROM batch_row_history('plain', '[1,2]')", "ERR_UX_USAGE: the key of table plain is one value"),
        ("CREATE VIRTUAL TABLE temp.x USING batch_as_of(plain)", "two arguments are needed"),
        ("CREATE VIRTUAL TABLE temp.x USING batch_as_of(nope, first.1)", "there is no table 'nope'"),
        ("CREATE VIRTUAL TABLE temp.x USING batch_log", "batch_log"),
        ("INSERT INTO batch_log(batch) VALUES('x')", "may not be modified"),
    ])
    func aWrongQuestionIsAnErrorThatNamesTheTable(sql: String, words: String) throws {
        try TemporaryFolder.with { folder in
            _ = try Hosts.sql(folder, AsOfTests.schema)
            let begin = "SELECT batch_begin('first'); UPDATE plain SET v = 1; SELECT batch_commit();\n"
            let result = try Hosts.sqlite(folder, begin + sql + ";\n")
            #expect(result.err.contains(words), "\(result.err)")
            #expect(result.code == 1)
        }
    }

    @Test func rowsThatNobodyCanTellAreAnError() throws {
        try TemporaryFolder.with { folder in
            _ = try Hosts.sql(folder, AsOfTests.schema)
            let result = try Hosts.sqlite(
                folder,
                """
                SELECT batch_begin('first'); UPDATE plain SET v = 1; SELECT batch_commit();
                SELECT batch_begin('second'); UPDATE plain SET v = 2; SELECT batch_commit();
                UPDATE plain SET v = 3 WHERE id = 2;
                SELECT count(*) FROM batch_as_of('plain', 'first');
                """)
            #expect(result.err.contains("batch_as_of: ERR_DATA_CONFLICT"), "\(result)")
        }
    }
}
