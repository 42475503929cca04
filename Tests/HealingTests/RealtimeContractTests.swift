import BatchCore
import TestSupport
import Testing

/// Contracts that are asked within a checkpoint: what breaks one is not committed.
@Suite struct RealtimeContractTests {
    private static let query =
        "SELECT no, owner FROM bills WHERE sum <> (SELECT total(amount) FROM parts WHERE bill = bills.no)"

    private static func contract(_ more: String = "") -> String {
        "totals:\n  when: realtime\n  table: bills\n  key: [no]\n  reads: {bills: [no], parts: [bill]}\n"
            + "  query: \(query)\n\(more)"
    }

    /// Bills 2 and 4 are wrong from the beginning.
    private func scene(
        _ contracts: String = contract(), jobs: [String: String] = [:], _ body: (BadLuckScene) throws -> Void
    ) throws {
        try BadLuckScene.with(jobs: jobs) { scene in
            try scene.write("catalog/contracts.yaml", contracts)
            try scene.sql(
                HealingScene.schema + """
                    CREATE TABLE moves(bill, amount); CREATE TRIGGER moved AFTER INSERT ON moves
                    BEGIN UPDATE parts SET amount = amount + new.amount WHERE bill = new.bill; END;
                    """)
            try body(scene)
        }
    }

    @Test(arguments: [
        "UPDATE bills SET sum = 11 WHERE no = 1", "INSERT INTO parts VALUES(1, 'a', 1)",
        "DELETE FROM parts WHERE bill = 3",
        "UPDATE parts SET bill = 2 WHERE bill = 3", "INSERT INTO bills VALUES(5, 'a', 1, 'new')",
        "INSERT INTO moves VALUES(1, 5)", "REPLACE INTO bills VALUES(3, 'b', 31, 'new')",
        "UPDATE bills SET sum = 12 WHERE no = 1; UPDATE bills SET sum = 13 WHERE no = 1",
        "INSERT INTO parts SELECT no, owner, 7 FROM bills", "CREATE TABLE t(a); INSERT INTO parts VALUES(3, 'b', 9)",
    ])
    func whatBreaksAContractIsNotCommitted(_ sql: String) throws {
        try scene { scene in
            let before = try scene.dump()
            let result = try scene.expect(.contractBroken, "run", "bad", "--sql", sql)
            #expect(result.err.contains("contract totals would be broken by"), "\(result.err)")
            #expect(try scene.dump() == before)
            #expect(try scene.json("show", "bad.1")["status"]?.string == "failed")
            let entries = try scene.json("audit", "list")["entries"]?.array ?? []
            let refused = entries.first { $0["batch"]?.string == "bad.1" }
            #expect(refused?["outcome"]?.string == "refused")
            #expect(refused?["trace_id"]?.string?.isEmpty == false)
        }
    }

    @Test(arguments: [
        "UPDATE bills SET state = 'late'", "UPDATE bills SET sum = 22 WHERE no = 2", "DELETE FROM bills WHERE no = 4",
        "INSERT INTO parts VALUES(1, 'a', 5); UPDATE bills SET sum = 15 WHERE no = 1",
        "UPDATE bills SET sum = 20 WHERE no = 2",
        "UPDATE bills SET sum = 11 WHERE no = 1; UPDATE bills SET sum = 10 WHERE no = 1", "CREATE TABLE t(a)",
        "INSERT INTO parts VALUES('none', 'a', 5)", "UPDATE bills SET no = 40 WHERE no = 4 AND sum = 0",
    ])
    func whatBreaksNothingNewIsCommitted(_ sql: String) throws {
        try scene { scene in try scene.expect(0, "run", "good", "--sql", sql) }
    }

    @Test func aDryRunSaysItAndNothingFollows() throws {
        try scene(RealtimeContractTests.contract("  then: [incident]\n")) { scene in
            let sql = "UPDATE bills SET sum = 11 WHERE no = 1"
            try scene.expect(.contractBroken, "run", "bad", "--sql", sql, "--dry-run")
            #expect(try scene.json("incident", "list")["incidents"]?.array?.isEmpty == true)
        }
    }

    @Test func anIncidentIsOpenedAndTheModuleSwitchedOff() throws {
        try scene(RealtimeContractTests.contract("  module: billing\n  then: [incident, block]\n")) { scene in
            try scene.expect(.contractBroken, "run", "bad", "--sql", "UPDATE bills SET sum = 11 WHERE no = 1")
            let incidents = try scene.json("incident", "list")["incidents"]?.array ?? []
            #expect(incidents.map { $0["module"]?.string } == ["billing"])
            #expect(incidents.first?["title"]?.string?.contains("bad.1 was stopped") == true)
            let switches = try scene.json("switch", "list")["switches"]?.array ?? []
            #expect(switches.contains { $0["name"]?.string == "module:billing" && $0["value"]?.string == "off" })
        }
    }

    private static let chunked = [
        "grow": """
        steps:
          - id: all
            for_each: SELECT no FROM bills WHERE no IN (1, 3) ORDER BY no
            chunk: 1
            sql: UPDATE bills SET sum = sum + (no > 1), state = 'grown' WHERE no = :no
        """
    ]

    @Test func earlierCheckpointsStayOrGoAsTheContractWants() throws {
        for (more, state) in [("", "grown"), ("  then: [rollback]\n", "new")] {
            try scene(RealtimeContractTests.contract(more), jobs: RealtimeContractTests.chunked) { scene in
                try scene.expect(.contractBroken, "run", "grow")
                #expect(try scene.sql("SELECT state FROM bills WHERE no = 1") == state)
                #expect(try scene.sql("SELECT sum FROM bills WHERE no = 3") == "30")
            }
        }
    }

    /// The checkpoints of a batch add up.
    @Test func itFailsFromSoManyRowsOn() throws {
        let jobs = ["spoil": RealtimeContractTests.chunked["grow", default: ""].replacing("(no > 1)", with: "1")]
        try scene(RealtimeContractTests.contract("  fail_if: 2\n"), jobs: jobs) { scene in
            try scene.expect(.contractBroken, "run", "spoil")
            #expect(try scene.sql("SELECT sum FROM bills WHERE no IN (1, 3) ORDER BY no") == "11\n30")
        }
        try scene(RealtimeContractTests.contract("  fail_if: 90%\n"), jobs: jobs) { scene in
            try scene.expect(0, "run", "spoil")
        }
    }

    @Test func itCannotBeEscapedByChangingTheSchema() throws {
        try scene { scene in
            let before = try scene.dump()
            for sql in ["ALTER TABLE parts RENAME COLUMN amount TO amounts", "DROP TABLE parts"] {
                let result = try scene.expect(.contractBroken, "run", "ddl", "--sql", sql)
                #expect(result.err.contains("can no longer be checked"), "\(result.err)")
            }
            #expect(try scene.dump() == before)
        }
    }

    /// A contract of tables that are still to come, or of another database, stands in nobody's way.
    @Test func itIsAskedAsSoonAsItCanBe() throws {
        let later = "later: {when: realtime, key: [a], reads: {later: [a]}, query: SELECT a FROM later WHERE a < 0}\n"
        try scene(later) { scene in
            try scene.expect(0, "run", "other", "--sql", "UPDATE bills SET sum = 0")
            let bad = "CREATE TABLE later(a); INSERT INTO later VALUES(-1)"
            try scene.expect(.contractBroken, "run", "make", "--sql", bad)
            try scene.expect(0, "run", "make", "--sql", "CREATE TABLE later(a); INSERT INTO later VALUES(1)")
            try scene.expect(.contractBroken, "run", "fill", "--sql", "INSERT INTO later VALUES(-2)")
        }
    }

    @Test func aRollbackMayLeadBackToWhatWasWrong() throws {
        try scene { scene in
            let before = try scene.dump()
            try scene.expect(0, "run", "mend", "--sql", "UPDATE bills SET sum = 20 WHERE no = 2")
            try scene.expect(0, "rollback", "--id", "mend.1")
            #expect(try scene.dump() == before)
        }
    }

    /// A batch of level 2 is stopped in its rehearsal, before it touches the database.
    @Test func aGovernedBatchIsStoppedInItsRehearsal() throws {
        let job =
            "level: 2\nsteps:\n  - {id: a, sql: UPDATE bills SET sum = 11 WHERE no = 1}\n"
        try scene(jobs: ["careful": job]) { scene in
            let before = try scene.dump()
            let result = try scene.expect(.rehearsalFailed, "run", "careful")
            #expect(result.err.contains("contract totals would be broken"), "\(result.err)")
            #expect(try scene.dump() == before)
        }
    }

    @Test(arguments: [
        (
            "a: {when: realtime, query: SELECT 1}",
            "when: 'realtime' needs 'key' and 'reads', so that each checkpoint checks changed rows only"
        )
    ])
    func itSaysWhatItReads(_ text: String, _ message: String) throws {
        try scene(text) { scene in
            #expect(try scene.expect(.invalidCatalog, "contract", "list").err.contains(message))
            // What it forbids is not known, so nothing is written.
            try scene.expect(.invalidCatalog, "run", "any", "--sql", "UPDATE bills SET sum = 0")
        }
    }
}
