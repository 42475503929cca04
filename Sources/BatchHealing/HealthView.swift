internal import BatchCatalog
internal import BatchControl
public import BatchCore
public import BatchEngine
internal import BatchSystem

/// What nobody may overlook: critical incidents that are open, and repair jobs that do nothing any more.
public struct HealthView {
    /// The latest first.
    public let incidents: [Incident]
    /// Only those that are frozen or halted.
    public let repairs: [RepairListReport.Entry]

    /// - Parameter jobs: all of the catalog.
    public init(_ session: Session, jobs: [JobDefinition]) throws(BatchError) {
        let hasRecords = Folder.exists(session.workspace.backups + "/control.db")
        incidents =
            hasRecords
            ? try Incidents(session).list(IncidentFilter(isOpen: true)).incidents.filter { $0.severity == .critical }
            : []
        let own = jobs.filter { ($0.database ?? session.database.name) == session.database.name }
        repairs = try Repairs(own).list(session).entries.filter { !$0.frozen.isEmpty || $0.haltedSince != nil }
    }

    /// `status`
    public func add(to report: inout StatusReport) {
        report.incidents = incidents
        report.repairs = repairs
    }
}
