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

    @Test(arguments: ["6 status", "6 verify", "2 run a --sql 'SELECT 1'", "2 rollback close"])
    func aFileThatIsNoDatabaseAnyMoreIsRebuiltByTheHint(line: String) throws {
        try SampleDatabase.withBatches { database in
            let dump = try database.dump()
            try database.shell("rm \"$DB\"*; head -c 5000 /dev/zero | tr '\\0' x > \"$DB\"")
            let result = try database.shell("exec \"$TOOL\" --db \"$DB\" \(line.dropFirst(2)) 2>&1")
            #expect(result.code == Int32(line.prefix(1)), "\(result.out)")
            let text = result.out.split(whereSeparator: \.isWhitespace).joined(separator: " ")
            #expect(text.contains("is not a SQLite database any more; its copies are here: 4 points in git"), "\(text)")
            let hint = try #require(text.firstRange(of: "move it away: mv "))
            let move = "mv " + text[hint.upperBound...].prefix { $0 != ";" }
            let start = try #require(text.firstRange(of: "rebuild it: batchmgr"))
            let command = text[start.upperBound...].split(separator: " ").prefix(7).joined(separator: " ")
                .replacing(";", with: "")
            let restored = try database.shell("\(move) && \"$TOOL\" \(command)")
            #expect(restored.code == 0, "\(move); \(command): \(restored.err)")
            #expect(try database.dump() == dump)
        }
    }

    /// A disk that is mounted elsewhere, or another machine: the copies are found, though not by the path.
    @Test func ofAFolderThatWasMovedTheCopiesAreFound() throws {
        try SampleDatabase.withBatches { database in
            let dump = try database.dump()
            let moved = try database.shell(
                """
                there="$(dirname "$DB")/there"; mkdir "$there" && mv "$(dirname "$DB")/backups" "$there" && rm "$DB"*
                cd "$there" && "$TOOL" --db app.db status; echo "code $?"
                "$TOOL" --db other.db status 2> /dev/null; echo "code $?"
                "$TOOL" --db app.db restore --point latest --to app.db -q; echo "code $?"
                """)
            #expect(moved.out.contains("there/app.db is lost") && moved.out.contains("4 points in git"), "\(moved)")
            #expect(moved.out.split(separator: "\n").filter { $0.hasPrefix("code") } == ["code 6", "code 2", "code 0"])
            #expect(try database.dump(database.folder + "/there/app.db") == dump)
        }
    }

    /// A program that opens a path makes an empty file there.
    @Test func ofAnEmptyFileItIsSaidThatItKnowsNoneOfThePoints() throws {
        try SampleDatabase.withBatches { database in
            let dump = try database.dump()
            try database.shell("rm \"$DB\"* && : > \"$DB\"")
            let told =
                "warning: WARN_DATA_OLDER_COPY: this file has no rows, and knows none of the restore points that "
            var commands: [Substring] = []
            for words in [["status"], ["run", "--id", "new", "--sql", "CREATE TABLE t(a)"]] {
                let result = try database.tool(words)
                #expect(result.code == 0 && result.err.contains(told), "\(words): \(result.err)")
                let hint = try #require(result.err.firstRange(of: "get back what was there: batchmgr"))
                commands.append(result.err[hint.upperBound...].prefix { $0 != ";" })
            }
            #expect(try database.tool("run", "--id", "more", "--sql", "INSERT INTO t VALUES(1)").err == "")
            // A file that was brought back has no ledger either, and is as it should be.
            try database.shell(
                "cp \"$DB\" \"$DB.kept\"; rm \"$DB\"*; \"$TOOL\" --db \"$DB\" restore --point latest --to \"$DB\"")
            #expect(try database.tool("status").err == "")
            try database.shell("rm \"$DB\"; mv \"$DB.kept\" \"$DB\"")
            #expect(try database.tool("status").err == "")
            // What was there comes back even now.
            for (index, command) in commands.enumerated() {
                let file = "\(database.folder)/\(index).db"
                let restored = try database.shell("\"$TOOL\"\(command.replacing("FILE", with: Shell.quote(file)))")
                #expect(restored.code == 0, "\(command): \(restored.err)")
                #expect(try database.dump(file) == dump)
            }
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
