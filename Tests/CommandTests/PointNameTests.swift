import BatchCore
import TestSupport
import Testing

/// Points by `latest`, time, batch, tag and commit, wherever a point is named.
@Suite struct PointNameTests {
    /// Three batches at noon, at 14:00 and at 16:00 UTC of a day that is over.
    private static func with(_ body: (SampleDatabase) throws -> Void) throws {
        try SampleDatabase.withBatches { database in
            for (batch, hour) in [("import", 12), ("reprice", 14), ("close", 16)] {
                try database.sql(
                    """
                    UPDATE batchmgr_checkpoints SET committed_at = '2026-10-24T\(hour):00:00.000Z'
                    WHERE batch = (SELECT seq FROM batchmgr_batches WHERE job = '\(batch)');
                    UPDATE batchmgr_points SET created_at = '2026-10-24T\(hour):00:00.000Z'
                    WHERE batch = (SELECT seq FROM batchmgr_batches WHERE job = '\(batch)');
                    UPDATE batchmgr_points SET created_at = '2026-10-24T11:00:00.000Z' WHERE batch = 0;
                    """)
            }
            try body(database)
        }
    }

    private static func restored(_ database: SampleDatabase, _ point: String, zone: String = "UTC") throws -> String {
        let result = try database.shell(
            "rm -f \"$DB.new\"; TZ=\(zone) exec \"$TOOL\" --db \"$DB\" restore '\(point)' --to \"$DB.new\" --json")
        let document = try JSONParser.parse(result.out)
        return document["point"]?.string ?? document["error"]?["code"]?.string ?? result.out
    }

    @Test(arguments: [
        ("2026-10-24T13:59:59.999", "UTC", "import.1"), ("2026-10-24T14:00", "UTC", "reprice.1"),
        ("2026-10-24T15:59", "UTC", "reprice.1"), ("2026-10-24", "UTC", "close.1"), ("2h ago", "UTC", "close.1"),
        ("2026-10-24T14:00", "Europe/Berlin", "import.1"), ("2026-10-24T16:00", "Europe/Berlin", "reprice.1"),
        ("2026-10-24T16:00+02:00", "UTC", "reprice.1"), ("2026-10-24T16:00Z", "America/New_York", "close.1"),
        ("2026-10-24T10:59", "UTC", "ERR_UX_UNKNOWN_POINT"), ("2099-10-24", "UTC", "ERR_UX_USAGE"),
        ("latest", "UTC", "close.1"), ("latest^", "UTC", "close.1^"), ("reprice^", "UTC", "reprice.1^"),
        ("repric", "UTC", "ERR_UX_UNKNOWN_BATCH"),
    ])
    func restoreTakesThePointOfATime(point: String, zone: String, expected: String) throws {
        try Self.with { database in
            let found = try Self.restored(database, point, zone: zone)
            #expect(found == expected)
        }
    }

    @Test func diffShowAndDrillTakeThemToo() throws {
        try Self.with { database in
            let commit = try #require(try database.json("points")["points"]?.texts("commit").last)
            for name in ["latest", "close", "close.1", "batch/close.1", commit, "2026-10-25T00:00Z"] {
                #expect(try database.json("show", name)["batch"]?.string == "close.1", "\(name)")
                #expect(try database.json("diff", name)["counts"]?["inserted"]?.integer == 1, "\(name)")
                let checks = try database.json("drill", name)["checks"]?.texts("name")
                #expect(checks == ["close.1 git", "close.1 .bak"], "\(name)")
            }
            let since = try database.json("diff", "2026-10-24T13:00Z", "latest")
            let between = try database.json("diff", "reprice.1^", "close.1")
            #expect(since == between)
            #expect(try database.json("show", "close.1^")["batch"]?.string == "reprice.1")
        }
    }

    /// The hour that comes twice in Berlin is from 0:00 to 2:00 UTC.
    @Test func ofAnHourThatComesTwiceTheSecondIsMeant() throws {
        try Self.with { database in
            try database.sql(
                """
                UPDATE batchmgr_checkpoints SET committed_at = '2026-10-25T01:15:00.000Z'
                WHERE batch = (SELECT seq FROM batchmgr_batches WHERE job = 'close')
                """)
            #expect(try Self.restored(database, "2026-10-25T02:10", zone: "Europe/Berlin") == "reprice.1")
            #expect(try Self.restored(database, "2026-10-25T02:20", zone: "Europe/Berlin") == "close.1")
        }
    }

    @Test func aStateWithoutAPointIsRefusedAndNotReplacedByAnOlderOne() throws {
        try Self.with { database in
            try database.sql(
                "DELETE FROM batchmgr_points WHERE batch = (SELECT seq FROM batchmgr_batches WHERE job = 'reprice')")
            let result = try database.tool("restore", "2026-10-24T15:00Z", "--to", database.folder + "/new.db")
            #expect(result.code == 2)
            #expect(result.err.contains("reprice.1 had changed data already, and that state has no restore point"))
            #expect(result.err.contains("the last one before is import.1"))
            #expect(try Self.restored(database, "2026-10-24T13:00Z") == "import.1")
            #expect(try Self.restored(database, "2026-10-24T17:00Z") == "close.1")
        }
    }
}
