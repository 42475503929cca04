public import BatchCore
internal import BatchLedger
internal import BatchSystem

/// A `.bak` that was written.
public struct BakFile: Hashable, Sendable {
    public enum Kind: String, Sendable {
        /// The whole database as it was before the batch, and when it is complete, what the batch changed.
        case full
        /// What the batch changed.
        case delta
    }

    public let path: String
    public let kind: Kind
    /// Of the whole file, 64 hexadecimal digits.
    public let sha256: String
    /// The same in short, of a whole copy: a restore need not wait for SHA-256. Nil for the others, which are small.
    public let xxh3: Digest?

    public init(path: String, kind: Kind, sha256: String, xxh3: Digest? = nil) {
        self.path = path
        self.kind = kind
        self.sha256 = sha256
        self.xxh3 = xxh3
    }

    /// The file as it is now.
    /// - Parameter path: where it will be, when it still has another name.
    init(reading file: String, kind: Kind, as path: String? = nil) throws(BatchError) {
        let sha256 = SHA256()
        let xxh3 = XXH3()
        let open = try File(reading: file)
        try open.forEachPiece { piece in
            sha256.update(piece)
            if kind == .full { xxh3.update(piece) }
        }
        self.init(
            path: path ?? file, kind: kind, sha256: Hex.string(sha256.finish()),
            xxh3: kind == .full ? xxh3.finish() : nil)
    }

    public var name: String { FilePath.name(path) }

    /// The quickest to check.
    public var hash: FileHash { xxh3.map(FileHash.xxh3) ?? .sha256(sha256) }

    /// The name of a `.bak` file: `batch_<batchID>_snapshot_<ts>.bak`.
    public struct Name: Hashable, Sendable, CustomStringConvertible {
        public let batch: String
        public let time: String

        public init(batch: String, time: Timestamp) {
            self.batch = batch
            self.time = time.compact
        }

        /// Nil for names of other files.
        public init?(_ name: String) {
            guard name.hasPrefix("batch_"), name.hasSuffix(".bak"), let mark = name.lastRange(of: "_snapshot_") else {
                return nil
            }
            batch = String(name[name.index(name.startIndex, offsetBy: 6)..<mark.lowerBound])
            time = String(name[mark.upperBound..<name.index(name.endIndex, offsetBy: -4)])
        }

        public var description: String { "batch_\(batch)_snapshot_\(time).bak" }
    }

    /// Whose `.bak` files: several databases may have theirs in one folder.
    public struct Owner: Hashable, Sendable, ExpressibleByStringLiteral {
        public let ledger: String?
        public let database: String
        /// Names that the ledger knows; nil when it is lost.
        public let names: Set<String>?

        public init(ledger: String?, database: String, names: Set<String>? = nil) {
            self.ledger = ledger
            self.database = database
            self.names = names
        }

        /// By the name that the database has in its files alone.
        public init(stringLiteral database: String) { self.init(ledger: nil, database: database) }

        /// A file says to which ledger it belongs; those of version 0.1 do not, and are known by the ledger.
        public func owns(_ file: BakManifest) -> Bool {
            if let other = file.ledger { return ledger.map { $0 == other } ?? (file.database == database) }
            return names.map { $0.contains(file.name) } ?? (file.database == database)
        }
    }
}

extension String {
    /// The last place where `part` stands. The full Foundation would be the only other way to it.
    fileprivate func lastRange(of part: String) -> Range<String.Index>? {
        var start = endIndex
        while start > startIndex {
            start = index(before: start)
            if self[start...].hasPrefix(part) { return start..<index(start, offsetBy: part.count) }
        }
        return nil
    }
}

/// The `batchmgr_bak_manifest` table of a `.bak`: what the file is and which points it joins.
public struct BakManifest: Hashable, Sendable {
    public let path: String
    /// Of the file.
    public let name: String
    public let kind: BakFile.Kind
    public let batch: String
    /// Names the database, as its branch in git does.
    public let database: String
    /// The id of its ledger; nil in files of version 0.1.
    public let ledger: String?
    /// The file that holds the state before; nil for the first.
    public let base: String?
    /// State digests. `after` is nil for a full copy whose batch is not complete.
    public let before: String
    public let after: String?
    public let createdAt: String
    /// False when the delta cannot be undone from this file: a table was made anew.
    public let isReversible: Bool

    static let schema = """
        CREATE TABLE batchmgr_bak_manifest(key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
        CREATE TABLE batchmgr_bak_block(
            id INTEGER PRIMARY KEY, name TEXT NOT NULL, kind TEXT NOT NULL, size INTEGER NOT NULL, checksum TEXT NOT NULL,
            data BLOB NOT NULL) STRICT
        """

    /// - Throws: `ERR_DATA_CORRUPT_RECORD` naming the file when it is damaged or no `.bak` of ours.
    static func read(_ path: String) throws(BatchError) -> BakManifest {
        do {
            return try read(path, try BakManifest.open(path))
        } catch { throw BakFault.damaged(path, because: error) }
    }

    /// Takes back what a killed process had half appended: SQLite does it for whoever may write, and for nobody else.
    private static func recover(_ path: String) {
        guard Folder.exists(path + "-journal"), let file = try? Connection(path: path, mode: .readWrite) else { return }
        _ = try? file.value("SELECT count(*) FROM main.sqlite_schema")
    }

    /// Opens a `.bak` to read it. It may be of anybody's making: what it calls a table must be one, and nothing that is
    /// no ordinary file is opened.
    static func open(_ path: String) throws(BatchError) -> Connection {
        guard FileStatus(path)?.isFile == true else {
            throw BakFault.damaged(path, "it is not an ordinary file")
        }
        recover(path)
        let connection = try Connection(path: path, mode: .readOnly)
        try connection.distrustSchema()
        let tables = try connection.value(
            """
            SELECT count(*) FROM main.sqlite_schema WHERE type = 'table' AND rootpage > 0 \
            AND name IN ('batchmgr_bak_manifest', 'batchmgr_bak_block')
            """)
        guard tables?.integer == 2 else { throw BakFault.damaged(path, "it has no manifest") }
        return connection
    }

    private static func read(_ path: String, _ connection: Connection) throws(BatchError) -> BakManifest {
        var values: [String: String] = [:]
        for row in try connection.rows("SELECT key, value FROM main.batchmgr_bak_manifest") {
            values[row[0].string ?? ""] = row[1].string
        }
        guard values["format"] == "1", let kind = values["kind"].flatMap(BakFile.Kind.init),
            let batch = values["batch"],
            let before = values["before"]
        else { throw BakFault.damaged(path, "its manifest is incomplete or of a newer format") }
        return BakManifest(
            path: path, name: FilePath.name(path), kind: kind, batch: batch, database: values["database"] ?? "",
            ledger: values["ledger"], base: values["base"],
            before: before, after: values["after"], createdAt: values["created_at"] ?? "",
            isReversible: values["reversible"] == "yes")
    }

    static func set(_ key: String, _ value: String?, in connection: Connection) throws(BatchError) {
        guard let value else { return }
        try connection.run(
            "INSERT OR REPLACE INTO main.batchmgr_bak_manifest VALUES (?, ?)", [.string(key), .string(value)])
    }
}

/// Errors about `.bak` files; each names the file.
enum BakFault {
    static func damaged(_ path: String, _ what: String) -> BatchError {
        BatchError(
            .corruptRecord, "\(FilePath.name(path)) is damaged: \(what)",
            hint: "restore the point from git: \(command: "restore --point POINT --source git --to FILE")",
            subject: .file(path))
    }

    /// A file that cannot be read because the machine lacks something is not damaged.
    static func damaged(_ path: String, because error: BatchError) -> BatchError {
        switch error.code {
        case .diskFull, .limitOfMachine, .busy: error
        default: damaged(path, error.message)
        }
    }

    static func noChain(_ what: String) -> BatchError {
        BatchError(
            .noRestorePoint, "no chain of .bak files leads to the point: \(what)",
            hint: "restore the point from git: \(command: "restore --point POINT --source git --to FILE")")
    }
}
