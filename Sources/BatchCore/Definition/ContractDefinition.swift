/// A promise that data keeps: a query for the rows that break it.
public struct ContractDefinition: Hashable, Sendable {
    public enum Severity: String, Hashable, Sendable, CaseIterable {
        case warning
        case error
        case critical
    }

    /// When it is asked by itself.
    public enum Occasion: String, Hashable, Sendable, CaseIterable {
        case realtime
        case nightly
        case weekly
    }

    /// So many violations, as a number of rows or as a share of the rows of the contract's table.
    public enum Threshold: Hashable, Sendable {
        case rows(Int)
        /// 0 to 100
        case percent(Double)

        /// `5`, `0.5%`
        public init?(text: String) {
            if let rows = Int(text), rows >= 1, text.utf8.allSatisfy({ (48...57).contains($0) }) {
                self = .rows(rows)
            } else if text.hasSuffix("%"), let share = Double(text.dropLast()), share > 0, share <= 100 {
                self = .percent(share)
            } else {
                return nil
            }
        }

        /// - Parameter total: rows that could break it.
        func isReached(by violations: Int, of total: Int) -> Bool {
            switch self {
            case .rows(let rows): violations >= rows
            case .percent(let share): violations > 0 && Double(violations) * 100 >= share * Double(max(total, 1))
            }
        }
    }

    /// What happens when it fails.
    public enum Consequence: String, Hashable, Sendable, CaseIterable {
        case incident
        /// Its module is switched off.
        case block
        /// The batch that set the rows is undone, by its level.
        case rollback
    }

    public enum Status: String, Hashable, Sendable, CaseIterable {
        case ok
        case warn
        case fail
    }

    public var id: String
    public var description: String
    public var query: String
    public var faults: ErrorClass
    public var severity: Severity
    /// The table whose rows it judges: percentages are of its rows, and its violations are traced to a batch.
    public var table: String?
    public var warnIf: Threshold?
    public var failIf: Threshold
    public var occasion: Occasion
    /// The part of the application that it is about.
    public var module: String?
    public var consequences: [Consequence] = []
    /// The columns of its answer that say which rows a violation is about; empty: it is asked of all rows each time.
    public var key: [String] = []
    /// For each table that it reads: the columns that hold that key.
    public var reads: [String: [String]] = [:]

    public init(
        id: String, description: String = "", query: String, faults: ErrorClass = .data, severity: Severity = .error,
        table: String? = nil, warnIf: Threshold? = nil, failIf: Threshold = .rows(1), occasion: Occasion = .nightly
    ) {
        self.id = id
        self.description = description
        self.query = query
        self.faults = faults
        self.severity = severity
        self.table = table
        self.warnIf = warnIf
        self.failIf = failIf
        self.occasion = occasion
    }

    /// - Parameter total: rows of its table; counts only where a threshold is a share.
    public func status(violations: Int, of total: Int) -> Status {
        if failIf.isReached(by: violations, of: total) { return .fail }
        // A contract that fails at a share alone has still something to tell.
        return (warnIf ?? .rows(1)).isReached(by: violations, of: total) ? .warn : .ok
    }

    public var needsTotal: Bool {
        [failIf, warnIf].contains { if case .percent = $0 { true } else { false } }
    }
}
