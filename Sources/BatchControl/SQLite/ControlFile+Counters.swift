public import BatchCore
internal import BatchLedger

/// What happens to the jobs of the queue and is only counted, by job.
public enum ControlCounter: String, Hashable, Sendable, CaseIterable {
    /// A job that failed and is tried again.
    case retries
    case timeouts
    /// A worker that died, or was heard of no more.
    case leaseExpirations = "lease_expirations"
    /// A worker that came too late with what it wanted to write.
    case fencedWrites = "fenced_writes"
    /// The database, or another lock, was held by somebody else.
    case busy
}

/// A figure that was found by a look at something, and stands until the next one.
public enum ControlFigure: String, Hashable, Sendable {
    case contractViolations = "contract_violations"
    /// The checkpoint until which a contract was asked of a database.
    case contractCheckpoint = "contract_checkpoint"
    /// By cause: when people were told last of a rule that only tells, in milliseconds since 1970.
    case ruleTold = "rule_told"
}

/// Counters of a workspace. They only grow, but for a store that was lost.
public protocol CounterStore: AnyObject {
    func count(_ counter: ControlCounter, _ label: String) throws(BatchError)
    /// By counter and label.
    func counters() throws(BatchError) -> [(counter: ControlCounter, label: String, value: Int64)]

    func set(_ figure: ControlFigure, _ label: String, to value: Int) throws(BatchError)
    /// By label.
    func figures(of figure: ControlFigure) throws(BatchError) -> [(label: String, value: Int64)]
}

extension ControlFile: CounterStore {
    public func count(_ counter: ControlCounter, _ label: String) throws(BatchError) {
        try connection.transaction { () throws(BatchError) in try increase(counter, label) }
    }

    public func set(_ figure: ControlFigure, _ label: String, to value: Int) throws(BatchError) {
        try connection.run(
            "INSERT INTO counters VALUES(?1, ?2, ?3) ON CONFLICT DO UPDATE SET value = ?3 WHERE value <> ?3",
            [.string(figure.rawValue), .string(label), .integer(Int64(value))])
    }

    public func figures(of figure: ControlFigure) throws(BatchError) -> [(label: String, value: Int64)] {
        try connection.rows(
            "SELECT label, value FROM counters WHERE name = ? ORDER BY label", [.string(figure.rawValue)]
        )
        .map { ($0[0].string ?? "", $0[1].integer ?? 0) }
    }

    /// In the transaction that is open.
    func increase(_ counter: ControlCounter, _ label: String) throws(BatchError) {
        try connection.run(
            "INSERT INTO counters VALUES(?, ?, 1) ON CONFLICT DO UPDATE SET value = value + 1",
            [.string(counter.rawValue), .string(label)])
    }

    public func counters() throws(BatchError) -> [(counter: ControlCounter, label: String, value: Int64)] {
        try connection.rows("SELECT name, label, value FROM counters ORDER BY name, label").compactMap { row in
            guard let counter = row[0].string.flatMap(ControlCounter.init) else { return nil }
            return (counter, row[1].string ?? "", row[2].integer ?? 0)
        }
    }
}
