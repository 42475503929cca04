internal import BatchCore
internal import BatchLedger

/// The `batchmgr_bak_manifest` table of a `.bak`: what the file is and which points it joins.
public struct BakManifest: Hashable, Sendable {
    public let path: String
    public let kind: BakFile.Kind
    public let batch: String
    /// Names the database, as its branch in git does.
    public let database: String
    /// The file that holds the state before; nil for the first.
    public let base: String?
    /// State digests. `after` is nil for a full copy whose batch is not complete.
    public let before: String
    public let after: String?
    public let createdAt: String
    /// False when the delta cannot be undone from this file: a table was made anew.
    public let isReversible: Bool

    /// Of the file.
    public var name: String { Folder.name(of: path) }

    static let schema = """
        CREATE TABLE batchmgr_bak_manifest(key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
        CREATE TABLE batchmgr_bak_block(
            id INTEGER PRIMARY KEY, name TEXT NOT NULL, kind TEXT NOT NULL, size INTEGER NOT NULL, checksum TEXT NOT NULL,
            data BLOB NOT NULL) STRICT
        """

    /// - Throws: `ERR_DATA_CORRUPT_RECORD` naming the file when it is damaged or no `.bak` of ours.
    static func read(_ path: String) throws(BatchError) -> BakManifest {
        do {
            let connection = try Connection(path: path, mode: .readOnly)
            return try read(path, connection)
        } catch { throw BakFault.damaged(path, error.message) }
    }

    private static func read(_ path: String, _ connection: Connection) throws(BatchError) -> BakManifest {
        var values: [String: String] = [:]
        for row in try connection.rows("SELECT key, value FROM batchmgr_bak_manifest") {
            values[row[0].string ?? ""] = row[1].string
        }
        guard values["format"] == "1", let kind = values["kind"].flatMap(BakFile.Kind.init),
            let batch = values["batch"],
            let before = values["before"]
        else { throw BakFault.damaged(path, "its manifest is incomplete or of a newer format") }
        return BakManifest(
            path: path, kind: kind, batch: batch, database: values["database"] ?? "", base: values["base"],
            before: before, after: values["after"], createdAt: values["created_at"] ?? "",
            isReversible: values["reversible"] == "yes")
    }

    static func set(_ key: String, _ value: String?, in connection: Connection) throws(BatchError) {
        guard let value else { return }
        try connection.run(
            "INSERT OR REPLACE INTO batchmgr_bak_manifest VALUES (?, ?)", [.string(key), .string(value)])
    }
}
