import BatchCore
import TestSupport
import Testing

/// The repair jobs and contracts that are shipped, on the sample with its planted anomalies.
@Suite struct SampleRepairTests {
    /// The anomalies that each job heals.
    private static let kinds = [
        "repair_rebuild_index": ["missing_search_row"],
        "repair_reconcile_invoices": ["invoice_total", "unnoticed_payment"],
        "repair_policy_recompute_entitlements": ["expired_entitlement"],
        "repair_purge_corrupt_cache": ["stale_cache"],
    ]

    private func scene(_ body: (BadLuckScene) throws -> Void) throws {
        try TemporaryFolder.with { folder in
            let scene = BadLuckScene(folder: folder)
            let package = TextFile.inPackage("")
            let made = try scene.shell(
                """
                '\(package)scripts/sample-database' app.db --size 1MB --seed 3 --tenants 4 --anomalies 0.01 > /dev/null \
                && mkdir catalog && cp '\(package)catalog/'*.yaml catalog/
                printf 'databases:\\n  main: {path: app.db, tenancy: column, tenant_column: tenant_id}\\n' > batchmgr.yaml
                """)
            try #require(made.code == 0, "\(made.err)")
            try body(scene)
        }
    }

    private func planted(_ scene: BadLuckScene) throws -> [String: Int64] {
        let truth = try JSONParser.parse(try scene.shell("cat app.db.truth.json").out)
        return (truth["counts"]?.members ?? []).reduce(into: [:]) { $0[$1.key] = $1.value.integer }
    }

    @Test func scanFindsEveryPlantedAnomalyAndInventsNone() throws {
        try scene { scene in
            let planted = try planted(scene)
            let counts = try scene.json("heal", "scan")["counts"]
            for (job, kinds) in SampleRepairTests.kinds {
                #expect(counts?[job]?.integer == kinds.reduce(0) { $0 + (planted[$1] ?? 0) }, "\(job)")
            }
        }
    }

    @Test func eachHealsAndIsUndoneExactly() throws {
        try scene { scene in
            let before = try scene.dump()
            for job in SampleRepairTests.kinds.keys.sorted() {
                let answer = try scene.json("heal", "run", job, "--apply")
                #expect(answer["findings_after"]?.integer == 0, "\(job)")
            }
            let batches = try scene.sql("SELECT batch FROM batchmgr_batches ORDER BY seq DESC").split(separator: "\n")
            #expect(batches.count >= 4)
            for batch in batches { try scene.expect(0, "rollback", String(batch)) }
            #expect(try scene.dump() == before)
        }
    }

    @Test func contractsFailForThePlantedAnomaliesAlone() throws {
        try scene { scene in
            let planted = try planted(scene)
            let kinds = [
                "invoice_total": "invoice_total", "invoice_number_once": "duplicate_number",
                "payment_within_invoice": "overpayment", "payment_of_its_tenant": "payment_of_other_tenant",
                "line_amount": "line_amount", "journal_balances": "unbalanced_journal",
                "ledger_source_exists": "unknown_source", "entitlement_not_expired": "expired_entitlement",
                "file_belongs_to_document": "orphan_file", "file_is_whole": "damaged_file",
            ]
            let entries =
                try JSONParser.parse(try scene.tool("contract", "check", "--json").out)["contracts"]?.array ?? []
            #expect(entries.count == kinds.count)
            for entry in entries {
                let id = entry["id"]?.string ?? ""
                #expect(entry["violations"]?.integer == planted[kinds[id] ?? ""], "\(id)")
            }
        }
    }
}
