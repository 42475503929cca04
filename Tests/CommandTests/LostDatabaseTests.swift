import BatchCore
import TestSupport
import Testing

/// `points` and `list` of a database whose file is gone.
@Suite struct LostDatabaseTests {
    @Test func pointsAndListAreToldByTheHomeAndTheHintBringsTheDatabaseBack() throws {
        try SampleDatabase.withBatches { database in
            #expect(try database.tool("rollback", "close").code == 0)
            let points = try database.json("points")["points"]
            let list = try database.json("list")["batches"]
            let dump = try database.dump()
            try database.shell("rm \"$DB\"*")
            let told = try database.tool("points", "--json")
            let found = try JSONParser.parse(told.out)["points"]
            for key in ["batch", "kind", "commit", "bak", "digest"] {
                #expect(found?.texts(key) == points?.texts(key), "\(key)")
            }
            let batches = try JSONParser.parse(try database.tool("list", "--json").out)["batches"]
            for key in ["batch", "status"] { #expect(batches?.texts(key) == list?.texts(key), "\(key)") }
            let said = try database.tool("points").err
            let hint = try #require(said.split(separator: "\n").first { $0.hasPrefix("hint: rebuild it: ") })
            let command = hint.dropFirst("hint: rebuild it: batchmgr".count)
            let restored = try database.shell("\"$TOOL\"\(command)")
            #expect(restored.code == 0, "\(hint): \(restored.err)")
            #expect(try database.dump() == dump)
        }
    }

    @Test func whereGitIsLostTooTheBakFilesTell() throws {
        try SampleDatabase.withBatches { database in
            let known = try database.json("points")["points"]?.texts("digest").dropFirst()
            try database.shell("rm -r \"$DB\"* \"$BACKUPS\"/history.git")
            let found = try JSONParser.parse(try database.tool("points", "--json").out)["points"]
            #expect(found?.texts("batch") == ["import.1", "reprice.1", "close.1"])
            #expect(found?.texts("digest") == known.map { Array($0) })
        }
    }

    @Test func aPathWhereNothingEverWasIsMissing() throws {
        try SampleDatabase.with { database in
            let result = try database.shell("exec \"$TOOL\" --db \"$DB.other\" points")
            #expect(result.code == 2)
            #expect(result.err.hasPrefix("error: ERR_UX_FILE_MISSING: "), "\(result.err)")
            #expect(try database.shell("ls \"$(dirname \"$DB\")\"").out == "app.db\n")
        }
    }
}
