public import BatchCore

extension ChangesReport {
    /// The changes as SQL statements, in an order in which they can be run: what was dropped goes first and takes its
    /// rows along, triggers come last and do not fire. An index, view or trigger that was changed is made anew: a table
    /// that was renamed is dropped here, and takes it along. The tables in which a virtual table keeps its rows come and
    /// go with it.
    public var sql: String {
        let shadows = shadowTables
        let schema = schema.filter { $0.type != "table" || !shadows.contains($0.name) }
        let dropped = Set(schema.filter { $0.type == "table" && $0.after == nil }.map(\.name))
        let rows = changes.filter { !dropped.contains($0.table) && !shadows.contains($0.table) }.map(\.sql)
        let gone = schema.filter { $0.after == nil || $0.isMadeAnew }.reversed()
        let made = schema.filter { $0.before == nil || $0.isMadeAnew }
        let statements =
            gone.map(\.dropStatement) + schema.compactMap(\.remark)
            + made.filter { $0.type == "table" }.compactMap(\.createStatement) + rows
            + made.filter { $0.type != "table" }.compactMap(\.createStatement)
        return statements.map { $0 + "\n" }.joined()
    }

    /// Those of virtual tables that came or went.
    private var shadowTables: Set<String> {
        let owners = schema.filter(\.isVirtualTable).map(\.name)
        return Set(owners.flatMap { owner in SchemaObjectChange.shadowSuffixes.map { "\(owner)_\($0)" } })
    }
}

extension SchemaObjectChange {
    /// Of FTS5 and FTS4 (https://www.sqlite.org/fts5.html, https://www.sqlite.org/fts3.html) and of R*Tree
    /// (https://www.sqlite.org/rtree.html).
    fileprivate static let shadowSuffixes = [
        "data", "idx", "content", "docsize", "config", "segments", "segdir", "stat", "node", "rowid", "parent",
    ]

    /// One that is there on one side only.
    fileprivate var isVirtualTable: Bool {
        guard type == "table", before == nil || after == nil, let text = after ?? before else { return false }
        return text.split(maxSplits: 2, whereSeparator: \.isWhitespace).prefix(2).map { $0.uppercased() }
            == ["CREATE", "VIRTUAL"]
    }

    /// Of a changed table SQLite keeps only the result, as of ALTER TABLE.
    fileprivate var isMadeAnew: Bool { before != nil && after != nil && type != "table" }

    fileprivate var dropStatement: String { "DROP \(type.uppercased()) \(SQLLiteral.name(name));" }

    fileprivate var createStatement: String? { after.map { $0 + ";" } }

    /// What `--sql` says where the statements do not tell it all.
    fileprivate var remark: String? {
        if isVirtualTable, after != nil {
            return "-- table \(Printable.text(name)) is a virtual one: its rows are not among these statements"
        }
        guard let before, let after else { return nil }
        if type == "view" {
            return "-- view \(Printable.text(name)) is made anew: triggers on it that were not changed go with it"
        }
        if type != "table" { return nil }
        return "-- \(type) \(Printable.text(name)) was changed from \(Self.oneLine(before))\n"
            + "-- to \(Self.oneLine(after))"
    }
}
