public import BatchCore
internal import BatchEngine
internal import BatchHistory
internal import BatchSystem

/// What operators do with documents that are done, or that nobody wants any more.
extension Documents {
    /// Ends the work on a document: at once, or at the next page when a batch is at work on it.
    public func cancel(_ text: String) throws(BatchError) -> DocumentReport {
        let document = try store.document(meant: text)
        guard !document.state.isEnd || document.state == .review else { throw Documents.isDone(document) }
        let mark = CancelMark(document.key, folders)
        try mark.set()
        do throws(BatchError) {
            return try remove(document, .cancel)
        } catch  where error.code == .busy || error.code == .leaseLost {
            // Whoever is at work on it sees the mark.
            return DocumentReport(entries: [document.report], output: folders.output)
        }
    }

    /// Takes a document away: its rows, its PDF, its input. A rollback brings them back.
    public func purge(_ text: String) throws(BatchError) -> DocumentReport {
        let document = try store.document(meant: text)
        guard document.state.isEnd else {
            throw BatchError(
                .wrongState, "\(document.name) is being worked on: it is \(document.state.rawValue)",
                hint: "end that first: \(command: "ocr cancel \(DocumentKey.exact(document.key))")")
        }
        let report = try remove(document, .purge)
        return DocumentReport(
            entries: [document.report.purged], output: folders.output, batch: report.batch)
    }

    private func remove(_ document: DocumentRecord, _ action: RemovalStage.Action) throws(BatchError) -> DocumentReport
    {
        try run(
            try job("ocr_remove", DocumentJobs.remove), ["key=\(document.key)", "action=\(action.rawValue)"],
            about: document.key)
    }

    private static func isDone(_ document: DocumentRecord) -> BatchError {
        BatchError(
            .wrongState, "nothing more is done with \(document.name): it is \(document.state.rawValue)",
            hint: "see it: \(command: "ocr show \(DocumentKey.exact(document.key))")")
    }

    /// Removes work folders of documents that are done.
    /// - Parameter days: so long they are kept; nil: as the settings say.
    public func clean(days: Int?) throws(BatchError) -> DocumentCareReport {
        let cleaning = DocumentCleaning(store, folders)
        var kept = days
        if kept == nil { kept = try DocumentFaults(session).keptDays() }
        let old = try cleaning.old(days: kept ?? 0)
        let bytes = old.reduce(0) { $0 + cleaning.bytes(of: $1) }
        if !old.isEmpty {
            _ = try run(
                try job("repair_clean_documents", DocumentJobs.clean), ["days=\(days.map { "\($0)" } ?? "")"])
        }
        let gone = old.count { !Folder.exists(folders.work($0)) }
        return DocumentCareReport(
            action: "clean", documents: gone, bytes: bytes, place: folders.root + "/work", batch: nil)
    }

    /// Moves the inputs of documents that are done to another folder: copied, compared, then removed.
    public func moveArchive(to target: String) throws(BatchError) -> DocumentCareReport {
        try Folder.create(target)
        let (own, other) = (FilePath.resolved(folders.root) ?? folders.root, FilePath.resolved(target) ?? target)
        guard other != own, !other.hasPrefix(own + "/") else {
            throw BatchError(
                .usage, "\(FilePath.shown(target)) is a folder of the documents themselves",
                hint: "name one outside \(FilePath.shown(folders.root))")
        }
        var (count, bytes) = (0, Int64(0))
        let archive = folders.root + "/archive"
        for key in try Folder.exists(archive) ? Folder.names(in: archive) : [] {
            guard let document = try store.document(key), document.state == .done,
                let home = folders.home(of: key, document.name), home.hasPrefix(folders.archive(key))
            else { continue }
            let place = "\(target)/\(key)"
            try Folder.create(place)
            let copy = try TemporaryFile(for: "\(place)/\(document.name)")
            try copy.file.copy(of: home)
            try copy.publish()
            try Folder.sync(place)
            guard try SHA256.hex(ofFile: "\(place)/\(document.name)") == document.fileHash else {
                throw BatchError(
                    .file, "the copy of \(document.name) in \(FilePath.shown(target)) differs from the input",
                    hint: "nothing was removed; verify the archive: sha256sum \(home)")
            }
            bytes += FileStatus(home)?.size ?? 0
            count += 1
            try DurableFile.remove(home)
            Folder.removeIfEmpty(folders.archive(key))
        }
        return DocumentCareReport(action: "archive move", documents: count, bytes: bytes, place: target, batch: nil)
    }

    /// Puts all files into one archive, and begins anew without a document.
    /// - Parameter kept: folders of `data` that stay as they are.
    public func reset(archive: String, keeping kept: [String]) throws(BatchError) -> DocumentCareReport {
        let known = ["in", "out", "work", "error", "archive", "hold", "reports", "index", "logs"]
        if let wrong = kept.first(where: { !known.contains($0) }) {
            throw BatchError(
                .usage, "'\(wrong)' is not a folder of the documents\(Suggestion.clause(for: wrong, in: known))",
                hint: "they are: \(known.joined(separator: ", "))")
        }
        let file = archive.isAbsolutePath ? archive : "\(FilePath.current)/\(archive)"
        let own = FilePath.shown(folders.root)
        guard file.hasSuffix(".tar.zst"), !file.hasPrefix(folders.root + "/"), !Folder.exists(file) else {
            throw BatchError(
                .usage,
                "the archive must be a new file, called ….tar.zst, outside \(own)",
                hint: "for example: \(command: "ocr reset --archive documents.tar.zst")")
        }
        guard Folder.exists(FilePath.parent(file)) else {
            throw BatchError(
                .fileMissing, "there is no folder \(FilePath.shown(FilePath.parent(file)))",
                hint: "make it, or check the path")
        }
        let documents = try store.documents()
        if let open = documents.first(where: { !$0.state.isEnd }) {
            throw BatchError(
                .wrongState, "\(open.name) is being worked on: it is \(open.state.rawValue)",
                hint: "end that first: \(command: "ocr cancel \(DocumentKey.exact(open.key))")")
        }
        try folders.create()
        try DataArchive(file, folders).write()
        let report = try run(
            try job("ocr_remove", DocumentJobs.remove),
            ["action=reset", "archive=\(file)", "keep=\(kept.joined(separator: ","))"])
        return DocumentCareReport(
            action: "reset", documents: documents.count, bytes: FileStatus(file)?.size ?? 0, place: file,
            batch: report.batch)
    }
}

/// Tells those who are at work on a document that nobody wants it any more.
struct CancelMark {
    private let path: String

    init(_ key: String, _ folders: DataFolders) { path = folders.work(key) + "/cancel" }

    var isSet: Bool { Folder.exists(path) }

    func set() throws(BatchError) {
        try Folder.create(FilePath.parent(path))
        try DurableFile.write([], to: path)
    }
}
