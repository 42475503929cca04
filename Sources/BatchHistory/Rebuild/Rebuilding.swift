public import BatchCore
internal import BatchLedger
internal import Dispatch
internal import Synchronization

/// The frame of every rebuild: a temporary file, checked against the recorded digest, then given its name.
enum Rebuilding {
    /// What a build leaves beside the file.
    struct Work {
        /// Indexes that could not be computed.
        var staleIndexes: [String]
        /// Nil: the rows of the file are to be read again.
        var proof: RowProof?
    }

    /// - Parameter build: fills the file of that name.
    static func run(
        to path: String, expecting digest: StateDigest, _ build: (String) throws(BatchError) -> Work
    ) throws(BatchError) -> Rebuilt {
        guard !Folder.exists(path) else {
            throw BatchError(
                .fileExists, "\(path) exists already", hint: "name another file, or restore with --in-place")
        }
        let temporary = Folder.temporary(for: path)
        defer { for ending in ["", "-journal", "-wal", "-shm"] { Folder.remove(temporary + ending) } }
        let work = try build(temporary)
        // The disk takes as long to write the rows as the processor to read them again.
        let writing = BackgroundSync(temporary)
        try verify(temporary, work.proof, digest, name: path)
        writing.wait()
        for ending in ["-wal", "-shm"] { Folder.remove(temporary + ending) }
        try Folder.publish(temporary, as: path)
        return Rebuilt(path: path, digest: digest.combined, staleIndexes: work.staleIndexes)
    }

    private static func verify(
        _ file: String, _ proof: RowProof?, _ digest: StateDigest, name: String
    ) throws(BatchError) {
        let connection = try Connection(path: file, mode: .readWrite)
        connection.tolerateUnknownCollations()
        let found: StateDigest
        if let proof { found = try proof.digest(of: connection) } else { found = try StateDigest.compute(connection) }
        if found.combined == digest.combined { return }
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

/// A database file that was built from a restore point.
public struct Rebuilt: Hashable, Sendable {
    public let path: String
    /// The state digest of the new file, equal to the recorded one.
    public let digest: Digest
    /// Indexes that need a function which is not here: the application has to REINDEX them.
    public let staleIndexes: [String]
}

/// Tells whether files are, byte for byte, those that were written: by their hashes, computed beside other work.
final class FileWitness: Sendable {
    private let group = DispatchGroup()
    private let isDoubtful = Mutex(false)

    /// - Parameter recorded: the hash of each path; nil where none is on record.
    init(_ files: [(path: String, recorded: FileHash?)]) {
        for (path, recorded) in files {
            guard let recorded else {
                isDoubtful.withLock { $0 = true }
                continue
            }
            DispatchQueue.global().async(group: group) {
                if (try? recorded.holds(for: path)) != true { self.isDoubtful.withLock { $0 = true } }
            }
        }
    }

    /// Waits for the answer.
    var agrees: Bool {
        group.wait()
        return isDoubtful.withLock { !$0 }
    }
}
