internal import BatchCore
public import BatchSystem

/// Tells people of bad news, through a command or a webhook. It never throws: the work does not depend on it.
public struct Notifier: Sendable {
    private let targets: [NotifyTarget]
    private let folder: String
    private let clock: MonotonicClock

    /// - Parameter folder: the workspace: commands run in it.
    public init(_ targets: [NotifyTarget], folder: String, clock: MonotonicClock = .system) {
        self.targets = targets
        self.folder = folder
        self.clock = clock
    }

    /// Tells every target that wants this kind of event, one after the other, each within its timeout.
    /// - Returns: the targets that could not be told, with the reason.
    public func notify(_ event: NotifyEvent) -> [NotifyFailure] {
        var failures: [NotifyFailure] = []
        for target in targets where target.events.contains(event.kind) {
            do throws(BatchError) {
                try tell(target, JSONWriter.text(event.document) + "\n")
            } catch {
                let message = "\(target.name) could not be told of '\(event.kind.rawValue)': \(error.message)"
                let hint: Hint = "check 'notify:' in batchmgr.yaml; \(error.hint)"
                failures.append(
                    NotifyFailure(target: target.name, error: BatchError(.notifyFailed, message, hint: hint)))
            }
        }
        return failures
    }

    private func tell(_ target: NotifyTarget, _ document: String) throws(BatchError) {
        switch target.way {
        case .command(let arguments):
            let program = CommandLineProgram(
                arguments: arguments, folder: folder, timeout: target.timeout, grace: 1_000, outputLimit: 1 << 16)
            let outcome = try ExternalCommand(program, clock: clock).run(input: Array(document.utf8))
            try outcome.requireSuccess(of: program, for: "notify")
        case .webhook(let address):
            try Webhook(address: address, timeout: target.timeout).post(document)
        }
    }
}
