internal import BatchCore
internal import BatchSystem

/// Files that were here already, each in the folder of the document that it is the same as, until somebody decides.
struct HeldFiles {
    private let folders: DataFolders

    init(_ folders: DataFolders) { self.folders = folders }

    /// The documents for which files are held.
    func keys() throws(BatchError) -> [String] {
        guard Folder.exists(folders.duplicates) else { return [] }
        return try Folder.names(in: folders.duplicates).filter { !((try? names($0)) ?? []).isEmpty }
    }

    /// The files of people that are held for a document.
    func names(_ key: String) throws(BatchError) -> [String] {
        guard Folder.exists(folders.held(key)) else { return [] }
        return try Folder.names(in: folders.held(key)).filter { !DuplicateDecision.isOurs($0) }
    }

    /// Removes the folder of a document for which nothing is held any more.
    func tidy(_ key: String) throws(BatchError) {
        if try names(key).isEmpty { try Folder.removeAll(folders.held(key)) }
    }

    /// Files whose document was taken back, or is gone with all its files: they are the same as nothing any more, and come in
    /// with the next intake. Until then they stay where they are, for the document may come back.
    func released(_ store: DocumentStore) throws(BatchError) -> [(key: String, path: String)] {
        var files: [(key: String, path: String)] = []
        for key in try keys() {
            // Where files of it are left, another database may know it.
            let others = [folders.work(key), folders.archive(key), folders.error(key)]
            guard !others.contains(where: Folder.exists), try store.document(key) == nil else { continue }
            for name in try names(key) {
                let path = "\(folders.held(key))/\(name)"
                if FileStatus(path, followingLinks: false)?.isFile == true { files.append((key, path)) }
            }
        }
        return files
    }
}
