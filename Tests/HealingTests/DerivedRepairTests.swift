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

    /// Several full-text indexes, each of a table of its own.
    private static let indexes = """
        CREATE TABLE papers(id INTEGER PRIMARY KEY, owner TEXT, t TEXT); INSERT INTO papers VALUES(1,'a','one'),(2,'b','two');
        CREATE TABLE people(no INTEGER PRIMARY KEY, owner TEXT, name TEXT, gone INTEGER);
        INSERT INTO people VALUES(7,'a','Ann',0),(8,'b','Bob',0),(9,'b','Cy',1);
        CREATE VIRTUAL TABLE paper_words USING fts5(t, content='papers', content_rowid='id');
        CREATE VIRTUAL TABLE people_words USING fts5(name, content='people', content_rowid='no');
        CREATE VIRTUAL TABLE old_words USING fts4(content="papers", t); CREATE VIRTUAL TABLE own_words USING fts5(t);
        INSERT INTO paper_words(paper_words) VALUES('rebuild'); INSERT INTO people_words(people_words) VALUES('rebuild');
        INSERT INTO old_words(old_words) VALUES('rebuild');
        """

    @Test func everyFullTextIndexIsRebuilt() throws {
        let job = "repair_rebuild_index"
        let mapping = """
            search:
              - {table: paper_words, content: papers, key: id, tenant: owner}
              - {table: people_words, content: people, key: no, tenant: owner}
              - {table: old_words, content: papers}
            """
        try scene(job, mapping, DerivedRepairTests.indexes) { scene in
            try scene.expect(0, "catalog", "validate")
            #expect(try findings(scene, job).isEmpty)
            try scene.sql(
                """
                INSERT INTO people_words(people_words, rowid, name) VALUES('delete', 8, 'Bob');
                INSERT INTO people_words(rowid, name) VALUES(50, 'nobody'); DELETE FROM old_words WHERE docid = 2;
                """)
            let before = try scene.dump()
            let papers = try scene.sql("SELECT id, hex(block) FROM paper_words_data")
            #expect(
                Set(try findings(scene, job))
                    == [
                        "8 not in the full-text index people_words",
                        "50 without a row, and in the full-text index people_words",
                        "2 not in the full-text index old_words",
                    ])
            try scene.expect(0, "heal", "run", job, "--apply")
            #expect(try findings(scene, job).isEmpty)
            #expect(try scene.sql("SELECT group_concat(rowid) FROM people_words('Bob OR nobody')") == "8")
            #expect(try scene.sql("SELECT group_concat(docid) FROM old_words WHERE old_words MATCH 'two'") == "2")
            // Nothing was wrong in this one.
            #expect(try scene.sql("SELECT id, hex(block) FROM paper_words_data") == papers)
            try scene.expect(0, "rollback", job)
            #expect(try scene.dump() == before)
        }
    }

    /// One index is no list; a list of one is the same; without any, indexes of tables are still looked at.
    @Test(arguments: [
        "search: {table: paper_words, content: papers, key: id}",
        "search: [{table: paper_words, content: papers, key: id}]",
        "search: {table: paper_words}\ndocuments: {table: papers, key: id, tenant: owner}",
        "search: {table: paper_words, indexed: (SELECT id FROM paper_words_docsize)}\ndocuments: {table: papers, key: id}",
        "documents: {table: papers, key: id}",
    ])
    func oneFullTextIndexOrNone(_ mapping: String) throws {
        let job = "repair_rebuild_index"
        try scene(job, mapping, DerivedRepairTests.indexes) { scene in
            try scene.sql(
                """
                INSERT INTO paper_words(paper_words, rowid, t) VALUES('delete', 1, 'one'); CREATE INDEX by_name ON people(name);
                PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = 'CREATE INDEX by_name ON people(owner)'
                WHERE name = 'by_name'
                """)
            try scene.expect(0, "catalog", "validate")
            let missing = mapping.hasPrefix("search") ? ["1 not in the full-text index paper_words"] : []
            #expect(try findings(scene, job) == missing + ["people an index does not match its table"])
            try scene.expect(0, "heal", "run", job, "--apply")
            #expect(try findings(scene, job).isEmpty)
            #expect(try scene.sql("SELECT count(*) FROM paper_words('one')") == (missing.isEmpty ? "0" : "1"))
        }
    }

    @Test(arguments: [
        ("search: [{table: wordz, content: papers}]", "search: the database has no table 'wordz'"),
        (
            "search: [{table: paper_words, content: papers}, {table: people_words, content: peple}]",
            "search.content: the database has no table 'peple'; did you mean 'people'?"
        ),
        ("search: [{table: paper_words, content: papers, key: nr}]", "search.key: table 'papers' has no column 'nr'"),
        (
            "search: [{table: papers, content: papers}]",
            "search: 'papers' is not a full-text index that keeps a list of its rows; write one as indexed: (SELECT …)"
        ),
        (
            "search: [{table: paper_words, content: papers, tenant: nobody}]",
            "search.tenant: table 'papers' has no column 'nobody'"
        ),
        ("search: [{table: paper_words, content: papers, where: x = 1}]", "search.where: no such column: x"),
        (
            "search: [{table: own_words, content: papers}]",
            "search: 'own_words' keeps the text itself: no rebuild brings back a row that it does not have"
        ),
        ("search: [{content: papers}]", "search: the concept needs 'table'"),
        ("search: []", "search: the list is empty"),
        ("search: [paper_words]", "search: write its table, key and fields, e.g. {table: t, key: id}"),
        (
            "search: {table: paper_words}",
            "{search.wrong}: catalog/mapping.yaml does not say which table an index of search is for; write its content: TABLE"
        ),
    ])
    func aWrongFullTextIndexIsTold(_ mapping: String, _ message: String) throws {
        try scene("repair_rebuild_index", mapping, DerivedRepairTests.indexes) { scene in
            let answer = try JSONParser.parse(try scene.tool("catalog", "validate", "--json").out)
            let found = (answer["errors"]?.array ?? []).compactMap { $0["message"]?.string }
            #expect(found.contains { $0.hasPrefix(message) }, "\(found)")
        }
    }

    /// A job that names the one index cannot be meant for several.
    @Test func aJobForOneIndexIsToldThatThereAreMore() throws {
        let mapping = "search: [{table: paper_words, content: papers}, {table: people_words, content: people}]"
        try scene("repair_rebuild_index", mapping, DerivedRepairTests.indexes) { scene in
            try scene.write(
                "catalog/repair_one.yaml",
                "id: repair_one\nversion: 1.0.0\nfinds: SELECT 1 AS key\nsteps: [{id: a, sql: \"INSERT INTO {search}({search}) VALUES('rebuild')\"}]"
            )
            let result = try scene.expect(ErrorCode.invalidCatalog.exitCode.rawValue, "catalog", "validate")
            #expect(
                (result.out + result.err).contains(
                    "{search}: search is a list in catalog/mapping.yaml; write {search.tables}, {search.wrong} or {search.rebuild}"
                ), "\(result.out)")
        }
    }
}
