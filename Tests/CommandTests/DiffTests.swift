import BatchCore
import TestSupport
import Testing

@Suite struct DiffTests {
    /// The diff is made from the rows of now, gone back over the keys that a row had in between.
    @Test func aRowThatGotAnotherKeyAndChangedThereIsShownAsTheBatchLeftIt() throws {
        try BadLuckScene.with { scene in
            try scene.sql("UPDATE items SET qty = 1")
            for (name, sql) in [
                ("one", "UPDATE items SET qty = 2 WHERE id = 1"), ("two", "UPDATE items SET qty = 3 WHERE id = 1"),
                ("move", "UPDATE items SET id = 70 WHERE id = 1"), ("again", "UPDATE items SET id = 80 WHERE id = 70"),
                ("there", "UPDATE items SET qty = 99 WHERE id = 80"), ("gone", "DELETE FROM items WHERE id = 80"),
            ] {
                try scene.expect(0, "run", "--id", name, "--sql", sql)
            }
            for (name, before, after) in [("one", 1, 2), ("two", 2, 3)] {
                let change = try scene.json("diff", "--id", name)["changes"]?.array?.first
                #expect(change?["before"]?["qty"]?.integer == Int64(before), "\(name): \(change ?? .null)")
                #expect(change?["after"]?["qty"]?.integer == Int64(after), "\(name): \(change ?? .null)")
            }
        }
    }

    @Test func theChangesOfABatchStayExactWhileLaterOnesLive() throws {
        try SampleDatabase.withBatches { database in
            let diff = try database.json("diff", "--id", "reprice")
            #expect(
                diff["changes"] == [
                    [
                        "op": "update", "table": "invoices", "key": 1, "before": ["total": .number(10)],
                        "after": ["total": .number(20)],
                    ],
                    [
                        "op": "update", "table": "invoices", "key": 2, "before": ["total": .number(20.5)],
                        "after": ["total": .number(41)],
                    ],
                    [
                        "op": "delete", "table": "invoices", "key": 3,
                        "before": ["id": 3, "customer": 2, "total": .number(30), "note": ["blob": "00ff"]],
                        "after": nil,
                    ],
                ])
            #expect(diff["counts"]?["updated"] == 2 && diff["counts"]?["deleted"] == 1)
            let between = try database.json("diff", "reprice.1^", "reprice.1")
            #expect(between["changes"] == diff["changes"])
        }
    }

    @Test(arguments: [
        "CREATE TABLE t(code TEXT PRIMARY KEY, n) WITHOUT ROWID", "CREATE TABLE t(code TEXT PRIMARY KEY, n)",
        "CREATE TABLE t(n, code TEXT, PRIMARY KEY(code, n))", "CREATE TABLE t(code PRIMARY KEY, n) WITHOUT ROWID",
    ])
    func changesAreShownInTheOrderOfTheKey(schema: String) throws {
        let codes = ["pear", "fig", "apple", "lime", "date", "kiwi", "plum", "nut"]
        let rows = codes.enumerated().map { "('\($1)', \($0))" }.joined(separator: ", ")
        try SampleDatabase.with("\(schema); INSERT INTO t(code, n) VALUES \(rows)") { database in
            try database.run("mixed", "DELETE FROM t WHERE code > 'b'")
            for words in [["diff", "mixed"], ["diff", "mixed.1^", "mixed.1"]] {
                let changes = try JSONParser.parse(try database.tool(words + ["--json"]).out)["changes"]
                let found = (changes?.array ?? []).map { $0["before"]?["code"]?.string ?? "" }.filter { !$0.isEmpty }
                #expect(found == found.sorted() && found.count >= 6, "\(words): \(found)")
            }
        }
    }

    /// The undo log between two points and the points themselves tell the same.
    @Test(arguments: [
        ("import.1^", "close.1"), ("import.1", "reprice.1"), ("close.1", "import.1^"), ("reprice.1^", "drift.1"),
    ])
    func theLogBetweenTwoPointsTellsHowTheyDiffer(_ old: String, _ new: String) throws {
        try SampleDatabase.withBatches { database in
            try database.sql("UPDATE invoices SET total = 1 WHERE id = 1")
            #expect(try database.tool("drift", "adopt").code == 0)
            let changes = try database.json("diff", old, new)
            // Of a change that nobody has kept, both must say nothing.
            try database.sql("UPDATE invoices SET total = 99, note = 'later'; UPDATE rates SET factor = 0")
            #expect(try database.json("diff", old, new) == changes)
            let files = [old, new].map { "\(database.folder)/\($0).db" }
            for (point, file) in zip([old, new], files) {
                #expect(try database.tool("restore", "--point", point, "--to", file).code == 0)
            }
            let sql = try database.tool("diff", old, new, "--sql").out
            #expect(
                try BuiltTool.shell("sqlite3 -bail \"$1\" \"DROP TRIGGER rounded; $2\"", [files[0], sql]).code == 0)
            let dumps = try files.map { try database.dump($0).split(separator: "\n").filter { $0.hasPrefix("INSERT") } }
            #expect(dumps[0] == dumps[1])
        }
    }

    @Test func aBatchIsShownAsItWasWhateverOthersWroteSince() throws {
        try SampleDatabase.withBatches { database in
            let changes = try database.json("diff", "--id", "reprice")
            try database.sql("UPDATE invoices SET total = 99 WHERE id = 1")
            #expect(try database.json("diff", "--id", "reprice") == changes)
            try database.run("next", "UPDATE invoices SET total = 7 WHERE id = 1")
            #expect(try database.json("diff", "--id", "reprice") == changes)
        }
    }

    @Test func theSQLOfADiffLeadsFromOnePointToTheOther() throws {
        try SampleDatabase.withBatches { database in
            let (old, new) = (database.folder + "/old.db", database.folder + "/new.db")
            #expect(try database.tool("restore", "--point", "import.1^", "--to", old).code == 0)
            #expect(try database.tool("restore", "--point", "close.1", "--to", new).code == 0)
            let sql = try database.tool("diff", "import.1^", "close.1", "--sql").out
            #expect(try BuiltTool.shell("sqlite3 -bail \"$1\" \"DROP TRIGGER rounded; $2\"", [old, sql]).code == 0)
            let dumps = try [old, new].map {
                try database.dump($0).split(separator: "\n").filter { $0.hasPrefix("INSERT") }
            }
            #expect(dumps[0] == dumps[1])
        }
    }

    /// A row that differs in nothing else has nothing to set.
    @Test func theSQLOfADiffRunsWhereAColumnIsGone() throws {
        try SampleDatabase.with { database in
            try database.run("alter", "ALTER TABLE rates ADD COLUMN city TEXT DEFAULT 'Lyon'")
            let file = database.folder + "/old.db"
            #expect(try database.tool("restore", "--point", "alter.1", "--to", file).code == 0)
            let sql = try database.tool("diff", "alter.1", "alter.1^", "--sql").out
            #expect(sql.contains("-- a row of \"rates\" differs in columns that are gone: \"code\" IS "), "\(sql)")
            let run = try BuiltTool.shell("sqlite3 -bail \"$1\" \"SELECT 1; $2\"", [file, sql])
            #expect(run.code == 0, "\(run)")
        }
    }

    @Test func aDiffCanBeLimitedToCountsOrATable() throws {
        try SampleDatabase.withBatches { database in
            let stat = try database.json("diff", "import.1^", "close.1", "--stat")
            #expect(stat["changes"] == [])
            #expect(stat["counts"]?["tables"]?.texts("table") == ["customers", "invoices", "rates"])
            let table = try database.json("diff", "import.1^", "close.1", "--table", "RATES")
            #expect(table["counts"]?["tables"]?.texts("table") == ["rates"])
            #expect(try database.tool("diff", "--id", "close", "--table", "rates").out == "no rows changed\n")
            let wrong = try database.tool("diff", "--id", "close", "--table", "rate")
            #expect(wrong.err.contains("there is no table 'rate'; did you mean 'rates'?"))
            #expect(wrong.code == 2)
        }
    }

    @Test func aKeyChangedInCaseAloneIsOneChange() throws {
        try SampleDatabase.with { database in
            try database.run("shout", "UPDATE rates SET code = upper(code)")
            for words in [["--id", "shout"], ["shout.1^", "shout.1"]] {
                let diff = try BuiltTool.shell("exec \"$TOOL\" \"$@\"", ["--db", database.path, "diff"] + words).out
                #expect(diff.contains("'EUR'") && diff.contains("'USD'"))
            }
            for source in ["git", "bak"] {
                let file = "\(database.folder)/\(source).db"
                #expect(try database.tool("restore", "--point", "shout.1", "--to", file, "--source", source).code == 0)
                #expect(try database.dump(file).contains("VALUES('EUR',1.0)"))
            }
        }
    }

    @Test func theRowsOfAnAlteredTableAreComparedByName() throws {
        try SampleDatabase.with { database in
            try database.run(
                "alter",
                "ALTER TABLE customers ADD COLUMN city TEXT DEFAULT 'Lyon'; CREATE TABLE extra(a); INSERT INTO extra VALUES (7)"
            )
            let changes = try #require(try database.json("diff", "--id", "alter")["changes"]?.array)
            #expect(changes.count == 4)
            #expect(changes.contains(["op": "insert", "table": "extra", "key": 1, "before": nil, "after": ["a": 7]]))
            #expect(
                changes.contains([
                    "op": "update", "table": "customers", "key": 1, "before": [:], "after": ["city": "Lyon"],
                ]))
        }
    }
}
