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
                let message = "\(target.name) could not be told of '\(event.kind.rawValue)': \(error.message)"
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

    private func tell(_ target: Target, _ document: String) throws(BatchError) {
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

    /// A notification that did not arrive: for the log, never a reason to fail.
    public struct Failure: Sendable, Equatable {
        /// The target's name.
        public let target: String
        /// Always `ERR_INTEGRATION_NOTIFY_FAILED`.
        public let error: BatchError
    }

    /// Something that a person should hear of. No row values: messages carry names and counts.
    public struct Event: Sendable, Equatable {
        public enum Kind: String, Sendable, CaseIterable {
            /// A run or a rollback failed.
            case failed
            /// A rollback was refused.
            case refused
            /// A rollback left something.
            case partial
            /// A record (ledger, `.bak`, git) is damaged.
            case damaged
            /// Somebody changed the database outside any batch.
            case drift
            /// An incident was opened, or what was learnt from it is delivered.
            case incident
        }

        public let kind: Kind
        public let batch: String?
        public let job: String?
        public let tenant: String?
        public let error: BatchError
        public let at: Timestamp

        public init(_ kind: Kind, batch: String?, job: String?, tenant: String?, error: BatchError, at: Timestamp) {
            self.kind = kind
            self.batch = batch
            self.job = job
            self.tenant = tenant
            self.error = error
            self.at = at
        }

        /// What a command finds on stdin and a webhook in its body.
        public var document: JSONValue {
            [
                "format_version": 1, "event": .string(kind.rawValue), "batch": .init(batch), "job": .init(job),
                "tenant": .init(tenant), "at": .string(at.iso8601),
                "error": [
                    "code": .string(error.code.rawValue), "class": .string(error.code.errorClass.rawValue),
                    "message": .string(error.message), "hint": .string(error.hint.text()),
                ],
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
        let targets = workspace.notify.compactMap { rule in
            let way: Notifier.Target.Way =
                switch rule.channel {
                case .command(let arguments): .command(arguments)
                case .webhook(let address): .webhook(address)
                }
            return try? Notifier.Target(
                way, events: Set(rule.events.compactMap { Notifier.Event.Kind(rawValue: $0.rawValue) }),
                timeout: rule.timeout.milliseconds)
        }
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
    func notify(_ kind: Notifier.Event.Kind, _ batch: BatchRecord?, _ error: BatchError) {
        guard let notifier else { return }
        let event = Notifier.Event(
            kind, batch: batch?.batch.description, job: batch?.batch.job, tenant: batch?.tenant, error: error,
            at: context.now())
        for failure in notifier.notify(event) { noteUndelivered(failure, batch) }
    }
}
