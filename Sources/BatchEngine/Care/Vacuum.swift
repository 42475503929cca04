public import BatchCore
internal import BatchHistory
internal import BatchLedger

/// `vacuum`: gives free pages of the database back to the disk, with every point still usable.
///
/// SQLite numbers the rows anew of tables that have neither a key nor an index (VACUUM of 3.40.1 takes `OP_NewRowid` for
/// these alone), and the records know rows by their numbers. An index that holds no row keeps the numbers. The objects of
/// the schema, which SQLite puts into another order, get their old places back.
extension Session {
    /// - Throws: `ERR_PERF_BUSY` when somebody is at work on the database.
    public func vacuum() throws(BatchError) -> VacuumReport {
        let before = DatabaseFile(path).size
        let turn = try self.turn(for: LeaseWork("vacuum"))
        if try ledger.exists() { _ = try turn.openHistory() }
        let schema = SchemaReader(connection)
        let cookie = try schema.version()
        let objects = try schema.objects()
        let helpers = try numberedTables().enumerated().map { ("batchmgr_vacuum_\($0.offset + 1)", $0.element) }
        defer {
            for (index, _) in helpers { try? connection.execute("DROP INDEX IF EXISTS main.\(SQLName.quote(index))") }
        }
        try connection.transaction { () throws(BatchError) in
            for (index, table) in helpers {
                try connection.execute("DROP INDEX IF EXISTS main.\(SQLName.quote(index))")
                try connection.execute(
                    "CREATE INDEX main.\(SQLName.quote(index)) ON \(SQLName.quote(table.name))(\(SQLName.quote(table.column))) WHERE 0"
                )
            }
        }
        context.reach("vacuum-begun")
        context.phase("vacuum of \(path)")
        try connection.execute("VACUUM main")
        context.reach("vacuumed")
        for (index, _) in helpers { try connection.execute("DROP INDEX main.\(SQLName.quote(index))") }
        // Of a WAL database the file shrinks with the next checkpoint.
        _ = try? connection.value("PRAGMA main.wal_checkpoint(TRUNCATE)")
        let after = DatabaseFile(path).size
        if try ledger.exists() {
            try connection.transaction { () throws(BatchError) in
                // SQLite puts tables first, and restore points tell the order as well.
                if try schema.objects() != objects { try SchemaEditor(connection).restorePlaces(of: objects) }
                try ledger.meetSchemaVersion(cookie)
            }
            try ledger.audit(
                "vacuum", batch: nil, outcome: "done",
                details: ["bytes_before": .integer(before), "bytes_after": .integer(after)], context: context)
        }
        DriftDetection(session: turn.session).remember(version: connection.dataVersion)
        return VacuumReport(before: before, after: after)
    }

    /// Tables whose rows SQLite would number anew, with a column of each.
    private func numberedTables() throws(BatchError) -> [(name: String, column: String)] {
        let sql = """
            SELECT m.name, (SELECT c.name FROM pragma_table_xinfo(m.name, 'main') c WHERE c.hidden = 0 LIMIT 1)
            FROM main.sqlite_schema m
            WHERE m.type = 'table' AND m.rootpage > 0 AND m.name NOT LIKE 'sqlite\\_%' ESCAPE '\\'
            AND NOT EXISTS(SELECT 1 FROM pragma_index_list(m.name, 'main'))
            AND NOT EXISTS(SELECT 1 FROM pragma_table_info(m.name, 'main') WHERE pk > 0)
            """
        return try connection.rows(sql).compactMap { row in
            guard let name = row[0].string, let column = row[1].string, !connection.isLedger(name) else { return nil }
            return (name, column)
        }
    }
}

/// Merges the packs of the history into one.
public struct HistoryCompaction {
    private let session: Session

    public init(_ session: Session) { self.session = session }

    /// - Throws: `ERR_DATA_NO_RESTORE_POINT` when there is no history; `ERR_DATA_CORRUPT_RECORD` when a pack is damaged:
    ///   nothing has changed then.
    public func perform() throws(BatchError) -> CompactReport {
        try session.requireOperator("history compact")
        let start = ContinuousClock.now
        let turn = try session.plainTurn(for: LeaseWork("history compact"))
        session.context.phase("merging the packs of the history")
        let merged = try turn.session.git.compact()
        return CompactReport(
            packs: (merged.packsBefore, merged.packsAfter), objects: merged.objects,
            bytes: (merged.bytesBefore, merged.bytesAfter), duration: start.millisecondsSince)
    }
}
