public import BatchCore
internal import CSQLite
internal import Glibc

/// Changes that come from TEMP triggers, in hosts whose SQLite has no hook for us.
extension Recorder {
    /// A row that REPLACE may remove, as it was before.
    struct Candidate {
        let table: Int
        let key: RowKey
        let rowid: Int64
        let image: [UInt8]
    }

    /// What the triggers know.
    struct Triggers {
        let token: Int64
        /// By the numbers that the triggers give.
        var layouts: [TableLayout] = []
        var schemaVersion: Int64?
        /// Rows that REPLACE removes fire triggers too.
        var seesReplaced = false
        var candidates: [Candidate] = []
    }

    /// Makes the triggers, unless they are there for the schema as it is.
    func installTriggers(schemaVersion: Int64) throws(BatchError) {
        guard triggers?.schemaVersion != schemaVersion else { return }
        try requireOwnTriggersAlone()
        try removeTriggers()
        var generator = SystemRandomNumberGenerator()
        var made = Triggers(token: Int64(bitPattern: generator.next()))
        made.seesReplaced = try seeReplaced()
        made.schemaVersion = schemaVersion
        triggers = made
        for layout in try SchemaReader(connection).tables() where layout.role != .system {
            try makeTriggers(of: layout)
        }
    }

    private func makeTriggers(of layout: TableLayout) throws(BatchError) {
        guard let made = triggers else { return }
        triggers?.layouts.append(layout)
        let own = CaptureTriggers(
            layout, index: made.layouts.count, token: made.token, seesReplaced: made.seesReplaced)
        for sql in own.statements { try connection.execute(sql) }
    }

    /// SQLite says nothing about whose TEMP trigger fires first, and changes must be recorded in their order.
    /// - Throws: `ERR_DATA_NOT_UNDOABLE` naming a TEMP trigger of the host.
    func requireOwnTriggersAlone() throws(BatchError) {
        let sql = """
            SELECT name FROM temp.sqlite_schema WHERE type = 'trigger' \
            AND name NOT LIKE 'batchmgr\\_record\\_%' ESCAPE '\\' \
            AND lower(tbl_name) NOT IN (SELECT lower(name) FROM temp.sqlite_schema WHERE type <> 'trigger') LIMIT 1
            """
        guard isTriggered, let name = try connection.value(sql)?.string else { return }
        throw BatchError(
            .notUndoable, "TEMP trigger \(name) may change rows before what it reacts to is recorded here",
            hint: "drop it for the length of the batch: DROP TRIGGER temp.\(SQLName.quote(name))")
    }

    /// Makes the triggers of tables anew that were made or altered, under another number: those of before may come back
    /// with a savepoint. The next checkpoint makes all of them anew.
    func followTriggers(_ change: SchemaChange) throws(BatchError) {
        guard triggers != nil else { return }
        let changed = Set((change.before + change.after).map(\.tableName))
        let names = try connection.rows(
            """
            SELECT name, tbl_name FROM temp.sqlite_schema \
            WHERE type = 'trigger' AND name LIKE 'batchmgr\\_record\\_%' ESCAPE '\\'
            """)
        for row in names where changed.contains(row[1].string ?? "") {
            try connection.execute("DROP TRIGGER temp.\(SQLName.quote(row[0].string ?? ""))")
        }
        triggers?.candidates = []
        triggers?.schemaVersion = nil
        let layouts = try SchemaReader(connection).tables()
        for layout in layouts where layout.role != .system && changed.contains(layout.name) {
            try makeTriggers(of: layout)
        }
    }

    func removeTriggers() throws(BatchError) {
        triggers = nil
        stopSeeingReplaced()
        let names = try connection.rows(
            "SELECT name FROM temp.sqlite_schema WHERE type = 'trigger' AND name LIKE 'batchmgr\\_record\\_%' ESCAPE '\\'"
        )
        for name in names.compactMap({ $0[0].string }) {
            try connection.execute("DROP TRIGGER temp.\(SQLName.quote(name))")
        }
    }

    // MARK: Calls of the triggers

    /// Every call begins with the token; others are none of ours.
    private func isCalled(_ values: UnsafeMutablePointer<OpaquePointer?>, _ count: Int) -> Bool {
        guard let triggers, count > 1, failure == nil else { return false }
        return sqlite3_value_int64(values[0]) == triggers.token
    }

    private func number(_ values: UnsafeMutablePointer<OpaquePointer?>, _ index: Int) -> Int {
        Int(truncatingIfNeeded: sqlite3_value_int64(values[index]))
    }

    private func triggeredTrack(_ index: Int) throws(BatchError) -> TableTrack? {
        guard let triggers, triggers.layouts.indices.contains(index) else { return nil }
        let layout = triggers.layouts[index]
        if let lastTrack, lastTrack.layout.name == layout.name { return lastTrack }
        if let known = trackByName[layout.name] { return known }
        if allowed?.contains(layout.name) == false { return nil }
        let track = try makeTrack(recordedLayouts[layout.name] ?? layout, visible: layout)
        trackByName[layout.name] = .some(track)
        lastTrack = track
        return track
    }

    /// A part of an image that is too wide for one call.
    func noteImage(_ values: UnsafeMutablePointer<OpaquePointer?>, _ count: Int) {
        guard isCalled(values, count), count > 4 else { return }
        do throws(BatchError) {
            guard let track = try triggeredTrack(number(values, 2)) else { return }
            let start = number(values, 3)
            let isNew = number(values, 1) == 1
            try read(values + 4, count - 4, track, from: start, isNew: isNew)
        } catch { fail(error) }
    }

    /// A row changed.
    func noteChange(_ values: UnsafeMutablePointer<OpaquePointer?>, _ count: Int) {
        guard isCalled(values, count), count >= 5 else { return }
        do throws(BatchError) {
            guard let track = try triggeredTrack(number(values, 2)) else { return }
            let (kind, columns) = (UInt8(truncatingIfNeeded: number(values, 1)), track.columns.count)
            let (oldRowid, newRowid) = (sqlite3_value_int64(values[3]), sqlite3_value_int64(values[4]))
            let hasOld = kind != ChangeChunk.Kind.insert
            let hasNew = kind != ChangeChunk.Kind.delete
            if count > 5 {
                var next = values + 5
                if hasOld {
                    try read(next, columns, track, from: 0, isNew: false)
                    next += columns
                }
                if hasNew { try read(next, columns, track, from: 0, isNew: true) }
            }
            try keep(kind, track, number(values, 2), oldRowid, newRowid)
        } catch { fail(error) }
    }

    private func read(
        _ values: UnsafeMutablePointer<OpaquePointer?>, _ count: Int, _ track: TableTrack, from start: Int, isNew: Bool
    ) throws(BatchError) {
        guard start >= 0, start + count <= track.columns.count else { throw unreadable(track) }
        if isNew {
            try read(values, count, track, from: start, into: &rows.pointee.new)
        } else {
            try read(values, count, track, from: start, into: &rows.pointee.old)
        }
    }

    private func read(
        _ values: UnsafeMutablePointer<OpaquePointer?>, _ count: Int, _ track: TableTrack, from start: Int,
        into row: inout RowBuffer
    ) throws(BatchError) {
        if start == 0 { row.begin(columns: track.columns.count) }
        for position in 0..<count {
            guard let value = values[position] else { throw unreadable(track) }
            row.mark(start + position)
            _ = append(value, track.columns[start + position], to: &row.buffer)
        }
        row.mark(start + count)
    }

    private func keep(
        _ kind: UInt8, _ track: TableTrack, _ table: Int, _ oldRowid: Int64, _ newRowid: Int64
    ) throws(BatchError) {
        hookCalls &+= 1
        track.isTouched = true
        noteStatement()
        if kind != ChangeChunk.Kind.insert { checkOld() }
        if triggers?.candidates.isEmpty == false { try settleCandidates(kind, track, table, oldRowid, newRowid) }
        switch kind {
        case ChangeChunk.Kind.insert:
            counts.inserted += 1
            keepInsert(track, newRowid)
        case ChangeChunk.Kind.delete:
            counts.deleted += 1
            keepDelete(track, oldRowid)
        default:
            counts.updated += 1
            keepUpdate(track, oldRowid, newRowid)
        }
    }

    // MARK: Candidates

    /// A row stands in the way of one that comes.
    func noteCandidate(_ values: UnsafeMutablePointer<OpaquePointer?>, _ count: Int) {
        guard isCalled(values, count), count >= 3 else { return }
        do throws(BatchError) {
            let table = number(values, 1)
            guard let track = try triggeredTrack(table) else { return }
            let rowid = sqlite3_value_int64(values[2])
            let bound: [SQLValue]
            if track.isWithoutRowID {
                var buffer = ByteBuffer()
                for (position, column) in track.keyColumns.enumerated() where position + 3 < count {
                    guard let value = values[position + 3] else { throw unreadable(track) }
                    _ = append(value, track.columns[column], to: &buffer)
                }
                bound = try buffer.values(track.keyColumns.count)
            } else {
                bound = [.integer(rowid)]
            }
            let key: RowKey = track.isWithoutRowID ? .values(bound) : .rowid(rowid)
            if triggers?.candidates.contains(where: { $0.table == table && $0.key == key }) == true { return }
            var row = RowBuffer()
            try readStored(track, key: bound, into: &row)
            triggers?.candidates.append(Candidate(table: table, key: key, rowid: rowid, image: row.buffer.array))
        } catch { fail(error) }
    }

    /// A candidate that is gone without a change that was recorded was removed by REPLACE, before the change at hand.
    private func settleCandidates(
        _ kind: UInt8, _ track: TableTrack, _ table: Int, _ oldRowid: Int64, _ newRowid: Int64
    ) throws(BatchError) {
        guard let all = triggers?.candidates.filter({ $0.table == table }), !all.isEmpty else { return }
        let before = kind == ChangeChunk.Kind.insert ? nil : try key(track, rows.pointee.old, oldRowid)
        let after = kind == ChangeChunk.Kind.delete ? nil : try key(track, rows.pointee.new, newRowid)
        triggers?.candidates.removeAll { $0.table == table }
        for candidate in all {
            if candidate.key == before {
                // It was no candidate of this change, and it is another row from here on.
                if kind == ChangeChunk.Kind.delete { continue }
                triggers?.candidates.append(
                    Candidate(
                        table: table, key: after ?? candidate.key, rowid: newRowid,
                        image: rows.pointee.new.buffer.array))
                continue
            }
            if candidate.key != after, try isThere(candidate, track) { continue }
            let (old, new) = (rows.pointee.old, rows.pointee.new)
            rows.pointee.old = RowBuffer()
            load(candidate.image, track)
            counts.deleted += 1
            keepDelete(track, candidate.rowid)
            rows.pointee.old = old
            rows.pointee.new = new
        }
    }

    private func load(_ image: [UInt8], _ track: TableTrack) {
        rows.pointee.old.begin(columns: track.columns.count)
        image.withUnsafeBytes { bytes in
            if let base = bytes.baseAddress { rows.pointee.old.buffer.append(base, count: bytes.count) }
        }
        rows.pointee.old.markAll(track.columns.count)
    }

    private func isThere(_ candidate: Candidate, _ track: TableTrack) throws(BatchError) -> Bool {
        let bound: [SQLValue] =
            switch candidate.key {
            case .rowid(let rowid): [.integer(rowid)]
            case .values(let values): values
            }
        var row = RowBuffer()
        return try reader(of: track).read(bound, isUTF16: isUTF16, into: &row)
    }

    private func key(_ track: TableTrack, _ row: RowBuffer, _ rowid: Int64) throws(BatchError) -> RowKey {
        guard track.isWithoutRowID else { return .rowid(rowid) }
        var buffer = ByteBuffer()
        for column in track.keyColumns {
            let value = row.column(column)
            if let base = value.baseAddress { buffer.append(base, count: value.count) }
        }
        return .values(try buffer.values(track.keyColumns.count))
    }

    // MARK: Proof

    /// A partial or computed unique index may have let REPLACE remove rows that nobody could foresee: such tables are
    /// counted whole.
    func requireWhole(_ ledger: Ledger) throws(BatchError) {
        guard let triggers, !triggers.seesReplaced else { return }
        let touched = tracks.filter { $0.isTouched && $0.layout.uniqueIndexes.contains(where: \.isUnforeseeable) }
        for name in touched.map(\.layout.name).uniqued() {
            guard let layout = try SchemaReader(connection).layout(named: name) else { continue }
            var expected = try ledger.state()?.tables[name] ?? TableDigest()
            // A table that was altered has a track for each of its forms.
            for track in tracks where track.layout.name == name { expected += track.digest }
            guard try StateDigest.compute(layout, connection) != expected else { continue }
            throw BatchError(
                .notUndoable,
                "rows of table \(name) were replaced, or changed before the batch, by what cannot be recorded here",
                hint: "run the statement with the tool: batchmgr run --id NAME --sql SQL")
        }
    }
}

extension UniqueIndex {
    var isUnforeseeable: Bool { isPartial || !isComputable }
}

extension Gateway {
    /// For the functions that the TEMP triggers call, with the arguments of the call.
    public enum TriggerCall: String, CaseIterable, Sendable {
        case record = "batchmgr_record"
        case candidate = "batchmgr_candidate"
        case image = "batchmgr_image"
    }

    /// - Returns: why the statement that calls must fail; nil when it need not.
    public func take(
        _ call: TriggerCall, _ values: UnsafeMutablePointer<OpaquePointer?>, count: Int
    ) -> BatchError? {
        switch call {
        case .record: recorder.noteChange(values, count)
        case .candidate: recorder.noteCandidate(values, count)
        case .image: recorder.noteImage(values, count)
        }
        return recorder.failure
    }

    /// Takes the triggers away, where there are any.
    public func removeTriggers() {
        if recorder.isTriggered { try? recorder.removeTriggers() }
    }

    /// Sets back what the triggers changed of the connection; the triggers themselves may stay, and then do nothing.
    public func restoreTriggerSetting() { recorder.stopSeeingReplaced() }
}
