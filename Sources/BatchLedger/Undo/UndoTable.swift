internal import BatchCore
internal import CSQLite

/// The statements that undo changes of one table. They are made once for each set of changed columns.
///
/// Each says OR ABORT: an ON CONFLICT clause of the schema would end the transaction in the middle of the undo, keep half
/// of a statement, drop the row without a word, or destroy the row of somebody else.
final class UndoTable {
    let layout: TableLayout
    private let connection: Connection
    private let stored: [Int]
    private var updates: [String: Statement] = [:]
    /// The statement of the last UPDATE: entries mostly change the same columns one after another.
    private var last: (word: UInt64, statement: Statement)?
    private var insertion: Statement?
    private var deletion: Statement?

    init(_ layout: TableLayout, on connection: Connection) {
        self.layout = layout
        self.connection = connection
        stored = layout.storedColumns
        needsRowid = layout.integerPrimaryKey == nil && layout.rowidName != nil
    }

    // MARK: Going back over one change

    /// Undoes an INSERT.
    func delete(_ step: UndoStep, rowid: Int64, _ bytes: UnsafeRawBufferPointer) throws(BatchError) {
        let statement: Statement
        if let deletion {
            statement = deletion
        } else {
            statement = try connection.prepare("DELETE FROM main.\(layout.quotedName) WHERE \(layout.keyCondition)")
            deletion = statement
        }
        var binder = ValueBinder(statement, bytes)
        try bindKey(step, rowid, &binder)
        try binder.run()
    }

    /// Makes room for a row that comes back.
    func remove(_ key: [SQLValue]) throws(BatchError) {
        try connection.run("DELETE FROM main.\(layout.quotedName) WHERE \(layout.keyCondition)", key)
    }

    /// Undoes a DELETE.
    func insert(_ step: UndoStep, rowid: Int64, _ bytes: UnsafeRawBufferPointer) throws(BatchError) {
        let statement: Statement
        if let insertion {
            statement = insertion
        } else {
            statement = try connection.prepare(insertText)
            insertion = statement
        }
        var binder = ValueBinder(statement, bytes)
        try binder.bindEncoded(stored.count, at: step.imageOffset)
        if needsRowid { try binder.bind(rowid) }
        try binder.run()
    }

    /// A rowid that no column holds is set apart.
    private let needsRowid: Bool

    private var insertText: String {
        var names = stored.map { SQLName.quote(layout.columns[$0].name) }
        if needsRowid, let rowid = layout.rowidName { names.append(rowid) }
        if names.isEmpty { return "INSERT OR ABORT INTO main.\(layout.quotedName) DEFAULT VALUES" }
        let marks = names.map { _ in "?" }.joined(separator: ", ")
        return "INSERT OR ABORT INTO main.\(layout.quotedName)(\(names.joined(separator: ", "))) VALUES(\(marks))"
    }

    /// One bit for each stored column that an UPDATE changed.
    func mask(of step: UndoStep, _ bytes: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: bytes[step.imageOffset..<step.imageOffset + (stored.count + 7) / 8])
    }

    /// Undoes an UPDATE.
    func update(_ step: UndoStep, rowid: Int64, _ bytes: UnsafeRawBufferPointer) throws(BatchError) {
        let maskLength = (stored.count + 7) / 8
        let mask = UnsafeRawBufferPointer(rebasing: bytes[step.imageOffset..<step.imageOffset + maskLength])
        let statement = try updateStatement(mask, setsRowid: step.keyChanged)
        var binder = ValueBinder(statement, bytes)
        let changed = mask.reduce(0) { $0 + $1.nonzeroBitCount }
        try binder.bindEncoded(changed, at: step.imageOffset + maskLength)
        if step.keyChanged && needsRowid { try binder.bind(step.oldRowid) }
        try bindKey(step, rowid, &binder)
        try binder.run()
    }

    private func updateStatement(_ mask: UnsafeRawBufferPointer, setsRowid: Bool) throws(BatchError) -> Statement {
        let word = mask.count <= 7 ? mask.reduce(setsRowid ? 1 : 0) { $0 << 8 | UInt64($1) } : nil
        if let word, let last, last.word == word { return last.statement }
        let statement = try updateStatement(
            named: Hex.string(mask) + (setsRowid ? "r" : ""), mask, setsRowid: setsRowid)
        if let word { last = (word, statement) }
        return statement
    }

    private func updateStatement(
        named key: String, _ mask: UnsafeRawBufferPointer, setsRowid: Bool
    ) throws(BatchError) -> Statement {
        if let statement = updates[key] { return statement }
        var terms = stored.indices.filter { mask[$0 / 8] & (1 << UInt8($0 % 8)) != 0 }
            .map { SQLName.quote(layout.columns[stored[$0]].name) + " = ?" }
        if setsRowid, needsRowid, let rowid = layout.rowidName { terms.append("\(rowid) = ?") }
        let statement = try connection.prepare(
            "UPDATE OR ABORT main.\(layout.quotedName) SET \(terms.joined(separator: ", ")) WHERE \(layout.keyCondition)"
        )
        updates[key] = statement
        return statement
    }

    private func bindKey(_ step: UndoStep, _ rowid: Int64, _ binder: inout ValueBinder) throws(BatchError) {
        if case .primaryKey(let positions) = layout.key {
            try binder.bindEncoded(positions.count, at: step.keyOffset)
        } else {
            try binder.bind(rowid)
        }
    }
}

/// Binds values straight from an undo block, which stays alive while the statement runs.
struct ValueBinder {
    private let statement: Statement
    private let bytes: UnsafeRawBufferPointer
    private var position: Int32 = 0

    init(_ statement: Statement, _ bytes: UnsafeRawBufferPointer) {
        self.statement = statement
        self.bytes = bytes
    }

    mutating func bind(_ rowid: Int64) throws(BatchError) {
        position += 1
        try check(sqlite3_bind_int64(statement.handle, position, rowid))
    }

    mutating func bindEncoded(_ count: Int, at offset: Int) throws(BatchError) {
        var reader = ByteReader(bytes, at: offset)
        for _ in 0..<count {
            position += 1
            try bindNext(&reader)
        }
    }

    private func bindNext(_ reader: inout ByteReader) throws(BatchError) {
        let handle = statement.handle
        switch try reader.byte() {
        case RowCodec.Tag.integer: try check(sqlite3_bind_int64(handle, position, try reader.signed()))
        case RowCodec.Tag.real: try check(sqlite3_bind_double(handle, position, Double(bitPattern: try reader.fixed())))
        case RowCodec.Tag.text:
            let text = try reader.slice(try reader.count())
            try check(csqlite_bind_text_static(handle, position, text.baseAddress, Int32(text.count)))
        case RowCodec.Tag.text16:
            let text = try reader.slice(try reader.count())
            try check(csqlite_bind_text16(handle, position, text.baseAddress, Int32(text.count)))
        case RowCodec.Tag.blob:
            let blob = try reader.slice(try reader.count())
            try check(csqlite_bind_blob_static(handle, position, blob.baseAddress, Int32(blob.count)))
        default: try check(sqlite3_bind_null(handle, position))
        }
    }

    private func check(_ code: Int32) throws(BatchError) {
        guard code == SQLITE_OK else {
            throw BatchError(.internalFault, "bind an old value: code \(code)", hint: "\(command: "doctor")")
        }
    }

    /// Runs to the end and resets.
    func run() throws(BatchError) {
        defer { statement.reset() }
        while try statement.step() {}
    }
}
