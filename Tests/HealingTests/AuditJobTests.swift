import BatchCore
import TestSupport
import Testing

/// `nightly_audit`, `weekly_audit`, `periodic_snapshot`, as they are shipped.
@Suite struct AuditJobTests {
    private static let contracts = """
        positive:
          table: items
          query: SELECT id FROM items WHERE price < 0
        """

    private func scene(_ body: (BadLuckScene) throws -> Void) throws {
        try BadLuckScene.with { scene in
            for job in ["nightly_audit", "weekly_audit", "periodic_snapshot"] {
                try scene.write("catalog/\(job).yaml", TextFile.read(TextFile.inPackage("catalog/\(job).yaml")))
            }
            try scene.write("catalog/contracts.yaml", AuditJobTests.contracts)
            try scene.expect(0, "run", "multi")
            try body(scene)
        }
    }

    private func report(_ batch: String, _ scene: BadLuckScene, _ ending: String = "md") throws -> String {
        try TextFile.read(scene.file("backups/batch_manager/reports/\(batch).\(ending)"))
    }

    @Test func aNightInWhichAllIsWell() throws {
        try scene { scene in
            try scene.expect(0, "run", "nightly_audit")
            let page = try report("nightly_audit.1", scene)
            #expect(page.contains("## Problems\n\nNothing.\n"), "\(page)")
            for step in [
                "digests", "contracts", "integrity", "foreign_keys", "copies", "drill", "disk", "files", "rules",
            ] {
                #expect(page.contains("| \(step) | passed |"), "\(step): \(page)")
            }
            #expect(try report("nightly_audit.1", scene, "html").contains("<h2>Problems</h2><p>Nothing.</p>"))
            #expect(try scene.json("incident", "list")["incidents"]?.array?.isEmpty == true)
        }
    }

    @Test func theReportBeginsWithWhatGotWorse() throws {
        try scene { scene in
            try scene.expect(0, "run", "nightly_audit")
            try scene.sql("UPDATE items SET price = -4711 WHERE id IN (1, 2)")
            try scene.expect(0, "run", "nightly_audit")
            let page = try report("nightly_audit.2", scene)
            let worse = page.split(separator: "## All checks").first ?? ""
            #expect(worse.contains("## Worse than last time"), "\(page)")
            #expect(worse.contains("- contracts: failed (was passed): positive 2"), "\(page)")
            // The change was made outside any batch.
            #expect(worse.contains("- digests: failed (was passed)"), "\(page)")
            let incidents = try scene.json("incident", "list")["incidents"]?.array ?? []
            #expect(incidents.map { $0["cause"]?.string ?? "" } == ["audit:nightly_audit"], "\(incidents)")
            // No row's value is in it.
            #expect(!page.contains("4711"))

            // What stays as it is did not get worse.
            try scene.expect(0, "run", "nightly_audit")
            let third = try report("nightly_audit.3", scene)
            #expect(third.contains("## Worse than last time\n\nNothing.\n"), "\(third)")
            try scene.sql("UPDATE items SET price = -4711 WHERE id = 3")
            try scene.expect(0, "run", "nightly_audit")
            #expect(try report("nightly_audit.4", scene).contains("- contracts: positive 2 → 3"))
        }
    }

    @Test func damageOfACopyIsFound() throws {
        try scene { scene in
            try scene.expect(0, "run", "weekly_audit")
            try scene.shell(
                "for f in backups/batch_manager/batch_multi*.bak; do printf x | dd of=\"$f\" bs=1 seek=2000 conv=notrunc 2>/dev/null; done"
            )
            try scene.expect(0, "run", "weekly_audit")
            let page = try report("weekly_audit.2", scene)
            #expect(page.contains("| drill | failed |"), "\(page)")
        }
    }

    @Test func whatThereIsNoTimeForComesFirstTheNextTime() throws {
        let job = """
            id: short_audit
            version: 1.0.0
            tenant: none
            steps:
              - {id: digests, audit.digests: {budget: 1ms}}
              - {id: report, audit.report: {}}
            """
        try scene { scene in
            try scene.write("catalog/short_audit.yaml", job)
            try scene.sql(
                """
                CREATE TABLE large(x); CREATE TABLE small(x); CREATE TABLE zz(x);
                INSERT INTO large WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000) SELECT i FROM n;
                """)
            try scene.expect(0, "drift", "adopt")
            func left(_ run: Int) throws -> [String] {
                try scene.expect(0, "run", "short_audit")
                let text = try scene.sql(
                    """
                    SELECT detail ->> '$.left' FROM batchmgr_effects e JOIN batchmgr_batches b ON b.seq = e.batch
                    WHERE b.batch = 'short_audit.\(run)' AND e.kind = 'audit.digests'
                    """)
                return try JSONParser.parse(text).array?.compactMap(\.string) ?? []
            }
            let first = try #require(try left(1).first)
            #expect(try !left(2).contains(first))
        }
    }

    @Test func aSnapshotIsAWholeCopy() throws {
        try scene { scene in
            let before = try scene.shell("ls backups/batch_manager/*.bak | wc -l").out
            try scene.expect(0, "run", "periodic_snapshot")
            #expect(try scene.shell("ls backups/batch_manager/*.bak | wc -l").out != before)
        }
    }

    @Test func theirSchedulesAreSchedules() throws {
        try scene { scene in
            let listed = try JSONParser.parse(try scene.tool("catalog", "validate", "--json").out)
            #expect(listed["errors"]?.array?.isEmpty == true, "\(listed)")
            let jobs = listed["schedules"]?.array?.compactMap { $0["job"]?.string ?? $0["id"]?.string } ?? []
            #expect(Set(jobs).isSuperset(of: ["nightly_audit", "weekly_audit", "periodic_snapshot"]), "\(listed)")
        }
    }
}
