internal import BatchCatalog
internal import BatchCore
internal import BatchLedger

/// Tells the people whom the workspace names.
struct Bulletin {
    let session: Session

    /// Never throws: the work does not depend on it. What could not be delivered is noted in the ledger's audit.
    func tell(_ kind: NotifyEvent.Kind, _ batch: BatchRecord?, _ error: BatchError) {
        let targets = session.workspace.notify.compactMap { rule in
            let way: NotifyTarget.Way =
                switch rule.channel {
                case .command(let arguments): .command(arguments)
                case .webhook(let address): .webhook(address)
                }
            return try? NotifyTarget(
                way, events: Set(rule.events.compactMap { NotifyEvent.Kind(rawValue: $0.rawValue) }),
                timeout: rule.timeout.milliseconds)
        }
        if targets.isEmpty { return }
        let event = NotifyEvent(
            kind, batch: batch?.batch.description, job: batch?.batch.job, tenant: batch?.tenant, error: error,
            at: session.context.now())
        for failure in Notifier(targets, folder: session.workspace.folder).notify(event) {
            try? session.ledger.audit(
                "notify", batch: batch, outcome: "failed",
                details: ["target": .string(failure.target), "code": .string(failure.error.code.rawValue)],
                context: session.context)
        }
    }
}
