/// What SQLite's compiler said of one statement.
struct StatementFindings {
    /// Why it may not run: what it would do, in words that follow "a batch may not".
    var refusal: String?
    var changesSchema = false
    /// Tables that are dropped or altered: their rows must be recorded before.
    var rewrittenTables: Set<String> = []
    var writtenTables: Set<String> = []
    var touchesStatistics = false
}
