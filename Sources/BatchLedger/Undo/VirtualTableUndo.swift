internal import BatchCore

/// Undo of virtual tables.
///
/// Where nobody has written to a virtual table since, its shadow tables go back row by row, through states they were
/// in: that is exact to the byte. Where a later batch has, their rows have moved on (segments are merged, nodes are
/// split), so the content is undone through the virtual table, or its index is built anew from its content.
struct VirtualTableUndo {
    private let logical: Set<String>
    private var trees: [String: TreeUndo] = [:]
    private var rebuild: Set<String> = []

    /// - Parameters:
    ///   - logical: virtual tables that are undone by their content.
    ///   - checkpoints: all that will be undone.
    ///   - record: what they are undone from.
    init(
        logical: Set<String>, _ ledger: Ledger, checkpoints: [Int64], _ record: UndoRecord
    ) throws(BatchError) {
        self.logical = logical
        for owner in logical.sorted() {
            let module = try VirtualTableUndo.module(of: owner, ledger.connection)
            guard module.isTree else { continue }
            let tree = try TreeShape(owner, isInteger: module.hasIntegers, ledger.connection)
            trees[owner] = try TreeUndo(tree, ledger, checkpoints: checkpoints, record)
        }
    }

    static func module(of owner: String, _ connection: Connection) throws(BatchError) -> VirtualTableModule {
        let sql = try connection.value(
            "SELECT sql FROM main.sqlite_schema WHERE type = 'table' AND name = ?", [.string(owner)])
        return VirtualTableModule(sql?.string ?? "")
    }

    /// Undoes what a checkpoint did to R*Trees that are undone by their content.
    func undoTrees(of checkpoint: Int64, _ batch: String, _ connection: Connection) throws(BatchError) -> [UndoConflict]
    {
        var conflicts: [UndoConflict] = []
        for (_, tree) in trees.sorted(by: { $0.key < $1.key }) {
            conflicts += try tree.undo(checkpoint, batch, connection)
        }
        return conflicts
    }

    func isLogical(_ table: String) -> Bool { logical.contains(table) }

    /// The virtual table that a later batch wrote to: whoever undoes must start again, with this one undone by its content.
    private(set) var needsContent: String?

    /// Ends the run for the sake of `needsContent`.
    mutating func refuseRows(of table: String) -> BatchError {
        needsContent = table
        return BatchError(
            .conflict, "a later batch wrote to virtual table \(table)",
            hint: "undo the later batches too: --mode cascade")
    }

    mutating func undo(
        _ step: UndoStep, _ bytes: UnsafeRawBufferPointer, _ layout: TableLayout, owner: String,
        _ connection: Connection
    ) throws(BatchError) {
        if trees[owner] != nil { return }
        let suffix = layout.name.dropFirst(owner.count)
        rebuild.insert(owner)
        guard suffix == "_content" else { return }
        try undoContent(step, bytes, layout, owner, connection)
    }

    /// The content table of FTS3, 4 and 5 holds the rows of the virtual table: the id, then its columns.
    private func undoContent(
        _ step: UndoStep, _ bytes: UnsafeRawBufferPointer, _ layout: TableLayout, _ owner: String,
        _ connection: Connection
    ) throws(BatchError) {
        let table = SQLName.quote(owner)
        let columns = try connection.rows(
            "SELECT name FROM pragma_table_info(?, 'main') ORDER BY cid", [.string(owner)]
        )
        .map { SQLName.quote($0[0].string ?? "") }
        try check(step, layout, owner, connection)
        switch step.operation {
        case .insert: try connection.run("DELETE FROM main.\(table) WHERE rowid = ?", [.integer(step.rowid)])
        case .delete:
            var reader = ByteReader(bytes, at: step.imageOffset)
            let values = try reader.values(layout.storedColumns.count)
            let marks = columns.map { _ in "?" }.joined(separator: ", ")
            try connection.run(
                "INSERT INTO main.\(table)(rowid, \(columns.joined(separator: ", "))) VALUES(?, \(marks))",
                [.integer(step.rowid)] + values.dropFirst().prefix(columns.count))
        default:
            let maskLength = (layout.storedColumns.count + 7) / 8
            let changed = layout.storedColumns.indices.filter {
                bytes[step.imageOffset + $0 / 8] & (1 << UInt8($0 % 8)) != 0
            }
            var reader = ByteReader(bytes, at: step.imageOffset + maskLength)
            let values = try reader.values(changed.count)
            let terms = changed.filter { $0 > 0 && $0 <= columns.count }.map { "\(columns[$0 - 1]) = ?" }
            guard !terms.isEmpty else { return }
            try connection.run(
                "UPDATE main.\(table) SET \(terms.joined(separator: ", ")) WHERE rowid = ?",
                values + [.integer(step.rowid)])
        }
    }

    private func check(_ step: UndoStep, _ layout: TableLayout, _ owner: String, _ connection: Connection)
        throws(BatchError)
    {
        var row = RowBuffer()
        let exists = try TableRows(layout, on: connection).read(
            [.integer(step.rowid)], isUTF16: connection.isUTF16, into: &row)
        // The number of a deleted row may be that of another one now.
        guard step.operation == .delete ? !exists : exists && row.buffer.digest().low == step.left else {
            throw BatchError(
                .conflict, "row \(step.rowid) of virtual table \(owner) is not as the batch left it",
                hint: "undo the later batches too: --mode cascade")
        }
    }

    /// - Throws: `ERR_DATA_CONFLICT` when the module does not find its content: a column that it names has another name now.
    private func build(_ table: String, _ connection: Connection) throws(BatchError) {
        let name = SQLName.quote(table)
        do throws(BatchError) {
            try connection.run("INSERT INTO main.\(name)(\(name)) VALUES('rebuild')")
        } catch {
            guard error.code == .sql else { throw error }
            throw BatchError(
                .conflict,
                "a later batch wrote to the index of virtual table \(table), and its content can no longer be found",
                hint: "undo the later batches too: --mode cascade")
        }
    }

    /// Builds anew what the log could not undo row by row.
    func finish(_ connection: Connection) throws(BatchError) {
        for table in rebuild.sorted() {
            let module = try VirtualTableUndo.module(of: table, connection)
            switch module.rebuilding {
            case .fromContent: try build(table, connection)
            case .byRows: break
            case .impossible:
                throw BatchError(
                    .conflict,
                    "virtual table \(table) (\(module.name)) keeps no content, and a later batch wrote to it",
                    hint: "undo the later batches too: --mode cascade")
            }
        }
    }
}

/// What the text of a virtual table says about undoing it by its content.
struct VirtualTableModule {
    enum Rebuilding {
        /// The module builds its index from another table.
        case fromContent
        /// The rows were undone through the virtual table.
        case byRows
        case impossible
    }

    let name: String
    let rebuilding: Rebuilding

    /// An R*Tree.
    var isTree: Bool { name == "rtree" || hasIntegers }
    /// An R*Tree whose coordinates are whole numbers.
    var hasIntegers: Bool { name == "rtree_i32" }

    init(_ sql: String) {
        let module = SQLText.module(ofVirtualTable: sql)
        name = module?.name ?? ""
        guard name.hasPrefix("fts") else {
            rebuilding = .impossible
            return
        }
        let content = module?.arguments.last { $0.lowercased().hasPrefix("content=") }?.dropFirst("content=".count)
        switch content {
        case nil: rebuilding = .byRows
        case "", "''", "\"\"": rebuilding = .impossible
        default: rebuilding = .fromContent
        }
    }
}
