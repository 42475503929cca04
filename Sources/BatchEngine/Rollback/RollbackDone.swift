internal import BatchCore
internal import BatchLedger

/// What a rollback did, as far as it has come.
struct RollbackDone {
    let rows: RowCounts
    let certificate: Certificate
    /// Rows that were kept or overwritten.
    let conflicts: [Conflict]
    /// Batches of which rows stay, by their names.
    let kept: Set<String>
    var replayed: [Rerun.Outcome] = []
    /// Verify queries that do not hold.
    var failing: [VerifyAfterRollback.Failing] = []
    /// What was compensated and is not done again, in words.
    var revived: [String] = []
    /// What stays outside the database, in words.
    var left: [String] = []
    /// Milliseconds until all was committed; nil for a dry run.
    var captured: Double?
    /// The path of the report.
    var paper: String?
    /// The path of the signed certificate.
    var signed: String?
    /// What went wrong behind the commit.
    var notes: [String] = []
    /// The restore point could not be written yet.
    var pending: Warning?

    init(rows: RowCounts, certificate: Certificate, conflicts: [Conflict], kept: Set<String>) {
        self.kept = kept
        self.rows = rows
        self.certificate = certificate
        self.conflicts = conflicts
    }

    var warnings: [Warning] {
        (left + revived).map { Warning(.effectLeft, $0) } + notes.map { Warning(.certificateUnsigned, $0) }
            + (pending.map { [$0] } ?? []) + replayed.flatMap(\.warnings)
            + failing.map { Warning(.verifyFailed, $0.words) }
            + certificate.uncheckedForeignKeys.map {
                Warning(.notChecked, "SQLite cannot check the foreign keys of table \($0), so nobody has")
            }
    }
}
