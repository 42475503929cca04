import BatchCore
import BatchHistory
import BatchLedger
import Glibc

/// A temporary folder with what a test works on.
final class Workplace {
    let folder: String

    init() {
        var template = Array("/tmp/batchmgr-history-XXXXXX".utf8CString)
        folder = mkdtemp(&template).map { String(cString: $0) } ?? "/tmp"
    }

    deinit { _ = Workplace.run("chmod -R u+w '\(folder)'; rm -rf '\(folder)'") }

    func path(_ name: String) -> String { folder + "/" + name }

    var git: GitStore { GitStore(path: path("history.git")) }

    /// Runs a shell command; its output and exit code.
    @discardableResult
    static func run(_ command: String) -> (output: String, code: Int32) {
        // On a line of its own: a command may end with the word of a here-document.
        guard let pipe = popen("(\(command)\n) 2>&1", "r") else { return ("", -1) }
        var output: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = fread(&piece, 1, piece.count, pipe)
            if count == 0 { break }
            output.append(contentsOf: piece[..<count])
        }
        let status = pclose(pipe)
        return (String(decoding: output, as: UTF8.self), (status >> 8) & 0xFF)
    }

    @discardableResult
    func git(_ arguments: String) -> (output: String, code: Int32) {
        Workplace.run("git --git-dir='\(path("history.git"))' \(arguments)")
    }

    /// A copy of a shared database, without leftovers of other programs.
    func copy(_ database: String, as name: String = "copy.db") -> String {
        Workplace.run("cp '\(database)' '\(path(name))' && chmod u+w '\(path(name))'")
        return path(name)
    }

    func make(_ name: String, _ sql: String) throws -> String {
        let connection = try Connection(path: path(name), mode: .create)
        try connection.execute(sql)
        return path(name)
    }

    /// What the sqlite3 shell prints, as bytes: texts need not be valid UTF-8. The ledger and our manifest do not count.
    static func dump(_ database: String) -> String {
        run("sqlite3 '\(database)' .dump | grep -av batchmgr_ | sha256sum").output
    }

    static func message(_ id: String = "test.1", time: Int64 = 1_795_226_400_000) -> PointMessage {
        PointMessage(
            subject: "test: 3 rows changed", body: "For a test.",
            trailers: [.init("Batch-Id", id), .init("Kind", "batch")],
            author: .init(name: "Ann Other", email: "ann@example.org"), time: Timestamp(milliseconds: time))
    }

    /// Writes a point with all rows of a database.
    func baseline(_ database: String, branch: String = "main", tenant: String? = nil, id: String = "test.1") throws
        -> CommitID
    {
        let connection = try Connection(path: database)
        connection.tolerateUnknownCollations()
        try connection.execute("BEGIN IMMEDIATE")
        defer { connection.rollbackIfOpen() }
        let content = PointContent(
            branch: branch, tag: "batch/" + id, message: Workplace.message(id),
            state: try DatabaseState.read(connection), rows: .all, tenantColumn: tenant)
        return try git.commit(content, connection: connection)
    }

    func tree(of commit: CommitID) -> String { git("rev-parse \(commit)^{tree}").output }
}

/// Databases that nobody here made, where they are at hand.
enum SharedData {
    static let databases: [String] = {
        let listed = Workplace.run(
            "ls ../shared/data/databases/*.* ../shared/data/databases/weird/*.db /usr/share/proj/proj.db")
        let unusable = ["-wal", "-shm", "not_a_db.db", "corrupt_page.db"]
        return listed.output.split(separator: "\n").map(String.init).filter { name in
            access(name, R_OK) == 0 && !unusable.contains { name.hasSuffix($0) }
        }
    }()
}
