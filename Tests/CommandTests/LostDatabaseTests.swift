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

    @Test(arguments: [
        "6 status", "6 verify", "6 verify --fast", "2 show close.1", "2 diff close", "2 rollback close",
    ])
    func everyOtherVerbSaysWhatIsLostAndWhatBringsItBack(line: String) throws {
        let words = line.split(separator: " ").map(String.init)
        try SampleDatabase.withBatches { database in
            let dump = try database.dump()
            try database.shell("rm \"$DB\"*")
            let result = try database.tool(Array(words.dropFirst()))
            #expect(result.code == Int32(words[0]), "\(result.out)\(result.err)")
            let text = (result.out + result.err).split(separator: " ").joined(separator: " ").replacing(
                "\n ", with: " ")
            #expect(
                text.contains(
                    "app.db is lost, with its ledger and its undo logs; its copies are here: 4 points in git"),
                "\(text)")
            let start = try #require(text.firstRange(of: "rebuild it: batchmgr"))
            let command = text[start.upperBound...].prefix { $0 != "\n" && $0 != ";" }
            let restored = try database.shell("\"$TOOL\"\(command)")
            #expect(restored.code == 0, "\(command): \(restored.err)")
            #expect(try database.dump() == dump)
            #expect(try database.tool("status").code == 0)
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
