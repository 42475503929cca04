import BatchCore
import TestSupport
import Testing

@Suite struct BlameTests {
    @Test func everyColumnNamesWhoSetItAndFromWhat() throws {
        try SampleDatabase.withBatches { database in
            let blame = try database.json("blame", "--table", "Invoices", "--key", "1")
            #expect(blame["table"] == "invoices" && blame["key"] == 1 && blame["exists"] == true)
            #expect(origins(blame) == ["baseline", "baseline", "reprice.1", "close.1"])
            #expect(blame["columns"]?.array?[2]["from"] == .number(10))
            #expect(blame["columns"]?.array?[2]["value"] == .number(20))
            #expect(blame["columns"]?.array?[3]["at"]?.string?.hasSuffix("Z") == true)
            #expect(
                origins(try database.json("blame", "--table", "rates", "--key", "GBP")) == ["import.1", "import.1"])
        }
    }

    @Test func changesOutsideAnyBatchAreDriftUntilABatchKeepsThem() throws {
        try SampleDatabase.withBatches { database in
            try database.sql("UPDATE invoices SET customer = 2, note = 'mine' WHERE id = 1")
            try database.sql("UPDATE customers SET name = 'Zed' WHERE id = 3")
            for drift in ["drift", "drift.1"] {
                let row = try database.json("blame", "--table", "invoices", "--key", "1")
                #expect(origins(row) == ["baseline", drift, "reprice.1", drift])
                #expect(row["columns"]?.array?[3]["from"] == "closed")
                let other = try database.json("blame", "--table", "customers", "--key", "3")
                #expect(origins(other) == ["baseline", drift])
                #expect(other["columns"]?.array?[1]["from"] == "Cy")
                try database.run("later", "UPDATE invoices SET note = NULL WHERE id = 2")
            }
        }
    }

    @Test func aRollbackSetsNothingAnew() throws {
        try SampleDatabase.withBatches { database in
            let before = try database.json("blame", "--table", "invoices", "--key", "1")
            try database.run(
                "wrong", "UPDATE invoices SET total = 0, note = 'wrong'; DELETE FROM invoices WHERE id = 1")
            let gone = try database.json("blame", "--table", "invoices", "--key", "1")
            #expect(gone["exists"] == false && gone["deleted"]?["batch"] == "wrong.1")
            #expect(try database.tool("rollback", "--id", "wrong").code == 0)
            let after = try database.json("blame", "--table", "invoices", "--key", "1")
            #expect(origins(after) == origins(before))
            #expect(after["columns"]?.texts("restored_by") == Array(repeating: "rollback.1", count: 4))
            #expect(try database.tool("rollback", "--id", "rollback.1").code == 0)
            let again = try database.json("blame", "--table", "invoices", "--key", "1")
            #expect(again["exists"] == false && again["deleted"]?["batch"] == "rollback.2")
        }
    }

    @Test func aRowIsFollowedWhenItsKeyChanges() throws {
        try SampleDatabase.with(
            "CREATE TABLE t(a, b, c, PRIMARY KEY(a, b)) WITHOUT ROWID; INSERT INTO t VALUES (1, 'x', 1), (2, 'y', 2)"
        ) { database in
            try database.run("first", "UPDATE t SET c = 5 WHERE a = 1")
            try database.run("move", "UPDATE t SET a = 9, b = 'z' WHERE a = 1")
            let blame = try database.json("blame", "--table", "t", "--key", "[9, \"z\"]")
            #expect(origins(blame) == ["move.1", "move.1", "first.1"])
            #expect(blame["columns"]?.array?[0]["from"] == 1)
        }
    }

    @Test func theHistoryGoesOnBehindATableThatWasAltered() throws {
        try SampleDatabase.with(
            "CREATE TABLE t(id INTEGER PRIMARY KEY, a, b, c); INSERT INTO t VALUES (1, 'x', 1, 'c'), (2, 'y', 2, 'd')"
        ) { database in
            try database.run("first", "UPDATE t SET b = 5 WHERE id = 1")
            try database.run("add", "ALTER TABLE t ADD COLUMN d DEFAULT 7; UPDATE t SET a = 'z' WHERE id = 1")
            try database.run("rename", "ALTER TABLE t RENAME COLUMN a TO aa; UPDATE t SET b = b")
            try database.run("drop", "ALTER TABLE t DROP COLUMN c")
            try database.run("last", "UPDATE t SET d = 8 WHERE id = 2")
            let one = try database.json("blame", "--table", "t", "--key", "1")
            #expect(one["columns"]?.texts("column") == ["id", "aa", "b", "d"])
            #expect(origins(one) == ["baseline", "add.1", "first.1", "add.1"], "\(one)")
            #expect(one["columns"]?.array?[1]["from"] == "x" && one["columns"]?.array?[2]["from"] == 1)
            #expect(one["columns"]?.array?[3]["from"] == .null)
            let two = try database.json("blame", "--table", "t", "--key", "2")
            #expect(origins(two) == ["baseline", "baseline", "baseline", "last.1"])
            #expect(two["columns"]?.array?[3]["from"] == 7)
        }
    }

    @Test(arguments: [
        ("nope", "1", "ERR_UX_UNKNOWN_NAME: there is no table 'nope'"),
        ("invoices", "77", "ERR_UX_UNKNOWN_NAME: table invoices has no row with key 77"),
        ("invoices", "abc", "ERR_UX_USAGE: the key of table invoices is one value"),
        ("invoices", "[1, 2]", "ERR_UX_USAGE: the key of table invoices is one value"),
        ("rates", "[", "ERR_UX_USAGE: '[' is not a key"),
    ])
    func whatIsNotThereIsAnError(_ table: String, _ key: String, _ words: String) throws {
        try SampleDatabase.withBatches { database in
            let result = try database.tool("blame", "--table", table, "--key", key)
            #expect(result.code == 2 && result.err.hasPrefix("error: \(words)"), "\(result.err)")
        }
    }

    private func origins(_ blame: JSONValue) -> [String] {
        (blame["columns"]?.array ?? []).map { $0["batch"]?.string ?? $0["kind"]?.string ?? "" }
    }
}
