public import BatchCore

/// One row of `batchmgr_points`: a restore point, the state after the checkpoints of a batch up to one of them.
public struct PointRecord: Hashable, Sendable {
    public var id: Int64
    /// `BatchRecord.seq`.
    public internal(set) var batch: Int64
    public let kind: BatchRecord.Kind
    public var status: PointStatus
    /// The last checkpoint that the point covers; 0 while the batch has none.
    public var lastCheckpoint: Int64
    /// File name in the backups folder.
    public var bak: String?
    public var bakKind: SnapshotKind?
    /// Hexadecimal.
    public var bakSHA256: String?
    public var commit: String?
    /// Of the whole database.
    public var digest: Digest?
    public let createdAt: String

    public init(batch: Int64, kind: BatchRecord.Kind, lastCheckpoint: Int64, createdAt: String) {
        id = 0
        self.batch = batch
        self.kind = kind
        status = .pending
        self.lastCheckpoint = lastCheckpoint
        self.createdAt = createdAt
    }
}

extension Ledger {
    private static let pointColumns =
        "id, batch, kind, status, last_checkpoint, bak, bak_kind, bak_sha256, commit_id, digest, created_at"

    /// Restore points in their order.
    public func points(where condition: String = "1", _ parameters: [SQLValue] = []) throws(BatchError) -> [PointRecord]
    {
        let sql = "SELECT \(Ledger.pointColumns) FROM main.batchmgr_points WHERE \(condition) ORDER BY id"
        return try connection.rows(sql, parameters).map(Ledger.point)
    }

    /// Restore points, the newest first, until `body` answers false: what it does not want is not read.
    public func forEachPointFromNewest(
        where condition: String = "1", _ parameters: [SQLValue] = [],
        _ body: (PointRecord) throws(BatchError) -> Bool
    ) throws(BatchError) {
        try connection.forEachRow(
            "SELECT \(Ledger.pointColumns) FROM main.batchmgr_points WHERE \(condition) ORDER BY id DESC", parameters
        ) { (row) throws(BatchError) in try body(try Ledger.point(row)) }
    }

    /// The newest point that a condition holds for.
    public func lastPoint(where condition: String, _ parameters: [SQLValue] = []) throws(BatchError) -> PointRecord? {
        var found: PointRecord?
        try forEachPointFromNewest(where: condition, parameters) { (point) in
            found = point
            return false
        }
        return found
    }

    /// Whether the state that a batch found is in no `.bak` but its own: git alone has what drifted, when that is no
    /// batch.
    public func isFirstCopy(_ point: PointRecord) throws(BatchError) -> Bool {
        guard point.bak != nil else { return false }
        let id = point.id == 0 ? Int64.max : point.id
        let last = try lastPoint(where: "id < ? AND status = 'complete'", [.integer(id)])
        return last?.kind == .drift && last?.bak == nil
    }

    private static func point(_ row: [SQLValue]) throws(BatchError) -> PointRecord {
        guard let kind = row[2].string.flatMap(BatchRecord.Kind.init),
            let status = row[3].string.flatMap(PointStatus.init)
        else { throw damaged("batchmgr_points") }
        var point = PointRecord(
            batch: row[1].integer ?? 0, kind: kind, lastCheckpoint: row[4].integer ?? 0, createdAt: row[10].string ?? ""
        )
        point.id = row[0].integer ?? 0
        point.status = status
        point.bak = row[5].string
        point.bakKind = row[6].string.flatMap(SnapshotKind.init)
        point.bakSHA256 = row[7].string
        point.commit = row[8].string
        point.digest = row[9].string.flatMap(Digest.init(hex:))
        return point
    }

    /// Writes a point, new (id 0) or changed.
    public func save(_ point: inout PointRecord) throws(BatchError) {
        let id: SQLValue = point.id == 0 ? .null : .integer(point.id)
        try connection.run(
            "INSERT OR REPLACE INTO main.batchmgr_points VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                id, .integer(point.batch), .string(point.kind.rawValue), .string(point.status.rawValue),
                .integer(point.lastCheckpoint), .optional(point.bak), .optional(point.bakKind?.rawValue),
                .optional(point.bakSHA256), .optional(point.commit), .optional(point.digest?.description),
                .string(point.createdAt),
            ])
        if point.id == 0 { point.id = connection.lastInsertRowID }
    }

    /// False in a ledger of an older program, until the next batch completes it.
    private func knowsFiles() throws(BatchError) -> Bool {
        try has("batchmgr_files")
    }

    /// Notes the shorter hash of a file that is known by its SHA-256.
    public func note(xxh3: Digest, ofFile sha256: String) throws(BatchError) {
        guard try knowsFiles() else { return }
        try connection.run(
            "INSERT OR REPLACE INTO main.batchmgr_files VALUES(?, ?)", [.string(sha256), .string(xxh3.description)])
    }

    /// Shorter hashes of files, by their SHA-256.
    public func fileHashes() throws(BatchError) -> [String: Digest] {
        guard try knowsFiles() else { return [:] }
        let pairs = try connection.rows("SELECT sha256, xxh3 FROM main.batchmgr_files").compactMap { row in
            row[0].string.flatMap { sha256 in row[1].string.flatMap(Digest.init(hex:)).map { (sha256, $0) } }
        }
        return Dictionary(pairs) { _, last in last }
    }

    /// Forgets hashes of files that no point has.
    public func forgetFiles() throws(BatchError) {
        guard try knowsFiles() else { return }
        try connection.run(
            "DELETE FROM main.batchmgr_files WHERE sha256 NOT IN (SELECT bak_sha256 FROM main.batchmgr_points WHERE bak_sha256 IS NOT NULL)"
        )
    }

    public func removePoint(_ id: Int64) throws(BatchError) {
        try connection.run("DELETE FROM main.batchmgr_points WHERE id = ?", [.integer(id)])
    }
}
