internal import BatchCore
internal import BatchLedger

/// What came of running a batch on a copy and undoing it there.
struct RehearsalResult {
    /// The batch as it ended on the copy.
    let batch: BatchRecord
    let checkpoints: Int
    /// The whole database before, after, and when the batch was undone.
    let before: StateDigest
    let after: StateDigest
    let undone: StateDigest
    let changes: ChangesDigest
    let diff: RehearsedDiff
    let pins: [PatchPlan.Pin]
    /// The checklist on the copy.
    let checks: [Check]
    /// Steps outside the database, which were left out.
    let leftOut: [String]
    /// Earlier batches that can be undone only together with this one, as far as they were looked at.
    let touchedBatches: [DependentSummary]
    let milliseconds: Double

    /// The dry run, for a report.
    var dryRun: JSONValue {
        .object(
            [
                .init("checkpoints", JSONValue(checkpoints)), .init("rows", batch.rows.json),
                .init("state_digest", .string(after.combined.description)),
                .init("changes_sha256", .string(Hex.string(changes.hash))),
            ] + diff.members)
    }

    /// The undo that was tried.
    var rollback: JSONValue {
        [
            "rehearsed": true, "state_before": .string(before.combined.description),
            "state_after_undo": .string(undone.combined.description),
        ]
    }
}
