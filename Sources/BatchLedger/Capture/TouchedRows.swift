internal import BatchCore
internal import CSQLite

/// The rows that a statement is about to change, or has changed, in tables where it may change a row more than once: see
/// `TwiceChangedTables`.
///
/// What an AFTER trigger calls OLD is the row as the statement found it, which a BEFORE trigger of the schema may have
/// changed since; and actions of foreign keys are recorded before the change that led to them. So neither values nor
/// order are taken from the triggers. A BEFORE trigger names the rows that may change, and each is read, once, as the
/// record has it. When the outermost change is over, the rows are read again, and what differs goes into the record.
///
/// A change that SQLite leaves out (OR IGNORE, DO NOTHING, RAISE) has no AFTER trigger: its rows stay until the statement
/// ends, as a hash of what they hold.
final class TouchedRows {
    private let sink: ChangeSink
    private var rows: [RowSlot: Row] = [:]
    /// Those that may differ from the record, in the order in which they were named.
    private var fresh: [RowSlot] = []
    /// Changes between their BEFORE and their AFTER trigger, and those that were left out.
    private var open: [Operation] = []
    /// Rows that went, and no AFTER trigger has told of it yet.
    private var missing: Set<RowSlot> = []
    /// Bytes of the images in `fresh`.
    private var bytes = 0
    private var mostRows = TouchedRows.mostFresh
    private var mostBytes = TouchedRows.mostFreshBytes
    /// Tables in which a row changed between the two triggers of another change of it: REPLACE may have removed others
    /// than it could be foretold.
    private(set) var doubtful: Set<String> = []

    private enum Recorded {
        case nothing
        case image([UInt8])
        /// Of a row whose change was left out, most likely.
        case digest(Digest)
    }

    private struct Row {
        let table: CapturedTable
        let key: [SQLValue]
        /// The row as the record has it.
        var recorded: Recorded
        var isFresh = true
        /// An AFTER trigger named it.
        var isChanged = false
        var hasCome = false
        var hasGone = false
        /// How many open changes begin with it.
        var changing = 0
        /// Where an UPDATE has put it.
        var target: RowSlot?
    }

    private struct Operation {
        let kind: UInt8
        let old: RowSlot?
        /// Nil for a new row whose rowid SQLite chooses.
        let new: RowSlot?
    }

    /// What a BEFORE trigger finds in the place of such a rowid.
    private static let unknownRowid: Int64 = -1

    /// With more rows, or larger ones, what has changed goes into the record before the outermost change is over.
    private static let mostFresh = 4_096
    private static let mostFreshBytes = 8 << 20
    /// Changes whose AFTER trigger may still come are the outermost and the innermost of those that are open: SQLite nests
    /// triggers a thousand deep.
    private static let deepest = 1_000

    init(_ sink: ChangeSink) { self.sink = sink }

    /// What was noted never happened, or is over.
    func forget() {
        if rows.isEmpty && open.isEmpty { return }
        rows = [:]
        fresh = []
        open = []
        missing = []
        bytes = 0
        (mostRows, mostBytes) = (TouchedRows.mostFresh, TouchedRows.mostFreshBytes)
    }

    func forgetDoubts() { doubtful = [] }

    // MARK: What triggers say

    /// A BEFORE trigger: rows may change.
    /// - Parameter values: kind, number of the table, rowids and keys of OLD and NEW, behind the token.
    func announce(
        _ values: UnsafeMutablePointer<OpaquePointer?>, _ count: Int, _ table: CapturedTable
    ) throws(BatchError) {
        let operation = try operation(values, count, table)
        if let old = operation.old {
            try touch(old.slot, old.key, table)
            rows[old.slot]?.changing += 1
        }
        let isUnknown = operation.old == nil && operation.new?.slot.rowid == TouchedRows.unknownRowid
        if let new = operation.new, new.slot != operation.old?.slot {
            try touch(new.slot, new.key, table, unlessMissing: isUnknown)
        }
        open.append(
            Operation(kind: operation.kind, old: operation.old?.slot, new: isUnknown ? nil : operation.new?.slot))
    }

    /// REPLACE may remove this row.
    func touch(
        _ values: UnsafeMutablePointer<OpaquePointer?>, _ count: Int, _ table: CapturedTable, number: Int
    ) throws(BatchError) {
        guard count >= 3 + table.keyColumns.count else { throw StoredRows.unreadable(table) }
        let place = try place(sqlite3_value_int64(values[2]), values + 3, table, number)
        try touch(place.slot, place.key, table)
    }

    /// An AFTER trigger: a row has changed, and so have those that this led to.
    func close(
        _ values: UnsafeMutablePointer<OpaquePointer?>, _ count: Int, _ table: CapturedTable
    ) throws(BatchError) {
        let ended = try operation(values, count, table)
        let (kind, old, new) = (ended.kind, ended.old, ended.new)
        let isInsert = kind == ChangeChunk.Kind.insert
        let place = open.lastIndex { operation in
            operation.kind == kind && operation.old == old?.slot
                && (operation.new == new?.slot || isInsert && operation.new == nil)
        }
        guard let place else { throw TouchedRows.unclear(table) }
        if let old, let row = rows[old.slot], row.changing > 1 { doubtful.insert(table.layout.name) }
        for operation in open[place...] { if let old = operation.old { rows[old]?.changing -= 1 } }
        open.removeSubrange(place...)
        switch kind {
        case ChangeChunk.Kind.insert: sink.countInsert()
        case ChangeChunk.Kind.delete: sink.countDelete()
        default: sink.countUpdate()
        }
        if let old {
            try note(old.slot, table) { row in
                row.isChanged = true
                if new?.slot != old.slot { (row.hasGone, row.target) = (true, new?.slot) }
            }
            if new?.slot != old.slot { missing.remove(old.slot) }
        }
        if let new, new.slot != old?.slot {
            // Nobody had the rowid that SQLite chose.
            if isInsert, rows[new.slot] == nil { add(new.slot, new.key, table, nil) }
            try note(new.slot, table) { ($0.isChanged, $0.hasCome) = (true, true) }
        }
        if open.isEmpty {
            try settle()
            forget()
        } else if fresh.count > mostRows || bytes > mostBytes {
            try settlePart()
        }
    }

    private func note(_ slot: RowSlot, _ table: CapturedTable, _ body: (inout Row) -> Void) throws(BatchError) {
        guard rows[slot] != nil else { throw TouchedRows.unclear(table) }
        body(&rows[slot, default: Row(table: table, key: [], recorded: .nothing)])
        freshen(slot)
    }

    private func freshen(_ slot: RowSlot) {
        guard rows[slot]?.isFresh == false else { return }
        rows[slot]?.isFresh = true
        fresh.append(slot)
    }

    // MARK: Places

    private typealias Place = (slot: RowSlot, key: [SQLValue])

    private func operation(
        _ values: UnsafeMutablePointer<OpaquePointer?>, _ count: Int, _ table: CapturedTable
    ) throws(BatchError) -> (kind: UInt8, old: Place?, new: Place?) {
        let keys = table.keyColumns.count
        guard count >= 5 + 2 * keys else { throw StoredRows.unreadable(table) }
        let kind = UInt8(truncatingIfNeeded: sqlite3_value_int64(values[1]))
        let number = Int(truncatingIfNeeded: sqlite3_value_int64(values[2]))
        var old: Place?
        var new: Place?
        if kind != ChangeChunk.Kind.insert {
            old = try place(sqlite3_value_int64(values[3]), values + 5, table, number)
        }
        if kind != ChangeChunk.Kind.delete {
            let rowid = sqlite3_value_int64(values[4])
            new = try place(rowid, values + 5 + keys, table, number)
        }
        return (kind, old, new)
    }

    private func place(
        _ rowid: Int64, _ values: UnsafeMutablePointer<OpaquePointer?>, _ table: CapturedTable, _ number: Int
    ) throws(BatchError) -> Place {
        guard table.isWithoutRowID else {
            return (RowSlot(table: number, rowid: rowid, key: []), [.integer(rowid)])
        }
        var buffer = ByteBuffer()
        var key = ByteBuffer()
        for (position, column) in table.keyColumns.enumerated() {
            guard let value = values[position] else { throw StoredRows.unreadable(table) }
            let start = buffer.count
            _ = table.columns[column].append(value, isUTF16: sink.isUTF16, to: &buffer)
            let bytes = UnsafeRawBufferPointer(rebasing: buffer.bytes[start...])
            _ = KeyHash.append(bytes, table.keyCollations[position], to: &key)
        }
        return (RowSlot(table: number, rowid: 0, key: key.array), try buffer.values(table.keyColumns.count))
    }

    private func touch(
        _ slot: RowSlot, _ key: [SQLValue], _ table: CapturedTable, unlessMissing: Bool = false
    ) throws(BatchError) {
        guard let known = rows[slot] else {
            let image = try image(key, table)
            if image != nil || !unlessMissing { add(slot, key, table, image) }
            return
        }
        if case .digest(let digest) = known.recorded {
            guard let image = try image(key, table), TouchedRows.digest(image) == digest else {
                throw TouchedRows.unclear(table)
            }
            rows[slot]?.recorded = .image(image)
            bytes += image.count
        }
        freshen(slot)
    }

    private func add(_ slot: RowSlot, _ key: [SQLValue], _ table: CapturedTable, _ image: [UInt8]?) {
        rows[slot] = Row(table: table, key: key, recorded: image.map(Recorded.image) ?? .nothing)
        fresh.append(slot)
        bytes += image?.count ?? 0
    }

    private func image(_ key: [SQLValue], _ table: CapturedTable) throws(BatchError) -> [UInt8]? {
        var row = RowBuffer()
        return try sink.storedRows.find(table, key: key, into: &row) ? row.buffer.array : nil
    }

    private static func digest(_ image: [UInt8]) -> Digest {
        var buffer = ByteBuffer()
        buffer.append(contentsOf: image)
        return buffer.digest()
    }

    private static func unclear(_ table: CapturedTable) -> BatchError {
        BatchError(
            .notUndoable,
            "a statement changed rows of table \(table.layout.name) more than once in a way that triggers cannot record",
            hint: "run the statement with the tool: \(command: "run --id NAME --sql SQL")")
    }

    // MARK: Into the record

    /// Everything is in the record after this.
    ///
    /// A statement that runs inside another one, out of a function of the host, leaves the changes of that one open.
    func settleAll() throws(BatchError) {
        if rows.isEmpty && open.isEmpty { return }
        try settle()
        if sink.connection.runningWriters < 2 { forget() }
    }

    /// What has changed by now goes into the record, and rows that are not likely to change again are kept as hashes.
    private func settlePart() throws(BatchError) {
        var kept: Set<RowSlot> = []
        for operation in open.prefix(TouchedRows.deepest) + open.suffix(TouchedRows.deepest) {
            if let old = operation.old { kept.insert(old) }
            if let new = operation.new { kept.insert(new) }
        }
        try settle(keeping: kept)
        mostRows = max(TouchedRows.mostFresh, fresh.count * 2)
        mostBytes = max(TouchedRows.mostFreshBytes, bytes * 2)
    }

    /// - Parameter kept: rows to keep as images; nil to look at all rows, also at those that are kept as hashes.
    private func settle(keeping kept: Set<RowSlot>? = nil) throws(BatchError) {
        var changes: [SettledRow] = []
        var places = fresh
        if kept == nil { places += rows.filter { !$0.value.isFresh }.keys }
        fresh = []
        bytes = 0
        for slot in places {
            guard let row = rows[slot] else { continue }
            let after = try image(row.key, row.table)
            var settled = Row(table: row.table, key: row.key, recorded: after.map(Recorded.image) ?? .nothing)
            let before: [UInt8]?
            switch row.recorded {
            case .nothing: before = nil
            case .image(let image): before = image
            case .digest(let digest):
                guard let after, TouchedRows.digest(after) == digest else { throw TouchedRows.unclear(row.table) }
                continue
            }
            if before != after || row.isChanged && before != nil {
                let target = row.target
                changes.append(SettledRow(slot: slot, table: row.table, before: before, after: after, target: target))
                if before != nil, !row.hasGone, after == nil || row.hasCome { missing.insert(slot) }
            }
            if kept?.contains(slot) != false {
                fresh.append(slot)
                bytes += after?.count ?? 0
            } else {
                settled.isFresh = false
                if let after { settled.recorded = .digest(TouchedRows.digest(after)) }
            }
            settled.changing = row.changing
            rows[slot] = settled
        }
        if kept == nil {
            for _ in missing { sink.countDelete() }
            missing = []
        }
        try SettledRows(sink).record(changes)
    }
}
