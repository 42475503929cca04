public import BatchCore
internal import BatchLedger

extension ControlFile: PatchPlanStore {
    private static let columns = """
        number, database, job, tenant, author, created_at, expires_at, file, sha256, seal, status, decided_by, typed_by, \
        decided_at, approval, reason, batch
        """

    public func addPlan(_ make: (PatchPlanID) throws(BatchError) -> PatchPlanRecord) throws(BatchError)
        -> PatchPlanRecord
    {
        return try durably { () throws(BatchError) in
            let last = try connection.value("SELECT seq FROM sqlite_sequence WHERE name = 'plans'")?.integer ?? 0
            let record = try make(PatchPlanID(Int(last) + 1))
            try connection.run(
                "INSERT INTO plans(\(ControlFile.columns)) VALUES(?\(String(repeating: ", ?", count: 16)))",
                [
                    .integer(Int64(record.id.number)), .string(record.database), .string(record.job),
                    .optional(record.tenant), .string(record.author), .string(record.createdAt),
                    .string(record.expiresAt), .string(record.file), .string(record.sha256), .string(record.seal),
                ] + decision(record))
            return record
        }
    }

    private func decision(_ record: PatchPlanRecord) -> [SQLValue] {
        [
            .string(record.status.rawValue), .optional(record.decidedBy), .optional(record.typedBy),
            .optional(record.decidedAt), .optional(record.approval), .optional(record.reason), .optional(record.batch),
        ]
    }

    public func plans() throws(BatchError) -> [PatchPlanRecord] { try plans("1", []) }

    public func plan(_ id: PatchPlanID) throws(BatchError) -> PatchPlanRecord? {
        try plans("number = ?", [.integer(Int64(id.number))]).first
    }

    public func rejectExpiredPlans(
        at now: Timestamp, _ act: (PatchPlanRecord) -> ControlAct
    ) throws(BatchError) -> [PatchPlanRecord] {
        let due = "status = 'proposed' AND expires_at <= ?"
        var rejected: [PatchPlanRecord] = []
        for record in try plans(due, [.string(now.iso8601)]) {
            let reason = "nobody approved it in its time"
            let isOurs = try audited(act(record)) { () throws(BatchError) -> (Bool, JSONValue) in
                try connection.run(
                    "UPDATE plans SET status = 'rejected', decided_at = ?, reason = ? WHERE number = ? AND \(due)",
                    [
                        .string(now.iso8601), .string(reason), .integer(Int64(record.id.number)),
                        .string(now.iso8601),
                    ])
                let details: JSONValue = [
                    "plan": .string("\(record.id)"), "sha256": .string(record.sha256),
                    "author": .string(record.author), "reason": .string(reason),
                ]
                return (connection.changes == 1, details)
            }
            if isOurs { rejected.append(record) }
        }
        return rejected
    }

    private func plans(_ condition: String, _ parameters: [SQLValue]) throws(BatchError) -> [PatchPlanRecord] {
        let sql = "SELECT \(ControlFile.columns) FROM plans WHERE \(condition) ORDER BY number"
        var records: [PatchPlanRecord] = []
        for row in try connection.rows(sql, parameters) { records.append(try ControlFile.record(row)) }
        return records
    }

    private static func record(_ row: [SQLValue]) throws(BatchError) -> PatchPlanRecord {
        func text(_ place: Int) -> String { row[place].string ?? "" }
        let number = Int(row[0].integer ?? 0)
        guard let status = PatchPlanStatus(rawValue: text(10)) else {
            throw BatchError(
                .alteredPlan, "the row of plan.\(number) in control.db has an unknown status",
                hint: "make a new plan: \(command: "run --id \(text(2)) --propose")")
        }
        var record = PatchPlanRecord(
            id: PatchPlanID(number), database: text(1), job: text(2), tenant: row[3].string, author: text(4),
            createdAt: text(5), expiresAt: text(6), file: text(7), sha256: text(8), seal: text(9))
        record.status = status
        record.decidedBy = row[11].string
        record.typedBy = row[12].string
        record.decidedAt = row[13].string
        record.approval = row[14].string
        record.reason = row[15].string
        record.batch = row[16].string
        return record
    }

    public func movePlan(
        _ record: PatchPlanRecord, from: Set<PatchPlanStatus>, noting note: () throws(BatchError) -> Void
    ) throws(BatchError) -> Bool {
        let allowed = from.map { "'\($0.rawValue)'" }.sorted().joined(separator: ", ")
        return try durably { () throws(BatchError) in
            try connection.run(
                """
                UPDATE plans SET status = ?, decided_by = ?, typed_by = ?, decided_at = ?, approval = ?, reason = ?, \
                batch = ? WHERE number = ? AND status IN (\(allowed))
                """, decision(record) + [.integer(Int64(record.id.number))])
            guard connection.changes == 1 else { return false }
            try note()
            return true
        }
    }
}
