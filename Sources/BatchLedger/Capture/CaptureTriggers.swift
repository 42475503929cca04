internal import BatchCore

/// TEMP triggers that hand every changed row of one table to the recorder, where SQLite's hook cannot be had.
///
/// TEMP triggers fire before those of the schema, so changes come in the order in which they happen. REPLACE removes rows
/// without firing any, unless triggers are recursive: rows that it could remove are then handed over before, as candidates.
struct CaptureTriggers {
    private static let prefix = "batchmgr_record_"
    /// A condition of SQL on the name of a trigger.
    static let isOwn = "name LIKE 'batchmgr\\_record\\_%' ESCAPE '\\'"
    private let layout: TableLayout
    private let index: Int
    private let token: Int64
    private let seesReplaced: Bool
    private let isTwiceChanged: Bool
    private let defaults: [Int: String]

    /// - Parameters:
    ///   - index: by which the triggers name the table.
    ///   - token: known to the triggers and the recorder alone, so that nobody else can write into the record.
    ///   - seesReplaced: triggers for DELETE fire for rows that REPLACE removes.
    ///   - isTwiceChanged: see `TwiceChangedTables`.
    ///   - defaults: SQL of what REPLACE puts in the place of NULL, by positions of columns.
    init(
        _ layout: TableLayout, index: Int, token: Int64, seesReplaced: Bool, isTwiceChanged: Bool,
        defaults: [Int: String]
    ) {
        self.layout = layout
        self.index = index
        self.token = token
        self.seesReplaced = seesReplaced
        self.isTwiceChanged = isTwiceChanged
        self.defaults = defaults
    }

    var statements: [String] {
        if let refusal {
            return ["INSERT", "UPDATE", "DELETE"].map { event in
                trigger("BEFORE", event, "SELECT RAISE(ABORT, \(SQLName.literal(refusal)))")
            }
        }
        if isTwiceChanged { return announcing }
        var statements = [
            trigger("AFTER", "INSERT", record(ChangeChunk.Kind.insert)),
            trigger("AFTER", "UPDATE", record(ChangeChunk.Kind.update)),
            trigger("AFTER", "DELETE", record(ChangeChunk.Kind.delete)),
        ]
        if seesReplaced { return statements }
        statements.append(trigger("BEFORE", "INSERT", candidates(conditions + keyCondition)))
        let replacing = conditions + keyCondition
        if !replacing.isEmpty { statements.append(trigger("BEFORE", "UPDATE", candidates(replacing, not: "OLD"))) }
        return statements
    }

    /// The rows that may change are named before and after; their values are read from the table.
    private var announcing: [String] {
        let replaced = seesReplaced ? [] : conditions
        return [
            ("INSERT", ChangeChunk.Kind.insert, candidates(replaced)),
            ("UPDATE", ChangeChunk.Kind.update, candidates(replaced, not: "OLD")),
            ("DELETE", ChangeChunk.Kind.delete, "SELECT 1"),
        ].flatMap { event, kind, candidates in
            let old = kind == ChangeChunk.Kind.insert ? "NEW" : "OLD"
            let new = kind == ChangeChunk.Kind.delete ? "OLD" : "NEW"
            let keys = [old, new].flatMap { row in keyColumns.map { "\(row).\($0)" } }
            let values = (["\(token), \(kind), \(index), \(rowid(old)), \(rowid(new))"] + keys).joined(separator: ", ")
            return [
                trigger(
                    "BEFORE", event, "SELECT \(Gateway.TriggerCall.announcement.rawValue)(\(values)); \(candidates)"),
                trigger("AFTER", event, "SELECT \(Gateway.TriggerCall.end.rawValue)(\(values))"),
            ]
        }
    }

    /// Takes away all of them, whoever made them.
    static func remove(from connection: Connection) throws(BatchError) {
        let names = try connection.rows("SELECT name FROM temp.sqlite_schema WHERE type = 'trigger' AND \(isOwn)")
        for name in names.compactMap({ $0[0].string }) {
            try connection.execute("DROP TRIGGER temp.\(SQLName.quote(name))")
        }
    }

    /// SQLite keeps the text of a trigger from its name on.
    static func stored(_ statement: String) -> String { "CREATE TRIGGER " + statement.dropFirst(head.count) }

    private static let head = "CREATE TEMP TRIGGER "

    /// Why the table cannot be written in such a host; nil when it can.
    private var refusal: String? {
        let code = ErrorCode.notUndoable.rawValue
        if case .rowid(nil) = layout.key {
            return "\(code): table \(layout.name) hides its rowid, so it cannot be recorded here: batchmgr run"
        }
        guard isTwiceChanged else { return nil }
        let reason =
            keyColumns.count * 2 + 5 > CaptureTriggers.mostValues
            ? "a key of so many columns"
            : layout.keyCollations.contains(nil) ? "a collation of the program in its key" : nil
        return reason.map {
            "\(code): triggers or foreign keys may change a row of table \(layout.name) twice, and it has \($0), so it cannot be recorded here: batchmgr run"
        }
    }

    private func trigger(_ time: String, _ event: String, _ body: String) -> String {
        let name = "\(CaptureTriggers.prefix)\(time.lowercased())_\(event.lowercased())_\(index)"
        return "\(CaptureTriggers.head)\(name) \(time) \(event) ON main.\(layout.quotedName) BEGIN \(body); END"
    }

    // MARK: Rows

    private var stored: [String] { layout.storedColumns.map { SQLName.quote(layout.columns[$0].name) } }

    private func rowid(_ row: String) -> String { layout.rowidName.map { "\(row).\($0)" } ?? "0" }

    private func record(_ kind: UInt8) -> String {
        let hasOld = kind != ChangeChunk.Kind.insert
        let hasNew = kind != ChangeChunk.Kind.delete
        let old = hasOld ? stored.map { "OLD.\($0)" } : []
        let new = hasNew ? stored.map { "NEW.\($0)" } : []
        let head = "\(token), \(kind), \(index), \(hasOld ? rowid("OLD") : "0"), \(hasNew ? rowid("NEW") : "0")"
        if old.count + new.count <= CaptureTriggers.mostValues {
            return "SELECT \(Gateway.TriggerCall.record.rawValue)(\(([head] + old + new).joined(separator: ", ")))"
        }
        // A call has a limited number of arguments.
        var statements: [String] = []
        for (side, values) in [(0, old), (1, new)] {
            for start in stride(from: 0, to: values.count, by: CaptureTriggers.mostValues) {
                let part = values[start..<min(start + CaptureTriggers.mostValues, values.count)]
                let arguments = ["\(token), \(side), \(index), \(start)"] + part
                statements.append("SELECT \(Gateway.TriggerCall.image.rawValue)(\(arguments.joined(separator: ", ")))")
            }
        }
        return (statements + ["SELECT \(Gateway.TriggerCall.record.rawValue)(\(head))"]).joined(separator: "; ")
    }

    /// SQLite takes 127 arguments; some come before the values.
    private static let mostValues = 120

    // MARK: Candidates

    /// A table with so many columns hands over the key alone; its rows are read by it.
    private func candidates(_ conditions: [String], not row: String? = nil) -> String {
        if conditions.isEmpty { return "SELECT 1" }
        let table = "main.\(layout.quotedName)"
        return conditions.map { condition in
            let own = row.map { " AND NOT (\(same($0)))" } ?? ""
            let values = ["\(token), \(index)", layout.rowidName ?? "0"] + keyColumns
            return
                "SELECT \(Gateway.TriggerCall.candidate.rawValue)(\(values.joined(separator: ", "))) FROM \(table) WHERE \(condition)\(own)"
        }.joined(separator: "; ")
    }

    /// Of a WITHOUT ROWID table.
    private var keyColumns: [String] {
        guard case .primaryKey(let positions) = layout.key else { return [] }
        return positions.map { SQLName.quote(layout.columns[$0].name) }
    }

    private func same(_ row: String) -> String {
        if let rowid = layout.rowidName { return "\(rowid) = \(row).\(rowid)" }
        return keyColumns.map { "\($0) IS \(row).\($0)" }.joined(separator: " AND ")
    }

    private var keyCondition: [String] {
        layout.rowidName.map { ["\($0) = NEW.\($0)"] } ?? []
    }

    private var conditions: [String] {
        layout.uniqueIndexes.filter { !$0.isPartial && $0.isComputable }.compactMap { index in
            let terms = zip(index.columns, index.collations).compactMap { position, collation in
                position.map { position in
                    let name = SQLName.quote(layout.columns[position].name)
                    let new = defaults[position].map { "coalesce(NEW.\(name), \($0))" } ?? "NEW.\(name)"
                    return "\(name) = \(new) COLLATE \(SQLName.quote(collation))"
                }
            }
            return terms.isEmpty ? nil : terms.joined(separator: " AND ")
        }
    }
}
