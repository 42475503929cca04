internal import BatchCore

/// The text of the triggers that guard one table.
///
/// Each stands on one line, unless the name of the table does not: then `.dump | grep -v batchmgr_` shows the user's
/// data alone.
struct GuardTriggers {
    private let layout: TableLayout
    private let table: String
    private let literal: String
    private let closed: String
    private let drift: String
    static let head = "CREATE TRIGGER main."
    /// Columns of `batchmgr_drift` for a key.
    private static let mostKeyColumns = 4

    init(_ layout: TableLayout, _ names: LedgerNames) {
        closed = "WHEN NOT EXISTS (SELECT 1 FROM \(names.name("batchmgr_gate")))"
        drift = names.name("batchmgr_drift")
        self.layout = layout
        table = layout.quotedName
        literal = SQLName.literal(layout.name)
    }

    func statements(_ mode: GuardMode) -> [String] {
        switch mode {
        case .off: []
        case .enforce:
            ["INSERT", "UPDATE", "DELETE"].map { event in
                let message = SQLName.literal(
                    "\(ErrorCode.writeOutsideGateway.rawValue): table \(layout.name) is written by batchmgr alone: batchmgr run"
                )
                return trigger("BEFORE", event, ["SELECT RAISE(ABORT, \(message))"])
            }
        case .track: tracking
        }
    }

    private var tracking: [String] {
        var statements = [
            trigger("AFTER", "INSERT", [note("NEW")]),
            trigger("AFTER", "UPDATE", isCoarse ? [note("NEW")] : [note("OLD"), note("NEW")]),
            trigger("AFTER", "DELETE", [note("OLD")]),
        ]
        let unique = isCoarse ? [] : layout.uniqueIndexes
        if !unique.isEmpty {
            statements.append(trigger("BEFORE", "INSERT", unique.map(noteReplaced)))
            statements.append(trigger("BEFORE", "UPDATE", unique.map(noteReplaced), of: updated(unique)))
        }
        return statements
    }

    private func trigger(_ time: String, _ event: String, _ body: [String], of columns: String = "") -> String {
        let name = SQLName.quote("batchmgr_guard_\(time.lowercased())_\(event.lowercased())_\(layout.name)")
        let statements = body.map { $0 + "; " }.joined()
        return
            "\(GuardTriggers.head)\(name) \(time) \(event)\(columns) ON \(table) \(closed) BEGIN \(statements)END"
    }

    // MARK: Notes

    /// True when single rows cannot be noted: SQL cannot name them, their key is too long, or a row that REPLACE
    /// removes (which fires no trigger) could not be found.
    private var isCoarse: Bool {
        if case .rowid(nil) = layout.key { return true }
        return key.count > GuardTriggers.mostKeyColumns
            || layout.uniqueIndexes.contains { $0.isPartial || !$0.isComputable }
    }

    private var key: [String] {
        switch layout.key {
        case .rowid: [layout.rowidName ?? "rowid"]
        case .primaryKey(let positions): positions.map { SQLName.quote(layout.columns[$0].name) }
        }
    }

    /// - Parameter row: `NEW.`, `OLD.` or nothing for a row of the table.
    private func values(_ row: String) -> String {
        if isCoarse { return "\(literal), 1, 0, 0, 0, 0" }
        let padding = Array(repeating: "0", count: GuardTriggers.mostKeyColumns - key.count)
        return "\(literal), 0, " + (key.map { row + $0 } + padding).joined(separator: ", ")
    }

    /// ON CONFLICT, and not OR IGNORE: what the statement of the client says after OR would stand above that.
    private func note(_ row: String) -> String {
        "INSERT INTO \(drift) VALUES(\(values(row + "."))) ON CONFLICT DO NOTHING"
    }

    /// Notes the rows that REPLACE would remove for a value of this index.
    private func noteReplaced(_ index: TableLayout.UniqueIndex) -> String {
        let terms = zip(index.columns, index.collations).compactMap { position, collation in
            position.map { position in
                let name = SQLName.quote(layout.columns[position].name)
                return "\(name) = NEW.\(name) COLLATE \(collation)"
            }
        }
        return
            "INSERT INTO \(drift) SELECT \(values("")) FROM \(table) WHERE \(terms.joined(separator: " AND ")) ON CONFLICT DO NOTHING"
    }

    /// Statements that set no unique column replace nothing. A generated column changes with others.
    private func updated(_ unique: [TableLayout.UniqueIndex]) -> String {
        let positions = Set(unique.flatMap { $0.columns.compactMap(\.self) })
        if positions.contains(where: { layout.columns[$0].generated != .no }) { return "" }
        return " OF " + positions.sorted().map { SQLName.quote(layout.columns[$0].name) }.joined(separator: ", ")
    }
}
