internal import BatchCore
internal import BatchSystem

/// The folder where people drop files.
struct InputFolder {
    private let path: String
    private let now: Timestamp

    init(_ path: String, now: Timestamp) {
        self.path = path
        self.now = now
    }

    /// Names of files that nobody writes to any more.
    /// - Parameter given: names that were given just now.
    func ready(given: [String] = []) throws(BatchError) -> [String] {
        try Folder.names(in: path).filter { name in
            isMeant(name)
                && (given.contains(name) || isReady(FileStatus("\(path)/\(name)", followingLinks: false)))
        }
    }

    /// Documents with names that are not UTF-8.
    func readyWithoutText() throws(BatchError) -> [RawName] { try filesWithoutText().filter { reason($0) == nil } }

    private func filesWithoutText() throws(BatchError) -> [RawName] {
        try Folder.namesThatAreNoText(in: path).filter { isMeant($0.escaped) && isReady($0.status(in: path)) }
    }

    /// Why it stays where it is; nil when it can be taken.
    /// - Parameter beginning: its first bytes; nil when it cannot be read.
    private func reason(_ beginning: [UInt8]?) -> StrangerInFolder.Reason? {
        guard let beginning else { return .unreadable }
        if beginning.isEmpty { return .empty }
        if InputKind(beginning) == nil { return .unknownType }
        return Folder.mayWrite(path) ? nil : .notMovable
    }

    private func reason(_ name: RawName) -> StrangerInFolder.Reason? {
        reason(name.beginning(InputFolder.mark, in: path))
    }

    private func reason(_ name: String) -> StrangerInFolder.Reason? {
        reason(try? File(reading: "\(path)/\(name)").read(InputFolder.mark))
    }

    /// Bytes that say what a file is.
    private static let mark = 2_048

    /// Gives these documents names that are text, in which nothing of their bytes is lost: all that follows works by names.
    /// - Returns: the new names.
    func giveText() throws(BatchError) -> [String] {
        var given: [String] = []
        for name in try readyWithoutText() {
            let text = FilePath.name(DataFolders.free(DataFolders.plain(name.escaped), in: path))
            try name.rename(in: path, to: text)
            given.append(text)
        }
        return given
    }

    private func isMeant(_ name: String) -> Bool {
        !name.hasSuffix(".part") && !name.hasPrefix(".") && !name.hasPrefix("_")
    }

    private func isReady(_ status: FileStatus?) -> Bool {
        guard let status, status.isFile, now.milliseconds - status.changedAt / 1_000_000 >= 2_000 else { return false }
        return !ProcessTable.hasOpen(status)
    }

    /// What nobody takes, because it is no file.
    func strangers() throws(BatchError) -> [StrangerInFolder] {
        let named = try Folder.names(in: path).map { ($0, FileStatus("\(path)/\($0)", followingLinks: false)) }
        let others = try Folder.namesThatAreNoText(in: path).map { ($0.escaped, $0.status(in: path)) }
        return (named + others).compactMap { name, status in
            guard isMeant(name), let status, !status.isFile else { return nil }
            return StrangerInFolder(name: name, reason: .notAFile)
        }
    }

    /// Those for which the disk has no room beside those before them. One that is too large holds up no smaller one.
    func withoutRoom(_ names: [String], _ settings: OCRSettings) -> [String] {
        guard settings.onDiskShort == .wait, let free = HostFigures.freeDisk(path) else { return [] }
        var needed = 0.0
        return names.filter { name in
            let own = Double(FileStatus("\(path)/\(name)")?.size ?? 0) * settings.diskFactor
            if needed + own > Double(free) { return true }
            needed += own
            return false
        }
    }

    /// Files that stay where they are: nobody can say what they are, or they cannot be taken away.
    func refused(_ names: [String]) throws(BatchError) -> [StrangerInFolder] {
        let named = names.map { ($0, reason($0)) }
        let others = try filesWithoutText().map { ($0.escaped, reason($0)) }
        return (named + others).compactMap { name, reason in reason.map { StrangerInFolder(name: name, reason: $0) } }
    }

    /// Size, magic bytes, disk.
    static func fault(_ size: Int64, _ kind: InputKind?, _ settings: OCRSettings, free: Int64?) -> DocumentFault? {
        if size == 0 { return .empty }
        if size > settings.largestInput { return .tooLarge }
        if kind == nil { return .unknownType }
        if let free, Double(free) < Double(size) * settings.diskFactor { return .diskShort }
        return nil
    }
}

/// What stays in `in`, and why.
struct StrangerInFolder: Hashable {
    enum Reason: String {
        case unknownType = "unknown_type"
        case empty
        case diskShort = "disk_short"
        case notAFile = "not_a_file"
        case unreadable
        case notMovable = "not_movable"

        /// In words, after the name.
        var words: String {
            switch self {
            case .unknownType: DocumentFault.unknownType.words
            case .empty: DocumentFault.empty.words
            case .diskShort: DocumentFault.diskShort.words
            case .unreadable: DocumentFault.unreadable.words
            case .notMovable: "cannot be moved away: see who may write to the folder"
            case .notAFile: "is not a file: a folder, a link or a device"
            }
        }
    }

    let name: String
    let reason: Reason

    var json: JSONValue { ["name": .string(name), "reason": .string(reason.rawValue)] }
}

/// A folder below `work/_staging`. Who fills it, or takes in what is in it, has it locked.
enum StagingFolder {
    /// What its name ends with while it is filled.
    static let unfinished = ".part"
    /// What the name of a folder ends with that holds whole copies of files of another disk, until those are gone from `in`.
    static let copied = ".copied"

    /// - Parameter profile: by which its files are to be read; nil for that of whoever takes them in.
    static func name(_ random: String, _ profile: StagedProfile?) -> String {
        "add-\(random.prefix(16))\(profile?.ending ?? "")"
    }

    /// Makes the folder, and locks it.
    static func make(_ path: String) throws(BatchError) -> FolderLock {
        for _ in 0..<100 {
            try Folder.create(path)
            // Somebody may have taken it for a leftover before it was locked.
            if let lock = FolderLock(path) { return lock }
        }
        throw BatchError(
            .file, "\(path) cannot be locked", hint: "keep the data folder on a file system that has locks")
    }
}
