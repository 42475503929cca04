public import BatchCore
internal import CSQLite

/// Makes one object of a schema from a text that somebody may have edited: a commit, a `.bak`.
///
/// The text has to be one statement that makes a table or an index of this database, and may do nothing else: no other
/// file, no query, no trigger, no change of rows.
public final class CopiedDefinition {
    private let connection: Connection
    private let sql: String
    private var isForbidden = false

    public init(_ sql: String, on connection: Connection) {
        self.sql = sql
        self.connection = connection
    }

    /// - Throws: `ERR_DATA_CORRUPT_RECORD` when the statement does more than it may; `ERR_DATA_SQL` when it cannot run.
    public func run() throws(BatchError) {
        sqlite3_set_authorizer(
            connection.handle,
            { context, action, first, second, database, _ in
                guard let context else { return SQLITE_DENY }
                func text(_ pointer: UnsafePointer<CChar>?) -> String { pointer.map { String(cString: $0) } ?? "" }
                let statement = Unmanaged<CopiedDefinition>.fromOpaque(context).takeUnretainedValue()
                if CopiedDefinition.permits(action, text(first), text(second), text(database)) { return SQLITE_OK }
                statement.isForbidden = true
                return SQLITE_DENY
            }, Unmanaged.passUnretained(self).toOpaque())
        defer { sqlite3_set_authorizer(connection.handle, nil, nil) }
        do throws(BatchError) {
            let statement = try connection.prepare(sql)
            guard SQLText.isBlank(statement.tail) else { throw forbidden }
            while try statement.step() {}
        } catch {
            throw isForbidden ? forbidden : error
        }
    }

    private var forbidden: BatchError {
        BatchError(
            .corruptRecord, "a definition in the copy does more than to make one table or index: \(sql.prefix(60))",
            hint: "somebody has edited the copy; restore from the other one: \(command: "restore --source git") or bak")
    }

    /// Source: https://www.sqlite.org/c3ref/c_alter_table.html
    private static func permits(_ action: Int32, _ first: String, _ second: String, _ database: String) -> Bool {
        switch action {
        case SQLITE_CREATE_TABLE, SQLITE_CREATE_INDEX, SQLITE_REINDEX, SQLITE_READ: database == "main"
        case SQLITE_INSERT, SQLITE_UPDATE, SQLITE_DELETE:
            database == "main" && ["sqlite_master", "sqlite_schema", "sqlite_sequence"].contains(first)
        case SQLITE_FUNCTION: !["load_extension", "fts3_tokenizer"].contains(second.lowercased())
        default: false
        }
    }
}
