internal import BatchCore
internal import BatchEngine
internal import BatchSystem

/// Removes what was made of documents on the way, once they have come to their end. Never an input, nothing in `error`,
/// nothing of a document that is worked on or waits for a reviewer.
struct DocumentCleaning {
    private let store: DocumentStore
    private let folders: DataFolders

    init(_ store: DocumentStore, _ folders: DataFolders) {
        self.store = store
        self.folders = folders
    }

    /// Names of work folders that nobody needs any more.
    /// - Parameter days: so long they are kept after the end of their document.
    func old(days: Int) throws(BatchError) -> [String] {
        guard Folder.exists(folders.root + "/work") else { return [] }
        let latest = store.session.context.now().milliseconds - Int64(days) * 86_400_000
        let documents = Dictionary(try store.documents().map { ($0.key, $0) }) { first, _ in first }
        let known = Set(try store.keys())
        return try Folder.names(in: folders.root + "/work").filter { name in
            let folder = folders.work(name)
            guard !name.hasPrefix("_"), let status = FileStatus(folder, followingLinks: false), status.isFolder,
                holdsNoInput(folder)
            else { return false }
            // What a batch had before it was rolled back, or a document before it was purged.
            guard known.contains(name) else { return status.modifiedAt * 1_000 <= latest }
            guard let document = documents[name], document.state == .done || document.state.isFailed,
                let ended = Timestamp(iso8601: document.updatedAt)
            else { return false }
            return ended.milliseconds <= latest
        }.sorted()
    }

    /// An input that is there is all that there is.
    private func holdsNoInput(_ folder: String) -> Bool {
        guard Folder.exists(folder + "/input") else { return true }
        return (try? Folder.names(in: folder + "/input"))?.isEmpty == true
    }

    func bytes(of name: String) -> Int64 { DocumentCleaning.bytes(below: folders.work(name)) }

    private static func bytes(below path: String) -> Int64 {
        guard let status = FileStatus(path, followingLinks: false) else { return 0 }
        guard status.isFolder else { return status.size }
        return ((try? Folder.names(in: path)) ?? []).reduce(0) { $0 + bytes(below: "\(path)/\($1)") }
    }

    func remove(_ name: String) throws(BatchError) { try Folder.removeAll(folders.work(name)) }
}

/// `ocr.clean`: the cleaning as a step. It has the lease of the database, so nobody begins with a document meanwhile.
struct CleaningStage {
    private let stage: Stage

    init(_ stage: Stage) { self.stage = stage }

    func run() throws(BatchError) {
        var days = Int(try stage.setting("days"))
        if days == nil { days = try DocumentFaults(stage.step.session).keptDays() }
        let cleaning = DocumentCleaning(stage.store, stage.folders)
        let old = try cleaning.old(days: days ?? stage.settings.keepWorkDays)
        guard !old.isEmpty else { return }
        let bytes = old.reduce(0) { $0 + cleaning.bytes(of: $1) }
        for name in old {
            try stage.step.stopIfAsked()
            try cleaning.remove(name)
        }
        try stage.step.record(["cleaned": .array(old.map(JSONValue.string)), "bytes": .integer(bytes)])
    }
}
