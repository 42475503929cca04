public import BatchCore
internal import Synchronization

/// What one command has written into the audit, so that its action gets one row: not none, and not two.
public final class AuditNotes: Sendable {
    struct Row: Sendable {
        /// The database file.
        let path: String
        let seq: Int64
        let action: String
    }

    private struct State: Sendable {
        var rows: [Row] = []
        var details: [JSONValue.Member] = []
    }

    private let state = Mutex(State())

    public init() {}

    func add(_ row: Row) { state.withLock { $0.rows.append(row) } }

    func rows(of action: String) -> [Row] { state.withLock { $0.rows.filter { $0.action == action } } }

    /// Adds to the details of the row that the command ends with.
    public func describe(_ key: String, _ value: JSONValue) {
        state.withLock { $0.details.append(.init(key, value)) }
    }

    var details: [JSONValue.Member] { state.withLock { $0.details } }
}
