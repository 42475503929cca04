import BatchCore
import TestSupport
import Testing

@Suite struct RestoreRowsTests {
    @Test func someRowsOfAPointComeBackAsABatchThatCanBeUndone() throws {
        try SampleDatabase.withBatches { database in
            let before = try database.dump()
            let report = try database.json(
                "restore", "--point", "reprice.1^", "--table", "INVOICES", "--where", "id = 3 OR note = 'x'")
            #expect(report["batch"] == "restore.1")
            #expect(report["rows"]?["inserted"] == 1 && report["rows"]?["updated"] == 1)
            #expect(report["warnings"] == ["triggers of invoices did not fire: rounded"])
            let rows = try database.shell("sqlite3 \"$DB\" 'SELECT id, total, quote(note) FROM invoices'").out
            #expect(rows == "1|10.0|'x'\n2|41.0|NULL\n3|30.0|X'00FF'\n")
            #expect(try database.tool("verify").code == 0)
            #expect(try database.tool("rollback", "--id", "restore").code == 0)
            #expect(try database.dump() == before)
        }
    }

    @Test func newerRowsAndOtherTablesStay() throws {
        try SampleDatabase.withBatches { database in
            try database.run("more", "DELETE FROM customers WHERE id = 3; INSERT INTO customers VALUES (4, 'Eve')")
            #expect(try database.tool("restore", "--point", "import.1^", "--table", "customers").code == 0)
            let names = try database.shell("sqlite3 \"$DB\" 'SELECT name FROM customers ORDER BY id'").out
            #expect(names == "Ann\nBo\nCy\nEve\nDi\n")
            let rates = try database.shell("sqlite3 \"$DB\" 'SELECT count(*) FROM rates'").out
            #expect(rates == "3\n")
        }
    }

    @Test(arguments: [
        "1) OR (1", "1; DROP TABLE invoices", "1 ORDER BY 1", "id = ?", "nope = 1", "SELECT 1", "1 LIMIT 1", ";", "--",
    ])
    func whatIsNotOneExpressionChangesNothing(_ condition: String) throws {
        try SampleDatabase.withBatches { database in
            let before = try database.dump()
            let result = try database.tool(
                "restore", "--point", "reprice.1^", "--table", "invoices", "--where", condition)
            #expect(result.code == 2 && result.err.hasPrefix("error: ERR_UX_USAGE: "), "\(result.err)")
            #expect(try database.dump() == before)
            #expect(try database.json("list")["batches"]?.array?.count == 3)
        }
    }

    @Test func rowsThatWouldReferToNothingStayAway() throws {
        try SampleDatabase.withBatches { database in
            try database.run("purge", "DELETE FROM invoices; DELETE FROM customers")
            let before = try database.dump()
            let result = try database.tool("restore", "--point", "close.1", "--table", "invoices")
            #expect(result.code == 4 && result.err.hasPrefix("error: ERR_DATA_CONFLICT: 2 rows of invoices"))
            #expect(try database.dump() == before)
            #expect(try database.tool("restore", "--point", "close.1", "--table", "customers").code == 0)
            #expect(try database.tool("restore", "--point", "close.1", "--table", "invoices").code == 0)
            #expect(try database.tool("verify").code == 0)
        }
    }

    @Test func aTableWithOtherColumnsNowIsRefused() throws {
        try SampleDatabase.withBatches { database in
            try database.run("shape", "ALTER TABLE rates ADD COLUMN note")
            let result = try database.tool("restore", "--point", "close.1", "--table", "rates")
            #expect(result.code == 4 && result.err.hasPrefix("error: ERR_DATA_SCHEMA_CHANGED: "))
            let unknown = try database.tool("restore", "--point", "close.1", "--table", "nope")
            #expect(unknown.code == 2 && unknown.err.contains("no table 'nope'"))
        }
    }

    @Test func whatAKilledProcessLeftIsRemoved() throws {
        try SampleDatabase.withBatches { database in
            try database.shell("mkdir \"$BACKUPS/scratch-abc123\" && touch \"$BACKUPS/scratch-abc123/old.db\"")
            #expect(try database.tool("diff", "close.1", "import.1^").code == 0)
            #expect(try database.shell("ls -d \"$BACKUPS\"/scratch-*").out == "")
            // A folder that somebody has is left alone.
            let held = try database.shell(
                """
                mkdir "$BACKUPS/scratch-held"; exec 9<"$BACKUPS/scratch-held"; flock 9
                "$TOOL" --db "$DB" run --id more --sql 'UPDATE rates SET factor = 2' >&2; ls "$BACKUPS" | grep scratch
                """)
            #expect(held.out == "scratch-held\n")
        }
    }
}
