internal import BatchCore
internal import BatchLedger

/// How the rows of one table are written as lines: the key first, then the other stored columns, each with its name.
struct LineFormat {
    let layout: TableLayout
    /// The line begins with a rowid that is not among the stored columns' values.
    let hasRowid: Bool
    /// For each value after the rowid: its position among the stored columns.
    let order: [Int]
    /// How many of `order` are the key of a WITHOUT ROWID table.
    let keyCount: Int
    /// Position among the stored columns of the one that holds the rowid.
    let rowidColumn: Int?
    /// What `RowReader` encodes of a row of a rowid table: -1 for the rowid, then the positions of the stored columns.
    let scanned: [Int]
    /// `{"id":`, `,"name":` …: what stands before each value, the rowid's first.
    let labels: [[UInt8]]

    /// - Parameter aliases: columns that bear another name for now, to give the rowid back its own; the lines keep the
    ///   true one, and call the rowid `rowid`.
    init(_ layout: TableLayout, renaming aliases: [String: String] = [:]) {
        self.layout = layout
        let stored = layout.storedColumns
        var order: [Int] = []
        var rowidName: String?
        switch layout.key {
        case .rowid(let alias):
            rowidName = aliases.isEmpty ? alias ?? "rowid" : "rowid"
            order = stored.indices.filter { stored[$0] != layout.integerPrimaryKey }
            keyCount = 0
        case .primaryKey(let positions):
            let key = positions.compactMap { stored.firstIndex(of: $0) }
            order = key + stored.indices.filter { !key.contains($0) }
            keyCount = key.count
        }
        rowidColumn = layout.integerPrimaryKey.flatMap { stored.firstIndex(of: $0) }
        scanned = (rowidName == nil ? [] : [-1]) + Array(stored.indices)
        hasRowid = rowidName != nil
        self.order = order
        let names: [String] =
            [rowidName].compactMap(\.self)
            + order.map { aliases[layout.columns[stored[$0]].name] ?? layout.columns[stored[$0]].name }
        labels = names.enumerated().map { index, name in
            Array(((index == 0 ? "{" : ",") + JSONWriter.text(.string(name)) + ":").utf8)
        }
    }

    /// The values of a line in its order, from a row's stored values.
    func arranged(_ values: [SQLValue]) -> [SQLValue] { order.map { values[$0] } }

    /// The stored values, from the rowid and the values of a line in its order.
    func stored(rowid: Int64?, _ line: [SQLValue]) -> [SQLValue] {
        var values = [SQLValue](repeating: .null, count: layout.storedColumns.count)
        for (place, position) in order.enumerated() { values[position] = line[place] }
        if let rowid, let rowidColumn { values[rowidColumn] = .integer(rowid) }
        return values
    }

    /// The key of a row from its values in the order of a line.
    func key(rowid: Int64?, _ line: [SQLValue]) -> RowKey {
        if let rowid, hasRowid { return .rowid(rowid) }
        return .values(Array(line.prefix(keyCount)))
    }
}
