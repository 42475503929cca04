public import BatchCore

/// The digests of all tables and of the schema: what a database holds, in a few bytes.
public struct StateDigest: Hashable, Sendable {
    public var tables: [String: TableDigest]
    public var schema: Digest

    public init(tables: [String: TableDigest] = [:], schema: Digest = .zero) {
        self.tables = tables
        self.schema = schema
    }

    /// One digest for everything. Empty tables do not count here: the schema names them.
    public var combined: Digest {
        var sum = schema
        for (name, table) in tables where table != TableDigest() {
            var buffer = ByteBuffer()
            buffer.append(contentsOf: Array(name.utf8))
            buffer.append(0)
            buffer.appendFixed(table.digest.high)
            buffer.appendFixed(table.digest.low)
            buffer.appendSigned(table.rows)
            sum += buffer.digest()
        }
        return sum
    }

    /// True when all tables have the same rows, whatever the schema says of them.
    public func holdsSameRows(as other: StateDigest) -> Bool {
        Set(tables.keys).union(other.tables.keys).allSatisfy { name in
            tables[name] ?? TableDigest() == other.tables[name] ?? TableDigest()
        }
    }

    /// Reads every row of every table: time proportional to the database.
    public static func compute(_ connection: Connection) throws(BatchError) -> StateDigest {
        let reader = SchemaReader(connection)
        var state = StateDigest(schema: try reader.digest())
        for table in try reader.tables() { state.tables[table.name] = try compute(table, connection) }
        return state
    }

    public static func compute(_ table: TableLayout, _ connection: Connection) throws(BatchError) -> TableDigest {
        return try RowReader(table, on: connection, where: table.userRows(connection.ledgerNames)).digest()
    }

    /// The digest of one column, each value with the key of its row.
    public static func compute(
        column: Int, of table: TableLayout, _ connection: Connection
    ) throws(BatchError) -> TableDigest {
        let names = [table.keyOrder, SQLName.quote(table.columns[column].name)].compactMap(\.self)
        let statement = try connection.prepare(
            "SELECT \(names.joined(separator: ", ")) FROM main.\(table.quotedName)")
        var sum = TableDigest()
        var buffer = ByteBuffer()
        while try statement.step() {
            buffer.removeAll()
            statement.encodeColumns(0..<statement.columnCount, isUTF16: connection.isUTF16, into: &buffer)
            sum.digest += buffer.digest()
            sum.rows += 1
        }
        return sum
    }

    /// True when this is the state of a record, also of one from a program that did not count the settings of the file.
    /// - Parameter settings: of the database that has this state.
    public func isRecorded(as digest: Digest, _ settings: [SchemaObject]) -> Bool {
        if combined == digest { return true }
        var without = self
        without.schema -= StateDigest.schemaDigest(settings)
        return without.combined == digest
    }

    /// Type, name, table and text of every object; not their order and not where they are stored.
    public static func schemaDigest(_ objects: [SchemaObject]) -> Digest {
        objects.reduce(into: Digest.zero) { sum, object in
            sum += RowCodec.hash(
                [object.type, object.name, object.tableName].map(SQLValue.string)
                    + [object.sql.map(SQLValue.string) ?? .null])
        }
    }
}

/// The digest of one table's rows, and how many there are.
///
/// The hash of a row covers its stored columns. The rowid counts only where a column holds it: VACUUM renumbers the others.
public struct TableDigest: Hashable, Sendable {
    public var digest: Digest
    public var rows: Int64

    public init(digest: Digest = .zero, rows: Int64 = 0) {
        self.digest = digest
        self.rows = rows
    }

    public static func += (sum: inout TableDigest, change: TableDigest) {
        sum.digest += change.digest
        sum.rows &+= change.rows
    }

    public static func -= (sum: inout TableDigest, change: TableDigest) {
        sum.digest -= change.digest
        sum.rows &-= change.rows
    }
}

extension StateDigest {
    /// The state before the given checkpoints, which must be the last ones. The digest of the schema stays: the ledger
    /// does not keep how it changed.
    public func subtracting(_ checkpoints: [Int64], _ ledger: Ledger) throws(BatchError) -> StateDigest {
        var state = self
        for checkpoint in checkpoints {
            for (_, table) in try ledger.changedTables(of: checkpoint) {
                state.tables[table.layout.name, default: TableDigest()] -= table.change
            }
        }
        return state
    }

    /// Goes back over what a restore point serves for.
    mutating func subtract(_ part: UndoPart, _ ledger: Ledger) throws(BatchError) {
        switch part {
        case .whole(let run): subtract(run.changes)
        case .some(let run): self = try subtracting(run.checkpoints.map(\.id), ledger)
        }
    }

    private mutating func subtract(_ run: any NetChanges) {
        let (old, new) = (run.before.digest.tables, run.after.digest.tables)
        for name in Set(old.keys).union(new.keys) where old[name] != new[name] {
            var change = new[name] ?? TableDigest()
            change -= old[name] ?? TableDigest()
            tables[name, default: TableDigest()] -= change
        }
    }
}
