import BatchCore
import TestSupport
import Testing

/// No write outside the gateway.
@Suite struct GatewayPromiseTests {
    @Test(arguments: [
        "UPDATE items SET price = 0", "DELETE FROM items WHERE id = 1", "INSERT INTO items VALUES(9, 9, 9)",
        "REPLACE INTO items VALUES(1, 1, 1)",
    ])
    func anEnforcedDatabaseRefusesAnyOtherClient(_ statement: String) throws {
        try BadLuckScene.with { scene in
            try scene.expect(0, "guard", "set", "--mode", "enforce")
            try scene.expect(0, "run", "--id", "multi")
            let before = try scene.dump()
            let result = try scene.shell("sqlite3 -batch app.db \"$1\"", [statement])
            #expect(result.code != 0)
            #expect(result.err.contains("ERR_SECURITY_WRITE_OUTSIDE_GATEWAY"), "\(result.err)")
            #expect(try scene.dump() == before)
            try scene.expect(0, "run", "--id", "follow")
        }
    }

    /// What a step starts is another client.
    @Test func aProgramOfAStepCannotWriteToAnEnforcedDatabase() throws {
        let job = """
            steps:
              - id: sneak
                exec: [sqlite3, app.db, "UPDATE items SET price = 0"]
            """
        try BadLuckScene.with(jobs: ["sneak": job]) { scene in
            try scene.expect(0, "run", "--id", "multi")
            try scene.write("batchmgr.yaml", "databases:\n  main:\n    path: app.db\n    guard: enforce\n")
            let before = try scene.dump()
            let result = try scene.expect(.commandFailed, "run", "--id", "sneak")
            #expect(result.err.contains("ERR_SECURITY_WRITE_OUTSIDE_GATEWAY"), "\(result.err)")
            #expect(try scene.dump() == before)
        }
    }

    /// The rules of the workspace reach those who write without it.
    @Test func theLedgerKeepsTheRules() throws {
        try BadLuckScene.with(configuration: "    protected: [log]\n    limits: {rows: 7, deleted_share: 0.5}\n") {
            scene in
            try scene.expect(0, "run", "--id", "free", "--sql", "UPDATE items SET price = 0 WHERE id = 1")
            let rules = "SELECT value FROM batchmgr_meta WHERE key = 'policy'"
            #expect(
                try scene.sql(rules)
                    == #"{"tenant_column":null,"protected":["log"],"limits":{"rows":7,"tables":null,"time_ms":null,"deleted_share":0.5},"guard":null}"#
            )
            let write = ["--db", "app.db", "run", "--id", "other", "--sql", "INSERT INTO log(what) VALUES(1)"]
            try scene.expect(.protectedData, from: write)
            try scene.write("batchmgr.yaml", "databases:\n  main:\n    path: app.db\n")
            try scene.expect(0, "run", "--id", "free", "--sql", "UPDATE items SET price = 1 WHERE id = 1")
            try scene.expect(0, write)
            let audit = "SELECT count(*) FROM batchmgr_audit WHERE action = 'policy' AND outcome = 'changed'"
            #expect(try scene.sql(audit) == "2")
            // Rules that cannot be read allow nothing.
            try scene.sql("UPDATE batchmgr_meta SET value = '{\"protected\": 7}' WHERE key = 'policy'")
            try scene.expect(.corruptLedger, from: write)
        }
    }
}
