internal import BatchCore
internal import CSQLite

/// Makes triggers fire for rows that REPLACE removes, for the length of a batch, where that changes nothing else: where
/// ours are the only ones.
final class RecursiveTriggers {
    private let connection: Connection
    /// Rows that REPLACE removes fire triggers.
    private(set) var seesReplaced = false
    /// The setting was changed, and has to be set back.
    private var isChanged = false

    init(_ connection: Connection) { self.connection = connection }

    private static let setting = "PRAGMA recursive_triggers"

    func begin() throws(BatchError) {
        seesReplaced = try isOn()
        guard !seesReplaced, try isAlone(), try !hasForeignTriggers() else { return }
        try connection.execute(RecursiveTriggers.setting + " = ON")
        isChanged = try isOn()
        seesReplaced = isChanged
    }

    /// The setting changes as soon as the statement is compiled.
    func restore() {
        guard isChanged else { return }
        isChanged = false
        _ = try? connection.prepare(RecursiveTriggers.setting + " = OFF")
    }

    /// - Throws: `ERR_DATA_NOT_UNDOABLE` when the host has switched it off, `ERR_SECURITY_FORBIDDEN_STATEMENT` when others
    ///   have come that are recursive because of us.
    func requireUnchanged(allowingTriggers: Bool) throws(BatchError) {
        guard seesReplaced else { return }
        guard try isOn() else {
            throw BatchError(
                .notUndoable, "recursive_triggers was switched off in a batch: rows may have been replaced unseen",
                hint: "set it before batch_begin, or leave it as it is until batch_commit")
        }
        guard isChanged, !allowingTriggers, try hasForeignTriggers() else { return }
        throw BatchError(
            .forbiddenStatement, "a trigger was created inside a batch, and others may have fired since",
            hint: "create it before batch_begin, or with the tool: \(command: "run --id NAME --sql SQL")")
    }

    private func isOn() throws(BatchError) -> Bool {
        try connection.value(RecursiveTriggers.setting)?.integer == 1
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
            WHERE type = 'trigger' AND NOT \(CaptureTriggers.isOwn) \
            AND name NOT LIKE 'batchmgr\\_guard\\_%' ESCAPE '\\' LIMIT 1
            """
        return try connection.value(sql) != nil
    }
}

/// Rows that REPLACE may remove without a trigger: they are handed over before, and are gone afterwards or not.
final class ReplaceCandidates {
    private let sink: ChangeSink
    private var known: [Candidate] = []

    /// A row as it was before.
    private struct Candidate {
        let table: Int
        let key: RowKey
        let rowid: Int64
        let image: [UInt8]
    }

    init(_ sink: ChangeSink) { self.sink = sink }

    var isEmpty: Bool { known.isEmpty }

    func forget() { known = [] }

    /// A row stands in the way of one that comes.
    /// - Parameters:
    ///   - values: the arguments of the trigger's call.
    ///   - number: of the table, as triggers give it.
    func note(
        _ values: UnsafeMutablePointer<OpaquePointer?>, _ count: Int, _ table: CapturedTable, _ number: Int
    ) throws(BatchError) {
        let rowid = sqlite3_value_int64(values[2])
        let bound: [SQLValue]
        if table.isWithoutRowID {
            var buffer = ByteBuffer()
            for (position, column) in table.keyColumns.enumerated() where position + 3 < count {
                guard let value = values[position + 3] else { throw StoredRows.unreadable(table) }
                _ = table.columns[column].append(value, isUTF16: sink.isUTF16, to: &buffer)
            }
            bound = try buffer.values(table.keyColumns.count)
        } else {
            bound = [.integer(rowid)]
        }
        let key: RowKey = table.isWithoutRowID ? .values(bound) : .rowid(rowid)
        if known.contains(where: { $0.table == number && $0.key == key }) { return }
        var row = RowBuffer()
        try sink.storedRows.read(table, key: bound, into: &row)
        known.append(Candidate(table: number, key: key, rowid: rowid, image: row.buffer.array))
    }

    /// A candidate that is gone without a change that was recorded was removed by REPLACE, before the change at hand.
    func settle(
        _ kind: UInt8, _ table: CapturedTable, _ number: Int, _ oldRowid: Int64, _ newRowid: Int64
    ) throws(BatchError) {
        let all = known.filter { $0.table == number }
        if all.isEmpty { return }
        let before = kind == ChangeChunk.Kind.insert ? nil : try key(table, sink.rows.pointee.old, oldRowid)
        let after = kind == ChangeChunk.Kind.delete ? nil : try key(table, sink.rows.pointee.new, newRowid)
        known.removeAll { $0.table == number }
        for candidate in all {
            if candidate.key == before {
                // It was no candidate of this change, and it is another row from here on.
                if kind == ChangeChunk.Kind.delete { continue }
                known.append(
                    Candidate(
                        table: number, key: after ?? candidate.key, rowid: newRowid,
                        image: sink.rows.pointee.new.buffer.array))
                continue
            }
            if candidate.key != after, try isThere(candidate, table) { continue }
            sink.countDelete()
            var image = ByteBuffer()
            image.append(contentsOf: candidate.image)
            sink.keepDelete(table, candidate.rowid, image)
        }
    }

    private func isThere(_ candidate: Candidate, _ table: CapturedTable) throws(BatchError) -> Bool {
        let bound: [SQLValue] =
            switch candidate.key {
            case .rowid(let rowid): [.integer(rowid)]
            case .values(let values): values
            }
        var row = RowBuffer()
        return try sink.storedRows.find(table, key: bound, into: &row)
    }

    private func key(_ table: CapturedTable, _ row: RowBuffer, _ rowid: Int64) throws(BatchError) -> RowKey {
        guard table.isWithoutRowID else { return .rowid(rowid) }
        var buffer = ByteBuffer()
        for column in table.keyColumns {
            let value = row.column(column)
            if let base = value.baseAddress { buffer.append(base, count: value.count) }
        }
        return .values(try buffer.values(table.keyColumns.count))
    }
}
