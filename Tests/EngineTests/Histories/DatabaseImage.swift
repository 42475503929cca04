import BatchCore
import BatchLedger

/// All that a database holds but the ledger, as strictly as `.dump` tells it, and the rowids too.
struct DatabaseImage: Hashable {
    enum Kind: Hashable {
        case ordinary, virtual, shadow, system
    }

    struct Table: Hashable {
        let name: String
        let kind: Kind
        /// Whether the first value of a row is a rowid that VACUUM and restores need not keep.
        let hasFreeRowid: Bool
        let rows: [[SQLValue]]
    }

    let settings: [SQLValue]
    /// In their order. Where exactly they are, VACUUM changes.
    let objects: [SchemaObject]
    let tables: [Table]

    /// Without the rowids that VACUUM changes behind everybody's back: no record tells of that.
    var withoutFreeRowids: DatabaseImage {
        let tables = tables.map { table in
            guard table.hasFreeRowid else { return table }
            return Table(
                name: table.name, kind: table.kind, hasFreeRowid: true,
                rows: table.rows.map { [SQLValue.null] + $0.dropFirst() })
        }
        return DatabaseImage(settings: settings, objects: objects, tables: tables)
    }

    /// The first thing in which another image differs; nil when there is none.
    func difference(from other: DatabaseImage) -> String? {
        if settings != other.settings { return "settings \(settings) and \(other.settings)" }
        for index in 0..<max(objects.count, other.objects.count) {
            let one = index < objects.count ? objects[index] : nil
            let two = index < other.objects.count ? other.objects[index] : nil
            if one != two {
                return "schema \(one.map { "\($0)" } ?? "nothing") and \(two.map { "\($0)" } ?? "nothing")"
            }
        }
        for (one, two) in zip(tables, other.tables) where one != two {
            return "\(one.name): \(Content.text(one.rows)) and \(Content.text(two.rows))"
        }
        return tables.count == other.tables.count ? nil : "number of tables"
    }
}
