/// The one error type inside the package: a code that scripts match, words for a person, and the next command to type.
public struct BatchError: Error, Equatable, Sendable {
    public let code: ErrorCode
    /// What happened, with the name of the thing. No row values: they may be secret.
    public let message: String
    /// What to do next, usually a command.
    public let hint: Hint
    /// What a library or the system said, as a value. Code decides by it and by `subject`, never by `message`.
    public let cause: Cause?
    /// What it is about, when somebody has to know by name.
    public let subject: Subject?

    public enum Cause: Hashable, Sendable {
        /// The extended result code, and SQLite's own words.
        case sqlite(code: Int32, said: String)
        case system(errno: Int32)
        case git(code: Int32, class: Int32)
        /// A step waits for something outside; the batch goes on when it is there.
        case waiting
        /// A process died, or was ended, while a step was out in the world: whether that was done, nobody knows.
        case unknownOutcome
        /// The file of the database is not there: a disk may be mounted late.
        case noDatabase
        /// The latest batch of the job has done a part of its work. Of a batch of the queue the run key of its job, else
        /// what it was given as its key.
        case halfDone(batch: BatchID, key: String?)
        /// What the batch changes forces level 3: it becomes a plan.
        case needsPlan
        /// Work for one tenant reached a row of another one, and was refused.
        case otherTenantsRow
    }

    public enum Subject: Hashable, Sendable {
        case step(String)
        /// A path.
        case file(String)
        case table(String)
    }

    public init(
        _ code: ErrorCode, _ message: String, hint: Hint, cause: Cause? = nil, subject: Subject? = nil
    ) {
        self.code = code
        self.message = message
        self.hint = hint
        self.cause = cause
        self.subject = subject
    }

    /// The same error told with more words around it.
    public func with(message: String? = nil, hint: Hint? = nil, subject: Subject? = nil) -> BatchError {
        BatchError(
            code, message ?? self.message, hint: hint ?? self.hint, cause: cause, subject: subject ?? self.subject)
    }

    /// What the audit keeps of a failure.
    public var auditDetails: [JSONValue.Member] {
        [.init("code", .string(code.rawValue)), .init("class", .string(code.errorClass.rawValue))]
            + JSONValue.Member.only("reached", cause == .otherTenantsRow ? BatchError.otherTenantsRow : nil)
    }

    /// Of a try that changed nothing: only that it reached the row of another tenant. What the command failed with is in
    /// the audit once.
    public var reachedDetails: [JSONValue.Member] { cause == .otherTenantsRow ? auditDetails : [] }

    /// Value of `reached` in the audit.
    public static let otherTenantsRow: JSONValue = "row of another tenant"

    /// What SQLite said, without what was being done.
    public var saidBySQLite: String? {
        if case .sqlite(_, let said) = cause { said } else { nil }
    }
}

extension BatchError: CustomStringConvertible {
    public var description: String { "\(code.rawValue): \(message)" }
}
