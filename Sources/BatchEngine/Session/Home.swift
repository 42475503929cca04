internal import BatchCatalog
internal import BatchCore
internal import BatchHistory
internal import BatchLedger
internal import BatchSystem

/// Where a database belongs: the folder of its copies, control file and history, and the names that it has there.
///
/// The ledger says it, so every name of the file leads there. Several databases may share a folder; `HomeRegister`
/// tells which name in it belongs to which ledger.
public struct Home: Hashable, Sendable {
    public var folder: String
    /// Its branch in git; its `.bak` files bear the same name.
    public var branch: String
    /// What stands before batch ids in its tags: `batch/`, or `BRANCH/batch/` where another database has that.
    public var tags: String

    static let standardTags = "batch/"

    /// Where a database belongs that does not say so itself.
    static func standard(
        _ workspace: Workspace, _ database: DatabaseDefinition, tenant: String?, path: String
    ) -> Home {
        var home = Home(
            folder: workspace.backups, branch: workspace.file == nil ? branch(ofFile: path) : database.name,
            tags: standardTags)
        if database.tenancy == .file, let tenant {
            home.folder += "/tenants/\(tenant)"
            home.branch += "/\(tenant)"
        }
        return home
    }

    /// The name of the file, with characters that git does not allow in branches replaced.
    private static func branch(ofFile path: String) -> String {
        let last = path.pathNames.last ?? "main"
        let safe = last.map {
            $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "." || $0 == "_" || $0 == "-") ? $0 : "_"
        }
        var name = String(safe).split(separator: ".").joined(separator: ".")
        while name.hasPrefix("-") { name.removeFirst() }
        return name.isEmpty || name.hasSuffix(".lock") ? name + "_" : name
    }

    /// A file, whatever it is called.
    struct FileIdentity: Hashable {
        let text: String

        /// Nil when there is no such file.
        init?(of path: String) {
            guard let status = FileStatus(path) else { return nil }
            text = "\(status.device):\(status.inode)"
        }

        init(text: String) { self.text = text }
    }
}

/// What a ledger says about where its database belongs.
struct HomeEntry: Hashable {
    var ledger: String
    /// Relative to the folder of the database where it lies beside or below that.
    var home: String?
    var path: String?
    var file: Home.FileIdentity?
    var branch: String?
    var tags: String?
    var workspace: String?

    /// Nil where there is no ledger.
    init?(_ ledger: Ledger) throws(BatchError) {
        guard try ledger.exists() else { return nil }
        let rows = try ledger.connection.rows(
            "SELECT key, value FROM main.batchmgr_meta WHERE key IN ('database_id', 'home', 'path', 'file', 'branch', 'tags', 'workspace')"
        )
        let values = Dictionary(rows.map { ($0[0].string ?? "", $0[1].string ?? "") }) { first, _ in first }
        guard let id = values["database_id"] else { return nil }
        self.ledger = id
        home = values["home"]
        path = values["path"]
        file = values["file"].map(Home.FileIdentity.init(text:))
        branch = values["branch"]
        tags = values["tags"]
        workspace = values["workspace"]
    }

    /// Of a file somewhere; nil when it is none of ours.
    static func read(_ path: String) -> HomeEntry? { ledger(path).flatMap { try? HomeEntry($0) } }

    /// The ledger of a file somewhere, to be read; nil when it is no database.
    static func ledger(_ path: String) -> Ledger? {
        guard FolderText.isFile(path),
            let connection = try? Connection(path: path, mode: .readOnly, busyTimeout: 1_000)
        else { return nil }
        return try? Ledger(connection)
    }

    func write(to ledger: Ledger) throws(BatchError) {
        let values = [
            ("database_id", self.ledger), ("home", home), ("path", path), ("file", file?.text), ("branch", branch),
            ("tags", tags), ("workspace", workspace),
        ]
        for (key, value) in values {
            guard let value, try ledger.meta(key) != value else { continue }
            try ledger.setMeta(key, value)
        }
    }

    /// The folder, seen from the folder of the database.
    func folder(from folder: String) -> String? { home.map { HomeEntry.standardised(FolderText.join(folder, $0)) } }

    /// Of a folder, as it is written: a database that is moved with the folder around it finds it again.
    static func text(_ home: String, from folder: String) -> String {
        if home == folder { return "." }
        if home.hasPrefix(folder + "/") { return String(home.dropFirst(folder.count + 1)) }
        let parent = FolderText.parent(folder)
        if parent != "/", home.hasPrefix(parent + "/") { return "../" + home.dropFirst(parent.count + 1) }
        return home
    }

    /// Without `.` and `..`: what does not exist yet has no real path.
    private static func standardised(_ path: String) -> String {
        var parts: [String] = []
        for part in path.pathNames {
            switch part {
            case ".": break
            case "..": if !parts.isEmpty { parts.removeLast() }
            default: parts.append(part)
            }
        }
        return "/" + parts.joined(separator: "/")
    }
}

/// The databases of a home: one small file each in `databases/`, named as its branch.
///
/// It keeps two databases from taking one name, and tells an original from its copy.
struct HomeRegister {
    struct Entry: Hashable {
        let ledger: String
        let branch: String
        let tags: String
        let path: String
        let file: String
    }

    private static let format: Int64 = 1
    private let folder: String

    init(home: String) { folder = home + "/databases" }

    /// - Throws: `ERR_DATA_CORRUPT_LEDGER` when a newer program wrote one of them.
    func entries() throws(BatchError) -> [Entry] {
        var entries: [Entry] = []
        for name in try FolderText.names(in: folder) where name.hasSuffix(".json") {
            if let entry = try read(name) { entries.append(entry) }
        }
        return entries
    }

    func entry(ofLedger ledger: String, branch: String) throws(BatchError) -> Entry? {
        let name = HomeRegister.name(branch)
        guard FolderText.exists("\(folder)/\(name)"), let entry = try read(name), entry.ledger == ledger else {
            return nil
        }
        return entry
    }

    func write(_ entry: Entry) throws(BatchError) {
        let path = "\(folder)/\(HomeRegister.name(entry.branch))"
        if try read(HomeRegister.name(entry.branch)) == entry { return }
        try Folder.create(folder)
        let json: JSONValue = [
            "format": .integer(HomeRegister.format), "ledger": .string(entry.ledger), "branch": .string(entry.branch),
            "tags": .string(entry.tags), "path": .string(entry.path), "file": .string(entry.file),
        ]
        try DurableFile.write(Array((JSONWriter.text(json) + "\n").utf8), to: path)
    }

    func remove(_ entry: Entry) { Folder.remove("\(folder)/\(HomeRegister.name(entry.branch))") }

    private func read(_ name: String) throws(BatchError) -> Entry? {
        guard let bytes = try? DurableFile.read("\(folder)/\(name)"),
            let json = try? JSONParser.parse(String(decoding: bytes, as: UTF8.self))
        else { return nil }
        guard let format = json["format"]?.integer, format <= HomeRegister.format else {
            throw BatchError(
                .corruptLedger, "\(folder)/\(name) has a format that is newer than this program knows",
                hint: "install the newer batchmgr, then: \(command: "version")")
        }
        guard let ledger = json["ledger"]?.string, let branch = json["branch"]?.string,
            let tags = json["tags"]?.string, let path = json["path"]?.string, let file = json["file"]?.string
        else { return nil }
        return Entry(ledger: ledger, branch: branch, tags: tags, path: path, file: file)
    }

    static func name(_ branch: String) -> String { branch.escaping(["/": "%2F"]) + ".json" }
}
