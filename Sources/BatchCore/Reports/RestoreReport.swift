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
