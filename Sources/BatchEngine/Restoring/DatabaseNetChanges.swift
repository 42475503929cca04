internal import BatchCore
internal import BatchHistory
internal import BatchLedger

/// What leads from one database to another one: undone, it turns the other into the first, to the place of every object
/// in the schema.
final class DatabaseNetChanges: NetChanges {
    let before: (objects: [SchemaObject], digest: StateDigest)
    let after: (objects: [SchemaObject], digest: StateDigest)
    private let wanted: Connection
    private let difference: DatabaseDifference
    private let tables: [String: DatabaseDifference.Table]
    /// The changes of the table that is being undone: they are asked for more than once, while it changes.
    private var known: (table: String, changes: [NetChange])?
    /// SQLite changes its own tables by itself while others are undone, so theirs are read before that.
    private var system: [String: [NetChange]] = [:]

    /// - Parameters:
    ///   - wanted: the database to come to, which no one else changes meanwhile.
    ///   - now: the database to be changed.
    ///   - state: of `now`; nil to work it out.
    init(to wanted: Connection, from now: Connection, state: StateDigest? = nil) throws(BatchError) {
        self.wanted = wanted
        difference = DatabaseDifference(old: wanted, new: now)
        tables = Dictionary(try difference.tables().map { ($0.name, $0) }) { first, _ in first }
        let known: StateDigest
        if let state { known = state } else { known = try StateDigest.compute(now) }
        after = (try SchemaReader(now).objectsAndSettings(), known)
        before = (
            try DatabaseNetChanges.placed(SchemaReader(wanted).objects(), among: after.objects)
                + SchemaReader(wanted).settings(),
            try StateDigest.compute(wanted)
        )
        for (name, table) in tables where table.after?.role == .system { system[name] = try changes(of: name) }
    }

    /// Gives objects of another file places among those of this one: an object that is here stays where it is, as far as
    /// the order allows.
    private static func placed(_ objects: [SchemaObject], among present: [SchemaObject]) -> [SchemaObject] {
        var last: Int64 = 0
        return objects.map { object in
            let here = present.first { $0.type == object.type && $0.name == object.name }
            last = max(last + 1, here?.rowid ?? 0)
            return SchemaObject(
                rowid: last, type: object.type, name: object.name, tableName: object.tableName, sql: object.sql)
        }
    }

    /// True when the schemas differ, if only in their order.
    var changesSchema: Bool { Set(before.objects) != Set(after.objects) }

    func layout(of table: String, isAfter: Bool) throws(BatchError) -> TableLayout? {
        isAfter ? tables[table]?.after : tables[table]?.before
    }

    func touches(_ table: String) throws(BatchError) -> Bool { try !knownChanges(of: table).isEmpty }

    func forEachChange(of table: String, _ body: (NetChange) throws(BatchError) -> Void) throws(BatchError) {
        for change in try knownChanges(of: table) { try body(change) }
    }

    private func knownChanges(of table: String) throws(BatchError) -> [NetChange] {
        if let changes = system[table] { return changes }
        if let known, known.table == table { return known.changes }
        let changes = try changes(of: table)
        known = (table, changes)
        return changes
    }

    private func changes(of name: String) throws(BatchError) -> [NetChange] {
        guard let table = tables[name], table.before != nil, table.after != nil else { return [] }
        var changes: [NetChange] = []
        try difference.forEachChange(of: table) { (row) throws(BatchError) in
            if let change = NetChange(row) { changes.append(change) }
        }
        return changes
    }

    func forEachRow(
        of table: String, isAfter: Bool, _ body: (RowKey, [SQLValue]) throws(BatchError) -> Void
    ) throws(BatchError) {
        guard let layout = try layout(of: table, isAfter: isAfter) else { return }
        try difference.forEachRow(layout, isAfter ? difference.new : wanted, body)
    }
}
