import BatchCore
import BatchLedger
import TestSupport
import Testing

/// What a batch puts beside the database (TEMP tables, views, triggers) and names that its SQL makes up never let it change
/// anything behind the record, the policy or the ledger.
@Suite struct HostileTemporaryTests {
    private static let schema = """
        CREATE TABLE acc(id INTEGER PRIMARY KEY AUTOINCREMENT, tenant_id TEXT, v INT);
        CREATE TABLE prot(id INTEGER PRIMARY KEY, tenant_id TEXT, amt INT);
        CREATE TABLE noted(id INTEGER PRIMARY KEY, tenant_id TEXT, what);
        CREATE VIEW seen AS SELECT id, tenant_id, v FROM acc;
        CREATE TRIGGER acc_noted AFTER UPDATE ON acc BEGIN INSERT INTO noted(tenant_id, what) VALUES(new.tenant_id, new.v); END;
        INSERT INTO acc(tenant_id, v) VALUES('a', 1), ('a', 2), ('b', 3), ('b', 4);
        INSERT INTO prot VALUES(1, 'a', 10), (2, 'b', 20);
        """

    private static func bench(_ folder: TemporaryFolder, guardMode: GuardMode = .off) throws -> Bench {
        let made = try Connection(path: folder.file("app.db"), mode: .create)
        try made.execute(schema)
        let bench = try Bench(folder.file("app.db"), spillFolder: folder.path, guardMode: guardMode)
        bench.gateway.policy = WritePolicy(
            tenant: TenantScope(column: "tenant_id", tenant: "a"), protected: [ProtectedName("prot")])
        return bench
    }

    /// What no batch of tenant `a` may change, and no SQL of a batch at all.
    private static func untouchable(_ bench: Bench) throws -> [[SQLValue]] {
        try bench.connection.rows(
            """
            SELECT 'acc', id, tenant_id, v FROM main.acc WHERE tenant_id IS NOT 'a' UNION ALL \
            SELECT 'prot', * FROM main.prot UNION ALL \
            SELECT 'noted', * FROM main.noted WHERE tenant_id IS NOT 'a' UNION ALL \
            SELECT 'meta', key, value, 0 FROM main.batchmgr_meta WHERE key NOT LIKE 'guard_%' UNION ALL \
            SELECT 'audit', count(*), 0, 0 FROM main.batchmgr_audit UNION ALL \
            SELECT 'batch', count(*), 0, 0 FROM main.batchmgr_batches WHERE actor <> 'test' UNION ALL \
            SELECT 'gate', count(*), 0, 0 FROM main.batchmgr_gate
            """)
    }

    private static func dropTemporary(_ bench: Bench) throws {
        for type in ["trigger", "view", "table"] {
            let names = try bench.connection.rows("SELECT name FROM temp.sqlite_schema WHERE type = '\(type)'")
            for name in names.compactMap({ $0[0].string }) {
                try bench.connection.execute("DROP \(type) IF EXISTS temp.\(SQLName.quote(name))")
            }
        }
    }

    // MARK: At random

    private struct Maker {
        var random: SeededRandom
        private static let own = [
            "batchmgr_audit", "batchmgr_meta", "batchmgr_state", "BatchMgr_Gate", "batchmgr_guard_after_update_acc",
            "batchmgr_guard_x", "batchmgr_record_after_insert_0", "batchmgr_checkpoints", "batchmgr_drift",
        ]
        private static let tables = ["acc", "prot", "noted"]
        private static let others = ["x", "y", "seen"]

        mutating func name() -> String {
            random.chance(35) ? random.pick(Maker.own) : random.pick(Maker.tables + Maker.others)
        }

        mutating func target() -> String {
            let name = name()
            return random.chance(50) ? "main.\(name)" : name
        }

        mutating func write() -> String {
            switch random.below(9) {
            case 0: "UPDATE acc SET v = v + 1 WHERE tenant_id = 'a'"
            case 1: "UPDATE acc SET v = 99 WHERE tenant_id = 'b'"
            case 2: "UPDATE prot SET amt = 0"
            case 3: "INSERT INTO acc(tenant_id, v) VALUES('a', 7)"
            case 4: "DELETE FROM batchmgr_audit"
            case 5: "UPDATE batchmgr_meta SET value = 'x'"
            case 6: "UPDATE batchmgr_batches SET actor = 'nobody'"
            case 7: "INSERT INTO noted(tenant_id, what) VALUES('b', 'mine')"
            default: "DELETE FROM acc WHERE id = 1"
            }
        }

        mutating func statement() -> String {
            let event = random.pick(["INSERT", "UPDATE", "DELETE"])
            switch random.below(12) {
            case 0: return "CREATE TEMP TABLE IF NOT EXISTS \(name())(id INTEGER PRIMARY KEY, tenant_id, v, key, value)"
            case 1: return "CREATE TEMP VIEW IF NOT EXISTS \(name()) AS SELECT id, 'a' AS tenant_id, v FROM main.acc"
            case 2, 3:
                let time = random.pick(["AFTER", "BEFORE"])
                return
                    "CREATE TEMP TRIGGER IF NOT EXISTS \(name())_t \(time) \(event) ON \(target()) BEGIN \(write()); END"
            case 4:
                return
                    "CREATE TEMP TRIGGER IF NOT EXISTS \(name()) INSTEAD OF \(event) ON \(name()) BEGIN \(write()); END"
            case 5: return "ALTER TABLE temp.\(name()) RENAME TO \(name())"
            case 6: return "DROP TABLE IF EXISTS temp.\(name())"
            case 7:
                let common = name()
                return
                    "WITH \(common) AS (SELECT 1 AS id FROM main.\(name())) INSERT INTO noted(tenant_id, what) SELECT 'a', id FROM \(common)"
            case 8: return "UPDATE \(target()) SET v = 5 WHERE tenant_id = 'a'"
            case 9: return "UPDATE sqlite_sequence SET seq = seq + \(random.below(2) * 1_000)"
            default: return write()
            }
        }
    }

    @Test(arguments: 0..<60)
    func whatChangedIsWhatWasRecorded(_ seed: UInt64) throws {
        let folder = TemporaryFolder()
        let bench = try Self.bench(folder, guardMode: [.off, .track, .enforce][Int(seed % 3)])
        var maker = Maker(random: SeededRandom(seed: seed))
        let kept = try Self.untouchable(bench)
        for number in 0..<10 {
            let before = bench.dump()
            let statements = (0...maker.random.below(4)).map { _ in maker.statement() }
            let note = Comment(rawValue: "seed \(seed), batch \(number): \(statements)")
            var run: Bench.Run?
            do {
                run = try bench.run("job", statements: statements)
            } catch {
                #expect(bench.dump() == before, note)
            }
            #expect(try Self.untouchable(bench) == kept, note)
            #expect(try bench.staleDigests() == [], note)
            guard let run, maker.random.chance(70) else { continue }
            try Self.dropTemporary(bench)
            try bench.undo(run)
            #expect(bench.dump() == before, note)
        }
    }

    // MARK: One by one

    @Test(arguments: [
        "CREATE TEMP TRIGGER late AFTER INSERT ON main.batchmgr_state BEGIN UPDATE acc SET v = 0; END",
        "CREATE TEMP TABLE batchmgr_audit(a)", "CREATE TEMP VIEW Batchmgr_state AS SELECT 1",
        "CREATE TEMP TRIGGER batchmgr_guard_x AFTER UPDATE ON acc BEGIN SELECT 1; END",
        "CREATE TEMP TABLE x(a); ALTER TABLE temp.x RENAME TO batchmgr_audit",
        "CREATE VIRTUAL TABLE temp.batchmgr_audit USING fts5(a)",
        "CREATE TEMP TABLE x(a); CREATE INDEX temp.batchmgr_i ON x(a)",
    ]) func nothingBesideTheDatabaseHasANameOfOurs(_ sql: String) throws {
        let folder = TemporaryFolder()
        let bench = try Self.bench(folder)
        let before = bench.dump()
        #expect {
            try bench.run("bad", sql + "; UPDATE acc SET v = v + 1 WHERE id = 1")
        } throws: {
            ($0 as? BatchError)?.code == .forbiddenStatement
        }
        #expect(bench.dump() == before)
    }

    /// Made by another program, in the schema itself.
    @Test(arguments: [
        "CREATE TRIGGER batchmgr_guard_after_update_x AFTER UPDATE ON acc BEGIN DELETE FROM batchmgr_meta; END",
        "CREATE TRIGGER late AFTER INSERT ON batchmgr_checkpoints BEGIN UPDATE acc SET v = 0 WHERE tenant_id = 'b'; END",
    ]) func aTriggerOfTheSchemaDoesNotReachTheLedger(_ sql: String) throws {
        for mode in GuardMode.allCases {
            let folder = TemporaryFolder()
            let bench = try Self.bench(folder, guardMode: mode)
            try bench.connection.execute(sql)
            let kept = try Self.untouchable(bench)
            #expect {
                try bench.run("bad", "UPDATE acc SET v = v + 1 WHERE id = 1")
            } throws: {
                ($0 as? BatchError)?.code == .forbiddenStatement
            }
            #expect(try Self.untouchable(bench) == kept)
        }
    }

    @Test func aGuardOfAnUnreadableModeIsRefused() throws {
        let folder = TemporaryFolder()
        let bench = try Self.bench(folder, guardMode: .enforce)
        try bench.connection.execute("UPDATE batchmgr_meta SET value = 'Enforce' WHERE key = 'guard'")
        #expect {
            try bench.run("bad", "UPDATE acc SET v = v + 1 WHERE id = 1")
        } throws: {
            ($0 as? BatchError)?.code == .corruptLedger
        }
    }

    @Test(arguments: [
        ("INSERT INTO acc(tenant_id) VALUES('a')", true), ("INSERT INTO acc(id, tenant_id) VALUES(500, 'a')", true),
        ("INSERT INTO acc(tenant_id) VALUES('a'); UPDATE sqlite_sequence SET seq = 6", false),
        ("INSERT INTO acc(tenant_id) VALUES('a'); UPDATE sqlite_sequence SET seq = 1", false),
        ("INSERT INTO acc(tenant_id) VALUES('a'); DELETE FROM sqlite_sequence", false),
        ("INSERT INTO acc(tenant_id) VALUES('a'); UPDATE sqlite_sequence SET seq = 'x'", false),
        ("INSERT INTO acc(id, tenant_id) VALUES(500, 'a'); DELETE FROM acc WHERE id = 500", true),
    ]) func aCounterMovesNoFurtherThanRowsNeed(_ sql: String, _ isAllowed: Bool) throws {
        let folder = TemporaryFolder()
        let bench = try Self.bench(folder)
        let before = bench.dump()
        do {
            let run = try bench.run("count", sql)
            #expect(isAllowed, Comment(rawValue: sql))
            try bench.undo(run)
        } catch {
            #expect(!isAllowed && error.code == .otherTenant, Comment(rawValue: "\(sql): \(error)"))
        }
        #expect(bench.dump() == before)
    }

    /// A statement is compiled anew when a trigger was made after it; it is looked at again then.
    @Test func aStatementThatIsCompiledAnewIsExaminedAgain() throws {
        let folder = TemporaryFolder()
        let bench = try Self.bench(folder)
        let before = bench.dump()
        try bench.gateway.begin()
        let statement = try bench.gateway.prepare("UPDATE noted SET what = 1")
        try bench.gateway.run(
            script: "CREATE TEMP TRIGGER late AFTER UPDATE ON noted BEGIN UPDATE acc SET v = 0 WHERE id = 1; END")
        try bench.gateway.run(script: "INSERT INTO noted(tenant_id) VALUES('a')")
        #expect(throws: BatchError.self) { try bench.gateway.run(statement) }
        bench.gateway.rollback()
        #expect(bench.dump() == before)
    }

    @Test(arguments: [
        "UPDATE words_content SET c0 = 'x'", "DELETE FROM words_data", "INSERT INTO words_config VALUES('a', 1)",
    ])
    func tablesOfAModuleAreWrittenByTheModuleAlone(_ sql: String) throws {
        let folder = TemporaryFolder()
        let bench = try Self.bench(folder)
        bench.gateway.policy = WritePolicy()
        try bench.run("make", "CREATE VIRTUAL TABLE words USING fts5(note); INSERT INTO words VALUES('one')")
        #expect { try bench.run("bad", sql) } throws: { ($0 as? BatchError)?.code == .forbiddenStatement }
        try bench.run("good", "INSERT INTO words VALUES('two'); DELETE FROM words WHERE note = 'one'")
        #expect(try bench.staleDigests() == [])
    }

    @Test(arguments: [("Acc", "acc", true), ("Ä", "ä", false), ("\u{212A}", "k", false), ("x", "y", false)])
    func namesAreComparedAsSQLiteDoes(_ first: String, _ second: String, _ areSame: Bool) throws {
        #expect(SQLName.areSame(first, second) == areSame)
        let connection = try Connection(path: ":memory:", mode: .create)
        try connection.execute("CREATE TABLE \(SQLName.quote(first))(a)")
        #expect(((try? connection.rows("SELECT * FROM \(SQLName.quote(second))")) != nil) == areSame)
    }
}
