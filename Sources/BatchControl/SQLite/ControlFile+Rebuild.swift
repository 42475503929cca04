public import BatchCore
internal import BatchLedger
internal import BatchSystem

/// A `control.db` that SQLite cannot read any more is put aside, and what can be read of it stands in a new one.
///
/// Switches go on to hold whatever is lost: the ledgers know them.
extension ControlFile {
    /// What became of a damaged file.
    public struct Rebuilt: Sendable {
        /// Where the damaged file lies now.
        public let aside: String
        /// Rows that were taken over, by table, and whether its end was reached.
        public let tables: [(name: String, rows: Int, isWhole: Bool)]

        public var rows: Int { tables.reduce(0) { $0 + $1.rows } }
        public var isWhole: Bool { !tables.isEmpty && tables.allSatisfy(\.isWhole) }

        public var details: JSONValue {
            .object(
                [.init("aside", .string(FilePath.name(aside)))]
                    + tables.map { .init($0.name, ["rows": JSONValue($0.rows), "whole": .bool($0.isWhole)]) })
        }
    }

    /// Whether an error says that the file is no database, or a damaged one.
    public static func isDamage(_ error: BatchError) -> Bool {
        error.code == .notADatabase || error.code == .corruptDatabase
    }

    /// Looks at all pages of the file.
    /// - Throws: `ERR_DATA_CORRUPT_DATABASE`.
    public func requireWhole() throws(BatchError) {
        let found = try connection.value("PRAGMA quick_check(1)")?.string ?? ""
        guard found == "ok" else {
            throw BatchError(.corruptDatabase, "\(path): \(found)", hint: "to have it rebuilt: \(command: "serve")")
        }
    }

    /// Puts a damaged file aside. Of two processes that find it damaged, one does it.
    /// - Returns: nil when another process has done it meanwhile.
    public static func rebuild(
        _ path: String, at now: Timestamp, appendAudit: @escaping AuditAppender
    ) throws(BatchError) -> Rebuilt? {
        let lock = try File(appendingTo: path + ".rebuild")
        guard lock.tryLock() else {
            throw BatchError(.busy, "another process is rebuilding \(path)", hint: "try again in a moment")
        }
        defer { Folder.remove(path + ".rebuild") }
        if isWhole(path, appendAudit) { return nil }
        let aside = "\(path).damaged.\(now.compact)"
        let unfinished = "\(path).\(Environment.processID).rebuilt"
        for ending in ["", "-wal", "-shm"] { Folder.remove(unfinished + ending) }
        let tables = try salvage(path, into: unfinished, appendAudit)
        for ending in ["-wal", "-shm"] { Folder.remove(unfinished + ending) }
        try DurableFile.sync(unfinished)
        if FileStatus(path + "-wal") != nil { try DurableFile.rename(path + "-wal", to: aside + "-wal") }
        Folder.remove(path + "-shm")
        try DurableFile.rename(path, to: aside)
        try DurableFile.rename(unfinished, to: path)
        try Folder.sync(FilePath.parent(path))
        return Rebuilt(aside: aside, tables: tables)
    }

    private static func isWhole(_ path: String, _ appendAudit: @escaping AuditAppender) -> Bool {
        do throws(BatchError) {
            try ControlFile(path: path, appendAudit: appendAudit).requireWhole()
            return true
        } catch { return false }
    }

    /// The connections are closed when it returns, and the new file has no log beside it.
    private static func salvage(
        _ path: String, into new: String, _ appendAudit: @escaping AuditAppender
    ) throws(BatchError) -> [(name: String, rows: Int, isWhole: Bool)] {
        let target = try ControlFile(path: new, appendAudit: appendAudit).connection
        var tables: [(name: String, rows: Int, isWhole: Bool)] = []
        let copy = new + ".source"
        defer { for ending in ["", "-wal", "-shm"] { Folder.remove(copy + ending) } }
        let source = try readable(path, at: copy)
        try target.execute("BEGIN")
        for name in names(source) {
            if name == AuditTable.name { try AuditTable(target).create() }
            if name == "batchmgr_meta" {
                try target.execute(
                    "CREATE TABLE batchmgr_meta(key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID")
            }
            let known = "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?"
            // Totals are made by the rows that could be read.
            guard name != "queue_totals", try target.value(known, [.string(name)]) != nil else { continue }
            tables.append(take(name, from: source, into: target))
        }
        try target.execute("COMMIT; PRAGMA application_id = 1; PRAGMA wal_checkpoint(TRUNCATE)")
        return tables
    }

    /// A copy in which SQLite reads what there is: the file that is put aside stays as it was found.
    private static func readable(_ path: String, at copy: String) throws(BatchError) -> Connection {
        for ending in ["", "-wal"] {
            Folder.remove(copy + ending)
            guard FileStatus(path + ending) != nil else { continue }
            let file = try File(creating: copy + ending, permissions: 0o600)
            try file.copy(of: path + ending)
            guard ending.isEmpty, let first = try? file.read(16, at: 0) else { continue }
            if first != Array(header.prefix(16)) { try file.write(header, at: 0) }
        }
        let source = try Connection(path: copy, mode: .readWrite)
        // Else SQLite refuses a file that has lost its end.
        try source.execute("PRAGMA writable_schema = ON")
        return source
    }

    /// How a file of ours begins: pages of 4,096 bytes, a log beside it, UTF-8. How many pages there are follows from its
    /// size where two counters differ.
    private static let header: [UInt8] = {
        var header = Array("SQLite format 3\0".utf8) + [16, 0, 2, 2, 0, 64, 32, 32]
        header += [UInt8](repeating: 0, count: 100 - header.count)
        header[27] = 1
        header[47] = 4
        header[59] = 1
        return header
    }()

    /// None where the first page is lost.
    private static func names(_ source: Connection) -> [String] {
        let rows = (try? source.rows("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY rowid")) ?? []
        return rows.compactMap { $0[0].string }
    }

    /// Row by row from both ends: what lies after a damaged page may be readable.
    private static func take(
        _ table: String, from source: Connection, into target: Connection
    ) -> (name: String, rows: Int, isWhole: Bool) {
        func columns(_ connection: Connection) -> [String] {
            ((try? connection.rows("SELECT name FROM pragma_table_info(?)", [.string(table)])) ?? [])
                .compactMap { $0[0].string }
        }
        let known = Set(columns(target))
        let names = columns(source).filter(known.contains).map(SQLName.quote)
        guard !names.isEmpty else { return (table, 0, false) }
        let listing = names.joined(separator: ", ")
        let places = names.map { _ in "?" }.joined(separator: ", ")
        let insert = "INSERT OR IGNORE INTO \(SQLName.quote(table))(\(listing)) VALUES(\(places))"
        func pass(_ order: String) -> Bool {
            do throws(BatchError) {
                let reader = try source.prepare("SELECT \(listing) FROM \(SQLName.quote(table))\(order)")
                while try reader.step() { try target.run(insert, reader.values) }
                return true
            } catch { return false }
        }
        let isWhole = pass("")
        if !isWhole { _ = pass(" ORDER BY rowid DESC") }
        let rows = (try? target.value("SELECT count(*) FROM \(SQLName.quote(table))")?.integer) ?? 0
        return (table, Int(rows), isWhole)
    }
}

/// A job that a ledger still knows when the queue was lost.
public struct LedgerJob: Sendable {
    public let job: String
    public let tenant: String?
    public let assignments: [String]
    public let runKey: String
    public let actor: String
    public let createdAt: Timestamp
    public let state: QueueState
    public let batch: String

    public init(
        job: String, tenant: String?, assignments: [String], runKey: String, actor: String, createdAt: Timestamp,
        state: QueueState, batch: String
    ) {
        self.job = job
        self.tenant = tenant
        self.assignments = assignments
        self.runKey = runKey
        self.actor = actor
        self.createdAt = createdAt
        self.state = state
        self.batch = batch
    }
}

extension ControlFile {
    /// A damaged file was put aside, and nobody has asked the ledgers yet which jobs they know.
    public var awaitsLedgers: Bool { (try? connection.value("PRAGMA application_id")?.integer) == 1 }

    /// Has the ledgers asked: nothing of the file that was here could be read.
    public func awaitLedgers() throws(BatchError) { try connection.execute("PRAGMA application_id = 1") }

    /// Takes over the jobs that are not there, and forgets that it waits for them.
    /// - Returns: how many were missing.
    public func adopt(_ jobs: [LedgerJob], at now: Timestamp) throws(BatchError) -> Int {
        try durably { () throws(BatchError) in
            var count = 0
            for job in jobs {
                let known = try connection.value("SELECT 1 FROM queue_jobs WHERE run_key = ?", [.string(job.runKey)])
                if known != nil { continue }
                let arguments = JSONWriter.text(.array(job.assignments.map(JSONValue.string)))
                try connection.run(
                    """
                    INSERT INTO queue_jobs(kind, job, tenant, arguments, priority, run_at, max_attempts, backoff, run_key, \
                    actor, created_at, state, state_at, reason, batch, turn) \
                    VALUES('batch', ?1, ?2, ?3, 0, ?4, 3, 30000, ?5, ?6, ?4, ?7, ?8, ?9, ?10, NULL)
                    """,
                    [
                        .string(job.job), .optional(job.tenant), .string(arguments),
                        .integer(job.createdAt.milliseconds), .string(job.runKey), .string(job.actor),
                        .string(job.state.rawValue), .integer(now.milliseconds),
                        .string("taken from the ledger when control.db was rebuilt"), .string(job.batch),
                    ])
                count += 1
            }
            try connection.execute("PRAGMA application_id = 0")
            return count
        }
    }
}
