internal import BatchCatalog
public import BatchCore
internal import BatchLedger
public import BatchSystem

/// Tells people of bad news, through a command or a webhook. It never throws: the work does not depend on it.
public struct Notifier: Sendable {
    private let targets: [Target]
    private let folder: String
    private let clock: MonotonicClock

    /// - Parameter folder: the workspace: commands run in it.
    public init(_ targets: [Target], folder: String, clock: MonotonicClock = .system) {
        self.targets = targets
        self.folder = folder
        self.clock = clock
    }

    /// Tells every target that wants this kind of event, one after the other, each within its timeout.
    /// - Returns: the targets that could not be told, with the reason.
    public func notify(_ event: Event) -> [Failure] {
        var failures: [Failure] = []
        for target in targets where target.events.contains(event.kind) {
            do throws(BatchError) {
                try tell(target, JSONWriter.text(event.document) + "\n")
            } catch {
                let message = "\(target.name) could not be notified of '\(event.kind.rawValue)': \(error.message)"
                let hint: Hint = "check 'notify:' in batchmgr.yaml; \(error.hint)"
                failures.append(
                    Failure(target: target.name, error: BatchError(.notifyFailed, message, hint: hint)))
            }
        }
        return failures
    }

    /// Tells every target that wants this kind of event.
    /// - Returns: the targets that were told, and those that could not be.
    func deliver(_ kind: Event.Kind, _ document: JSONValue) -> (delivered: [String], failed: [Failure]) {
        var (delivered, failed): ([String], [Failure]) = ([], [])
        for target in targets where target.events.contains(kind) {
            do throws(BatchError) {
                try tell(target, JSONWriter.text(document) + "\n")
                delivered.append(target.name)
            } catch {
                failed.append(Failure(target: target.name, error: error))
            }
        }
        return (delivered, failed)
    }

    /// Sends a document that was made before.
    func send(_ document: String, to target: Target) throws(BatchError) { try tell(target, document) }

    private func tell(_ target: Target, _ document: String) throws(BatchError) {
        switch target.way {
        case .command(let arguments):
            let program = CommandLineProgram(
                arguments: arguments, folder: folder, timeout: target.timeout, grace: 1_000, outputLimit: 1 << 16)
            let outcome = try ExternalCommand(program, clock: clock).run(input: Array(document.utf8))
            try outcome.requireSuccess(of: program, for: "notify")
        case .webhook(let address):
            let webhook = Webhook(address: address, timeout: target.timeout)
            guard let file = target.secretFile else { return try webhook.post(document) }
            try webhook.post(document, signedWith: file, at: WallClock.now)
        }
    }

    /// A notification that did not arrive: for the log, never a reason to fail.
    public struct Failure: Sendable, Equatable {
        /// The target's name.
        public let target: String
        /// Always `ERR_INTEGRATION_NOTIFY_FAILED`.
        public let error: BatchError
    }

    /// Something that a person should hear of. No row values: messages carry names and counts.
    public struct Event: Sendable, Equatable {
        public typealias Kind = NotificationRule.Event

        public let kind: Kind
        public let batch: String?
        public let job: String?
        public let tenant: String?
        /// Nil of what is no failure.
        public let error: BatchError?
        /// In its place: what there is to say.
        public let message: String?
        public let at: Timestamp

        public init(_ kind: Kind, job: String?, tenant: String?, message: String, at: Timestamp) {
            self.kind = kind
            batch = nil
            self.job = job
            self.tenant = tenant
            error = nil
            self.message = message
            self.at = at
        }

        public init(_ kind: Kind, batch: String?, job: String?, tenant: String?, error: BatchError?, at: Timestamp) {
            self.kind = kind
            self.batch = batch
            self.job = job
            self.tenant = tenant
            self.error = error
            message = nil
            self.at = at
        }

        /// What a command finds on stdin and a webhook in its body.
        public var document: JSONValue {
            .object(
                [
                    .init("format_version", 1), .init("event", .string(kind.rawValue)), .init("batch", .init(batch)),
                    .init("job", .init(job)), .init("tenant", .init(tenant)), .init("at", .string(at.iso8601)),
                    .init("error", error.map(Event.json) ?? .null),
                ] + (message.map { [.init("message", .string($0))] } ?? []))
        }

        private static func json(_ error: BatchError) -> JSONValue {
            [
                "code": .string(error.code.rawValue), "class": .string(error.code.errorClass.rawValue),
                "message": .string(error.message), "hint": .string(error.hint.text()),
            ]
        }
    }

    /// An http or https address.
    struct WebAddress {
        let text: String
        /// Scheme, host and port: the part that may be shown.
        let origin: String

        /// Nil for other schemes, an empty host, and characters that do not belong in an address.
        init?(_ text: String) {
            guard text.utf8.allSatisfy({ $0 > 32 && $0 < 127 }) else { return nil }
            let lower = text.lowercased()
            guard let scheme = ["http://", "https://"].first(where: lower.hasPrefix) else { return nil }
            let authority = text.dropFirst(scheme.count).prefix { $0 != "/" && $0 != "?" && $0 != "#" && $0 != "\\" }
            let host = authority.split(separator: "@", omittingEmptySubsequences: false).last ?? ""
            guard !host.isEmpty, !host.hasPrefix(":") else { return nil }
            self.text = text
            origin = scheme + host
        }
    }
}

extension Notifier {
    /// Who is told, of what.
    public struct Target: Sendable, Equatable {
        public enum Way: Sendable, Equatable {
            /// A program with its arguments; the event is its stdin.
            case command([String])
            /// The event is POSTed there.
            case webhook(String)
        }

        public let way: Way
        public let events: Set<Event.Kind>
        /// Milliseconds.
        public let timeout: Int64
        /// Of a webhook that is signed.
        var secretFile: String?

        /// - Throws: `ERR_UX_INVALID_CONFIGURATION` for an empty command or an address that is not http or https.
        public init(
            _ way: Way, events: Set<Event.Kind> = Set(Event.Kind.allCases), timeout: Int64 = 10_000
        ) throws(BatchError) {
            switch way {
            case .command(let arguments):
                guard let program = arguments.first, !program.isEmpty else {
                    throw Target.invalid("a 'notify' command is empty", hint: "give a list: [PROGRAM, ARGUMENT]")
                }
            case .webhook(let address):
                guard WebAddress(address) != nil else {
                    throw Target.invalid(
                        "a 'notify' webhook is not an http or https address", hint: "give one like https://HOST/PATH")
                }
            }
            self.way = way
            self.events = events
            self.timeout = max(1, timeout)
        }

        /// For the log. The path of a webhook is often a secret, so it is not part of it.
        public var name: String {
            switch way {
            case .command(let arguments): "command '\(PlainText.oneLine(arguments.first ?? ""))'"
            case .webhook(let address): "webhook \(WebAddress(address)?.origin ?? "")"
            }
        }

        private static func invalid(_ message: String, hint: Hint) -> BatchError {
            BatchError(.invalidConfiguration, message, hint: hint + " under 'notify:' in batchmgr.yaml")
        }
    }
}

extension Session {
    private var notifier: Notifier? {
        let targets = workspace.notify.compactMap { $0.target(in: workspace) }
        return targets.isEmpty ? nil : Notifier(targets, folder: workspace.folder)
    }

    /// Gives a document to the people whom the workspace names.
    /// - Returns: who got it, and who could not be reached.
    public func deliver(
        _ kind: Notifier.Event.Kind, _ members: JSONValue
    ) -> (delivered: [String], failed: [String]) {
        guard let notifier else { return ([], []) }
        let head: [JSONValue.Member] = [
            .init("format_version", 1), .init("event", .string(kind.rawValue)),
            .init("at", .string(context.now().iso8601)),
        ]
        let (delivered, failed) = notifier.deliver(kind, .object(head + (members.members ?? [])))
        for failure in failed { noteUndelivered(failure, nil) }
        return (delivered, failed.map { "\($0.target): \($0.error.message)" })
    }

    private func noteUndelivered(_ failure: Notifier.Failure, _ batch: BatchRecord?) {
        guard (try? ledger.exists()) == true else { return }
        try? ledger.audit(
            "notify", batch: batch, outcome: "failed",
            details: ["target": .string(failure.target), "code": .string(failure.error.code.rawValue)],
            context: context)
    }

    /// Tells the people whom the workspace names. Never throws: the work does not depend on it. What could not be
    /// delivered is noted in the ledger's audit.
    /// - Parameter job: whose own rules count too.
    func notify(_ kind: Notifier.Event.Kind, _ batch: BatchRecord?, _ error: BatchError, of job: JobDefinition? = nil) {
        let event = Notifier.Event(
            kind, batch: batch?.batch.description, job: batch?.batch.job, tenant: batch?.tenant, error: error,
            at: context.now())
        tell(event, batch, job)
    }

    /// Tells of something that is no failure.
    func notify(_ kind: Notifier.Event.Kind, _ message: String, _ batch: BatchRecord, of job: JobDefinition) {
        let wanted = (workspace.notify + job.notify).contains { $0.events.contains { $0.rawValue == kind.rawValue } }
        guard wanted else { return }
        tell(
            Notifier.Event(kind, job: job.id, tenant: batch.tenant, message: message, at: context.now()), batch, job)
    }

    private func tell(_ event: Notifier.Event, _ batch: BatchRecord?, _ job: JobDefinition?) {
        let notices = Notices(workspace, context: context)
        let failures = notices.tell(event, rules: job?.notify ?? []) {
            batch.map { failuresInARow(of: $0, isOver: event.kind == .recovered) } ?? 1
        }
        for failure in failures { noteUndelivered(failure, batch) }
    }

    /// How often a job has failed for a tenant since it went well last, as far as anybody asks.
    /// - Parameter isOver: the batch is the one that went well again.
    private func failuresInARow(of batch: BatchRecord, isOver: Bool) -> Int {
        let sql = """
            SELECT error IS NOT NULL FROM main.batchmgr_batches WHERE job = ? AND number <= ? AND kind = 'batch' \
            AND tenant IS ? AND status NOT IN ('running', 'stopped') ORDER BY number DESC LIMIT 1001
            """
        let values: [SQLValue] = [
            .string(batch.batch.job), .integer(Int64(batch.batch.number) - (isOver ? 1 : 0)), .optional(batch.tenant),
        ]
        let rows = (try? connection.rows(sql, values)) ?? []
        // One that was rolled back since has failed all the same.
        return rows.prefix { $0[0].integer == 1 }.count
    }
}
