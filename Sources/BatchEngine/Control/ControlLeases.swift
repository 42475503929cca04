public import BatchControl
public import BatchCore
internal import BatchLedger

/// Leases in `control.db`.
extension ControlFile: ControlStore {
    public func acquire(
        _ database: String, for work: String, owner: LeaseOwner, at time: Timestamp
    ) throws(BatchError) -> Int64 {
        try connection.transaction { () throws(BatchError) in
            let last = try holder(of: database)
            if let last, last.owner != owner, last.isAlive(at: time) {
                throw BatchError(
                    .busy, "\(last.work) is running on \(database) (process \(last.owner.process))",
                    hint: (try? BatchReference(last.work)) != nil
                        ? "wait for it, or stop it: \(command: "stop --id \(last.work)")"
                        : "try again when it has ended")
            }
            let epoch = (last?.epoch ?? 0) + 1
            try connection.run(
                "INSERT OR REPLACE INTO leases VALUES(?, ?, ?, ?, ?, ?, ?, 0)",
                [
                    .string(database), .integer(owner.process), .string(owner.startedAt), .string(owner.machine),
                    .string(work), .integer(time.milliseconds), .integer(epoch),
                ])
            return epoch
        }
    }

    public func beat(_ database: String, epoch: Int64, at time: Timestamp) throws(BatchError) -> Bool {
        try connection.run(
            "UPDATE leases SET beat_at = ? WHERE database = ? AND epoch = ?",
            [.integer(time.milliseconds), .string(database), .integer(epoch)])
        return connection.changes == 1
    }

    /// The row stays, so that the next epoch is a new one; a process 0 is nobody.
    public func release(_ database: String, epoch: Int64) throws(BatchError) {
        try connection.run(
            "UPDATE leases SET process = 0, started_at = '-' WHERE database = ? AND epoch = ?",
            [.string(database), .integer(epoch)])
    }

    public func holder(of database: String) throws(BatchError) -> LeaseHolder? {
        let rows = try connection.rows(
            "SELECT process, started_at, machine, work, beat_at, epoch FROM leases WHERE database = ?",
            [.string(database)])
        return rows.first.map { row in
            LeaseHolder(
                owner: LeaseOwner(
                    process: row[0].integer ?? 0, startedAt: row[1].string ?? "", machine: row[2].string ?? ""),
                work: row[3].string ?? "", beatAt: Timestamp(milliseconds: row[4].integer ?? 0),
                epoch: row[5].integer ?? 0)
        }
    }

    public func requestStop(_ database: String) throws(BatchError) {
        try connection.run("UPDATE leases SET stop = 1 WHERE database = ?", [.string(database)])
    }

    public func isStopRequested(_ database: String, epoch: Int64) throws(BatchError) -> Bool {
        try connection.value(
            "SELECT stop FROM leases WHERE database = ? AND epoch = ?", [.string(database), .integer(epoch)])?.integer
            == 1
    }
}
