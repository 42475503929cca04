internal import BatchCatalog
internal import BatchCore
internal import BatchHistory
internal import BatchLedger
internal import BatchSystem

/// Files below the folder of a workspace, as SQL of the catalog asks for them. No name leads out of it.
struct WorkspaceFiles: Sendable {
    private let root: String
    /// Folders within folders that are looked into.
    private static let depth = 32

    init(root: String) { self.root = FilePath.resolved(root) ?? root }

    /// The full path of a relative one; nil when it would lead out of the workspace.
    func place(of path: String) -> String? {
        let parts = path.pathParts
        guard !path.isEmpty, !path.isAbsolutePath, !path.contains("\0"), !parts.contains("..") else { return nil }
        let full = FilePath.join(root, path)
        var known = full
        // What is there already must not be a link to elsewhere.
        while known.count > root.count, FilePath.resolved(known) == nil { known = FilePath.parent(known) }
        let resolved = FilePath.resolved(known) ?? root
        return resolved == root || resolved.hasPrefix(root + "/") ? full : nil
    }

    /// Nil when there is no such file.
    func size(_ path: String) -> Int64? {
        guard let place = place(of: path), let status = FileStatus(place), status.isFile else { return nil }
        return status.size
    }

    /// Nil when there is no such file.
    func sha256(_ path: String) throws(BatchError) -> String? {
        guard size(path) != nil, let place = place(of: path) else { return nil }
        return try SHA256.hex(ofFile: place)
    }

    /// Paths of the files below a folder, relative to it. Links are no files.
    func names(below folder: String) throws(BatchError) -> [String] {
        guard let place = place(of: folder) else { return [] }
        var found: [String] = []
        try collect(place, "", 0, &found)
        return found
    }

    private func collect(_ folder: String, _ prefix: String, _ depth: Int, _ found: inout [String]) throws(BatchError) {
        guard depth < WorkspaceFiles.depth else { return }
        for name in try Folder.names(in: folder) {
            guard let status = FileStatus("\(folder)/\(name)", followingLinks: false) else { continue }
            if status.isFolder { try collect("\(folder)/\(name)", prefix + name + "/", depth + 1, &found) }
            if status.isFile { found.append(prefix + name) }
        }
    }

    /// Takes a file to another place, also on another disk; durable on both sides.
    static func move(_ from: String, to path: String) throws(BatchError) {
        try Folder.create(FilePath.parent(path))
        let (source, target) = (FileStatus(from), FileStatus(FilePath.parent(path)))
        if source?.device == target?.device { return try DurableFile.move(from, to: path) }
        let copy = try TemporaryFile(for: path)
        let file = try File(reading: from)
        try file.forEachPiece { (piece) throws(BatchError) in try copy.file.write(Array(piece)) }
        try copy.publish()
        try DurableFile.remove(from)
    }
}

extension Session {
    /// What SQL of the catalog may ask about the world outside: `file_size`, `file_sha256`, `files_below`, `export_sha256`,
    /// `workspace_faults`; `written_outside`, what no batch has written; and `read_error`, what SQLite says when it is asked a query: NULL when all can be read.
    func addFunctions() {
        let files = WorkspaceFiles(root: workspace.folder)
        let functions = [
            TextFunction("file_size") { (path) throws(BatchError) in files.size(path).map(SQLValue.integer) ?? .null },
            TextFunction("file_sha256") { (path) throws(BatchError) in .optional(try files.sha256(path)) },
            TextFunction("files_below") { (folder) throws(BatchError) in
                .string(JSONWriter.text(.array(try files.names(below: folder).map(JSONValue.string))))
            },
            TextFunction("export_sha256") { [unowned self] (path) throws(BatchError) in
                try self.exportedHash(path)
            },
            TextFunction("read_error") { [unowned self] (query) throws(BatchError) in .optional(self.readError(query))
            },
            TextFunction("written_outside") { [unowned self] (table) throws(BatchError) in
                .string(JSONWriter.text(.array(try self.writtenOutside(table))))
            },
            TextFunction("workspace_faults") { [unowned self] (part) throws(BatchError) in
                let faults = try self.context.healing?.faults(of: part, in: self) ?? []
                return .string(JSONWriter.text(.array(faults.map(\.json))))
            },
        ]
        for function in functions { connection.add(function) }
    }

    private func readError(_ query: String) -> String? {
        do throws(BatchError) {
            let statement = try connection.prepare(query, isVerbatim: true)
            defer { statement.reset() }
            guard statement.isReadOnly else { return "it does not only read" }
            while try statement.step() { _ = statement.values }
            return nil
        } catch {
            return error.saidBySQLite ?? error.message
        }
    }

    /// The hash of the file that an `export` step wrote last under this path; NULL when none did.
    private func exportedHash(_ path: String) throws(BatchError) -> SQLValue {
        guard try ledger.exists() else { return .null }
        let full = FilePath.join(workspace.folder, path)
        return try connection.value(
            """
            SELECT json_extract(detail, '$.sha256') FROM main.batchmgr_effects
            WHERE kind = 'export' AND json_extract(detail, '$.path') IN (?, ?) ORDER BY id DESC LIMIT 1
            """, [.string(path), .string(full)]) ?? .null
    }
}
