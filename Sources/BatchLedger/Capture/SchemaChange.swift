internal import BatchCore

/// What a statement did to the schema, as an entry of the undo log.
struct SchemaChange {
    /// Objects as they were that are gone now or read differently.
    var before: [SchemaObject]
    /// Objects as they are now that are new or read differently.
    var after: [SchemaObject]
    /// Digests of the tables in `after` right after the statement: undo throws these tables away, so it must know
    /// that nobody has written to them since.
    var digests: [String: TableDigest]

    /// Nil when nothing changed.
    init?(from old: [SchemaObject], to new: [SchemaObject]) {
        let oldSet = Set(old)
        let newSet = Set(new)
        before = old.filter { !newSet.contains($0) }
        after = new.filter { !oldSet.contains($0) }
        digests = [:]
        if before.isEmpty && after.isEmpty { return nil }
    }

    /// True when the object is the same table before and after, with another text, or at another place.
    func holdsRows(_ object: SchemaObject) -> Bool {
        guard object.type == "table", !object.isVirtualTable,
            let old = before.first(where: { $0.type == "table" && $0.name == object.name }),
            let new = after.first(where: { $0.type == "table" && $0.name == object.name })
        else { return false }
        return old.rowid == new.rowid || old.sql == new.sql
    }

    /// Tables that undo drops, because their rows are in the log: those that are new, and those that were rewritten.
    var replacedTables: [SchemaObject] {
        after.filter { object in
            guard object.type == "table", !object.isSystem else { return false }
            return object.isVirtualTable && !isMoved(object) || digests[object.name] != nil
                || !object.isVirtualTable && !holdsRows(object)
        }
    }

    /// True for a table of a virtual table that undo drops: it goes with it.
    func takesAway(_ table: TableLayout?) -> Bool {
        guard case .shadow(let owner) = table?.role else { return false }
        return replacedTables.contains { $0.isVirtualTable && $0.name == owner }
    }

    /// The same without the unique indexes that come back, and these alone, nil when there are none: rows that the change
    /// left may stand in their way until they have been undone too.
    var parts: (first: SchemaChange, uniqueIndexes: SchemaChange?) {
        let indexes = before.filter(\.isUniqueIndex)
        if indexes.isEmpty { return (self, nil) }
        var (first, last) = (self, self)
        first.before.removeAll(where: \.isUniqueIndex)
        (last.before, last.after, last.digests) = (indexes, [], [:])
        return (first, last)
    }

    /// True when nothing but the place of an object has changed.
    private func isMoved(_ object: SchemaObject) -> Bool {
        before.contains { $0.type == object.type && $0.name == object.name && $0.sql == object.sql }
    }

    func encode(into buffer: inout ByteBuffer) {
        for objects in [before, after] {
            buffer.appendVarint(UInt64(objects.count))
            for object in objects {
                buffer.appendSigned(object.rowid)
                RowCodec.encode([object.type, object.name, object.tableName].map(SQLValue.string), into: &buffer)
                RowCodec.encode(object.sql.map(SQLValue.string) ?? .null, into: &buffer)
            }
        }
        buffer.appendVarint(UInt64(digests.count))
        for (name, table) in digests.sorted(by: { $0.key < $1.key }) {
            RowCodec.encode(.string(name), into: &buffer)
            buffer.appendFixed(table.digest.high)
            buffer.appendFixed(table.digest.low)
            buffer.appendSigned(table.rows)
        }
    }

    init(from reader: inout ByteReader) throws(BatchError) {
        before = try SchemaChange.objects(&reader)
        after = try SchemaChange.objects(&reader)
        digests = [:]
        for _ in 0..<(try reader.count()) {
            let name = try reader.value().string ?? ""
            let digest = Digest(high: try reader.fixed(), low: try reader.fixed())
            digests[name] = TableDigest(digest: digest, rows: try reader.signed())
        }
    }

    private static func objects(_ reader: inout ByteReader) throws(BatchError) -> [SchemaObject] {
        var objects: [SchemaObject] = []
        for _ in 0..<(try reader.count()) {
            let rowid = try reader.signed()
            let values = try reader.values(4)
            objects.append(
                SchemaObject(
                    rowid: rowid, type: values[0].string ?? "", name: values[1].string ?? "",
                    tableName: values[2].string ?? "", sql: values[3].string))
        }
        return objects
    }
}
