public import BatchCore
internal import BatchLedger

/// What the application says about itself, as processes share it: sums by the minute.
public protocol SignalStore: AnyObject {
    /// All of these in one transaction.
    func add(_ signals: [(name: String, tenant: String?, value: Double)], at now: Timestamp) throws(BatchError)

    /// By name.
    /// - Parameter tenant: nil for all of them together.
    func signalSums(since time: Timestamp, tenant: String?) throws(BatchError) -> [SignalSum]

    func forgetSignals(before time: Timestamp) throws(BatchError)
}

extension ControlFile: SignalStore {
    private static let minute: Int64 = 60_000

    public func add(
        _ signals: [(name: String, tenant: String?, value: Double)], at now: Timestamp
    ) throws(BatchError) {
        let minute = now.milliseconds / ControlFile.minute * ControlFile.minute
        // A few seconds of figures are no loss after a power cut.
        try connection.transaction { () throws(BatchError) in
            for signal in signals {
                try connection.run(
                    """
                    INSERT INTO signal_minutes VALUES(?, ?, ?, ?, 1, ?) ON CONFLICT DO UPDATE \
                    SET count = count + 1, sum = sum + excluded.sum
                    """,
                    [
                        .string(signal.name), .string(signal.tenant ?? ""), .integer(minute),
                        .integer(Int64(SignalSum.bucket(of: signal.value))), .real(signal.value),
                    ])
            }
        }
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

    public func forgetSignals(before time: Timestamp) throws(BatchError) {
        try connection.run("DELETE FROM signal_minutes WHERE minute < ?", [.integer(time.milliseconds)])
    }
}
