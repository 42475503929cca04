/// `points`
public struct PointsReport: Report, Hashable {
    public struct Point: Hashable, Sendable {
        public enum Kind: String, Sendable, CaseIterable {
            case batch
            case rollback
            case drift
            case baseline
            /// A restore in place.
            case restore
        }

        /// Nil for drift and the baseline.
        public let batch: BatchID?
        public let kind: Kind
        public let copies: RestorePointSummary
        /// Of the whole database at that point; nil while pending.
        public let digest: Digest?
        public let createdAt: Timestamp

        public init(batch: BatchID?, kind: Kind, copies: RestorePointSummary, digest: Digest?, createdAt: Timestamp) {
            self.batch = batch
            self.kind = kind
            self.copies = copies
            self.digest = digest
            self.createdAt = createdAt
        }

        var json: JSONValue {
            let first: [JSONValue.Member] = [
                .init("batch", JSONValue(batch?.description)), .init("kind", .string(kind.rawValue)),
            ]
            let last: [JSONValue.Member] = [
                .init("digest", JSONValue(digest?.description)), .init("created_at", .string(createdAt.iso8601)),
            ]
            return .object(first + copies.members + last)
        }
    }

    public let points: [Point]
    /// There are older ones that were not asked for.
    public let isMore: Bool

    public init(points: [Point], isMore: Bool = false) {
        self.points = points
        self.isMore = isMore
    }

    public func members(_ call: CallOptions) -> [JSONValue.Member] {
        [.init("points", .array(points.map(\.json))), .init("more", .bool(isMore))]
    }
}

/// Whether both copies of a restore point are there.
public enum PointStatus: String, Sendable, CaseIterable {
    /// Intended, not yet written; the next command completes it.
    case pending
    case complete
    /// A copy is missing or does not verify.
    case damaged
}

/// Where the two copies of a restore point are, as reports tell it.
public struct RestorePointSummary: Hashable, Sendable {
    /// Path of the `.bak`; nil while pending.
    public let bak: String?
    public let bakKind: SnapshotKind?
    /// Hexadecimal id of the git commit; nil while pending.
    public let commit: String?
    public let status: PointStatus

    public init(bak: String?, bakKind: SnapshotKind?, commit: String?, status: PointStatus) {
        self.bak = bak
        self.bakKind = bakKind
        self.commit = commit
        self.status = status
    }

    public var members: [JSONValue.Member] {
        [
            .init("bak", JSONValue(bak)), .init("bak_kind", JSONValue(bakKind?.rawValue)),
            .init("commit", JSONValue(commit)), .init("status", .string(status.rawValue)),
        ]
    }

    public var json: JSONValue { .object(members) }
}

/// What a `.bak` holds: the whole database as it was before the batch, or the rows the batch changed.
public enum SnapshotKind: String, Sendable, CaseIterable {
    case full
    case delta
}

/// `restore` to a new file
public struct RestoreReport: Report, Hashable {
    /// As it was asked for.
    public let point: String
    public let file: String
    /// The copy that it was built from.
    public let source: RestoreSource
    /// Of the point, when git has it.
    public let commit: String?
    /// Of the new file, equal to the recorded one.
    public let digest: Digest
    /// Indexes that the application has to rebuild, because they need a function that only it has.
    public let staleIndexes: [String]
    /// Why a better copy was not used.
    public let warnings: [Warning]
    /// Milliseconds.
    public let duration: Double

    public init(
        point: String, file: String, source: RestoreSource, commit: String?, digest: Digest, staleIndexes: [String],
        warnings: [Warning], duration: Double
    ) {
        self.point = point
        self.file = file
        self.source = source
        self.commit = commit
        self.digest = digest
        self.staleIndexes = staleIndexes
        self.warnings = warnings
        self.duration = duration
    }

    public func members(_ call: CallOptions) -> [JSONValue.Member] {
        [
            .init("point", .string(point)), .init("file", .string(file)), .init("source", .string(source.rawValue)),
            .init("commit", JSONValue(commit)), .init("digest", .string(digest.description)),
            .init("digests_match", true), .init("stale_indexes", .array(staleIndexes.map { .string($0) })),
            .init("warnings", warnings.texts(call)), .init("duration_ms", .number(duration)),
        ] + warnings.codes
    }
}

/// Which copy of a restore point a database is rebuilt from.
public enum RestoreSource: String, Sendable, CaseIterable {
    case git
    case bak
}
