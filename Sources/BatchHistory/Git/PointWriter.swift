internal import BatchCore
public import BatchLedger

/// Writes the tree of one restore point: the last one's, patched, or a new one.
struct PointWriter {
    private let repository: GitRepository
    private let pack: PackWriter
    private let content: PointContent
    private let last: PointReader?

    init(_ repository: GitRepository, _ pack: PackWriter, _ content: PointContent, last: PointReader?) {
        self.repository = repository
        self.pack = pack
        self.content = content
        self.last = last
    }

    func write(_ connection: Connection) throws(BatchError) -> ObjectID {
        let root = try rows(connection)
        try writeUndoLog(into: root)
        let manifest = PointManifest(state: content.state, tenantColumn: content.tenantColumn)
        root.set("schema.sql", try pack.add(.blob, Array(manifest.schemaText.utf8)), isTree: false)
        root.set("manifest.json", try pack.add(.blob, Array(manifest.text.utf8)), isTree: false)
        guard let tree = try root.write(pack) else {
            throw BatchError(.internalFault, "the tree of a restore point came out empty", hint: "\(command: "doctor")")
        }
        return tree
    }

    /// That of the point before is not carried on.
    private func writeUndoLog(into root: TreeFolder) throws(BatchError) {
        root.set(UndoBlockName.kind, nil, isTree: true)
        try content.undoLog?.forEachUndoBlock { (block) throws(BatchError) in
            let folder = try root.folder(UndoBlockName.kind, isNew: true)?.folder("\(block.checkpoint)", isNew: true)
            folder?.set("\(block.number)", try pack.add(.blob, block.bytes), isTree: false)
        }
    }

    private func rows(_ connection: Connection) throws(BatchError) -> TreeFolder {
        guard case .changes(let source, let before) = content.rows, let last,
            last.manifest.tenantColumn == content.tenantColumn
        else { return try allRows(connection) }
        guard last.manifest.state.digest.combined == before.combined else {
            throw BatchError(
                .schemaChanged,
                "the last restore point of \(content.branch) is not the state that the batch began from",
                hint: "compare the records: \(command: "verify")")
        }
        let root = try TreeFolder(last.tree, in: repository)
        var done: Set<String> = []
        for table in source.tables {
            done.formUnion([table.before?.name, table.after?.name].compactMap(\.self))
            try write(table, source, into: root, connection)
        }
        try writeUnreported(except: done, into: root, connection)
        return root
    }

    private func allRows(_ connection: Connection) throws(BatchError) -> TreeFolder {
        let root = try TreeFolder(nil, in: repository)
        for layout in try SchemaReader(connection).tables() { try writeAll(layout, into: root, connection) }
        return root
    }

    private func write(
        _ table: ChangedTable, _ source: any ChangeSource, into root: TreeFolder, _ connection: Connection
    ) throws(BatchError) {
        // Rows of a table that hides its rowid may be numbered differently in the tree.
        guard let layout = table.after, !table.isReadWhole else {
            for layout in [table.before, table.after] {
                if let layout { try TableShards.remove(layout.name, from: root) }
            }
            if let layout = table.after { try writeAll(layout, into: root, connection) }
            return
        }
        let shards = TableShards(layout, root: root, repository: repository, pack: pack, content: content)
        try source.forEachChange(of: table) { change throws(BatchError) in try shards.apply(change) }
        try shards.finish()
    }

    private func writeAll(_ layout: TableLayout, into root: TreeFolder, _ connection: Connection) throws(BatchError) {
        let shards = TableShards(layout, root: root, repository: repository, pack: pack, content: content)
        try shards.writeAll(connection)
        try shards.finish()
    }

    /// SQLite reports no changes of `sqlite_sequence` and the statistics tables; they are small.
    private func writeUnreported(
        except done: Set<String>, into root: TreeFolder, _ connection: Connection
    ) throws(BatchError) {
        let old = last?.manifest.state.digest.tables ?? [:]
        let new = content.state.digest.tables
        var changed = Set(old.keys).union(new.keys).filter { old[$0] != new[$0] && !done.contains($0) }
        if changed.isEmpty { return }
        for name in changed { try TableShards.remove(name, from: root) }
        for layout in try SchemaReader(connection).tables() where changed.remove(layout.name) != nil {
            try writeAll(layout, into: root, connection)
        }
    }
}

/// What a restore point is made from.
public struct PointContent {
    public enum Rows {
        /// Every row is read from the database.
        case all
        /// The rows that changed since the point before, as `before` describes it.
        case changes(any ChangeSource, before: StateDigest)
    }

    /// Names the database: its branch in git.
    public let branch: String
    /// What the annotated tag is called, e.g. `batch/reprice.3`; nil for points that no batch made.
    public let tag: String?
    public let message: PointMessage
    /// The database as it is at this point.
    public let state: DatabaseState
    public let rows: Rows
    /// Has the undo log of the batch, where it has several checkpoints; nil for a point that no batch made.
    public let undoLog: (any ChangeSource)?
    /// Tables that have this column are stored per tenant.
    public let tenantColumn: String?
    /// Told of every row that is written; nil when nobody wants to know.
    public var counter: RowCounter?

    public init(
        branch: String, tag: String?, message: PointMessage, state: DatabaseState, rows: Rows,
        undoLog: (any ChangeSource)? = nil, tenantColumn: String? = nil
    ) {
        self.undoLog = undoLog
        self.branch = branch
        self.tag = tag
        self.message = message
        self.state = state
        self.rows = rows
        self.tenantColumn = tenantColumn
    }
}

/// Counts rows, and tells of every thousandth.
public final class RowCounter {
    private var done = 0
    private let tell: (Int) -> Void

    public init(_ tell: @escaping (Int) -> Void) { self.tell = tell }

    func add() {
        done += 1
        if done & 1_023 == 0 { tell(done) }
    }
}

/// Where a restore point keeps the undo log of a batch of several checkpoints: `undo/3/0` is the first block of its third.
enum UndoBlockName {
    /// Of the blocks of a `.bak`, and the folder of a commit.
    static let kind = "undo"

    static func folder(of checkpoint: Int) -> String { "\(checkpoint)/" }

    static func text(_ checkpoint: Int, _ number: Int) -> String { "\(folder(of: checkpoint))\(number)" }

    static func text(_ block: UndoBlockCopy) -> String { text(block.checkpoint, block.number) }
}
