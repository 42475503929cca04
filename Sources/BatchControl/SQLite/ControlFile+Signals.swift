public import BatchCore
internal import BatchLedger

/// What the application says about itself, as processes share it: sums by the minute.
public protocol SignalStore: AnyObject {
    /// All of these in one transaction.
    func add(_ signals: [(name: String, tenant: String?, value: Double)], at now: Timestamp) throws(BatchError)

    /// Sums of no tenant, that were made elsewhere.
    func add(sums: [SignalSum], at now: Timestamp) throws(BatchError)

    /// Takes over what an application left in a ledger; what was taken over before is not taken twice.
    /// - Parameters:
    ///   - ledger: the id of its database.
    ///   - tenant: whose values all of them are; nil where each says it.
    func take(_ signals: SignalHandover, of ledger: String, tenant: String?) throws(BatchError)

    /// By name.
    /// - Parameter tenant: nil for all of them together.
    func signalSums(since time: Timestamp, tenant: String?) throws(BatchError) -> [SignalSum]

    /// Sums of one signal for each whole hour, by time. Both ends are the beginning of an hour.
    /// - Parameters:
    ///   - tenant: nil for all of them.
    ///   - byTenant: of each tenant by itself.
    func signalHours(
        _ name: String, from start: Timestamp, until end: Timestamp, tenant: String?, byTenant: Bool
    ) throws(BatchError) -> [SignalHour]

    func forgetSignals(before time: Timestamp) throws(BatchError)
}

/// What a signal said in one hour.
public struct SignalHour: Hashable, Sendable {
    public let endsAt: Timestamp
    /// Nil for all of them together, and for what was said for none.
    public let tenant: String?
    public let count: Int64
    public let sum: Double
}

extension ControlFile: SignalStore {
    private static let minute: Int64 = 60_000

    public func add(
        _ signals: [(name: String, tenant: String?, value: Double)], at now: Timestamp
    ) throws(BatchError) {
        // Many values are few rows: they are summed before.
        var sums: [String: [String: [Int: (count: Int64, sum: Double)]]] = [:]
        for signal in signals {
            let bucket = SignalSum.bucket(of: signal.value)
            let known = sums[signal.tenant ?? ""]?[signal.name]?[bucket] ?? (0, 0)
            sums[signal.tenant ?? "", default: [:]][signal.name, default: [:]][bucket] =
                (known.count + 1, known.sum + signal.value)
        }
        // A few seconds of figures are no loss after a power cut.
        try connection.transaction { () throws(BatchError) in
            for (tenant, names) in sums {
                for (name, buckets) in names {
                    for (bucket, value) in buckets {
                        try add(name, tenant, bucket: bucket, value.count, value.sum, at: now)
                    }
                }
            }
        }
    }

    public func add(sums: [SignalSum], at now: Timestamp) throws(BatchError) {
        try connection.transaction { () throws(BatchError) in
            for sum in sums {
                for (bucket, count) in sum.buckets.enumerated() where count > 0 {
                    try add(sum.name, "", bucket: bucket, count, sum.mean * Double(count), at: now)
                }
            }
        }
    }

    public func take(_ signals: SignalHandover, of ledger: String, tenant: String?) throws(BatchError) {
        // The ledger forgets them next, so they must be on disk here.
        try durably { () throws(BatchError) in
            let last = try connection.value("SELECT handover FROM signal_handovers WHERE ledger = ?", [.string(ledger)])
            if last?.string == signals.id { return }
            for sum in signals.sums {
                try add(
                    sum.name, tenant ?? sum.tenant, bucket: Int(sum.bucket), sum.count, sum.sum,
                    at: Timestamp(milliseconds: sum.minute))
            }
            try connection.run(
                "INSERT OR REPLACE INTO signal_handovers VALUES(?, ?)", [.string(ledger), .string(signals.id)])
        }
    }

    private func add(
        _ name: String, _ tenant: String, bucket: Int, _ count: Int64, _ sum: Double, at now: Timestamp
    ) throws(BatchError) {
        let minute = now.milliseconds / ControlFile.minute * ControlFile.minute
        try connection.run(
            """
            INSERT INTO signal_minutes VALUES(?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE \
            SET count = count + excluded.count, sum = sum + excluded.sum
            """,
            [
                .string(name), .string(tenant), .integer(minute), .integer(Int64(bucket)), .integer(count), .real(sum),
            ])
    }

    public func signalSums(since time: Timestamp, tenant: String?) throws(BatchError) -> [SignalSum] {
        let owner = tenant == nil ? "" : " AND tenant = ?2"
        let sql = """
            SELECT name, bucket, sum(count), sum(sum) FROM signal_minutes WHERE minute >= ?1\(owner) \
            GROUP BY name, bucket ORDER BY name
            """
        let first = time.milliseconds / ControlFile.minute * ControlFile.minute
        var sums: [SignalSum] = []
        for row in try connection.rows(sql, [.integer(first)] + (tenant.map { [.string($0)] } ?? [])) {
            let name = row[0].string ?? ""
            if sums.last?.name != name { sums.append(SignalSum(name)) }
            var total = 0.0
            if case .real(let sum) = row[3] { total = sum }
            sums[sums.count - 1].add(bucket: Int(row[1].integer ?? 0), count: row[2].integer ?? 0, sum: total)
        }
        return sums
    }

    public func signalHours(
        _ name: String, from start: Timestamp, until end: Timestamp, tenant: String?, byTenant: Bool
    ) throws(BatchError) -> [SignalHour] {
        let hour: Int64 = 60 * ControlFile.minute
        let sql = """
            SELECT minute / \(hour), \(byTenant ? "nullif(tenant, '')" : "NULL"), sum(count), total(sum) \
            FROM signal_minutes WHERE name = ?1 AND minute >= ?2 AND minute < ?3 AND (?4 IS NULL OR tenant = ?4) \
            GROUP BY 1, 2 ORDER BY 1, 2
            """
        return try connection.rows(
            sql, [.string(name), .integer(start.milliseconds), .integer(end.milliseconds), .optional(tenant)]
        ).map { row in
            var total = 0.0
            if case .real(let sum) = row[3] { total = sum }
            return SignalHour(
                endsAt: Timestamp(milliseconds: ((row[0].integer ?? 0) + 1) * hour), tenant: row[1].string,
                count: row[2].integer ?? 0, sum: total)
        }
    }

    public func forgetSignals(before time: Timestamp) throws(BatchError) {
        try connection.run("DELETE FROM signal_minutes WHERE minute < ?", [.integer(time.milliseconds)])
    }
}
