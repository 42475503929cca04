import BatchCore
import TestSupport
import Testing

/// Plans that are bound to the state they were made for.
@Suite struct BoundPlanTests {
    private static func with(_ body: (SampleDatabase, String) throws -> Void) throws {
        try SampleDatabase.withBatches { database in
            let plan = database.folder + "/plan.json"
            let made = try database.tool("rollback", "--id", "reprice", "--mode", "cascade", "--plan-out", plan)
            try #require(made.code == 0, "\(made.err)")
            try body(database, plan)
        }
    }

    @Test func aPlanTellsWhatItWouldDoAndDoesNothing() throws {
        try Self.with { database, file in
            #expect(try database.json("list")["batches"]?.array?.count == 3)
            let plan = try JSONParser.parse(try TextFile.read(file))
            #expect(plan["order"]?.array?.compactMap(\.string) == ["close.1", "reprice.1"])
            #expect(plan["dependents"]?.texts("evidence") == ["row invoices 1 key"])
            #expect(plan["preview"]?["counts"]?["deleted"]?.integer == 1)
            #expect(plan["preview"]?["changes"]?.array?.isEmpty == false)
            #expect(plan["estimate_ms"]?.integer ?? 0 > 0)
            #expect(plan["head"]?["batch"]?.integer == 3)
            #expect(plan["sha256"]?.string?.count == 64)
            let again = try database.json("rollback", "--id", "close", "--plan-out", file)
            #expect(again["error"]?["code"]?.string == "ERR_UX_FILE_EXISTS")
        }
    }

    @Test func aPlanIsCarriedOutOnce() throws {
        try Self.with { database, file in
            let rehearsed = try database.json("rollback", "--plan", file, "--dry-run")
            #expect(rehearsed["dry_run"]?.bool == true)
            let done = try database.json("rollback", "--plan", file)
            #expect(done["order"]?.array?.compactMap(\.string) == ["close.1", "reprice.1"])
            let stale = try database.json("rollback", "--plan", file)["error"]
            #expect(stale?["code"]?.string == "ERR_DATA_STALE_PLAN")
            #expect(stale?["exit_code"]?.integer == 4)
            #expect(stale?["message"]?.string?.hasSuffix("rollback.1 ran since then") == true)
        }
    }

    @Test(arguments: [
        ("INSERT INTO rates VALUES('chf', 1)", "rows changed in rates outside any batch"),
        ("UPDATE customers SET name = 'Al' WHERE id = 1", "rows changed in customers outside any batch"),
        ("CREATE TABLE other(x)", "the schema changed outside any batch"),
    ])
    func driftMakesAPlanStaleAndIsNamed(_ sql: String, _ words: String) throws {
        try Self.with { database, file in
            try database.sql(sql)
            let before = try database.dump()
            let error = try database.json("rollback", "--plan", file)["error"]
            #expect(error?["code"]?.string == "ERR_DATA_STALE_PLAN")
            #expect(error?["message"]?.string?.hasSuffix(words) == true, "\(error?["message"]?.string ?? "")")
            #expect(try database.dump() == before)
        }
    }

    /// Arguments of sed.
    @Test(arguments: [
        "s/cascade/restrict/", "s/close.1/import.1/", "s/\"batch\": 3/\"batch\": 4/", "1s/{/[/", "$d", "1,$d",
    ])
    func aPlanThatWasEditedIsRefused(_ edit: String) throws {
        try Self.with { database, file in
            let before = try database.dump()
            _ = try BuiltTool.shell("sed -i \"$1\" \"$2\"", [edit, file])
            let error = try database.json("rollback", "--plan", file)["error"]
            #expect(error?["code"]?.string == "ERR_UX_INVALID_PLAN")
            #expect(error?["exit_code"]?.integer == 2)
            #expect(try database.dump() == before)
        }
    }

    /// The seal is no secret: whoever makes a new one still cannot have another batch undone.
    @Test func aPlanWithANewSealStillUndoesNothingElse() throws {
        try Self.with { database, file in
            let script = """
                import json, hashlib, sys
                plan = json.load(open(sys.argv[1])); plan["order"] = ["import.1"]; plan.pop("sha256")
                text = json.dumps(plan, separators=(",", ":"), ensure_ascii=False)
                plan["sha256"] = hashlib.sha256(text.encode()).hexdigest(); json.dump(plan, open(sys.argv[1], "w"))
                """
            #expect(try BuiltTool.shell("python3 -c \"$1\" \"$2\"", [script, file]).code == 0)
            let error = try database.json("rollback", "--plan", file)["error"]
            #expect(error?["message"]?.string == "the plan for reprice.1 does not name the batches that depend on it")
        }
    }

    @Test func aPlanOfAnotherDatabaseIsRefused() throws {
        try Self.with { _, file in
            try SampleDatabase.withBatches { other in
                let error = try other.json("rollback", "--plan", file)["error"]
                #expect(error?["message"]?.string == "the plan belongs to another database")
                #expect(error?["exit_code"]?.integer == 2)
            }
        }
    }

    @Test func otherOptionsDoNotGoWithAPlan() throws {
        try Self.with { database, file in
            for words in [["--mode", "replay"], ["--to", "1"], ["--include-reads"], ["--id", "import"]] {
                let result = try BuiltTool.shell(
                    "exec \"$TOOL\" --db \"$1\" rollback --plan \"$2\" \"$3\" $4",
                    [database.path, file, words[0], words.count > 1 ? words[1] : ""])
                #expect(result.code == 2, "\(words): \(result.err)")
            }
        }
    }
}
