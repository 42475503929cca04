import BatchCore
import TestSupport
import Testing

/// The shipped repairs of caches and entitlements, on tables of a stranger.
@Suite struct DerivedRepairTests {
    private func scene(_ job: String, _ mapping: String, _ schema: String, _ body: (BadLuckScene) throws -> Void) throws
    {
        try HealingScene.with(mapping: HealingScene.mapping + "\n" + mapping) { scene in
            try scene.shell("rm catalog/repair_cache.yaml; cp '\(TextFile.inPackage("catalog/"))\(job).yaml' catalog/")
            try scene.sql(schema)
            try body(scene)
        }
    }

    private func findings(_ scene: BadLuckScene, _ words: String...) throws -> [String] {
        let answer = try JSONParser.parse(try scene.tool(["heal", "scan"] + words + ["--json"]).out)
        return (answer["findings"]?.array ?? []).map {
            "\($0["key"]?.string ?? "\($0["key"]?.integer ?? -1)") \($0["reason"]?.string ?? "")"
        }
    }

    /// A value that is no JSON stops the query that judges it, but not its repair.
    @Test func aCacheLosesWhatRaisesErrorsAndWhatIsTooMuch() throws {
        let mapping =
            HealingScene.mapping.split(separator: "\n").dropLast().joined(separator: "\n")
            + "\ncache: {table: store, key: [owner, name], tenant: owner, payload: body, stored: at, valid: \"(json_extract(store.body, '$.ok') = 1)\"}\n"
        let job = "repair_purge_corrupt_cache"
        try HealingScene.with(mapping: mapping) { scene in
            try scene.shell("rm catalog/repair_cache.yaml; cp '\(TextFile.inPackage("catalog/"))\(job).yaml' catalog/")
            try scene.sql(
                """
                CREATE TABLE store(owner TEXT, name TEXT, body TEXT, at INTEGER, PRIMARY KEY(owner, name));
                INSERT INTO store VALUES('a','1','{"ok":1}',1),('a','2','{"ok":1}',2),('a','3','{"ok":1}',3),
                  ('a','4','{"ok":0}',4),('a','5','no json',5),('b','1','{"ok":1}',1),('b','it''s','{',2);
                """)
            let before = try scene.dump()
            #expect(
                try findings(scene, job) == [
                    "a/4 the cached value is not valid", "a/5 it raises an error when it is read",
                    "b/it's it raises an error when it is read",
                ])
            #expect(
                try findings(scene, job, "--set", "max_rows=4", "--tenant", "a").first == "a/1 more rows than max_rows")
            // Two values and the one that is not valid have 24 bytes.
            #expect(
                try findings(scene, job, "--set", "max_bytes=24", "--tenant", "a").first
                    == "a/1 more bytes than max_bytes")
            #expect(try scene.dump() == before)
            try scene.expect(0, "heal", "run", job, "--apply")
            #expect(try scene.sql("SELECT group_concat(owner || name, ' ') FROM store") == "a1 a2 a3 b1")
            try scene.expect(0, "heal", "run", job, "--apply", "--set", "max_rows=2")
            #expect(try scene.sql("SELECT group_concat(owner || name, ' ') FROM store") == "a2 a3 b1")
            try scene.expect(0, "heal", "run", job, "--apply", "--set", "max_bytes=8")
            #expect(try scene.sql("SELECT group_concat(owner || name, ' ') FROM store") == "a3 b1")
            for number in [4, 3, 2, 1] { try scene.expect(0, "rollback", "\(job).\(number)") }
            #expect(try scene.dump() == before)
        }
    }

    @Test func entitlementsFollowTheirSubscriptions() throws {
        let job = "repair_policy_recompute_entitlements"
        let mapping = """
            subscriptions: {table: subs, key: id, tenant: owner, ended: until, status: state, active: [live], today: ('2026-06-30')}
            entitlements: {table: rights, key: id, tenant: owner, subscription: sub, active: "on", expires: till, today: ('2026-06-30')}
            """
        let schema = """
            CREATE TABLE subs(id INTEGER PRIMARY KEY, owner TEXT, state TEXT, until TEXT);
            INSERT INTO subs VALUES(1,'a','live',NULL),(2,'a','over',NULL),(3,'a','live','2026-01-01'),(4,'b','live','2027-01-01');
            CREATE TABLE rights(id INTEGER PRIMARY KEY, owner TEXT, sub INTEGER, "on" INTEGER, till TEXT);
            INSERT INTO rights VALUES(1,'a',1,1,NULL),(2,'a',2,1,NULL),(3,'a',3,1,NULL),(4,'b',4,0,NULL),
              (5,'a',1,1,'2026-01-01'),(6,'a',NULL,1,NULL),(7,'a',4,1,NULL),(8,'a',2,0,NULL),(9,'a',9,1,NULL);
            """
        try scene(job, mapping, schema) { scene in
            let before = try scene.dump()
            try scene.expect(0, "catalog", "validate")
            #expect(
                Set(try findings(scene, job))
                    == Set(
                        [2, 3, 5, 7, 9].map { "\($0) active, and nothing grants it any more" } + [
                            "4 granted, and not active"
                        ]))
            try scene.expect(0, "heal", "run", job, "--apply")
            #expect(try scene.sql("SELECT group_concat(id) FROM rights WHERE \"on\"") == "1,4,6")
            #expect(try findings(scene, job).isEmpty)
            #expect(try scene.sql("SELECT group_concat(state) FROM subs") == "live,over,live,live")
            for number in [2, 1] { try scene.expect(0, "rollback", "\(job).\(number)") }
            #expect(try scene.dump() == before)
        }
    }
}
