internal import BatchCatalog
internal import BatchCore
internal import BatchEngine
internal import BatchHistory
internal import BatchSystem

/// Files of a batch that go back to where its rollback took them from, when that is undone. They are known by their
/// hashes: in the quarantine a file may have another name.
struct FileReturn {
    private let folders: DataFolders
    private let store: DocumentStore
    private let quarantine: String

    init(_ session: Session, _ batch: BatchID) {
        folders = DataFolders(root: session.workspace.data)
        store = DocumentStore(session: session)
        quarantine = folders.quarantine(batch)
    }

    /// - Returns: what is missing, in words.
    func perform(_ effect: Effect) throws(BatchError) -> [String] {
        let detail = effect.detail
        var missing: [String] = []
        if let key = detail["taken"]?.string, let name = detail["name"]?.string {
            missing += try bringInput(key, name)
        }
        if let key = detail["held"]?.string, let name = detail["file"]?.string, let hash = detail["sha256"]?.string,
            !Folder.exists("\(folders.held(key))/\(name)"), let kept = try find(hash)
        {
            _ = try DataFolders.move(kept, to: folders.held(key), as: name)
        }
        if let key = detail["rejected"]?.string, let name = detail["name"]?.string {
            if let home = folders.home(of: key, name) {
                if !home.hasPrefix(folders.error(key)) {
                    _ = try DataFolders.move(home, to: folders.error(key), as: name)
                }
            } else {
                missing.append("the input \(name) is gone")
            }
        }
        if let name = detail["pdf"]?.string {
            missing += try bring(name, detail["sha256"]?.string, replacing: detail["previous"]?.string)
        }
        for file in detail["beside"]?.array ?? [] {
            guard let name = file["file"]?.string else { continue }
            missing += try bring(name, file["sha256"]?.string, replacing: file["previous"]?.string)
        }
        try RemovalStage.redo(effect, folders)
        if detail["reset"]?.string != nil { missing.append("the files of the documents are in their folders again") }
        Folder.removeIfEmpty(quarantine)
        return missing
    }

    /// The input of a document goes to where its state wants it.
    private func bringInput(_ key: String, _ name: String) throws(BatchError) -> [String] {
        if folders.home(of: key, name) != nil { return [] }
        guard let kept = try find(String(key.prefix { $0 != "_" })) else {
            return ["the input \(name) is gone: it is not in \(quarantine)"]
        }
        let state = try store.document(key)?.state
        let folder =
            switch state {
            case .done?: folders.archive(key)
            case let state? where state.isFailed: folders.error(key)
            default: folders.work(key) + "/input"
            }
        _ = try DataFolders.move(kept, to: folder, as: name)
        return []
    }

    /// A file of `out`. The version before, which had come back, is kept again.
    private func bring(_ name: String, _ hash: String?, replacing previous: String?) throws(BatchError) -> [String] {
        let target = "\(folders.output)/\(name)"
        if Folder.exists(target), try SHA256.hex(ofFile: target) == hash { return [] }
        guard let hash, let kept = try find(hash) else { return ["out/\(name) is gone: it is not in \(quarantine)"] }
        if Folder.exists(target) {
            guard let previous else { return ["out/\(name) is another file now; that of the batch is \(kept)"] }
            let place = "\(folders.root)/\(previous)"
            try Folder.create(FilePath.parent(place))
            try DurableFile.move(target, to: place)
        }
        try DurableFile.move(kept, to: target)
        return []
    }

    private func find(_ hash: String) throws(BatchError) -> String? {
        guard Folder.exists(quarantine) else { return nil }
        for name in try Folder.names(in: quarantine) {
            let path = "\(quarantine)/\(name)"
            if FileStatus(path, followingLinks: false)?.isFile == true, try SHA256.hex(ofFile: path) == hash {
                return path
            }
        }
        return nil
    }
}
