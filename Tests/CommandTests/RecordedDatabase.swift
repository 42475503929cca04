import BatchCore
import BatchHistory
import BatchLedger

/// A small database with batches in its ledger and both copies of their restore points, all made through the gateway
/// and the stores.
final class RecordedDatabase {
    static let schema = """
        CREATE TABLE customers(id INTEGER PRIMARY KEY, name TEXT NOT NULL, tenant_id TEXT);
        CREATE TABLE invoices(id INTEGER PRIMARY KEY, customer INTEGER REFERENCES customers(id), total REAL, note);
        CREATE TABLE rates(code TEXT PRIMARY KEY COLLATE NOCASE, factor REAL) WITHOUT ROWID;
        INSERT INTO customers VALUES (1, 'Ann', 'a'), (2, 'Bo', 'a'), (3, 'Cy', 'b');
        INSERT INTO invoices VALUES (1, 1, 10.0, 'x'), (2, 1, 20.5, NULL), (3, 2, 30, X'00ff');
        INSERT INTO rates VALUES ('eur', 1.0), ('usd', 1.1);
        """

    let folder: String
    let path: String
    let connection: Connection
    let ledger: Ledger
    private let gateway: Gateway
    private var clock: Int64 = 1_795_226_400_000
    private var base: String?

    init(_ folder: String, schema: String = RecordedDatabase.schema) throws {
        self.folder = folder
        path = folder + "/app.db"
        connection = try Connection(path: path, mode: .create)
        try connection.execute(schema)
        ledger = try Ledger(connection)
        gateway = try Gateway(connection, spillFolder: folder)
        try connection.transaction { () throws(BatchError) in
            try ledger.create(databaseID: "test")
            try ledger.setState(try StateDigest.compute(connection))
        }
    }

    var backups: String { folder + "/backups/batch_manager" }
    var bak: BakStore { BakStore(folder: backups) }
    var git: GitStore { GitStore(path: backups + "/history.git") }

    /// Runs each text as one checkpoint of a new batch, then writes its restore point.
    @discardableResult
    func run(
        _ job: String, _ steps: String..., status: BatchStatus = .committed, tenant: String? = nil
    ) throws -> BatchID {
        let id = BatchID(job: job, number: try ledger.nextNumber(of: job))
        let before = try state()
        var record = BatchRecord(batch: id, kind: .batch, actor: "ann", traceID: "t-\(id)", startedAt: tick().iso8601)
        record.tenant = tenant
        record.digestBefore = before.digest.combined
        try connection.transaction { () throws(BatchError) in try ledger.insert(&record) }
        if try git.latest(branch: "app.db") == nil { try baseline(before) }
        let label = BakStore.Label(batch: "\(id)", database: "app.db", base: base, time: tick())
        let full = base == nil ? try bak.writeFull(label, from: Connection(path: path, mode: .readOnly), before: before) : nil
        var checkpoints: [Int64] = []
        for (number, sql) in steps.enumerated() {
            try gateway.begin()
            try gateway.run(script: sql)
            record.rows += gateway.rows
            record.hasSchemaChange = record.hasSchemaChange || gateway.changedSchema
            checkpoints.append(
                try gateway.commit(batch: record.seq, number: number + 1, step: "step\(number + 1)", at: tick()))
        }
        record.status = status
        record.finishedAt = status == .running ? nil : tick().iso8601
        let after = try state()
        record.digestAfter = after.digest.combined
        try connection.transaction { () throws(BatchError) in try ledger.update(record) }
        if status == .committed { try writePoint(record, checkpoints, before, after, label, full) }
        return id
    }

    private func tick() -> Timestamp {
        clock += 1_000
        return Timestamp(milliseconds: clock)
    }

    private func state() throws -> DatabaseState {
        try DatabaseState.read(connection, digest: try ledger.state())
    }

    // MARK: Restore points

    private func baseline(_ state: DatabaseState) throws {
        var point = PointRecord(batch: 0, kind: .baseline, lastCheckpoint: 0, createdAt: tick().iso8601)
        try connection.transaction { () throws(BatchError) in
            point.commit = try commit(nil, .all, state).description
            point.digest = state.digest.combined
            point.status = .complete
            try ledger.save(&point)
        }
    }

    private func writePoint(
        _ record: BatchRecord, _ checkpoints: [Int64], _ before: DatabaseState, _ after: DatabaseState,
        _ label: BakStore.Label, _ full: BakFile?
    ) throws {
        var point = PointRecord(
            batch: record.seq, kind: .batch, lastCheckpoint: checkpoints.last ?? 0, createdAt: tick().iso8601)
        let changes = try BatchChanges(ledger, checkpoints: checkpoints)
        try connection.transaction { () throws(BatchError) in
            let file =
                if let full {
                    try bak.complete(full, with: changes, before: before, after: after, source: connection)
                } else {
                    try bak.writeDelta(label, changes: changes, before: before, after: after, source: connection)
                }
            base = file.name
            point.bak = file.name
            point.bakKind = file.kind == .full ? .full : .delta
            point.bakSHA256 = file.sha256
            point.commit = try commit(record.batch, .changes(changes, before: before.digest), after).description
            point.digest = after.digest.combined
            point.status = .complete
            try ledger.save(&point)
        }
    }

    private func commit(
        _ batch: BatchID?, _ rows: PointContent.Rows, _ state: DatabaseState
    ) throws(BatchError) -> CommitID {
        let name = batch.map { "\($0)" }
        let trailers = (name.map { [PointMessage.Trailer("Batch-Id", $0)] } ?? []) + [
            .init("State-Digest", state.digest.combined.description)
        ]
        let message = PointMessage(
            subject: name ?? "Baseline", trailers: trailers, author: .init(name: "ann", email: "ann@example.org"),
            time: tick())
        return try git.commit(
            PointContent(branch: "app.db", tag: name.map { "batch/\($0)" }, message: message, state: state, rows: rows),
            connection: connection)
    }
}
