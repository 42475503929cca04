internal import BatchCore
internal import BatchLedger
internal import BatchSystem

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
            let connection = try reader(path)
            checks += try DatabaseChecks(connection: connection, sqliteVersion: version).checks()
            checks += try SchemaChecks(connection: connection).checks()
            if !isFast { checks += IntegrityChecks(connection: connection).checks }
        } catch {
            checks.append(.failed("database", explained(error, path)))
        }
        return checks
    }

    /// A file in WAL mode that somebody else owns can be read when it has no log.
    private func reader(_ path: String) throws(BatchError) -> Connection {
        let connection = try Connection(path: path, mode: .readOnly)
        do throws(BatchError) {
            _ = try connection.value("SELECT count(*) FROM sqlite_schema")
            return connection
        } catch {
            guard error.code == .readOnly || error.code == .file, !Folder.mayWrite(FilePath.parent(path)),
                FileStatus(path + "-wal") == nil
            else { throw error }
            return try Connection(path: path, mode: .immutable)
        }
    }

    /// Says more than SQLite where reading alone is not enough.
    private func explained(_ error: BatchError, _ path: String) -> BatchError {
        switch error.code {
        case .notADatabase:
            BatchError(
                error.code, "\(path) is not a SQLite database, or it is encrypted",
                hint:
                    "give the path of a SQLite database: batchmgr --db PATH doctor; what is left of a damaged one: \(command: "status")"
            )
        case .readOnly, .file:
            BatchError(
                error.code, "\(path): \(error.message)",
                hint: "it has a journal to recover or is in WAL mode: make file and folder writable, open it once")
        default: error
        }
    }
}

/// What kind of database it is, and the bugs of SQLite that touch it. Reads only.
struct DatabaseChecks {
    let connection: Connection
    let sqliteVersion: String

    /// - Throws: `ERR_DATA_NOT_A_DATABASE` and whatever else the first read meets.
    func checks() throws(BatchError) -> [Check] {
        let mode = try text("PRAGMA journal_mode")
        let tables = try connection.value(
            "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'")
        let count = Int(tables?.integer ?? 0)
        return [
            .passed("database", count == 0 ? "empty: it has no tables yet" : Figures.count(count, "table")),
            .passed("journal mode", mode),
            .passed("page size", try text("PRAGMA page_size")),
            .passed("encoding", try text("PRAGMA encoding")),
            .passed("auto_vacuum", try autoVacuum()),
        ] + bugs(journalMode: mode, usesFTS5: try usesFTS5())
    }

    private func bugs(journalMode: String, usesFTS5: Bool) -> [Check] {
        let version = SQLiteBug.number(sqliteVersion)
        let applying = SQLiteBug.known.filter {
            $0.applies(to: version, journalMode: journalMode, usesFTS5: usesFTS5)
        }
        guard !applying.isEmpty else { return [.passed("known SQLite bugs", "none applies")] }
        return applying.map(\.check)
    }

    private func autoVacuum() throws(BatchError) -> String {
        switch try connection.value("PRAGMA auto_vacuum")?.integer {
        case 1: "full"
        case 2: "incremental"
        default: "none"
        }
    }

    private func usesFTS5() throws(BatchError) -> Bool {
        let rows = try connection.rows("SELECT sql FROM sqlite_schema WHERE type = 'table' AND sql LIKE '%fts5%'")
        return !rows.isEmpty
    }

    private func text(_ pragma: String) throws(BatchError) -> String {
        switch try connection.value(pragma) {
        case .integer(let number): String(number)
        case let value?: value.string ?? "?"
        case nil: "?"
        }
    }
}

/// Tables and views that this SQLite cannot use, because a module, a function or a collation of the schema is not
/// known to it. Statements are prepared, never run.
struct SchemaChecks {
    let connection: Connection

    /// One check when all is well, otherwise one for each table or view.
    /// - Throws: when the schema itself cannot be read.
    func checks() throws(BatchError) -> [Check] {
        let rows = try connection.rows(
            "SELECT type, name, sql FROM sqlite_schema WHERE type IN ('table', 'view') ORDER BY name")
        var faults: [Check] = []
        for row in rows {
            guard let name = row[1].string, !name.hasPrefix("sqlite_") else { continue }
            let isTable = row[0].string == "table"
            let isVirtual = row[2].string?.uppercased().hasPrefix("CREATE VIRTUAL") ?? false
            if let fault = fault(in: name, statements: isTable && !isVirtual ? writes(name) : []) {
                faults.append(
                    .warning(
                        "\(isTable ? "table" : "view") \(Printable.text(name))", fault, code: .schemaShape,
                        advice: "batches on the other tables work; this one needs a SQLite that has what is missing"))
            }
        }
        return faults.isEmpty ? [.passed("schema", "every table and view can be used")] : faults
    }

    /// Compiling a write compiles its triggers and checks; on a connection that only reads, SQLite does not look up the
    /// collations then, so that sorting asks for those of the columns.
    private func writes(_ table: String) -> [String] {
        let name = SQLLiteral.name(table)
        // Generated columns cannot be set; all others are, for the triggers that wait for one column.
        let rows = try? connection.rows("SELECT name FROM pragma_table_xinfo(?1) WHERE hidden = 0", [.string(table)])
        let columns = (rows ?? []).compactMap { $0.first?.string }.map(SQLLiteral.name)
        let assignments = columns.map { "\($0) = \($0)" }.joined(separator: ", ")
        return ["DELETE FROM \(name)", "INSERT INTO \(name) DEFAULT VALUES", "UPDATE \(name) SET \(assignments)"]
            + columns.map { "SELECT 1 FROM \(name) ORDER BY \($0)" }
    }

    private func fault(in name: String, statements: [String]) -> String? {
        for sql in ["SELECT * FROM \(SQLLiteral.name(name)) LIMIT 0"] + statements {
            do throws(BatchError) {
                _ = try connection.prepare(sql)
            } catch {
                return error.saidBySQLite ?? error.message
            }
        }
        return missingIndexCollation(name)
    }

    /// Of an index with a collation of its own.
    private func missingIndexCollation(_ table: String) -> String? {
        let sql = """
            SELECT x.coll FROM pragma_index_list(?1) AS i, pragma_index_xinfo(i.name) AS x
            WHERE x.coll COLLATE NOCASE NOT IN (SELECT name FROM pragma_collation_list) LIMIT 1
            """
        let collation = try? connection.value(sql, [.string(table)])?.string
        return collation.map { "no such collation sequence: \($0)" }
    }
}

/// The checks that read the whole database.
struct IntegrityChecks {
    let connection: Connection
    var kind = IntegrityCheck.Kind.quick

    var checks: [Check] { [integrity, foreignKeys] }

    private var integrity: Check {
        let name = kind.rawValue
        do throws(BatchError) {
            switch try IntegrityCheck.run(kind, on: connection) {
            case .ok: return .passed(name, "ok")
            case .brokenChecks(let first):
                return .warning(
                    name, "the file is whole, but rows break a CHECK of their table: \(first)", code: .schemaShape,
                    advice: "see it: sqlite3 \(file) 'PRAGMA \(name)'; batches work, and undo them as they were")
            case .damage(let first, let hasMore):
                return .failed(name, damage("\(first)\(hasMore ? ", and more" : "")"))
            }
        } catch  where error.code == .corruptDatabase {
            return .failed(name, damage(error.message))
        } catch {
            // A module or a collation that is missing: the schema checks name the table.
            return .warning(
                name, "could not finish: \(error.message)", code: .notChecked, advice: "see the tables named above")
        }
    }

    /// The database, as a shell reads it.
    private var file: String { ShellText.quoted(connection.path) }

    private func damage(_ what: String) -> BatchError {
        BatchError(
            .corruptDatabase, what,
            hint: "keep a copy of the file; save what can be read: sqlite3 \(file) .recover | sqlite3 new.db")
    }

    /// Databases arrive with violations: batches work, and a rollback reports only new ones.
    private var foreignKeys: Check {
        let name = "foreign_key_check"
        do throws(BatchError) {
            let rows = try connection.rows("PRAGMA foreign_key_check")
            guard !rows.isEmpty else { return .passed(name, "no violations") }
            let tables = Set(rows.compactMap { $0.first?.string }).sorted().joined(separator: ", ")
            return .warning(
                name, "\(Figures.count(rows.count, "row")) without a parent, in \(tables)", code: .schemaShape,
                advice:
                    "see them: sqlite3 \(file) 'PRAGMA foreign_key_check'; batches work, and tell these from new ones")
        } catch  where error.code == .corruptDatabase {
            return .failed(name, damage(error.message))
        } catch {
            return .warning(
                name, "could not finish: \(error.message)", code: .notChecked,
                advice: "correct the foreign key it names")
        }
    }
}
