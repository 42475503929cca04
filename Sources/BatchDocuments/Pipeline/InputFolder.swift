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
    func ready() throws(BatchError) -> [String] {
        try Folder.names(in: path).filter { name in
            guard !name.hasSuffix(".part"), !name.hasPrefix("."), !name.hasPrefix("_"),
                let status = FileStatus("\(path)/\(name)", followingLinks: false), status.isFile,
                now.milliseconds - status.changedAt / 1_000_000 >= 2_000
            else { return false }
            return !ProcessTable.hasOpen(status)
        }
    }

    /// False for what stays where it is, because nobody can say what it is.
    static func isKnown(_ path: String) -> Bool { InputKind((try? File(reading: path).read(2_048)) ?? []) != nil }

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

    /// Why files stay where they are.
    static func reasons(unknown: [String], short: [String]) -> JSONValue {
        let all = unknown.map { ($0, DocumentFault.unknownType) } + short.map { ($0, DocumentFault.diskShort) }
        return .array(all.map { ["name": .string($0.0), "reason": .string($0.1.rawValue)] })
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

/// A folder below `work/_staging`. Who fills it, or takes in what is in it, has it locked.
enum StagingFolder {
    /// What its name ends with while it is filled.
    static let unfinished = ".part"

    static func name(_ random: String) -> String { "add-\(random.prefix(16))" }

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
