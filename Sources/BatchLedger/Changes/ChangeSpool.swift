public import BatchCore

/// The changes of one table, worked out once and read again: both copies of a restore point and its words need them, and
/// there may be more than memory should hold.
final class ChangeSpool {
    private let file: SpillFile
    private let columns: Int
    private let keyColumns: Int
    private var buffer = ByteBuffer(capacity: BlockCompressor.blockSize + 65_536)
    private var entries = 0

    private enum Part {
        static let before: UInt8 = 1
        static let after: UInt8 = 2
    }

    init(_ layout: TableLayout, folder: String) throws(BatchError) {
        file = try SpillFile(folder: folder)
        columns = layout.storedColumns.count
        if case .primaryKey(let positions) = layout.key { keyColumns = positions.count } else { keyColumns = 0 }
    }

    func append(_ change: RowChange) throws(BatchError) {
        buffer.append((change.before == nil ? 0 : Part.before) | (change.after == nil ? 0 : Part.after))
        switch change.key {
        case .rowid(let rowid): buffer.appendFixed(UInt64(bitPattern: rowid))
        case .values(let values): RowCodec.encode(values, into: &buffer)
        }
        if let before = change.before { RowCodec.encode(before, into: &buffer) }
        if let after = change.after { RowCodec.encode(after, into: &buffer) }
        entries += 1
        if buffer.count >= BlockCompressor.blockSize { try close() }
    }

    /// Call it after the last change.
    func close() throws(BatchError) {
        if entries == 0 { return }
        try file.append(try BlockCompressor().block(buffer.array, entries: entries))
        buffer.removeAll()
        entries = 0
    }

    func forEach(_ body: (RowChange) throws(BatchError) -> Void) throws(BatchError) {
        try file.forEachBlock { (block) throws(BatchError) in
            let buffer = try BlockCompressor.restore(block)
            var reader = ByteReader(buffer.bytes)
            while !reader.isAtEnd { try body(try change(&reader)) }
            withExtendedLifetime(buffer) {}
        }
    }

    /// How many blocks there are after `close`.
    var blocks: Int { file.count }

    /// The changes of one block.
    func changes(in block: Int) throws(BatchError) -> [RowChange] {
        let buffer = try BlockCompressor.restore(try file.block(block))
        var reader = ByteReader(buffer.bytes)
        var changes: [RowChange] = []
        while !reader.isAtEnd { changes.append(try change(&reader)) }
        withExtendedLifetime(buffer) {}
        return changes
    }

    private func change(_ reader: inout ByteReader) throws(BatchError) -> RowChange {
        let parts = try reader.byte()
        let key: RowKey =
            keyColumns == 0
            ? .rowid(Int64(bitPattern: try reader.fixed())) : .values(try reader.values(keyColumns))
        let before = parts & Part.before == 0 ? nil : try reader.values(columns)
        let after = parts & Part.after == 0 ? nil : try reader.values(columns)
        return RowChange(key: key, before: before, after: after)
    }
}

/// The net changes of a run of checkpoints, one at a time, for a reader that comes for each when it wants it.
///
/// They are worked out table by table and wait in a file, so memory stays flat.
public final class ChangeReader {
    private let source: any ChangeSource
    private let folder: String
    private var tables: ArraySlice<ChangedTable>
    private var table: ChangedTable?
    private var spool: ChangeSpool?
    private var block = 0
    private var changes: ArraySlice<RowChange> = []

    /// - Parameters:
    ///   - table: the only one that is wanted; nil for all.
    ///   - folder: where changes wait.
    public init(_ source: any ChangeSource, of table: String? = nil, folder: String) {
        self.source = source
        self.folder = folder
        tables = source.tables.filter { table == nil || $0.name == table }[...]
    }

    /// The next change, in the order of keys within a table; nil after the last. Without a change of a row for a table
    /// that was created, dropped or altered.
    public func next() throws(BatchError) -> (table: ChangedTable, change: RowChange?)? {
        while true {
            if let table, let change = changes.popFirst() { return (table, change) }
            if let spool, block < spool.blocks {
                changes = try spool.changes(in: block)[...]
                block += 1
                continue
            }
            guard let next = tables.popFirst() else { return nil }
            table = next
            block = 0
            spool = nil
            if next.isRewritten { return (next, nil) }
            try load(next)
        }
    }

    private func load(_ table: ChangedTable) throws(BatchError) {
        guard let layout = table.before else { return }
        let spool = try ChangeSpool(layout, folder: folder)
        try source.forEachChange(of: table) { (change) throws(BatchError) in try spool.append(change) }
        try spool.close()
        self.spool = spool
    }
}
