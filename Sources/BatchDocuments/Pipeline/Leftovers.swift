internal import BatchCore
internal import BatchHistory
internal import BatchSystem

/// A file that is to be looked at.
struct StagedFile {
    let path: String
    /// Nil: that of whoever takes it in.
    var profile: StagedProfile?
}

/// The profile by which a file is to be read, as its folder tells it.
enum StagedProfile {
    case named(String)
    /// The end of the keys of its documents.
    case hash(String)

    /// By which a document was read, that may have been read again as another one.
    init?(of document: DocumentRecord) {
        guard let members = (try? JSONParser.parse(document.profile))?.members else { return nil }
        self = .hash(OCRProfile.hash(JSONWriter.text(.object(members.filter { $0.key != "nonce" }))))
    }

    /// What the name of a folder below `work/_staging` ends with.
    var ending: String {
        switch self {
        case .named(let name): "=\(name)"
        case .hash(let hash): "~\(hash)"
        }
    }

    /// - Parameter folder: the name of such a folder; nil when it tells nothing.
    init?(staging folder: String) {
        guard folder.hasPrefix("add-"), let place = folder.firstIndex(where: { $0 == "=" || $0 == "~" }) else {
            return nil
        }
        let text = String(folder[folder.index(after: place)...])
        self = folder[place] == "=" ? .named(text) : .hash(text)
    }
}

/// What a process that was killed had taken, and not yet written down.
struct Leftovers {
    private let folders: DataFolders
    private let store: DocumentStore

    init(_ folders: DataFolders, _ store: DocumentStore) {
        self.folders = folders
        self.store = store
    }

    /// - Parameter own: the folder of whoever looks.
    func find(but own: String) throws(BatchError) -> [StagedFile] {
        var files: [StagedFile] = []
        for name in try Folder.names(in: folders.staging) where name.hasSuffix(StagingFolder.copied) {
            try settle("\(folders.staging)/\(name)")
        }
        for name in try Folder.names(in: folders.staging) where "\(folders.staging)/\(name)" != own {
            files += try left(in: name)
        }
        let known = Set(try store.documents().map(\.key))
        for key in try Folder.names(in: folders.root + "/work") where !key.hasPrefix("_") && !known.contains(key) {
            let hash = key.split(separator: "_").last.map { StagedProfile.hash(String($0)) }
            let input = folders.work(key) + "/input"
            files += try Folder.names(in: input).map { StagedFile(path: "\(input)/\($0)", profile: hash) }
        }
        return files
    }

    private func left(in name: String) throws(BatchError) -> [StagedFile] {
        let folder = "\(folders.staging)/\(name)"
        guard let lock = FolderLock(folder) else { return [] }
        defer { withExtendedLifetime(lock) {} }
        if name.hasSuffix(StagingFolder.unfinished) {
            try Folder.removeAll(folder)
            return []
        }
        let found = try Folder.names(in: folder)
        if found.isEmpty { Folder.removeIfEmpty(folder) }
        let profile = StagedProfile(staging: name)
        return found.map { StagedFile(path: "\(folder)/\($0)", profile: profile) }
    }

    /// Whole copies of files of another disk, where the tool was killed before it had removed those: one of both is left.
    private func settle(_ folder: String) throws(BatchError) {
        let own = String(folder.dropLast(StagingFolder.copied.count))
        for name in try Folder.names(in: folder) {
            let (copy, original) = ("\(folder)/\(name)", "\(folders.input)/\(name)")
            // Another file of that name has come since then.
            var isThere = FileStatus(original, followingLinks: false)?.isFile == true
            if isThere { isThere = try SHA256.hex(ofFile: original) == SHA256.hex(ofFile: copy) }
            if isThere { try? DurableFile.remove(original) }
            if isThere, Folder.exists(original) {
                Folder.remove(copy)
            } else {
                _ = try DataFolders.move(copy, to: own, as: name)
            }
        }
        Folder.removeIfEmpty(folder)
    }
}
