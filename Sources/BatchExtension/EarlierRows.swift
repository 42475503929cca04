internal import BatchCore
internal import BatchLedger
internal import CSQLite

/// The rows of a table as they were: those of now, but for those that later checkpoints changed.
///
/// Rows of now are read in the order of their rowids, and changes come in the same order, so one pass is enough and
/// memory stays flat.
final class EarlierRows {
    enum Wanted {
        case all
        /// One row, among what was changed since.
        case rowid(Int64, Changed)
    }

    /// Rows as they were, by the keys that changed since; nil for those that were not there.
    typealias Changed = [RowKey: [SQLValue]?]

    private let statement: Statement
    private let layout: TableLayout
    private let row: StatementRow
    /// Position in the statement for each stored column; -1 for those that are not read.
    private let places: UnsafeMutableBufferPointer<Int32>
    private var changes: ChangeReader?
    /// The next changed row, of the rowid tables that are gone through in order.
    private var change: RowChange?
    /// Its rowid, to be compared with every row; the greatest there is when there is none.
    private var nextChanged = Int64.max
    /// Changed rows of a WITHOUT ROWID table, whose order is another.
    private var changed: Changed = [:]
    private let keyPlaces: [Int]

    private var hasRow = false
    private var rowid: Int64 = 0
    /// The current row, when it is not as it is now.
    private var old: [SQLValue]?
    private var isOld = false
    private var isBegun = false
    private(set) var isAtEnd = false
    /// Counts rows.
    private(set) var number: Int64 = 0

    init(
        _ layout: TableLayout, _ source: @autoclosure () throws(BatchError) -> BatchChanges, _ wanted: Wanted,
        columns: [Int]?, on host: Host
    ) throws(BatchError) {
        self.layout = layout
        let stored = layout.storedColumns
        var read = columns ?? Array(stored.indices)
        var keyPlaces: [Int] = []
        if case .primaryKey(let positions) = layout.key {
            keyPlaces = positions.compactMap { stored.firstIndex(of: $0) }
            read = Array(stored.indices)
        }
        self.keyPlaces = keyPlaces
        var places = [Int32](repeating: -1, count: stored.count)
        var list: [String] = []
        if let rowid = layout.rowidName { list.append(rowid) }
        for position in read where places.indices.contains(position) {
            // The rowid has been asked for already.
            if layout.rowidName != nil, stored[position] == layout.integerPrimaryKey {
                places[position] = 0
                continue
            }
            places[position] = Int32(list.count)
            list.append(SQLName.quote(layout.columns[stored[position]].name))
        }
        self.places = .allocate(capacity: places.count)
        _ = self.places.initialize(from: places)
        var sql = "SELECT \(list.joined(separator: ", ")) FROM main.\(layout.quotedName)"
        if case .rowid(let rowid, _) = wanted { sql += " WHERE \(layout.rowidName ?? "rowid") = \(rowid)" }
        sql += " ORDER BY \(layout.keyOrder ?? "1")"
        do throws(BatchError) { statement = try host.connection.prepare(sql) } catch {
            self.places.deallocate()
            throw error
        }
        row = StatementRow(of: statement)
        if case .rowid(let rowid, let known) = wanted {
            expect(known[.rowid(rowid)].map { RowChange(key: .rowid(rowid), before: $0, after: nil) })
        } else if layout.isWithoutRowID {
            changed = try EarlierRows.changed(layout, try source(), on: host)
        } else {
            changes = ChangeReader(try source(), of: layout.name, folder: host.temporaryFolder)
            try readChange()
        }
        hasRow = try step()
    }

    deinit { places.deallocate() }

    /// What SQLite calls the row.
    var name: Int64 { layout.isWithoutRowID ? number : rowid }

    static func changed(
        _ layout: TableLayout, _ source: BatchChanges, on host: Host
    ) throws(BatchError) -> Changed {
        let reader = ChangeReader(source, of: layout.name, folder: host.temporaryFolder)
        var changed: Changed = [:]
        while let (_, change) = try reader.next() {
            if let change { changed[change.key] = .some(change.before) }
        }
        return changed
    }

    var key: RowKey? {
        if !layout.isWithoutRowID { return .rowid(rowid) }
        guard let values else { return nil }
        return .values(keyPlaces.map { values[$0] })
    }

    /// All stored columns.
    var values: [SQLValue]? {
        if isAtEnd { return nil }
        if isOld { return old }
        return places.map { $0 < 0 ? .null : statement.value(Int($0)) }
    }

    func give(_ column: Int, to call: OpaquePointer) {
        guard places.indices.contains(column) else { return }
        if isOld {
            if let old, old.indices.contains(column) { HostValue.give(old[column], to: call) }
        } else if places[column] >= 0 {
            row.give(places[column], to: call)
        }
    }

    /// The current row, when it is as it is now.
    var borrowed: BorrowedRow? {
        guard !isOld, !isAtEnd, let base = places.baseAddress else { return nil }
        return BorrowedRow(row: row, places: base, count: Int32(places.count))
    }

    // MARK: Going through

    func next() throws(BatchError) {
        number &+= 1
        if isBegun, !isOld { hasRow = try step() }
        isBegun = true
        isOld = false
        if layout.isWithoutRowID { return try nextByKey() }
        while true {
            if hasRow {
                rowid = statement.integer(0)
                if rowid < nextChanged { return }
            }
            guard let change else {
                isAtEnd = !hasRow
                return
            }
            // The row was another, or was not there.
            let changedRowid = nextChanged
            if hasRow, rowid == changedRowid { hasRow = try step() }
            let before = change.before
            try readChange()
            if let before {
                rowid = changedRowid
                old = before
                isOld = true
                return
            }
        }
    }

    private func nextByKey() throws(BatchError) {
        while hasRow {
            let values = places.map { statement.value(Int($0)) }
            let key = RowKey.values(keyPlaces.map { values[$0] })
            guard let before = changed.removeValue(forKey: key) else { return }
            hasRow = try step()
            if let before { return take(before) }
        }
        while let (_, before) = changed.popFirst() {
            if let before { return take(before) }
        }
        isAtEnd = true
    }

    private func take(_ row: [SQLValue]) {
        old = row
        isOld = true
    }

    private func step() throws(BatchError) -> Bool { try statement.step() }

    private func readChange() throws(BatchError) { expect(try changes?.next()?.change) }

    private func expect(_ next: RowChange?) {
        change = next
        if case .rowid(let rowid) = next?.key { nextChanged = rowid } else { nextChanged = .max }
    }
}

extension Host {
    /// - Parameter batch: an id, or a job for its latest batch; with `^` after it for the state before.
    func earlierRows(
        of layout: TableLayout, after batch: String, _ wanted: EarlierRows.Wanted, columns: [Int]?
    ) throws(BatchError) -> EarlierRows {
        try EarlierRows(layout, try changes(of: layout, since: batch), wanted, columns: columns, on: self)
    }

    func changedRows(of layout: TableLayout, since batch: String) throws(BatchError) -> EarlierRows.Changed {
        try EarlierRows.changed(layout, try changes(of: layout, since: batch), on: self)
    }

    private func changes(of layout: TableLayout, since batch: String) throws(BatchError) -> BatchChanges {
        if case .rowid(nil) = layout.key {
            throw BatchError(
                .notUndoable, "rows of table \(layout.name) cannot be named: its columns hide the rowid",
                hint: "restore the point to a file: \(command: "restore --point \(batch) --to FILE")")
        }
        if let open = self.batch, open.gateway.rows.total > 0 || open.gateway.changedSchema {
            throw BatchError(
                .wrongState, "batch \(open.name) is open on this connection, and what it wrote is not in any log yet",
                hint: "end it first: SELECT batch_commit(), or look through another connection")
        }
        let ledger = try Ledger(connection)
        let isBefore = batch.hasSuffix("^")
        let record = try self.batch(isBefore ? String(batch.dropLast()) : batch)
        let own = try ledger.checkpoints(of: record.seq).map(\.id)
        guard let first = own.first, let last = own.last else {
            throw BatchError(
                .wrongState, "batch \(record.batch) committed nothing", hint: "see it: SELECT * FROM batch_log")
        }
        let later = try ledger.checkpoints(
            where: isBefore ? "id >= ?" : "id > ?", [.integer(isBefore ? first : last)]
        ).map(\.id)
        let changes = try BatchChanges(ledger, checkpoints: later, isChecked: true)
        if changes.tables.contains(where: { $0.name == layout.name && $0.isRewritten }) {
            throw BatchError(
                .schemaChanged, "table \(layout.name) was created or altered since",
                hint: "restore the point to a file: \(command: "restore --point \(batch) --to FILE")")
        }
        return changes
    }
}
