public import BatchCore
public import BatchLedger

extension ControlFile: ServiceStore {
    public func service() throws(BatchError) -> ServiceRecord? {
        let sql = "SELECT epoch, process, started, boot, namespace, machine, taken_at, beat_at FROM service"
        return try connection.rows(sql).first.map { row in
            func text(_ place: Int) -> String { row[place].string ?? "" }
            let owner = row[1].integer.map { process in
                LeaseOwner(process: process, startedAt: text(2), boot: text(3), namespace: text(4), machine: text(5))
            }
            return ServiceRecord(
                epoch: row[0].integer ?? 0, owner: owner, takenAt: Timestamp(milliseconds: row[6].integer ?? 0),
                beatAt: Timestamp(milliseconds: row[7].integer ?? 0))
        }
    }

    public func takeService(_ owner: LeaseOwner, at now: Timestamp) throws(BatchError) -> ServiceRecord {
        try durably { () throws(BatchError) in
            let known = try service()
            if let known, let other = known.owner, known.isRunning(at: now) {
                throw BatchError(
                    .busy, "process \(other.process) has served this workspace since \(known.takenAt.iso8601)",
                    hint: "one service is enough for a workspace; to end that one: kill \(other.process)")
            }
            let epoch = (known?.epoch ?? 0) + 1
            try connection.run(
                "INSERT OR REPLACE INTO service VALUES(1, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?7)",
                [
                    .integer(epoch), .integer(owner.process), .string(owner.startedAt), .string(owner.boot),
                    .string(owner.namespace), .string(owner.machine), .integer(now.milliseconds),
                ])
            return ServiceRecord(epoch: epoch, owner: owner, takenAt: now, beatAt: now)
        }
    }

    public func beatService(_ record: ServiceRecord, at now: Timestamp) throws(BatchError) -> Bool {
        try connection.run(
            "UPDATE service SET beat_at = ? WHERE epoch = ? AND process IS NOT NULL",
            [.integer(now.milliseconds), .integer(record.epoch)])
        return connection.changes == 1
    }

    public func leaveService(_ record: ServiceRecord, at now: Timestamp) throws(BatchError) {
        try connection.run(
            "UPDATE service SET process = NULL, beat_at = ? WHERE epoch = ?",
            [.integer(now.milliseconds), .integer(record.epoch)])
    }

    // MARK: Workers that begin anew

    public func wishRestart(_ kind: ServiceRestart.Kind, _ act: ControlAct) throws(BatchError) -> ServiceRestart {
        if let open = try restart(where: "ended_at IS NULL AND kind = ?", [.string(kind.rawValue)]) { return open }
        return try audited(act) { () throws(BatchError) in
            try connection.run(
                "INSERT INTO restarts(actor, wished_at, kind) VALUES(?, ?, ?)",
                [.string(act.actor), .integer(act.at.milliseconds), .string(kind.rawValue)])
            let wish = ServiceRestart(
                number: connection.lastInsertRowID, kind: kind, actor: act.actor, wishedAt: act.at, endedAt: nil,
                workers: 0)
            return (wish, ["restart": .integer(wish.number), "kind": .string(kind.rawValue)])
        }
    }

    public func lastRestart() throws(BatchError) -> ServiceRestart? {
        if let open = try restart(where: "ended_at IS NULL", []) { return open }
        return try restart(where: "1 ORDER BY seq DESC", [])
    }

    private func restart(where condition: String, _ values: [SQLValue]) throws(BatchError) -> ServiceRestart? {
        let sql = "SELECT seq, actor, wished_at, ended_at, workers, kind FROM restarts WHERE \(condition) LIMIT 1"
        return try connection.rows(sql, values).first.map { row in
            ServiceRestart(
                number: row[0].integer ?? 0, kind: row[5].string.flatMap(ServiceRestart.Kind.init) ?? .queue,
                actor: row[1].string ?? "",
                wishedAt: Timestamp(milliseconds: row[2].integer ?? 0),
                endedAt: row[3].integer.map { Timestamp(milliseconds: $0) }, workers: Int(row[4].integer ?? 0))
        }
    }

    public func noteRestarted(_ restart: ServiceRestart, worker: Int64, _ act: ControlAct) throws(BatchError) {
        var act = act
        act.actor = restart.actor
        try audited(act) { () throws(BatchError) in
            try connection.run(
                "UPDATE restarts SET workers = workers + 1, begun_at = coalesce(begun_at, ?) WHERE seq = ?",
                [.integer(act.at.milliseconds), .integer(restart.number)])
            return ((), ["restart": .integer(restart.number), "worker": .integer(worker)])
        }
    }

    public func noteEnd(of worker: Int64, _ reason: String) throws(BatchError) {
        try connection.run(
            "UPDATE queue_attempts SET outcome = ? WHERE process = ? AND ended_at IS NULL",
            [.string(reason), .integer(worker)])
    }

    public func endRestart(_ restart: ServiceRestart, at now: Timestamp) throws(BatchError) {
        try connection.run(
            "UPDATE restarts SET ended_at = ? WHERE seq = ?", [.integer(now.milliseconds), .integer(restart.number)])
    }
}
