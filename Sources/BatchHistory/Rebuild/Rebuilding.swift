public import BatchCore
internal import BatchLedger
internal import BatchSystem

/// The frame of every rebuild: a temporary file, checked against the recorded digest, then given its name.
enum Rebuilding {
    /// What a build leaves beside the file.
    struct Work {
        /// Indexes that could not be computed.
        var staleIndexes: [String]
        /// Nil: the rows of the file are to be read again.
        var proof: RowProof?
    }

    /// - Parameters:
    ///   - home: the folder of the copies.
    ///   - build: fills the file.
    static func run(
        to path: String, expecting digest: StateDigest, home: String,
        _ build: (TemporaryFile) throws(BatchError) -> Work
    ) throws(BatchError) -> Rebuilt {
        try NewDatabase.check(path)
        let temporary = try TemporaryFile(for: path, notedIn: Folder.mayWrite(home) ? home : nil)
        let work = try build(temporary)
        // The disk takes as long to write the rows as the processor to read them again.
        let writing = BackgroundTask.syncing(temporary.path)
        try verify(temporary.path, work.proof, digest, name: path)
        writing.wait()
        for ending in ["-wal", "-shm"] { Folder.remove(temporary.path + ending) }
        try temporary.publish()
        return Rebuilt(path: path, digest: digest.combined, staleIndexes: work.staleIndexes)
    }

    private static func verify(
        _ file: String, _ proof: RowProof?, _ digest: StateDigest, name: String
    ) throws(BatchError) {
        let connection = try Connection(path: file, mode: .readWrite)
        connection.tolerateUnknownCollations()
        let found: StateDigest
        if let proof { found = try proof.digest(of: connection) } else { found = try StateDigest.compute(connection) }
        if found.isRecorded(as: digest.combined, try SchemaReader(connection).settings()) { return }
        let tables = Set(found.tables.keys).union(digest.tables.keys)
            .filter { found.tables[$0] ?? TableDigest() != digest.tables[$0] ?? TableDigest() }.sorted()
        let what = tables.isEmpty ? "its schema differs" : "these tables differ: \(tables.joined(separator: ", "))"
        throw BatchError(
            .verificationFailed, "the rebuilt \(name) does not have the recorded state digest; \(what)",
            hint:
                "restore the point from its other copy (git or bak): \(command: "restore --point POINT --source COPY --to FILE")"
        )
    }
}

/// The place where a database is to be built.
public enum NewDatabase {
    /// Looks whether a database can be made there, before anything is read or written for it.
    /// - Throws: `ERR_UX_FILE_EXISTS` when something bears the name, or is left of a database that bore it: SQLite would
    ///   take a log for part of the new one; and when the name is that of the log of a database that is there. `ERR_UX_FILE_MISSING` when there is no such folder,
    ///   `ERR_INTEGRATION_READ_ONLY` when nothing can be made in it.
    public static func check(_ path: String) throws(BatchError) {
        if let kind = kind(path) {
            throw BatchError(.fileExists, "\(path) exists already\(kind)", hint: "name another file: --to FILE")
        }
        try DatabaseLogName.refuse(path)
        for ending in DatabaseLogName.endings where kind(path + ending) != nil {
            throw BatchError(
                .fileExists,
                "\(path)\(ending) is left over from another database: SQLite would take it for part of the new one",
                hint: "move it away, or name another file: --to FILE")
        }
        let folder = FilePath.parent(path)
        guard FileStatus(folder)?.isFolder == true, !path.endsInSlash else {
            throw BatchError(
                .fileMissing, "there is no folder \(folder) to make \(path) in",
                hint: "make it first: mkdir -p \(ShellText.quoted(folder))")
        }
        guard Folder.mayWrite(folder) else {
            throw BatchError(
                .readOnly, "no file can be made in \(folder)", hint: "name a file in another folder: --to FILE")
        }
    }

    /// What is there, when it is not an ordinary file; nil when nothing is.
    private static func kind(_ path: String) -> String? {
        guard let status = FileStatus(path, followingLinks: false) else { return nil }
        if status.isFile { return "" }
        if status.isFolder { return ", and is a folder" }
        return status.isLink ? ", and is a symbolic link" : ", and is not a file"
    }
}

/// A database file that was built from a restore point.
public struct Rebuilt: Hashable, Sendable {
    public let path: String
    /// The state digest of the new file, equal to the recorded one.
    public let digest: Digest
    /// Indexes that need a function which is not here: the application has to REINDEX them.
    public let staleIndexes: [String]
}

/// Compares files with their recorded hashes, beside other work.
final class HashCheck: Sendable {
    struct Result {
        /// The first file that is not what was recorded.
        var mismatch: String?
        /// Every file has its recorded hash.
        var isComplete = true
    }

    /// Nil where no hash is on record.
    private let checks: [(path: String, task: BackgroundTask<Bool>?)]

    /// - Parameter recorded: the hash of each path; nil where none is on record.
    init(_ files: [(path: String, recorded: FileHash?)]) {
        checks = files.map { path, recorded in
            (path, recorded.map { hash in BackgroundTask { () throws(BatchError) in try hash.holds(for: path) } })
        }
    }

    /// Waits for the answer.
    var result: Result {
        var result = Result()
        for (path, task) in checks where (try? task?.value()) != true {
            result.isComplete = false
            if task != nil { result.mismatch = result.mismatch ?? path }
        }
        return result
    }
}
