public import BatchCore
internal import Glibc

/// Files that are there whole or not at all, also after a crash or a power cut: each is written under a temporary name
/// that nobody can foresee, made durable, renamed, and its name made durable with the folder.
public enum DurableFile {
    /// Writes a small file, in place of one that bears the name.
    public static func write(_ bytes: [UInt8], to path: String) throws(BatchError) {
        let temporary = try TemporaryFile(for: path)
        try temporary.file.write(bytes)
        try temporary.publish()
    }

    /// Writes a small file whose name must be free.
    public static func create(_ bytes: [UInt8], as path: String) throws(BatchError) {
        let temporary = try TemporaryFile(for: path)
        try temporary.file.write(bytes)
        guard try temporary.publishNew() else {
            throw BatchError(
                .fileExists, "\(FilePath.shown(path)) is already there", hint: "edit it, or remove it and try again")
        }
    }

    /// The content of a small file.
    /// - Throws: `ERR_UX_FILE_MISSING`.
    public static func read(_ path: String, atMost limit: Int = 64 << 20) throws(BatchError) -> [UInt8] {
        guard Folder.exists(path) else {
            throw BatchError(.fileMissing, "there is no file \(path)", hint: "check the path")
        }
        return try File(reading: path).contents(atMost: limit)
    }

    /// Gives a file another name, in place of the one that bears it: its bytes are durable before the name is, and the
    /// name when this returns.
    public static func move(_ from: String, to path: String) throws(BatchError) {
        try sync(from)
        try rename(from, to: path)
        try Folder.sync(FilePath.parent(path))
    }

    /// As `move`, also to another file system: there the bytes are copied, and the file is removed when the copy is durable
    /// and nobody has changed the file meanwhile.
    /// - Parameters:
    ///   - places: folders on the file system of `path` into which nobody looks: for a copy that is not whole, and for one
    ///     that is, with the name of its file, until that is gone. What a killed process has left there is for `bringBack`.
    ///   - reach: called where both are there.
    /// - Throws: `ERR_INTEGRATION_FILE` when somebody has changed it; it is still there.
    public static func bring(
        _ from: String, to path: String, by places: (unfinished: String, copied: String),
        reach: (String) -> Void = { _ in }
    ) throws(BatchError) {
        try sync(from)
        do throws(SystemError) {
            try SystemCall.attempt(.rename) { Glibc.rename(from, path) }
        } catch {
            guard error.code == EXDEV else { throw error.error("rename to \(path)", file: path) }
            let copy = try copy(of: from, by: places)
            reach("file-copied")
            do throws(BatchError) { try remove(from) } catch {
                if Folder.exists(from) { Folder.remove(copy) }
                throw error
            }
            reach("copied-file-removed")
            try rename(copy, to: path)
            try Folder.sync(FilePath.parent(path))
            Folder.removeIfEmpty(places.copied)
            return
        }
        try Folder.sync(FilePath.parent(path))
    }

    /// - Returns: where the whole copy is.
    private static func copy(
        of from: String, by places: (unfinished: String, copied: String)
    ) throws(BatchError) -> String {
        let before = FileStatus(from, followingLinks: false)
        try Folder.create(places.unfinished)
        try Folder.create(places.copied)
        let place = FilePath.join(places.unfinished, FilePath.name(from))
        Folder.remove(place)
        let copy = try File(creating: place)
        try copy.copy(of: from)
        try copy.sync()
        guard let before, copy.status.size == before.size, FileStatus(from, followingLinks: false) == before else {
            Folder.remove(place)
            throw BatchError(.file, "\(from) changes while it is copied", hint: "try again when it is written")
        }
        let whole = FilePath.join(places.copied, FilePath.name(from))
        try rename(place, to: whole)
        try Folder.sync(places.copied)
        Folder.removeIfEmpty(places.unfinished)
        return whole
    }

    /// Gives a file another name; the caller syncs the folder.
    public static func rename(_ from: String, to path: String) throws(BatchError) {
        try SystemCall.run(.rename, "rename to \(path)", file: path) { Glibc.rename(from, path) }
    }

    /// Removes a file for good.
    /// - Throws: when it is still there.
    public static func remove(_ path: String) throws(BatchError) {
        do throws(SystemError) {
            try SystemCall.attempt(.unlink) { unlink(path) }
        } catch {
            if error.isMissing { return }
            throw error.error("remove \(path)", file: path)
        }
        try Folder.sync(FilePath.parent(path))
    }

    /// Makes the bytes of a file durable that somebody else has written.
    public static func sync(_ path: String) throws(BatchError) { try File(reading: path).sync() }
}

/// The names beside a database where SQLite looks for its journal and its write-ahead log.
public enum DatabaseLogName {
    public static let endings = ["-wal", "-journal", "-shm"]

    /// - Throws: `ERR_UX_FILE_EXISTS` when SQLite would take a file of this name for a part of the database beside it.
    public static func refuse(_ path: String) throws(BatchError) {
        for ending in endings where path.hasSuffix(ending) {
            let database = String(path.dropLast(ending.count))
            guard FileStatus(database, followingLinks: false) != nil else { continue }
            throw BatchError(
                .fileExists, "\(path) is the name of SQLite's log of \(database), which exists",
                hint: "name another file, that does not end in \(ending)")
        }
    }
}

/// A file that is not finished. It disappears unless it is published.
///
/// It is locked as long as it is open: so what a killed process left is told from what is being written, by every process
/// of the machine, also from another container.
///
/// Unchecked: whoever has it uses it alone, and may hand it over.
public final class TemporaryFile: @unchecked Sendable {
    public let file: File
    private let target: String
    private let note: TemporaryNote?
    private var isPublished = false

    /// - Parameters:
    ///   - target: the name that it is to get.
    ///   - home: where it is noted until it is finished, when that is another folder: nobody would look for what a killed
    ///     process left somewhere else.
    public init(for target: String, permissions: UInt32 = 0o666, notedIn home: String? = nil) throws(BatchError) {
        try DatabaseLogName.refuse(target)
        self.target = target
        let name = TemporaryName.beside(target)
        note = try home.map { (home) throws(BatchError) in try TemporaryNote(of: name, in: home) }
        file = try TemporaryFile.create(name, target, permissions)
        if file.path != name { try note?.write(file.path) }
    }

    private static func create(_ name: String, _ target: String, _ permissions: UInt32) throws(BatchError) -> File {
        var name = name
        while true {
            let path = name
            let file = try UnfinishedFiles.make(path) { () throws(BatchError) in
                try File(creating: path, permissions: permissions)
            }
            // Somebody may have taken it for a leftover before it was locked.
            if file.tryLock(), FileStatus(name)?.isSameFile(as: file.status) == true { return file }
            Folder.remove(name)
            UnfinishedFiles.forget(name)
            name = TemporaryName.beside(target)
        }
    }

    public var path: String { file.path }

    deinit {
        if isPublished { return }
        for ending in TemporaryName.endings { Folder.remove(path + ending) }
        UnfinishedFiles.forget(path)
    }

    /// Gives the file its name, in place of the one that bears it; durable when this returns.
    public func publish() throws(BatchError) {
        try file.sync()
        try rename()
        try Folder.sync(FilePath.parent(target))
    }

    /// Gives the file its name when that is free.
    /// - Returns: false when it is not.
    public func publishNew() throws(BatchError) -> Bool {
        try file.sync()
        do throws(SystemError) {
            try SystemCall.attempt(.link) { link(path, target) }
        } catch {
            if error.code == EEXIST { return false }
            throw error.error("create \(target)", file: target)
        }
        try Folder.sync(FilePath.parent(target))
        return true
    }

    /// The name alone. The caller has synced the file, and syncs the folder.
    /// - Parameter name: when it is known only now; a name in the same folder.
    public func rename(to name: String? = nil) throws(BatchError) {
        try UnfinishedFiles.publish(path) { () throws(BatchError) in
            try DurableFile.rename(path, to: name ?? target)
        }
        isPublished = true
    }
}

/// A file in a home that says where an unfinished file lies. It is locked as that is, and gone with it.
private final class TemporaryNote {
    private let file: File

    init(of path: String, in home: String) throws(BatchError) {
        let folder = FilePath.resolved(home) ?? home
        while true {
            let name = TemporaryName.note(in: folder)
            let file = try UnfinishedFiles.make(name) { () throws(BatchError) in try File(creating: name) }
            if file.tryLock(), FileStatus(file.path)?.isSameFile(as: file.status) == true {
                self.file = file
                break
            }
            Folder.remove(file.path)
            UnfinishedFiles.forget(file.path)
        }
        try write(path)
    }

    func write(_ path: String) throws(BatchError) {
        try file.truncate(to: 0)
        try file.write(Array(FilePath.join(FilePath.current, path).utf8), at: 0)
        // Nobody looks for what it names anywhere else: after a power cut it must be there when that file is.
        try file.sync()
        try Folder.sync(FilePath.parent(file.path))
    }

    deinit {
        Folder.remove(file.path)
        UnfinishedFiles.forget(file.path)
    }
}

/// Names of files that are not finished.
public enum TemporaryName {
    /// What SQLite puts beside a database.
    static let endings = ["", "-journal", "-wal", "-shm"]

    /// A name that nobody else takes, in no process and no container.
    public static func beside(_ path: String) -> String {
        var generator = SystemRandomNumberGenerator()
        return "\(path).\(Hex.string(generator.next() as UInt64)).tmp"
    }

    private static let notePrefix = ".batchmgr-unfinished-"

    static func note(in folder: String) -> String {
        var generator = SystemRandomNumberGenerator()
        return "\(folder)/\(notePrefix)\(Hex.string(generator.next() as UInt64))"
    }

    static func isNote(_ name: String) -> Bool { name.hasPrefix(notePrefix) }

    /// The name of the unfinished file that a name belongs to; nil for other files.
    static func base(_ name: String) -> String? {
        for ending in endings where name.hasSuffix(".tmp" + ending) {
            let base = String(name.dropLast(ending.count))
            let mark = base.dropLast(4).suffix(17)
            return mark.hasPrefix(".") && Hex.bytes(mark.dropFirst())?.count == 8 ? base : nil
        }
        return nil
    }

    /// True for names that version 0.1 gave, by the number of the process.
    static func isOfOldKind(_ name: String) -> Bool {
        for prefix in ["tmp_pack_", "tmp_idx_"] where name.hasPrefix(prefix) {
            return Int(name.dropFirst(prefix.count)) != nil
        }
        let parts = name.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count > 2, let last = parts.last, last == "tmp" || last.hasPrefix("tmp-") else { return false }
        return parts[parts.count - 2].utf8.count < 16 && Int(parts[parts.count - 2]) != nil
    }
}
