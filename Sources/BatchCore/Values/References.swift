/// How a person names a batch: by its id, or by its job when the latest one is meant.
public enum BatchReference: Hashable, Sendable {
    case batch(BatchID)
    case latest(job: String)

    /// - Throws: `ERR_UX_USAGE` when the text can name neither.
    public init(_ text: String) throws(BatchError) {
        if let id = BatchID(text) {
            self = .batch(id)
        } else if JobID.isValid(text) {
            self = .latest(job: text)
        } else {
            throw BatchError(
                .usage, "'\(text)' does not name a batch: write JOB.NUMBER, or JOB for its latest batch",
                hint: "see the batches: \(command: "list")")
        }
    }
}

extension BatchReference: CustomStringConvertible {
    public var description: String {
        switch self {
        case .batch(let id): id.description
        case .latest(let job): job
        }
    }
}

/// How a person names a restore point.
public enum PointReference: Hashable, Sendable {
    case after(BatchID)
    /// `BATCH^`
    case before(BatchID)
    /// `JOB^`: before the latest batch of a job; nil for the latest of all, `latest^`.
    case beforeLatest(job: String?)
    case latest
    case time(PointTime)
    /// A job for its latest batch, or a git tag or commit, looked up in the history.
    case revision(String)

    /// - Throws: `ERR_UX_USAGE` when the text can name no point.
    public init(_ text: String) throws(BatchError) {
        if let id = BatchID(text) {
            self = .after(id)
        } else if text == "latest" {
            self = .latest
        } else if text == "latest^" {
            self = .beforeLatest(job: nil)
        } else if text.hasSuffix("^"), let reference = PointReference.before(String(text.dropLast())) {
            self = reference
        } else if let time = PointTime(text) {
            self = .time(time)
        } else if PointTime.isMeant(by: text) {
            throw BatchError(
                .usage, "'\(text)' is not a time: write 2026-11-26T14:00, 'yesterday 18:00', 18:00 or '2h ago'",
                hint: "without a zone it is local time; with one: 2026-11-26T14:00Z or 2026-11-26T14:00+01:00")
        } else if PointReference.mayBeRevision(text) {
            self = .revision(text)
        } else {
            throw BatchError(
                .usage,
                "'\(text)' does not name a restore point: write BATCH, BATCH^, latest, a time, a tag or a commit",
                hint: "see the points: \(command: "points")")
        }
    }

    private static func before(_ text: String) -> PointReference? {
        if let id = BatchID(text) { return .before(id) }
        return JobID.isValid(text) ? .beforeLatest(job: text) : nil
    }

    /// Only what git allows in names of tags; anything more, such as `@{…}` or `:path`, is not a point.
    private static func mayBeRevision(_ text: String) -> Bool {
        guard let first = text.utf8.first, first != UInt8(ascii: "-"), !text.contains("..") else { return false }
        return text.utf8.allSatisfy { $0 > 32 && $0 != 127 && !"~^:?*[\\@{".utf8.contains($0) }
    }
}

extension PointReference: CustomStringConvertible {
    public var description: String {
        switch self {
        case .after(let id): id.description
        case .before(let id): "\(id)^"
        case .beforeLatest(let job): "\(job ?? "latest")^"
        case .latest: "latest"
        case .time(let time): time.text
        case .revision(let name): name
        }
    }
}
