internal import BatchCore
internal import BatchLedger

/// Inserts and deletes rows of one table in a file that is being built.
final class RowInserter {
    let format: LineFormat
    private let layout: TableLayout
    private let connection: Connection
    private let insertion: Statement

    init(_ layout: TableLayout, on connection: Connection) throws(BatchError) {
        self.layout = layout
        self.connection = connection
        format = LineFormat(layout)
        let stored = layout.storedColumns
        var names = format.order.map { SQLName.quote(layout.columns[stored[$0]].name) }
        if let rowid = layout.rowidName { names.insert(rowid, at: 0) }
        let places = names.map { _ in "?" }.joined(separator: ", ")
        let list = names.isEmpty ? "DEFAULT VALUES" : "(\(names.joined(separator: ", "))) VALUES (\(places))"
        insertion = try connection.prepare("INSERT OR ABORT INTO main.\(layout.quotedName) \(list)")
    }

    /// - Parameter values: in the order of the line format.
    func insert(rowid: Int64?, _ values: [SQLValue]) throws(BatchError) {
        var position = 1
        if layout.rowidName != nil {
            try insertion.bind(rowid.map(SQLValue.integer) ?? .null, at: position)
            position += 1
        }
        for value in values {
            try insertion.bind(value, at: position)
            position += 1
        }
        _ = try insertion.step()
        insertion.reset()
    }

    /// - Parameter values: the stored values in the order of the layout.
    func insert(_ key: RowKey, stored values: [SQLValue]) throws(BatchError) {
        var rowid: Int64?
        if case .rowid(let number) = key { rowid = number }
        try insert(rowid: rowid, format.arranged(values))
    }

    func removeAll() throws(BatchError) { try connection.execute("DELETE FROM main.\(layout.quotedName)") }

    /// False when there was no such row.
    func remove(_ key: RowKey) throws(BatchError) -> Bool {
        try connection.run(
            "DELETE FROM main.\(layout.quotedName) WHERE \(layout.keyCondition)", key.parameters)
        return connection.changes == 1
    }
}

/// Sets changed columns of rows in a file that is being built.
final class RowUpdater {
    private let layout: TableLayout
    private let inserter: RowInserter
    private let connection: Connection
    private let condition: String
    /// Rows that stood in each other's way (two swapped unique values): taken out, and put back at the end.
    private var waiting: [(key: RowKey, values: [SQLValue])] = []

    init(_ layout: TableLayout, _ inserter: RowInserter, on connection: Connection) {
        self.layout = layout
        self.inserter = inserter
        self.connection = connection
        condition = layout.keyCondition
    }

    /// False when there is no such row.
    func update(_ key: RowKey, _ update: BakRecord.Update) throws(BatchError) -> Bool {
        let stored = layout.storedColumns
        let terms = update.columns.map { SQLName.quote(layout.columns[stored[$0]].name) + " = ?" }
        if terms.isEmpty { return true }
        let sql = "UPDATE OR ABORT main.\(layout.quotedName) SET \(terms.joined(separator: ", ")) WHERE \(condition)"
        do {
            try connection.run(sql, update.after + key.parameters)
            return connection.changes == 1
        } catch  where error.code == .constraint {
            return try takeOut(key, update)
        }
    }

    private func takeOut(_ key: RowKey, _ update: BakRecord.Update) throws(BatchError) -> Bool {
        let reader = try RowReader(layout, on: connection, where: condition, key.parameters)
        guard let row = try reader.next() else { return false }
        var values = row.values
        for (place, column) in update.columns.enumerated() { values[column] = update.after[place] }
        waiting.append((key, values))
        return try inserter.remove(key)
    }

    func finish() throws(BatchError) {
        for row in waiting { try inserter.insert(row.key, stored: row.values) }
        waiting = []
    }
}

extension DatabaseBuilder {
    /// Changes rows of a table that is there. Deletes come first and inserts last, so that no row is in the way of
    /// another.
    /// - Parameters:
    ///   - proof: is carried along.
    ///   - forEach: goes over the changes; it is called several times.
    /// - Returns: false when a row that is to be changed is not there.
    func change(
        _ layout: TableLayout, _ proof: RowProof?,
        _ forEach: ((BakRecord) throws(BatchError) -> Void) throws(BatchError) -> Void
    ) throws(BatchError) -> Bool {
        guard let proof else { return try change(layout, forEach) }
        var keys = RowProof.Keys()
        try forEach { (record) in keys.insert(record.key) }
        var isWhole = true
        try proof.follow(keys, of: layout, on: connection) { () throws(BatchError) in
            isWhole = try change(layout, forEach)
        }
        return isWhole
    }

    private func change(
        _ layout: TableLayout, _ forEach: ((BakRecord) throws(BatchError) -> Void) throws(BatchError) -> Void
    ) throws(BatchError) -> Bool {
        let inserter = try RowInserter(layout, on: connection)
        var isWhole = true
        try forEach { (record) throws(BatchError) in
            if case .delete(let key, _) = record { isWhole = try inserter.remove(key) && isWhole }
        }
        let updater = RowUpdater(layout, inserter, on: connection)
        try forEach { (record) throws(BatchError) in
            if case .update(let key, let update) = record { isWhole = try updater.update(key, update) && isWhole }
        }
        try updater.finish()
        try forEach { (record) throws(BatchError) in
            if case .insert(let key, let row) = record { try inserter.insert(key, stored: row) }
        }
        return isWhole
    }
}
