internal import BatchCore
internal import BatchLedger

/// All checks of `doctor`, in the order in which they are shown.
struct Examination {
    /// Nil: the machine alone.
    let database: String?
    /// Where the copies of the database lie.
    let home: String?
    /// Leaves out what reads the whole database.
    let isFast: Bool

    func report() -> ChecksReport {
        do throws(BatchError) {
            let libraries = try LibraryChecks()
            guard let database else { return ChecksReport(checks: libraries.checks + [noDatabase]) }
            return ChecksReport(checks: libraries.checks + checks(of: database, libraries.sqliteVersion))
        } catch {
            return ChecksReport(checks: [.failed("SQLite", error)])
        }
    }

    private var noDatabase: Check {
        .warning("database", "none is given", code: .notChecked, advice: "check one: batchmgr --db PATH doctor")
    }

    private func checks(of path: String, _ version: String) -> [Check] {
        var checks: [Check] = []
        do throws(BatchError) {
            let file = FileChecks(path: path, home: home)
            checks += file.checks(size: try file.size())
            guard checks.allSatisfy({ $0.outcome != .failed }) else { return checks }
            let connection = try Connection(path: path, mode: .readOnly)
            checks += try DatabaseChecks(connection: connection, sqliteVersion: version).checks()
            checks += try SchemaChecks(connection: connection).checks()
            if !isFast { checks += IntegrityChecks(connection: connection).checks }
        } catch {
            checks.append(.failed("database", explained(error, path)))
        }
        return checks
    }

    /// Says more than SQLite where reading alone is not enough.
    private func explained(_ error: BatchError, _ path: String) -> BatchError {
        switch error.code {
        case .notADatabase:
            BatchError(
                error.code, "\(path) is not a SQLite database, or it is encrypted",
                hint: "give the path of a SQLite database: batchmgr --db PATH doctor")
        case .readOnly, .file:
            BatchError(
                error.code, "\(path): \(error.message)",
                hint: "it has a journal to recover or is in WAL mode: make file and folder writable, open it once")
        default: error
        }
    }
}
