internal import BatchCore
internal import CSQLite

/// Decides what a statement of a batch may do, from what SQLite's compiler says it does.
///
/// `StatementHooks` asks it.
final class Authorizer {
    private unowned let connection: Connection
    /// Only while a statement of the user is being prepared.
    private var isActive = false
    /// Of a query for one tenant; nil where everything may be read.
    var tenantReads: TenantReadRules?
    /// The triggers that the guard has made, by their names; the text of each was compared.
    var guardTriggers: Set<String> = []
    /// Statements may call functions that look at something outside the database.
    var allowsOutside = false
    private var source: String?
    private(set) var effects = StatementEffects()
    /// What the ledger is called here, read before SQLite asks anything.
    private var names = LedgerNames.usual

    init(_ connection: Connection) {
        self.connection = connection
    }

    func attach() { connection.hooks.attach(self) }

    func detach() { connection.hooks.detach(self) }

    /// What SQLite hears about one thing that a statement does.
    func answer(
        _ action: Int32, _ first: UnsafePointer<CChar>?, _ second: UnsafePointer<CChar>?,
        _ database: UnsafePointer<CChar>?, _ source: UnsafePointer<CChar>?
    ) -> Int32 {
        guard isActive else { return SQLITE_OK }
        func text(_ pointer: UnsafePointer<CChar>?) -> String { pointer.map { String(cString: $0) } ?? "" }
        if isGuard(action, text(first), text(database), text(source)) { return SQLITE_OK }
        self.source = source.map { String(cString: $0) }
        if let name = self.source, tenantReads?.isGate(name) != true { effects.reads.note(source: name) }
        return decide(action, text(first), text(second), text(database))
    }

    /// True for what the triggers of the guard do: they are compiled into every statement that writes. A common table may
    /// have the name of one, but it does not write; and a query for a tenant compiles none.
    private func isGuard(_ action: Int32, _ first: String, _ database: String, _ source: String) -> Bool {
        guard tenantReads == nil, !guardTriggers.isEmpty, guardTriggers.contains(source) else { return false }
        switch action {
        case SQLITE_SELECT, SQLITE_READ, SQLITE_FUNCTION: return true
        case SQLITE_INSERT: return first == names.name("batchmgr_drift") && database == "main"
        default: return false
        }
    }

    /// Prepares a statement of a batch.
    /// - Throws: `ERR_SECURITY_FORBIDDEN_STATEMENT` with the reason when the statement may not run.
    func prepare(_ sql: String) throws(BatchError) -> Statement {
        effects = StatementEffects()
        names = connection.ledgerNames
        // A module writes to its shadow tables; SQL of a batch does not. Where no module has a table there are none, and
        // switching this makes SQLite compile everything anew that is kept.
        let hasModules = try hasModules()
        // Another gateway of this connection may have come and gone.
        attach()
        isActive = true
        if hasModules { connection.setDefensive(true) }
        defer {
            isActive = false
            if hasModules { connection.setDefensive(false) }
        }
        do throws(BatchError) {
            let statement = try connection.prepare(sql, isVerbatim: true)
            if !effects.reads.written.isEmpty, SQLText.resolvesConflicts(statement.text) {
                effects.reads.noteProbes()
            }
            return statement
        } catch {
            guard let reason = effects.refusal ?? (hasModules ? shadowWrite(sql) : nil) else { throw error }
            throw BatchError(
                .forbiddenStatement, "a batch may not \(reason)", hint: "see docs/catalog.md for what it may do")
        }
    }

    /// Virtual tables, also temporary ones.
    private func hasModules() throws(BatchError) -> Bool {
        let sql = """
            SELECT 1 FROM main.sqlite_schema WHERE type = 'table' AND rootpage = 0 UNION ALL \
            SELECT 1 FROM temp.sqlite_schema WHERE type = 'table' AND rootpage = 0 LIMIT 1
            """
        return try connection.value(sql) != nil
    }

    /// Why SQLite compiles a statement only where nothing is defended; nil when it is simply wrong.
    private func shadowWrite(_ sql: String) -> String? {
        connection.setDefensive(false)
        guard (try? connection.prepare(sql, isVerbatim: true)) != nil else { return nil }
        return "write to tables that a module keeps: \(effects.writtenTables.sorted().joined(separator: ", "))"
    }

    private func decide(_ action: Int32, _ first: String, _ second: String, _ database: String) -> Int32 {
        switch action {
        case SQLITE_TRANSACTION: return refuse("\(first): every checkpoint is one transaction already")
        case SQLITE_SAVEPOINT: return refuse("use SAVEPOINT: every checkpoint is one transaction already")
        case SQLITE_ATTACH: return refuse("attach another database")
        case SQLITE_DETACH: return refuse("detach a database")
        case SQLITE_PRAGMA: return pragma(first, second)
        case SQLITE_FUNCTION:
            effects.functions.insert(second.lowercased())
            if ["load_extension", "fts3_tokenizer"].contains(second.lowercased()) {
                return refuse("call \(second): it brings in code")
            }
            if !allowsOutside, connection.outsideFunctions.contains(second.lowercased()) {
                return refuse("call \(second): only jobs of the catalog can read files")
            }
        case SQLITE_READ:
            if let tenantReads, !tenantReads.admits(first, in: database, through: source) {
                return refuse(
                    "read \(first) in an export for one tenant, except by its own name and through no other view")
            }
            read(first, second, database)
        case SQLITE_INSERT:
            effects.reads.note(written: first)
            return write(first, database)
        case SQLITE_DELETE:
            read(first, "", database)
            return write(first, database)
        case SQLITE_UPDATE:
            effects.updatedColumns[first.lowercased(), default: []].insert(second.lowercased())
            effects.reads.note(written: first)
            read(first, "", database)
            return write(first, database)
        case SQLITE_ANALYZE: effects.touchesStatistics = true
        case SQLITE_CREATE_TEMP_TABLE, SQLITE_CREATE_TEMP_VIEW: return defineTemporary(first)
        case SQLITE_CREATE_TEMP_INDEX, SQLITE_CREATE_TEMP_TRIGGER: return defineTemporary(first, on: second)
        case SQLITE_CREATE_TABLE, SQLITE_CREATE_VTABLE, SQLITE_CREATE_VIEW: return define(first, rewrites: false)
        case SQLITE_CREATE_INDEX, SQLITE_CREATE_TRIGGER: return define(second, also: first, rewrites: false)
        // A table that goes takes its guard along.
        case SQLITE_DROP_TRIGGER where guardTriggers.contains(first) && effects.rewrittenTables.contains(second): break
        case SQLITE_DROP_INDEX, SQLITE_DROP_TRIGGER: return define(second, also: first, rewrites: false)
        case SQLITE_DROP_VIEW: return define(first, rewrites: false)
        case SQLITE_DROP_TABLE, SQLITE_DROP_VTABLE: return define(first, rewrites: true)
        case SQLITE_ALTER_TABLE where SQLName.folded(first) == "temp": effects.changesTemporary = true
        case SQLITE_ALTER_TABLE: return define(second, rewrites: true)
        default: break
        }
        return SQLITE_OK
    }

    private func refuse(_ reason: String) -> Int32 {
        if effects.refusal == nil { effects.refusal = reason }
        return SQLITE_DENY
    }

    /// Reading pragmas that change nothing; all others could switch off what a batch relies on.
    private static let harmlessPragmas: Set<String> = [
        "table_info", "table_xinfo", "table_list", "index_list", "index_info", "index_xinfo", "foreign_key_list",
        "foreign_key_check", "integrity_check", "quick_check", "database_list", "collation_list", "function_list",
        "module_list", "pragma_list", "compile_options", "data_version", "page_count", "freelist_count",
    ]
    private static let readablePragmas: Set<String> = [
        "user_version", "application_id", "encoding", "page_size", "journal_mode", "foreign_keys", "schema_version",
        "auto_vacuum", "cache_size", "synchronous", "recursive_triggers",
    ]

    private func pragma(_ name: String, _ value: String) -> Int32 {
        let pragma = SQLName.folded(name)
        if Authorizer.harmlessPragmas.contains(pragma) { return SQLITE_OK }
        // Who runs a script puts these back.
        if SQLScript.ownSettings.contains(pragma) { return SQLITE_OK }
        if pragma == "foreign_keys", !value.isEmpty {
            return refuse("set PRAGMA foreign_keys between changes: SQLite ignores it in a transaction")
        }
        if value.isEmpty && Authorizer.readablePragmas.contains(pragma) { return SQLITE_OK }
        if SchemaObject.settings.contains(pragma) {
            effects.changesSchema = true
            effects.settings.insert(pragma)
            return SQLITE_OK
        }
        return refuse("run PRAGMA \(name): it would change how the database is written, and cannot be undone")
    }

    private func read(_ table: String, _ column: String, _ database: String) {
        if SQLName.folded(database) == "temp" || names.isLedger(table) || SQLName.folded(table).hasPrefix("sqlite_") {
            return
        }
        effects.reads.note(column.isEmpty ? nil : column, of: table)
    }

    private func write(_ table: String, _ database: String) -> Int32 {
        if SQLName.folded(database) == "temp" { return SQLITE_OK }
        if names.isLedger(table) { return refuse("write to \(table): the ledger belongs to batchmgr") }
        if SQLName.folded(table).hasPrefix("sqlite_stat") { effects.touchesStatistics = true }
        if !SQLName.folded(table).hasPrefix("sqlite_") { effects.writtenTables.insert(table) }
        return SQLITE_OK
    }

    /// What stands beside the database is the batch's own, as long as it leaves the ledger alone.
    private func defineTemporary(_ name: String, on table: String = "") -> Int32 {
        if SQLName.isReserved(name) || names.isLedger(table) {
            let place = table.isEmpty ? "" : " on \(table)"
            return refuse("make a TEMP object \(name)\(place): names that begin with batchmgr_ belong to batchmgr")
        }
        effects.changesTemporary = true
        return SQLITE_OK
    }

    private func define(_ name: String, also other: String? = nil, rewrites: Bool) -> Int32 {
        for name in [name, other ?? ""] where names.isLedger(name) {
            return refuse("change the definition of \(name): the ledger belongs to batchmgr")
        }
        effects.changesSchema = true
        if rewrites { effects.rewrittenTables.insert(name) }
        return SQLITE_OK
    }
}

/// What SQLite's compiler said of one statement.
struct StatementEffects {
    /// Why it may not run: what it would do, in words that follow "a batch may not".
    var refusal: String?
    var changesSchema = false
    /// Settings of the file that it sets.
    var settings: Set<String> = []
    /// Tables that are dropped or altered: their rows must be recorded before.
    var rewrittenTables: Set<String> = []
    var writtenTables: Set<String> = []
    /// Columns that the statement, its triggers and its foreign key actions set, by lower-case names.
    var updatedColumns: [String: Set<String>] = [:]
    var touchesStatistics = false
    /// It makes or renames something that goes with the connection.
    var changesTemporary = false
    /// Functions that it calls, by lower-case names.
    var functions: Set<String> = []
    let reads = ReadColumns()
}

/// A statement that the gateway has accepted, with what it will do.
public struct GatewayStatement {
    public let statement: Statement
    let effects: StatementEffects

    /// True when the statement creates, drops or alters something.
    public var changesSchema: Bool { effects.changesSchema }
}
