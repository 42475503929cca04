internal import BatchCore
internal import BatchLedger

/// Writes the rows of one table into the tree of a commit, each into the folder of its tenant.
final class TableShards {
    /// Lines that wait in memory before complete shards are written.
    private static let mostFreshBytes = 8 << 20

    private let table: String
    private let format: LineFormat
    private let root: TreeFolder
    private let shards: ShardStore
    /// Position of the tenant column among the stored columns; nil for shared tables.
    private let tenant: Int?
    private let hasTenants: Bool
    private var trees: [String: ShardTree] = [:]
    private var last: (tenant: SQLValue?, tree: ShardTree)?
    private var freshBytes = 0
    private var lines: LineWriter

    private let counter: RowCounter?

    init(
        _ layout: TableLayout, root: TreeFolder, repository: GitRepository, pack: PackWriter, content: PointContent
    ) {
        table = layout.name
        format = LineFormat(layout)
        self.root = root
        counter = content.counter
        shards = ShardStore(repository, pack, format, isUTF16: content.state.settings.isUTF16)
        let column = content.tenantColumn?.lowercased()
        tenant = layout.storedColumns.firstIndex { layout.columns[$0].name.lowercased() == column }
        hasTenants = column != nil
        lines = LineWriter { bytes throws(BatchError) in try pack.add(.blob, bytes) }
    }

    // MARK: Rows

    /// Reads all rows of the table as it is now.
    func writeAll(_ connection: Connection) throws(BatchError) {
        try connection.withVisibleRowid(of: format.layout) { visible throws(BatchError) in
            let reader = try RowReader(visible, on: connection, where: visible.userRows(connection.ledgerNames))
            if visible.isWithoutRowID {
                try sortAndWrite(reader)
            } else {
                try write(reader, isNumbered: visible.rowidName != nil)
            }
        }
    }

    /// - Parameter isNumbered: false when the rowid cannot be read; the rows are counted then.
    private func write(_ reader: RowReader, isNumbered: Bool) throws(BatchError) {
        var row = ByteBuffer()
        var count: Int64 = 0
        while true {
            row.removeAll()
            count += 1
            if !isNumbered { RowCodec.encode(.integer(count), into: &row) }
            guard try reader.nextEncoded(into: &row) else { return }
            counter?.add()
            var first = ByteReader(row.bytes)
            let rowid = try first.value().integer ?? count
            let (line, value) = try lines.line(ofScanned: row.bytes, format, value: tenant)
            try put(RowKey.rowid(rowid).order, line, named: [], tenant: tenant.map { _ in value })
        }
    }

    /// WITHOUT ROWID: the scan is in the order of the key, the tree in the order of its hash.
    private func sortAndWrite(_ reader: RowReader) throws(BatchError) {
        let sorter = try LineSorter()
        while let row = try reader.next() {
            guard let key = row.key else { continue }
            try sorter.add(key.order, try lines.line(key, row.values, format), tenant: tenant.map { row.values[$0] })
        }
        try sorter.deliver { (key, line, value) throws(BatchError) in
            // No two rows are alike, so each can be named by its whole line.
            try self.put(key, line, named: Array(line.dropLast(2)), tenant: self.tenant == nil ? nil : value)
        }
    }

    func apply(_ change: RowChange) throws(BatchError) {
        counter?.add()
        let key = change.key.order
        let name = try lines.prefix(of: change.key, format)
        let from = change.before.map { row in tenant.map { row[$0] } }
        let to = change.after.map { row in tenant.map { row[$0] } }
        if let from, from != to { try tree(of: from).remove(key, named: name) }
        if let after = change.after {
            let line = try lines.line(change.key, after, format)
            try put(key, line, named: name, tenant: tenant.map { after[$0] })
        }
    }

    private func put(_ key: UInt64, _ line: [UInt8], named name: [UInt8], tenant: SQLValue?) throws(BatchError) {
        try tree(of: tenant).put(key, line, named: name)
        freshBytes += line.count + 48
        guard freshBytes > TableShards.mostFreshBytes else { return }
        freshBytes = 0
        for tree in trees.values { try tree.seal() }
    }

    // MARK: Folders

    private func folder(_ value: SQLValue?) -> String {
        guard hasTenants else { return "" }
        return value.map { "tenants/" + PathName.tenant($0) } ?? "shared"
    }

    /// Rows of one tenant mostly follow each other.
    private func tree(of tenant: SQLValue?) throws(BatchError) -> ShardTree {
        if let last, last.tenant == tenant { return last.tree }
        let tree = try tree(folder(tenant))
        last = (tenant, tree)
        return tree
    }

    private func tree(_ folder: String) throws(BatchError) -> ShardTree {
        if let tree = trees[folder] { return tree }
        let tables = try TableShards.tables(of: folder, in: root, isNew: false)
        let tree = try ShardTree(tables?.id(PathName.table(table)), shards)
        trees[folder] = tree
        return tree
    }

    /// The folder that holds the tables of a tenant.
    private static func tables(of folder: String, in root: TreeFolder, isNew: Bool) throws(BatchError) -> TreeFolder? {
        var current: TreeFolder? = root
        for name in folder.pathNames + ["tables"] {
            current = try current?.folder(name, isNew: isNew)
        }
        return current
    }

    /// Writes what is left and puts the table into the tree.
    func finish() throws(BatchError) {
        for (folder, tree) in trees {
            let id = try tree.finish()
            let tables = try TableShards.tables(of: folder, in: root, isNew: id != nil)
            tables?.set(PathName.table(table), id, isTree: true)
        }
        trees = [:]
        last = nil
    }

    /// Takes the table out of the tree, for all tenants.
    static func remove(_ table: String, from root: TreeFolder) throws(BatchError) {
        for tables in try folders(in: root) { tables.set(PathName.table(table), nil, isTree: true) }
    }

    /// All folders that hold tables.
    static func folders(in root: TreeFolder) throws(BatchError) -> [TreeFolder] {
        var names = ["", "shared"]
        for tenant in try root.folder("tenants")?.names ?? [] { names.append("tenants/" + tenant) }
        var folders: [TreeFolder] = []
        for name in names {
            if let tables = try tables(of: name, in: root, isNew: false) { folders.append(tables) }
        }
        return folders
    }

    /// Sorts lines by key with little memory: SQLite's own sorter, in a temporary database that it deletes.
    struct LineSorter {
        private let connection: Connection
        private let insert: Statement

        init() throws(BatchError) {
            connection = try Connection(path: "", mode: .create)
            try connection.execute("PRAGMA journal_mode=OFF; CREATE TABLE line(place, text, tenant); BEGIN")
            insert = try connection.prepare("INSERT INTO line VALUES (?, ?, ?)")
        }

        func add(_ key: UInt64, _ line: [UInt8], tenant: SQLValue?) throws(BatchError) {
            // SQLite's integers are signed.
            try insert.bind([.integer(Int64(bitPattern: key ^ (1 << 63))), .blob(line), tenant ?? .null])
            _ = try insert.step()
            insert.reset()
        }

        /// - Parameter body: gets key, line and tenant in ascending order of key, then line.
        func deliver(_ body: (UInt64, [UInt8], SQLValue?) throws(BatchError) -> Void) throws(BatchError) {
            let sorted = try connection.prepare("SELECT place, text, tenant FROM line ORDER BY place, text")
            while try sorted.step() {
                let key = UInt64(bitPattern: sorted.value(0).integer ?? 0) ^ (1 << 63)
                try body(key, sorted.value(1).bytes ?? [], sorted.value(2))
            }
        }
    }
}
