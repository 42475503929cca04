/// Where an audit chain lies.
public enum AuditPlace: String, Sendable, CaseIterable {
    /// In the database, with the batches.
    case ledger
    /// In `control.db`: what could not be written into a ledger, and what concerns the whole workspace.
    case control
}
