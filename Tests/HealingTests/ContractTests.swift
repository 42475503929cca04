import BatchCore
import TestSupport
import Testing

/// Contracts, asked by the built tool.
@Suite struct ContractTests {
    private static let contracts = """
        totals:
          description: Totals are right
          table: bills
          query: >-
            SELECT no, owner FROM bills WHERE sum <> {invoices.due} AND (:tenant IS NULL OR owner = :tenant)
        some:
          table: bills
          warn_if: 2
          fail_if: 60%
          query: SELECT no FROM bills WHERE state = 'new'
        few: {table: bills, fail_if: 50%, query: SELECT no FROM bills WHERE state = 'new'}
        none: {class: SECURITY, severity: critical, when: weekly, query: SELECT no FROM bills WHERE sum < 0}
        broken: {query: SELECT nothing FROM bills}
        """

    private func check(_ words: [String] = []) throws -> [String: JSONValue] {
        try HealingScene.with { scene in
            try scene.write("catalog/contracts.yaml", ContractTests.contracts)
            let result = try scene.tool(["contract", "check", "--json"] + words)
            #expect(result.code == 1)
            let answer = try JSONParser.parse(result.out)
            #expect(answer["ok"]?.bool == false)
            let entries = answer["contracts"]?.array ?? []
            return Dictionary(entries.map { ($0["id"]?.string ?? "", $0) }) { first, _ in first }
        }
    }

    @Test func eachIsOkWarnsOrFails() throws {
        let found = try check()
        #expect(found["totals"]?["status"]?.string == "fail")
        #expect(found["totals"]?["violations"]?.integer == 2)
        #expect(found["totals"]?["rows"]?.array?.compactMap { $0["no"]?.integer } == [2, 4])
        #expect(found["some"]?["status"]?.string == "warn")
        #expect(found["few"]?["status"]?.string == "fail")
        #expect(found["none"]?["status"]?.string == "ok")
        #expect(found["none"]?["class"]?.string == "SECURITY")
        #expect(found["broken"]?["status"]?.string == "fail")
        #expect(found["broken"]?["error"]?.string?.contains("nothing") == true)
    }

    private static let outside = """
        outside:
          class: SECURITY
          query: >-
            SELECT value ->> 'table' AS what, value ->> 'key' AS id, value ->> 'op' AS op, value ->> 'tenant' AS owner
            FROM json_each(written_outside('*')) WHERE :tenant IS NULL OR value ->> 'tenant' = :tenant
        bills: {query: "SELECT value ->> 'key' AS id FROM json_each(written_outside('Bills'))"}
        """

    /// Whether the guard notes them or the rows are compared with a copy.
    @Test(arguments: ["off", "track"]) func whatNoBatchHasWrittenIsTold(guarded: String) throws {
        try HealingScene.with { scene in
            func rows(_ contract: String, _ words: String...) throws -> [String] {
                let result = try scene.tool(["contract", "check", contract, "--json"] + words)
                let entry = try JSONParser.parse(result.out)["contracts"]?.array?.first
                let rows = entry?["rows"]?.array ?? []
                #expect(result.code == (rows.isEmpty ? 0 : 1), "\(result.out)")
                #expect(entry?["violations"]?.integer == Int64(rows.count))
                return rows.map { row in
                    ["what", "id", "op", "owner"].compactMap { row[$0]?.string ?? row[$0]?.integer.map { "\($0)" } }
                        .joined(separator: " ")
                }
            }
            try scene.write("catalog/contracts.yaml", ContractTests.outside)
            // Nobody knows what was there before the first batch.
            #expect(try rows("outside") == [])
            try scene.expect(0, "run", "first", "--tenant", "a", "--sql", "UPDATE bills SET state = 'x' WHERE no = 1")
            try scene.expect(0, "guard", "set", "--mode", guarded)
            #expect(try rows("outside") == [])
            try scene.sql(
                "UPDATE bills SET sum = 99 WHERE no = 3; DELETE FROM \"kept values\" WHERE owner = 'a' AND name = 'x'")
            #expect(try rows("outside") == ["kept values [\"a\",\"x\"] delete a", "bills 3 update b"])
            #expect(try rows("outside", "--tenant", "a") == ["kept values [\"a\",\"x\"] delete a"])
            #expect(try rows("bills") == ["3"])
            // What is taken over is a batch of its own.
            try scene.expect(0, "drift", "adopt")
            #expect(try rows("outside") == [])
        }
    }

    @Test func theBatchThatSetTheRowIsNamed() throws {
        try HealingScene.with { scene in
            try scene.write("catalog/contracts.yaml", ContractTests.contracts)
            let own = ["--tenant", "a"]
            try scene.expect(0, ["run", "fine", "--sql", "UPDATE bills SET sum = 20 WHERE no = 2"] + own)
            try scene.expect(0, ["run", "other", "--sql", "UPDATE bills SET state = 'new' WHERE no = 1"] + own)
            try scene.expect(0, ["run", "spoil", "--sql", "UPDATE bills SET sum = 99 WHERE no = 2"] + own)
            let answer = try JSONParser.parse(
                try scene.tool(["contract", "check", "totals", "--json"] + own).out)
            #expect(answer["contracts"]?.array?.first?["batch"]?.string == "spoil.1")
        }
    }

    /// Each row with the batch that set it; nothing for a row that no batch has set.
    @Test func theBatchOfEachRowIsNamed() throws {
        try HealingScene.with { scene in
            try scene.write(
                "catalog/contracts.yaml",
                "high: {table: bills, query: SELECT no FROM bills WHERE sum > 20 ORDER BY no}\n")
            for (name, no, tenant) in [("one", 1, "a"), ("two", 2, "a"), ("three", 3, "b")] {
                let sql = "UPDATE bills SET sum = 99 WHERE no = \(no)"
                try scene.expect(0, "run", name, "--sql", sql, "--tenant", tenant)
            }
            let entry = try scene.json("contract", "check")["contracts"]?.array?.first
            #expect(entry?["row_batches"]?.array == ["one.1", "two.1", "three.1", .null], "\(entry ?? .null)")
            #expect(entry?["batch"]?.string == "three.1")
            let shown = try scene.tool("contract", "check").out
            #expect(shown.contains("no 1, set by one.1") && shown.contains("no 4\n"), "\(shown)")
        }
    }

    @Test(arguments: [
        ("a: {query: SELECT 1; SELECT 2}", "query: a second statement begins here; write one query"),
        ("a: {query: 'SELECT :what'}", "query: ':what' has no value; only :tenant has one"),
        ("a: {query: SELECT 1, fail_if: 5%}", "fail_if: a share needs 'table', the rows that it is a share of"),
        ("a: {query: SELECT 1, fail_if: many}", "fail_if: write a number of rows or a share, e.g. 5 or 0.5%"),
        ("a: {query: SELECT 1, key: [no]}", "key"),
        (
            "a: {query: SELECT 1, key: [no, owner], reads: {bills: [no]}}",
            "reads: write for bills as many columns as 'key' has, in the same order"
        ),
        ("a: {querry: SELECT 1}", "a contract has no key 'querry'; did you mean 'query'?"),
        ("a: {query: 'SELECT {roles}'}", "{roles}: catalog/mapping.yaml does not say what that is in this database"),
    ])
    func mistakesAreTold(_ text: String, _ message: String) throws {
        try HealingScene.with { scene in
            try scene.write("catalog/contracts.yaml", text)
            let result = try scene.expect(.invalidCatalog, "contract", "list")
            #expect(result.err.contains(message), "\(result.err)")
        }
    }

    @Test func aContractChangesNothing() throws {
        try HealingScene.with { scene in
            try scene.write("catalog/contracts.yaml", "bad: {query: DELETE FROM bills RETURNING no}")
            let before = try scene.dump()
            try scene.expect(1, "contract", "check")
            #expect(try scene.dump() == before)
        }
    }

    // MARK: Of changed rows alone

    private static let incremental = """
        totals:
          table: bills
          key: [no]
          reads: {bills: [no], parts: [bill]}
          query: >-
            SELECT no, owner FROM bills WHERE sum <> {invoices.due} AND (:tenant IS NULL OR owner = :tenant)
        cached:
          key: [owner, name]
          reads: {kept values: [owner, name]}
          query: SELECT owner, name FROM "kept values" WHERE md5(body) <> hash
        once:
          key: [owner, name]
          reads: {kept values: [owner, name]}
          query: SELECT owner, name FROM "kept values" k WHERE k.hash IS NULL OR NOT EXISTS
            (SELECT 1 FROM bills b WHERE b.owner = k.owner)
        """

    private func asked(_ scene: BadLuckScene, _ words: String...) throws -> [String: JSONValue] {
        let result = try scene.tool(["contract", "check", "--json"] + words)
        let entries = try JSONParser.parse(result.out)["contracts"]?.array ?? []
        return Dictionary(entries.map { ($0["id"]?.string ?? "", $0) }) { first, _ in first }
    }

    private func incremental(_ body: (BadLuckScene) throws -> Void) throws {
        try HealingScene.with { scene in
            try scene.write("catalog/contracts.yaml", ContractTests.incremental)
            try scene.expect(
                0, "run", "--id", "first", "--tenant", "a", "--sql", "UPDATE bills SET state = 'x' WHERE no = 1")
            try body(scene)
        }
    }

    @Test(
        arguments: [
            // Wrong are bills 2 and 4 from the beginning: nobody has changed them since.
            ("UPDATE bills SET state = 'y' WHERE no = 1", 0, []),
            ("UPDATE bills SET sum = 11 WHERE no = 1", 1, [1]),
            ("UPDATE parts SET amount = 11 WHERE bill = 1", 1, [1]),
            ("DELETE FROM parts WHERE bill = 2 AND amount = 5", 1, [2]),
            ("UPDATE parts SET bill = 2 WHERE bill = 1", 2, [2]),
            ("UPDATE bills SET sum = 20 WHERE no = 2", 1, []),
            ("INSERT INTO bills VALUES(7, 'a', 7, 'new'); INSERT INTO parts VALUES(7, 'a', 8)", 1, [7]),
            ("UPDATE bills SET no = 9 WHERE no = 2", 2, []),
        ] as [(String, Int64, [Int64])])
    func onlyWhatBatchesChangedIsLookedAt(_ sql: String, _ keys: Int64, _ wrong: [Int64]) throws {
        try incremental { scene in
            #expect(try asked(scene)["totals"]?["violations"]?.integer == 2)
            try scene.expect(0, "run", "--id", "next", "--tenant", "a", "--sql", sql)
            let all = try asked(scene, "--changed")
            #expect(all["cached"]?["scope"]?.string == "changed", "\(all["cached"] ?? nil)")
            let totals = all["totals"]
            #expect(totals?["scope"]?.string == "changed" && totals?["keys"]?.integer == keys, "\(totals ?? nil)")
            #expect(totals?["rows"]?.array?.compactMap { $0["no"]?.integer } == wrong, "\(totals ?? nil)")
            #expect(totals?["batch"]?.string == (wrong.isEmpty ? nil : "next.1"))
            let words = try scene.tool("contract", "check", "--changed").out
            #expect(words.contains("older violations are not shown; to check all rows: batchmgr contract check\n"))
            // As long as it is broken it is told; all rows tell the rest.
            let again = try asked(scene, "--changed")["totals"]
            #expect(again?["violations"]?.integer == Int64(wrong.count))
            #expect(again?["keys"]?.integer == (wrong.isEmpty ? 0 : keys))
            #expect(try asked(scene, "--full")["totals"]?["scope"]?.string == "all")
        }
    }

    @Test func whatCannotBeToldFromChangesIsAskedOfAllRows() throws {
        try incremental { scene in
            // It was never asked.
            #expect(try asked(scene, "--changed")["totals"]?["scope"]?.string == "all")
            #expect(try asked(scene, "--changed")["totals"]?["scope"]?.string == "changed")
            // A table that it reads, and does not name, was changed.
            try scene.expect(0, "run", "--id", "gone", "--tenant", "b", "--sql", "DELETE FROM bills WHERE owner = 'b'")
            let once = try asked(scene, "--changed")["once"]
            #expect(once?["scope"]?.string == "all" && once?["violations"]?.integer == 2, "\(once ?? nil)")
            // Another table was.
            try scene.expect(0, "run", "--id", "part", "--tenant", "a", "--sql", "DELETE FROM parts WHERE bill = 1")
            #expect(try asked(scene, "--changed")["once"]?["scope"]?.string == "changed")
            // The table was altered.
            try scene.expect(0, "run", "--id", "wide", "--sql", "ALTER TABLE bills ADD COLUMN note")
            #expect(try asked(scene, "--changed")["totals"]?["scope"]?.string == "all")
            // Another query was never asked.
            let text = ContractTests.incremental.replacing("sum <>", with: "sum >")
            try scene.write("catalog/contracts.yaml", text)
            #expect(try asked(scene, "--changed")["totals"]?["scope"]?.string == "all")
        }
    }

    @Test func changesOutsideBatchesAreSeenWhenAllRowsAreAsked() throws {
        try incremental { scene in
            _ = try asked(scene)
            try scene.sql("UPDATE bills SET sum = 31 WHERE no = 3")
            #expect(try asked(scene, "--changed")["totals"]?["violations"]?.integer == 0)
            #expect(try asked(scene)["totals"]?["violations"]?.integer == 3)
        }
    }

    @Test func aRollbackIsLookedAtToo() throws {
        try incremental { scene in
            try scene.expect(
                0, "run", "--id", "cure", "--tenant", "a", "--sql", "UPDATE bills SET sum = 20 WHERE no = 2")
            _ = try asked(scene)
            try scene.expect(0, "rollback", "--id", "cure.1")
            let totals = try asked(scene, "--changed")["totals"]
            #expect(totals?["rows"]?.array?.compactMap { $0["no"]?.integer } == [2], "\(totals ?? nil)")
        }
    }

    // MARK: What follows

    private static let enforced = """
        positive:
          table: bills
          severity: critical
          module: billing
          then: [incident, block, rollback]
          query: SELECT no, owner FROM bills WHERE sum < 0
        """

    private func enforced(level: Int, safely: Bool = false, _ body: (BadLuckScene, JSONValue) throws -> Void) throws {
        let job =
            "level: \(level)\ntenant: required\nsteps:\n  - {id: a, sql: UPDATE bills SET sum = -1 WHERE no = 2}\n"
        try HealingScene.with(jobs: ["harm": job]) { scene in
            try scene.write("catalog/contracts.yaml", ContractTests.enforced)
            try scene.write("catalog/modules.yaml", "billing: {tables: [bills]}\n")
            try scene.expect(0, "contract", "enforce")
            if level == 3 {
                try scene.expect(7, "run", "harm", "--tenant", "a")
                let approved = try scene.shell("BATCHMGR_ACTOR=grace exec \"$TOOL\" plan approve plan.1")
                #expect(approved.code == 0, "\(approved.err)")
                try scene.expect(0, "plan", "apply", "plan.1")
            } else {
                try scene.expect(0, "run", "harm", "--tenant", "a")
            }
            if safely { try scene.expect(0, "switch", "set", "safe_mode", "--value", "on", "--reason", "month end") }
            let result = try scene.expect(1, "contract", "enforce", "--json")
            try body(scene, try JSONParser.parse(result.out))
        }
    }

    private func done(_ answer: JSONValue) -> [String: Bool] {
        (answer["followed"]?.array ?? []).reduce(into: [:]) { $0[$1["consequence"]?.string ?? ""] = $1["done"]?.bool }
    }

    @Test(arguments: [0, 2])
    func theBatchIsUndoneTheModuleIsOffAndPeopleAreTold(level: Int) throws {
        try enforced(level: level) { scene, answer in
            #expect(done(answer) == ["incident": true, "block": true, "rollback": true], "\(answer)")
            #expect(try scene.sql("SELECT count(*) FROM bills WHERE sum < 0") == "0")
            #expect(try scene.status("harm.1") == "rolled_back")
            try scene.expect(0, "contract", "enforce")
            let switches = try scene.tool("switch", "list", "--json").out
            #expect(switches.contains("module:billing"), "\(switches)")
            let incident = try scene.json("incident", "list")["incidents"]?.array?.first
            #expect(incident?["cause"]?.string == "contract:positive")
            #expect(incident?["module"]?.string == "billing")
        }
    }

    @Test func inSafeModeNothingIsUndoneByItself() throws {
        try enforced(level: 0, safely: true) { scene, answer in
            #expect(done(answer)["rollback"] == false && done(answer)["incident"] == true, "\(answer)")
            let wrong = try scene.sql("SELECT count(*) FROM bills WHERE sum < 0")
            #expect(wrong == "1")
        }
    }

    @Test func whatTheCatalogDoesNotKnowIsLeftToAPerson() throws {
        try HealingScene.with(jobs: [:]) { scene in
            try scene.write("catalog/contracts.yaml", ContractTests.enforced)
            try scene.expect(
                0, "run", "--id", "typed", "--tenant", "a", "--sql", "UPDATE bills SET sum = -1 WHERE no = 2")
            let answer = try JSONParser.parse(try scene.expect(1, "contract", "enforce", "--json").out)
            #expect(done(answer)["rollback"] == false, "\(answer)")
            #expect(try scene.sql("SELECT count(*) FROM bills WHERE sum < 0") == "1")
        }
    }

    @Test func aBatchOfLevelThreeIsLeftToAPerson() throws {
        try enforced(level: 3) { scene, answer in
            #expect(done(answer) == ["incident": true, "block": true, "rollback": false], "\(answer)")
            #expect(try scene.sql("SELECT count(*) FROM bills WHERE sum < 0") == "1")
            let incident = try scene.json("incident", "list")["incidents"]?.array?.first
            let actions = incident?["actions"]?.array?.compactMap { $0["command"]?.string } ?? []
            #expect(actions.contains { $0.contains("rollback --id harm.1") }, "\(actions)")
        }
    }

    @Test func blockNeedsAModule() throws {
        try HealingScene.with { scene in
            try scene.write("catalog/contracts.yaml", "c: {query: SELECT 1 AS id WHERE 0, then: [block]}\n")
            let result = try scene.tool("catalog", "validate")
            #expect((result.out + result.err).contains("then: 'block' needs 'module'"), "\(result.out)\(result.err)")
        }
    }

    // MARK: The export folder

    @Test func aFileThatNoExportHasWrittenIsPutAwayAndComesBack() throws {
        let export =
            "tenant: required\nsteps:\n  - {id: a, export: {query: SELECT no FROM bills, file: exports/bills.csv}}\n"
        try HealingScene.with(jobs: ["list": export]) { scene in
            for name in ["contracts", "repair_quarantine_exports"] {
                let text = try TextFile.read(TextFile.inPackage("catalog/\(name).yaml"))
                try scene.write("catalog/\(name).yaml", text)
            }
            let contract =
                try TextFile.read(TextFile.inPackage("catalog/contracts.yaml"))
                .split(separator: "export_is_recorded:").last ?? ""
            try scene.write("catalog/contracts.yaml", "export_is_recorded:\(contract)")
            try scene.expect(0, "run", "list", "--tenant", "a")
            try scene.expect(0, "contract", "check")
            try scene.write("exports/strange.csv", "1")
            try scene.expect(1, "contract", "check")
            #expect(try scene.json("heal", "scan")["counts"]?["repair_quarantine_exports"]?.integer == 1)
            try scene.expect(0, "heal", "run", "repair_quarantine_exports", "--apply")
            try scene.expect(0, "contract", "check")
            #expect(!scene.has("exports/strange.csv") && scene.has("exports/bills.csv"))
            try scene.expect(0, "rollback", "repair_quarantine_exports.1")
            #expect(scene.has("exports/strange.csv"))
            // What somebody has changed since is not what was exported.
            try scene.write("exports/bills.csv", "changed")
            #expect(try scene.json("heal", "scan")["counts"]?["repair_quarantine_exports"]?.integer == 2)
        }
    }
}
