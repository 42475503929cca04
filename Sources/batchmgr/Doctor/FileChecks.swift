internal import BatchCore
internal import BatchLedger
internal import BatchSystem
internal import Glibc

/// The file, its folder and the disk below them, before SQLite has a look.
struct FileChecks {
    let path: String
    let home: String?

    /// Where restore points go: beside the database.
    private var folder: String {
        FilePath.parent(path)
    }

    /// - Throws: `ERR_UX_FILE_MISSING`, or `ERR_UX_USAGE` when the path names something that is no file.
    func size() throws(BatchError) -> Int {
        guard let status = FileStatus(path) else {
            throw BatchError(
                .fileMissing, "there is no file \(path)",
                hint:
                    "give the path of a SQLite database: batchmgr --db PATH doctor; what is left of a lost one: \(command: "status")"
            )
        }
        guard status.isFile else {
            throw BatchError(.usage, "\(path) is not a file", hint: "give the path of a SQLite database: --db PATH")
        }
        return Int(status.size)
    }

    func checks(size: Int) -> [Check] { [permissions] + [names].compactMap(\.self) + [space(size)] }

    /// A second name is told alone: nearly no file has one.
    private var names: Check? {
        guard let names = FileStatus(path)?.names, names > 1 else { return nil }
        return .warning(
            "hard links", "\(path) has \(names) names: batches are not possible, for SQLite keeps its log beside one",
            code: .machine, advice: LeaseTable.adviceOfNames(path))
    }

    private var permissions: Check {
        let name = "permissions"
        guard Folder.mayRead(path) else {
            return .failed(
                name,
                BatchError(.file, "\(path) cannot be read", hint: "as its owner: chmod u+rw \(ShellText.quoted(path))"))
        }
        if !Folder.mayWrite(path) {
            return .warning(
                name, "\(path) cannot be written: batches are not possible", code: .machine,
                advice: "as its owner: chmod u+w '\(path)'")
        }
        // SQLite needs a journal, and batchmgr its backups, beside the file.
        guard Folder.mayWrite(folder) else {
            return .warning(
                name, "the folder \(folder) cannot be written: batches are not possible", code: .machine,
                advice: "as its owner: chmod u+wx '\(folder)'")
        }
        if let home, let wider = Permissions.wider(home, than: path) {
            return .warning(
                name, "\(wider) may be read by more people than \(path)", code: .machine,
                advice: "restrict it: chmod -R go-rwx '\(home)'")
        }
        if let home, isOfAnother(home) {
            return .warning(
                name, "\(home) belongs to another user than \(path), who cannot run batches then", code: .machine,
                advice: "give it to the owner of the database: chown -R --reference='\(path)' '\(home)'")
        }
        return .passed(name, "file and folder may be written")
    }

    /// The superuser ran a batch on a database of somebody else: the home is his, and the owner may not write to it.
    private func isOfAnother(_ home: String) -> Bool {
        guard let folder = FileStatus(home), let file = FileStatus(path), folder.owner != file.owner else {
            return false
        }
        return geteuid() == 0 ? folder.permissions & 0o022 == 0 : !Folder.mayWrite(home)
    }

    /// A first batch writes a full copy and the history, and a journal may hold the whole database once more.
    private func space(_ size: Int) -> Check {
        var disk = statvfs()
        guard statvfs(folder, &disk) == 0 else {
            return .warning(
                "disk space", "not known: \(String(cString: strerror(errno)))", code: .machine,
                advice: "check it with: df")
        }
        let free = Int(clamping: UInt64(disk.f_bavail)) * Int(clamping: UInt64(disk.f_frsize))
        let needed = 3 * size + 16_000_000
        let detail = "\(Figures.bytes(free)) free, database \(Figures.bytes(size))"
        if free >= needed { return .passed("disk space", detail) }
        return .warning(
            "disk space", detail, code: .machine,
            advice: "free \(Figures.bytes(needed)): full copy, history and journal may need that much")
    }
}
