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
            let listed = try scene.json("heal", "list")["jobs"]?.array ?? []
            // What only tells has no steps to spoil, and is never run.
            let jobs = listed.filter { $0["flag_only"]?.bool == false }.compactMap { $0["id"]?.string }
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

    /// Who asks for the undoing of a repair, or what became of its rows meanwhile.
    enum UndoViolation: String, CaseIterable, Sendable {
        case noTenant, strangeTenant, otherTenant, outsideTheGateway, otherTenantsRow, protectedColumn,
            unnamedSharedTable

        var options: [String] {
            switch self {
            case .noTenant: ["--tenant", ""]
            case .strangeTenant: ["--tenant", "nobody"]
            case .otherTenant: ["--tenant", "t002"]
            case .outsideTheGateway, .otherTenantsRow, .unnamedSharedTable: []
            case .protectedColumn: ["--mode", "unconflicted"]
            }
        }

        var error: ErrorCode {
            switch self {
            case .noTenant: .usage
            case .strangeTenant: .unknownTenant
            case .otherTenant: .unknownBatch
            case .outsideTheGateway, .otherTenantsRow: .conflict
            case .protectedColumn: .protectedData
            case .unnamedSharedTable: .otherTenant
            }
        }

        /// `batchmgr.yaml` as it is when the undoing is asked for.
        /// - Parameters:
        ///   - settings: as it was when the repair ran.
        ///   - table: one that the repair has changed, with a column of it.
        func configuration(_ settings: String, _ table: String, _ column: String) -> String {
            switch self {
            case .protectedColumn: settings.replacing("protected: [", with: "protected: [\(table).\(column), ")
            // Its rows are nobody's any more, and the job does not say that it writes what all share.
            case .unnamedSharedTable:
                settings.replacing("tenant_column: tenant_id", with: "tenant_column: nobodys_column")
            default: settings
            }
        }

        /// It is about a row that the repair has changed.
        var needsRow: Bool { self == .unnamedSharedTable || sql("t", "c", "r") != nil }

        /// What somebody does without a batch to a row of the repair.
        func sql(_ table: String, _ change: String, _ row: String) -> String? {
            switch self {
            case .noTenant, .strangeTenant, .otherTenant, .unnamedSharedTable: nil
            case .outsideTheGateway, .protectedColumn: "UPDATE \(table) SET \(change) WHERE \(row)"
            case .otherTenantsRow: "UPDATE \(table) SET tenant_id = 't002' WHERE \(row)"
            }
        }
    }

    /// An update that a batch made: its table, a column, and SQL that finds the row.
    private func change(of batch: String, _ scene: BadLuckScene) throws -> (
        table: String, column: String, spoiling: String, row: String
    )? {
        let changes = try scene.json("diff", "--id", batch)["changes"]?.array ?? []
        guard let change = changes.first(where: { $0["op"]?.string == "update" }),
            let table = change["table"]?.string, let column = change["after"]?.members?.first?.key
        else { return nil }
        let key = try scene.sql(
            "SELECT group_concat(name) FROM (SELECT name FROM pragma_table_info('\(table)') WHERE pk > 0 ORDER BY pk)")
        let values = (change["key"]?.array ?? [change["key"] ?? .null]).map { value in
            value.string.map { "'\($0)'" } ?? JSONWriter.text(value)
        }
        // What it was before is a value that the table takes.
        let before = change["before"]?[column] ?? .null
        let spoiling = "\(column) = " + (before.string.map { "'\($0)'" } ?? JSONWriter.text(before))
        return (table, column, spoiling, "(\(key)) = (\(values.joined(separator: ", ")))")
    }

    @Test func nothingThatIsForbiddenGoesThroughTheUndoingOfAnyJob() throws {
        try GateMatrixTests.scene { scene in
            let jobs = try scene.json("heal", "list")["jobs"]?.array?.compactMap { $0["id"]?.string } ?? []
            let settings = try TextFile.read(scene.file("batchmgr.yaml"))
            var tried: [UndoViolation: Int] = [:]
            for job in jobs {
                let before = try scene.dump()
                try scene.tool("heal", "run", job, "--apply", "--tenant", "t001")
                let last =
                    "SELECT batch FROM batchmgr_batches WHERE job = '\(job)' AND tenant = 't001' AND status = 'committed'"
                let batch = try scene.sql(last)
                guard !batch.isEmpty else { continue }
                let after = try scene.dump()
                let row = try change(of: batch, scene)
                for violation in UndoViolation.allCases {
                    let spoil = row.flatMap { violation.sql($0.table, $0.spoiling, $0.row) }
                    let rows = Int(try scene.sql("SELECT updated FROM batchmgr_batches WHERE batch = '\(batch)'")) ?? 0
                    // Where one row alone was changed, nothing is left to undo beside it.
                    if violation.needsRow && (row == nil || violation == .protectedColumn && rows < 2) { continue }
                    let kept = try row.map { (row) throws in
                        try scene.sql(
                            "SELECT 'tenant_id = ' || quote(tenant_id) || ', \(row.column) = ' || quote(\(row.column)) FROM \(row.table) WHERE \(row.row)"
                        )
                    }
                    if let row {
                        try scene.write("batchmgr.yaml", violation.configuration(settings, row.table, row.column))
                    }
                    if let spoil { try scene.sql(spoil) }
                    let spoiled = try scene.dump()
                    for mode in [["--dry-run"], []] {
                        let note = "\(batch) \(violation) \(mode)"
                        try scene.expect(
                            violation.error, from: ["rollback", "--id", batch] + violation.options + mode)
                        #expect(try scene.dump() == spoiled, "\(note)")
                        tried[violation, default: 0] += 1
                    }
                    let entries = try scene.json("audit", "list", "--all")["entries"]?.array ?? []
                    // A tenant without a name is not understood at all.
                    if violation != .noTenant {
                        let noted = entries.last { $0["action"]?.string == "rollback" }
                        #expect(noted?["outcome"]?.string == "refused", "\(batch) \(violation): \(entries.suffix(3))")
                    }
                    #expect(entries.allSatisfy { $0["trace_id"]?.string?.isEmpty == false })
                    try scene.write("batchmgr.yaml", settings)
                    if let row, let kept, spoil != nil {
                        let now = violation == .otherTenantsRow ? row.row.replacing("'t001'", with: "'t002'") : row.row
                        try scene.sql("UPDATE \(row.table) SET \(kept) WHERE \(now)")
                    }
                }
                #expect(try scene.dump() == after)
                try scene.expect(0, "rollback", "--id", batch)
                #expect(try scene.dump() == before, "\(batch)")
            }
            #expect(tried.values.reduce(0, +) >= 50, "\(tried)")
            #expect(UndoViolation.allCases.allSatisfy { tried[$0, default: 0] > 0 }, "\(tried)")
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
