public import BatchCore

/// Something that a person should hear of. No row values: messages carry names and counts.
public struct NotifyEvent: Sendable, Equatable {
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
