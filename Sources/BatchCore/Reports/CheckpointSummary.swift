/// One committed transaction of a batch.
public struct CheckpointSummary: Hashable, Sendable {
    /// Counted from 1.
    public let number: Int
    public let step: String
    /// Of a chunked step, counted from 1; nil for others.
    public let chunk: Int?
    public let rows: RowCounts
    public let committedAt: Timestamp
    /// A rollback has undone it.
    public let isUndone: Bool

    public init(
        number: Int, step: String, chunk: Int?, rows: RowCounts, committedAt: Timestamp, isUndone: Bool = false
    ) {
        self.number = number
        self.step = step
        self.chunk = chunk
        self.rows = rows
        self.committedAt = committedAt
        self.isUndone = isUndone
    }

    var json: JSONValue {
        [
            "number": JSONValue(number), "step": .string(step), "chunk": chunk.map { JSONValue($0) } ?? .null,
            "rows": rows.json, "committed_at": .string(committedAt.iso8601), "undone": .bool(isUndone),
        ]
    }
}
