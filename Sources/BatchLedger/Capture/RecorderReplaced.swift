internal import BatchCore
internal import CSQLite

/// Rows that REPLACE removes, where TEMP triggers record: they fire triggers for DELETE only while triggers are recursive.
///
/// To find such rows beforehand costs as much again as to record the new ones. So triggers are made recursive for the
/// length of a batch where that changes nothing else: where ours are the only ones.
///
/// Source: https://www.sqlite.org/lang_conflict.html, https://www.sqlite.org/pragma.html#pragma_recursive_triggers
extension Recorder {
    private static let setting = "PRAGMA recursive_triggers"

    /// - Returns: true when triggers fire for such rows from here on.
    func seeReplaced() throws(BatchError) -> Bool {
        if try areTriggersRecursive() { return true }
        guard try isAlone(), try !hasForeignTriggers() else { return false }
        try connection.execute(Recorder.setting + " = ON")
        madeTriggersRecursive = try areTriggersRecursive()
        return madeTriggersRecursive
    }

    /// Sets back what `seeReplaced` has set. The setting changes as soon as the statement is compiled, so this works also
    /// while SQLite ends a transaction, when nothing can be run.
    func stopSeeingReplaced() {
        guard madeTriggersRecursive else { return }
        madeTriggersRecursive = false
        _ = try? connection.prepare(Recorder.setting + " = OFF")
    }

    /// - Throws: `ERR_DATA_NOT_UNDOABLE` when the host has changed what the record relies on.
    func requireReplacedSeen() throws(BatchError) {
        guard let triggers, triggers.seesReplaced else { return }
        guard try areTriggersRecursive() else {
            throw BatchError(
                .notUndoable, "recursive_triggers was switched off in a batch: rows may have been replaced unseen",
                hint: "set it before batch_begin, or leave it as it is until batch_commit")
        }
        // An undo makes triggers too, while those of the schema are switched off.
        guard madeTriggersRecursive, watch != nil, try hasForeignTriggers() else { return }
        throw BatchError(
            .forbiddenStatement, "a trigger was created inside a batch, and others may have fired since",
            hint: "create it before batch_begin, or with the tool: batchmgr run --id NAME --sql SQL")
    }

    private func areTriggersRecursive() throws(BatchError) -> Bool {
        try connection.value(Recorder.setting)?.integer == 1
    }

    /// False while another database is attached, whose triggers would be recursive as well. None can be attached in a
    /// transaction.
    private func isAlone() throws(BatchError) -> Bool {
        try connection.rows("PRAGMA database_list").allSatisfy { ["main", "temp"].contains($0[1].string) }
    }

    /// Triggers that are neither those that record nor those of the guard, which write into the ledger alone.
    private func hasForeignTriggers() throws(BatchError) -> Bool {
        let sql = """
            SELECT 1 FROM (SELECT type, name FROM main.sqlite_schema UNION ALL SELECT type, name FROM temp.sqlite_schema) \
            WHERE type = 'trigger' AND name NOT LIKE 'batchmgr\\_record\\_%' ESCAPE '\\' \
            AND name NOT LIKE 'batchmgr\\_guard\\_%' ESCAPE '\\' LIMIT 1
            """
        return try connection.value(sql) != nil
    }
}
