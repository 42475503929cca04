/// The id of one execution of a job, e.g. `reprice_invoices.3`.
public struct BatchID: Hashable, Sendable, CustomStringConvertible {
    public let job: String
    public let number: Int

    public init(job: String, number: Int) {
        self.job = job
        self.number = number
    }

    /// Nil when the text has no number after its last dot: then it can only name a job.
    public init?(_ text: String) {
        guard let dot = text.lastIndex(of: "."), let number = Int(text[text.index(after: dot)...]), number > 0,
            JobID.isValid(String(text[..<dot]))
        else { return nil }
        self.init(job: String(text[..<dot]), number: number)
    }

    public var description: String { "\(job).\(number)" }
}

/// Names of jobs: they become file names, tags and columns, so only these characters are allowed.
public enum JobID {
    public static let rule = "1 to 64 letters, digits, '_' or '-', beginning with a letter"

    /// Names of batches that the tool and the extension make themselves, and of plans.
    public static let reserved: Set<String> = ["rollback", "restore", "drift", "baseline", "plan"]

    /// In any letters: SQLite and people see one name in `Rollback` and `rollback`.
    public static func isReserved(_ text: String) -> Bool { reserved.contains(text.lowercased()) }

    public static func isValid(_ text: String) -> Bool {
        let bytes = Array(text.utf8)
        guard let first = bytes.first, bytes.count <= 64, isLetter(first) else { return false }
        return bytes.allSatisfy { isLetter($0) || ($0 >= 48 && $0 <= 57) || $0 == 95 || $0 == 45 }
    }

    private static func isLetter(_ byte: UInt8) -> Bool { (byte | 32) >= 97 && (byte | 32) <= 122 }
}

/// The id of a patch plan, e.g. `plan.4`.
public struct PatchPlanID: Hashable, Sendable, CustomStringConvertible {
    public let number: Int

    public init(_ number: Int) { self.number = number }

    /// `plan.4`, or the number alone; nil for anything else.
    public init?(_ text: String) {
        let digits = text.hasPrefix("plan.") ? text.dropFirst(5) : Substring(text)
        guard digits.utf8.allSatisfy({ $0 >= 48 && $0 <= 57 }), let number = Int(digits), number > 0 else { return nil }
        self.init(number)
    }

    public var description: String { "plan.\(number)" }
}
