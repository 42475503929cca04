/// What SQLite's compiler said of one statement.
struct StatementFindings {
    /// Why it may not run: what it would do, in words that follow "a batch may not".
    var refusal: String?
    var changesSchema = false
    /// Tables that are dropped or altered: their rows must be recorded before.
    var rewrittenTables: Set<String> = []
    var writtenTables: Set<String> = []
    /// Columns that the statement, its triggers and its foreign key actions set, by lower-case names.
    var updatedColumns: [String: Set<String>] = [:]
    var touchesStatistics = false
    /// Functions that it calls, by lower-case names.
    var functions: Set<String> = []
    let reads = ReadColumns()
}
