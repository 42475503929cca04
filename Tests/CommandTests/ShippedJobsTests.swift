import BatchCore
import TestSupport
import Testing

/// Every job that is shipped runs on the sample that is shipped, and is undone.
@Suite struct ShippedJobsTests {
    private static let jobs: [(id: String, options: [String])] = [
        ("mark_overdue", ["--set", "today=2026-06-30"]), ("reprice_invoices", []), ("add_late_fees", []),
        ("clear_cache", ["--set", "before=2026-06-30"]), ("end_subscriptions", ["--set", "today=2026-07-20"]),
        ("export_open_items", []),
    ]

    private static let dump = "sqlite3 app.db .dump | grep -v -e batchmgr_ -e sqlite_sequence | sha256sum"

    @Test func eachRunsOnTheSampleForOneTenant() throws {
        try TemporaryFolder.with { folder in
            func shell(_ line: String, _ words: [String] = []) throws -> BuiltTool.Result {
                try BuiltTool.shell("cd '\(folder)'; \(line)", words)
            }
            let package = TextFile.inPackage("")
            let made = try shell(
                """
                '\(package)scripts/sample-database' app.db --size 1MB --seed 1 --tenants 3 > /dev/null && mkdir catalog \
                && cp '\(package)catalog/'*.yaml catalog/
                printf 'databases:\\n  main: {path: app.db, tenancy: column, tenant_column: tenant_id}\\n' > batchmgr.yaml
                """)
            try #require(made.code == 0, "\(made.err)")
            let before = try shell(ShippedJobsTests.dump).out
            for (id, options) in ShippedJobsTests.jobs {
                let ran = try shell("exec \"$TOOL\" \"$@\"", ["run", "--id", id, "--tenant", "t001"] + options)
                #expect(ran.code == 0, "\(id): \(ran.err)")
            }
            let file = try shell("cat exports/open_items_t001.csv").out
            #expect(file.split(separator: "\r\n").count > 1)
            // All of them are tried here.
            let list = try JSONParser.parse(try shell("exec \"$TOOL\" catalog list --json").out)
            let ids = list["jobs"]?.array?.compactMap { $0["id"]?.string } ?? []
            // SampleRepairTests try the repair jobs, DocumentTests those of documents, AuditJobTests those that only look.
            let looks = ["nightly_audit", "weekly_audit", "periodic_snapshot"]
            let elsewhere = ["repair_", "flag_", "ocr_"]
            let shipped = Set(
                ids.filter { id in !elsewhere.contains(where: id.hasPrefix) && !looks.contains(id) })
            #expect(shipped == Set(ShippedJobsTests.jobs.map(\.id)))
            for (id, _) in ShippedJobsTests.jobs.reversed() {
                let undone = try shell("exec \"$TOOL\" rollback --id \(id).1")
                #expect(undone.code == 0, "\(id): \(undone.err)")
            }
            #expect(try shell(ShippedJobsTests.dump).out == before)
        }
    }
}
