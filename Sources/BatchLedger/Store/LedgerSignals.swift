public import BatchCore

/// What an application says about itself in its own transactions, until the workspace takes it over.
extension Ledger {
    private static let signalsKey = "signals"
    private static let table = "batchmgr_signals"
    /// Values that nobody has begun to take over.
    private static let waiting = ""

    /// What the workspace declared when it last wrote to the database; nil when none did.
    /// - Throws: `ERR_DATA_CORRUPT_LEDGER` when it cannot be read.
    public func declaredSignals() throws(BatchError) -> [String: SignalKind]? {
        guard try exists(), let text = try meta(Ledger.signalsKey) else { return nil }
        guard let members = (try? JSONParser.parse(text))?.members else { throw Ledger.damaged("batchmgr_meta") }
        var kinds: [String: SignalKind] = [:]
        for member in members {
            guard let kind = member.value.string.flatMap(SignalKind.init) else {
                throw Ledger.damaged("batchmgr_meta")
            }
            kinds[member.key] = kind
        }
        return kinds
    }

    /// Call it in a transaction.
    public func declare(_ signals: [String: SignalKind]) throws(BatchError) {
        let members = signals.sorted { $0.key < $1.key }.map { name, kind in
            JSONValue.Member(name, .string(kind.rawValue))
        }
        try setMeta(Ledger.signalsKey, JSONWriter.text(.object(members)))
    }

    /// A ledger of an older program has no such table until the next batch.
    public func hasSignals() throws(BatchError) -> Bool { try has(Ledger.table) }

    public func hasWaitingSignals() throws(BatchError) -> Bool {
        guard try hasSignals() else { return false }
        return try connection.value("SELECT 1 FROM main.batchmgr_signals LIMIT 1") != nil
    }

    /// Adds one value to the sums of its minute.
    /// - Parameter tenant: empty for none.
    public static func addSignal(
        _ name: String, _ value: Double, tenant: String, at time: Timestamp, _ connection: Connection
    ) throws(BatchError) {
        try connection.run(
            """
            INSERT INTO main.batchmgr_signals VALUES('', ?, ?, ?, ?, 1, ?) \
            ON CONFLICT DO UPDATE SET count = count + 1, sum = sum + excluded.sum
            """,
            [
                .string(name), .string(tenant), .integer(time.milliseconds / 60_000 * 60_000),
                .integer(Int64(SignalSum.bucket(of: value))), .real(value),
            ])
    }

    /// The values that are to be taken over next, under a name that they keep until `forgetSignals`.
    ///
    /// Who is killed between taking them over and forgetting them finds them again under the same name.
    /// - Parameter id: a random name, for values that have none yet.
    public func handOverSignals(_ id: () -> String) throws(BatchError) -> SignalHandover? {
        guard try exists(), try hasSignals() else { return nil }
        let latest = "SELECT handover FROM main.batchmgr_signals ORDER BY handover DESC LIMIT 1"
        guard var name = try connection.value(latest)?.string else { return nil }
        if name == Ledger.waiting {
            let fresh = id()
            name = fresh
            try connection.transaction { () throws(BatchError) in
                try connection.run("UPDATE main.batchmgr_signals SET handover = ?", [.string(fresh)])
            }
        }
        let rows = try connection.rows(
            "SELECT name, tenant, minute, bucket, count, sum FROM main.batchmgr_signals WHERE handover = ?",
            [.string(name)])
        return SignalHandover(
            id: name,
            sums: try rows.map { (row) throws(BatchError) in
                guard let name = row[0].string, let tenant = row[1].string, let minute = row[2].integer,
                    let bucket = row[3].integer, let count = row[4].integer, case .real(let sum) = row[5]
                else { throw Ledger.damaged(Ledger.table) }
                return SignalHandover.Sum(
                    name: name, tenant: tenant, minute: minute, bucket: bucket, count: count, sum: sum)
            })
    }

    public func forgetSignals(_ handover: SignalHandover) throws(BatchError) {
        try connection.transaction { () throws(BatchError) in
            try connection.run("DELETE FROM main.batchmgr_signals WHERE handover = ?", [.string(handover.id)])
        }
    }
}
