public import BatchCore
public import BatchLedger

/// One database with its gateway, driven as the engine drives it.
public final class Bench {
    public let connection: Connection
    public let gateway: Gateway
    public let path: String
    private var clock: Int64 = 1_780_000_000_000

    public struct Run {
        public let record: BatchRecord
        public var name: String { record.batch.description }
    }

    public init(
        _ path: String, spillFolder: String, foreignKeys: Bool = true, guardMode: GuardMode = .off
    ) throws(BatchError) {
        self.path = path
        connection = try Connection(path: path, mode: .create)
        if foreignKeys { try connection.execute("PRAGMA foreign_keys = ON") }
        let connection = self.connection
        try connection.transaction { () throws(BatchError) in
            let ledger = try Ledger(connection)
            try ledger.create(databaseID: "test")
            try ledger.setState(try StateDigest.compute(connection))
            try WriteGuard(ledger).set(guardMode)
        }
        gateway = try Gateway(connection, spillFolder: spillFolder)
    }

    public var ledger: Ledger { gateway.ledger }

    /// Takes what was changed outside any batch for given.
    public func takeAsItIs() throws(BatchError) {
        let (connection, ledger) = (self.connection, self.ledger)
        try connection.transaction { () throws(BatchError) in
            try ledger.setState(try StateDigest.compute(connection))
        }
    }

    private func now() -> Timestamp {
        clock += 1
        return Timestamp(milliseconds: clock)
    }

    private func begin(_ job: String, _ kind: BatchRecord.Kind) throws(BatchError) -> BatchRecord {
        var record = BatchRecord(
            batch: BatchID(job: job, number: try ledger.nextNumber(of: job)), kind: kind, actor: "test",
            traceID: "t", startedAt: now().iso8601)
        try ledger.insert(&record)
        return record
    }

    /// Runs a batch of one checkpoint for each script.
    @discardableResult
    public func run(_ job: String, _ scripts: String...) throws(BatchError) -> Run {
        try run(job, checkpoints: scripts)
    }

    @discardableResult
    public func run(_ job: String, checkpoints scripts: [String]) throws(BatchError) -> Run {
        let record = try begin(job, .batch)
        for (index, script) in scripts.enumerated() {
            try checkpoint(of: record, number: index + 1) { (gateway) throws(BatchError) in
                try gateway.run(script: script)
            }
        }
        return Run(record: record)
    }

    /// Runs a batch of one checkpoint.
    @discardableResult
    public func run(_ job: String, statements: [String]) throws(BatchError) -> Run {
        let record = try begin(job, .batch)
        try checkpoint(of: record, number: 1) { (gateway) throws(BatchError) in
            for sql in statements { try gateway.run(script: sql) }
        }
        return Run(record: record)
    }

    private func checkpoint(
        of record: BatchRecord, number: Int, _ body: (Gateway) throws(BatchError) -> Void
    ) throws(BatchError) {
        try gateway.begin()
        do throws(BatchError) {
            try body(gateway)
            try gateway.commit(batch: record.seq, number: number, step: "s\(number)", at: now())
        } catch {
            gateway.rollback()
            throw error
        }
    }

    /// Live checkpoints of batches, the last first.
    public func checkpoints(_ runs: [Run], after number: Int = 0) throws(BatchError) -> [(
        checkpoint: CheckpointRecord, batch: String
    )] {
        var all: [(checkpoint: CheckpointRecord, batch: String)] = []
        for run in runs {
            for checkpoint in try ledger.checkpoints(of: run.record.seq)
            where checkpoint.isLive && checkpoint.number > number {
                all.append((checkpoint, run.name))
            }
        }
        return all.sorted { $0.checkpoint.id > $1.checkpoint.id }
    }

    /// Undoes batches in one rollback.
    /// - Throws: also when a digest is not what the log promises, or a foreign key breaks.
    @discardableResult
    public func undo(_ runs: Run..., after number: Int = 0) throws(BatchError) -> Run { try undo(runs, after: number) }

    @discardableResult
    public func undo(_ runs: [Run], after number: Int = 0) throws(BatchError) -> Run {
        let record = try begin("rollback", .rollback)
        let list = try checkpoints(runs, after: number)
        let undo = Undo(gateway)
        try undo.open()
        defer { undo.close() }
        let outcome = try undo.perform(list, collecting: false)
        for digest in outcome.digests where !digest.matches {
            throw BatchError(.verificationFailed, "digest of \(digest.table): \(digest)", hint: "")
        }
        if let broken = outcome.foreignKeyViolations.first {
            throw BatchError(.dependents, "row of \(broken.table) misses its \(broken.parent)", hint: "")
        }
        let ledger = self.ledger
        try gateway.commit(batch: record.seq, number: 1, step: "undo", at: now()) { (id) throws(BatchError) in
            for (checkpoint, _) in list { try ledger.markUndone(checkpoint.id, by: id) }
        }
        return Run(record: record)
    }

    /// What would happen; nothing is kept.
    public func rehearse(_ runs: [Run]) throws(BatchError) -> Undo.Outcome {
        let undo = Undo(gateway)
        try undo.open()
        defer { undo.close() }
        return try undo.perform(try checkpoints(runs), collecting: true)
    }

    public func dump() -> [UInt8] { Shell.dump(path) }

    public func dependents(of run: Run, after number: Int = 0) throws(BatchError) -> [DependencyEdge] {
        try DependencyGraph(ledger).dependents(of: run.record, after: number).dependents
    }

    /// Tables for which the digest kept by the ledger differs from the rows; empty when all is well.
    public func staleDigests() throws(BatchError) -> [String] {
        let kept = try ledger.state() ?? StateDigest()
        let real = try StateDigest.compute(connection)
        var stale = Set(kept.tables.keys).union(real.tables.keys).filter { kept.tables[$0] != real.tables[$0] }
        if kept.schema != real.schema { stale.insert("(schema)") }
        return stale.sorted()
    }
}
