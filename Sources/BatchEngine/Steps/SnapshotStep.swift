internal import BatchCatalog
internal import BatchCore
internal import BatchHistory
internal import BatchLedger

/// `snapshot`: a whole copy of the database before the next step.
struct SnapshotStep: StepKind {
    static let name = "snapshot"

    var keys: KeyChoice {
        KeyChoice(
            KeyRule(
                SnapshotStep.name, .choice(JobDefinition.SnapshotPolicy.allCases.map(\.rawValue)),
                "A restore point before the next step."))
    }

    var place: StepPlace { .files }

    func run(_ step: StepRun) throws(BatchError) {
        let session = step.run.session
        let state = try DatabaseState.read(session.connection, digest: session.ledger.state())
        let file = try PointCopies(session: session).writeFull(
            step.run.batch.batch, at: session.context.now(), before: state)
        try step.record(["bak": .string(file.name), "sha256": .string(file.sha256)])
    }
}
