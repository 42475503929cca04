import BatchCore
import TestSupport
import Testing

/// What no repair may do, in the place of each job that `heal list` has: a new job is tried with all of it.
@Suite struct GateMatrixTests {
    enum Violation: String, CaseIterable, Sendable {
        case noTenant, otherTenant, outsideTheGateway, unnamedSharedTable, protectedColumn

        /// What the job does beside its own work.
        var sql: String {
            switch self {
            case .noTenant: "SELECT 1"
            case .otherTenant: "UPDATE customers SET city = 'x' WHERE tenant_id = 't002'"
            case .outsideTheGateway: "UPDATE batchmgr_batches SET status = 'committed'"
            case .unnamedSharedTable: "UPDATE products SET name = name || 'x'"
            case .protectedColumn: "UPDATE payments SET amount_cents = amount_cents + 1"
            }
        }

        /// - Parameter isForAll: the job works without tenants: then each row is another tenant's.
        func errors(isForAll: Bool) -> [ErrorCode] {
            switch self {
            case .noTenant: [.invalidCatalog]
            case .otherTenant, .unnamedSharedTable: [.otherTenant]
            case .outsideTheGateway: [.forbiddenStatement]
            case .protectedColumn: [.protectedData, .otherTenant]
            }
        }
    }

    static func scene(_ body: (BadLuckScene) throws -> Void) throws {
        try SampleRepairTests.sample(seed: 5, tenants: 3, settings: ", protected: [payments.amount_cents]") { scene in
            // Repairs of documents need their tables.
            try scene.expect(0, "run", "ocr_tables")
            try scene.expect(
                0, "run", "--id", "first", "--tenant", "t001", "--sql",
                "UPDATE customers SET city = 'here' WHERE id = (SELECT min(id) FROM customers WHERE tenant_id = 't001')"
            )
            try body(scene)
        }
    }

    /// The job as it is shipped, with something to do, and with the violation before its own steps.
    private func spoiled(_ text: String, by violation: Violation) throws -> String {
        let head = try #require(text.firstRange(of: "\nfinds:"))
        let steps = try #require(text.firstRange(of: "\nsteps:\n"))
        let tenant = violation == .noTenant ? "NULL" : "'t001'"
        return text[..<head.lowerBound] + "\nfinds: SELECT \(tenant) AS tenant, 'x' AS key\nsteps:\n"
            + "  - {id: violate, sql: \"\(violation.sql)\"}\n" + text[steps.upperBound...]
    }

    @Test func nothingThatIsForbiddenGoesThroughAnyJob() throws {
        try GateMatrixTests.scene { scene in
            let jobs = try scene.json("heal", "list")["jobs"]?.array?.compactMap { $0["id"]?.string } ?? []
            #expect(jobs.count >= 12)
            let before = try scene.dump()
            for job in jobs {
                let file = "catalog/\(job).yaml"
                let text = try TextFile.read(scene.file(file))
                let isForAll = text.contains("\ntenant: none")
                for violation in Violation.allCases where !(isForAll && violation == .noTenant) {
                    try scene.write(file, spoiled(text, by: violation))
                    for mode in ["--dry-run", "--apply"] {
                        let note = "\(job) \(violation) \(mode)"
                        let answer = try scene.tool("heal", "run", job, mode, "--json")
                        let wanted = violation.errors(isForAll: isForAll)
                        #expect(wanted.contains { answer.out.contains($0.rawValue) }, "\(note): \(answer.out)")
                        #expect(answer.code != 0 && answer.code != 7, "\(note): \(answer.out)")
                        #expect(try scene.dump() == before, "\(note)")
                        // The third failure of a job within a day would freeze it.
                        if mode == "--apply" { try scene.tool("heal", "thaw", job, "--reason", "next violation") }
                    }
                }
                try scene.write(file, text)
            }
            let rows = try scene.json("audit", "list", "--all")["entries"]?.array ?? []
            #expect(rows.allSatisfy { $0["trace_id"]?.string?.isEmpty == false })
            for job in jobs {
                let history = try scene.json("heal", "history", job, "--all")["executions"]?.array ?? []
                let refused = history.filter {
                    $0["outcome"]?.string == "failed" && $0["trace_id"]?.string?.isEmpty == false
                }
                #expect(refused.count >= 8, "\(job): \(refused.count)")
            }
        }
    }

    /// The batch of each repair is undone for its own tenant alone.
    @Test func noRollbackCrossesATenant() throws {
        try GateMatrixTests.scene { scene in
            let jobs = try scene.json("heal", "list")["jobs"]?.array?.compactMap { $0["id"]?.string } ?? []
            for job in jobs { try scene.tool("heal", "run", job, "--apply", "--tenant", "t001") }
            let own =
                "SELECT batch FROM batchmgr_batches WHERE tenant = 't001' AND job LIKE 'repair%' ORDER BY seq DESC"
            let batches = try scene.sql(own).split(separator: "\n").map(String.init)
            #expect(batches.count >= 5, "\(batches)")
            let before = try scene.dump()
            for batch in batches {
                for mode in [["--dry-run"], []] {
                    let answer = try scene.tool(["rollback", "--id", batch, "--tenant", "t002"] + mode)
                    #expect(answer.code != 0, "\(batch): \(answer.out)")
                    #expect(answer.err.contains("ERR_"), "\(batch): \(answer.err)")
                }
            }
            #expect(try scene.dump() == before)
        }
    }
}
