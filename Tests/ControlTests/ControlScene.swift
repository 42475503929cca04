import BatchControl
import BatchCore
import BatchHistory
import BatchLedger
import TestSupport

/// A control file in a temporary folder.
enum ControlScene {
    static let now = Timestamp(milliseconds: 1_700_000_000_000)

    static func with(_ body: (String) throws -> Void) throws {
        try TemporaryFolder.with { folder in try body("\(folder)/control.db") }
    }

    static func open(_ path: String) throws -> ControlFile {
        try ControlFile(path: path) { (connection, entry) throws(BatchError) in
            try AuditChain(.control, on: connection).append(entry)
        }
    }

    static func act(_ action: String, by actor: String = "ann") -> ControlAct {
        func entry(_ actor: String, _ action: String, _ details: JSONValue) -> AuditEntry {
            AuditEntry(
                at: now.iso8601, traceID: "t", actor: actor, tenant: nil, action: action, batch: nil, outcome: "done",
                details: JSONWriter.text(details))
        }
        return ControlAct(
            actor: actor, at: now, entry: { entry($0, action, $1) }, first: { entry(actor, "control", [:]) },
            done: { _, _, _ in })
    }

    static func actions(_ file: ControlFile) throws -> [String] {
        let table = AuditTable(file.connection)
        return try table.exists() ? try table.rows(of: .control).map(\.entry.action) : []
    }

    static func plan(_ id: PatchPlanID) -> PatchPlanRecord {
        PatchPlanRecord(
            id: id, database: "d", job: "reprice", tenant: nil, author: "ann", createdAt: now.iso8601,
            expiresAt: now.iso8601, file: "plan_\(id.number).json", sha256: "0", seal: "0")
    }

    static func safeMode(_ value: SwitchValue) -> SwitchState {
        SwitchState(name: .safeMode(.everywhere), value: value, actor: "ann", reason: "quarter end", setAt: now)
    }
}
