public import BatchCore

/// What the statements of a checkpoint see of the world outside: they see the same when they run again.
public struct Pin: Hashable, Sendable {
    /// SQLite's clock: milliseconds since the beginning of the Julian day numbers. Nil when nothing asked for the time.
    public let time: Int64?
    /// Where `random()` and `randomblob()` begin; nil when nothing asked for them.
    public let seed: UInt64?

    public init(time: Int64?, seed: UInt64?) {
        self.time = time
        self.seed = seed
    }

    /// For a checkpoint that asked for neither: a second run may take another way and ask.
    public init(checkpoint: CheckpointRecord) {
        let committed = Timestamp(iso8601: checkpoint.committedAt)?.milliseconds
        time = committed.map { $0 + Pin.unixEpoch }
        seed = UInt64(bitPattern: checkpoint.id)
    }

    /// 1970-01-01 on SQLite's clock.
    private static let unixEpoch: Int64 = 210_866_760_000_000
}

extension Ledger {
    func note(_ pin: Pin, of checkpoint: Int64) throws(BatchError) {
        try connection.run(
            "INSERT INTO batchmgr_pins VALUES(?, ?, ?)",
            [
                .integer(checkpoint), pin.time.map(SQLValue.integer) ?? .null,
                pin.seed.map { .integer(Int64(bitPattern: $0)) } ?? .null,
            ])
    }

    /// What to pin when this checkpoint runs again.
    public func pin(for checkpoint: CheckpointRecord) throws(BatchError) -> Pin {
        let fallback = Pin(checkpoint: checkpoint)
        let row = try connection.rows(
            "SELECT time, seed FROM batchmgr_pins WHERE checkpoint = ?", [.integer(checkpoint.id)]
        ).first
        return Pin(
            time: row?[0].integer ?? fallback.time,
            seed: row?[1].integer.map { UInt64(bitPattern: $0) } ?? fallback.seed)
    }
}
