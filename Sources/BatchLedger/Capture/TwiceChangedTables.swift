internal import BatchCore

/// The tables in which one statement may change a row more than once, or other rows between the BEFORE and the AFTER
/// trigger of one.
///
/// For each row SQLite runs the BEFORE triggers, changes it, runs the actions of foreign keys, and then the AFTER
/// triggers. What a BEFORE trigger of the schema or an action writes, directly or through further triggers and actions,
/// comes between the two; so do DELETE triggers for rows that REPLACE removes, where triggers are recursive.
///
/// Source: https://www.sqlite.org/lang_createtrigger.html, https://www.sqlite.org/foreignkeys.html#fk_actions
struct TwiceChangedTables: Equatable {
    /// By folded names.
    private(set) var names: Set<String> = []

    /// - Parameter seesReplaced: triggers for DELETE fire for rows that REPLACE removes.
    init(_ tables: [TableLayout], seesReplaced: Bool, _ connection: Connection) throws(BatchError) {
        let triggers = try connection.rows("SELECT tbl_name, sql FROM main.sqlite_schema WHERE type = 'trigger'").map {
            (table: SQLName.folded($0[0].string ?? ""), text: TriggerText($0[1].string ?? ""))
        }
        /// What the write of a table may lead to; nil in a set for anything.
        var follows: [String: Set<String?>] = [:]
        /// The part of it that comes before the AFTER trigger.
        var within: [String: Set<String?>] = [:]
        for layout in tables {
            let child = SQLName.folded(layout.name)
            for key in layout.foreignKeys where key.hasAction {
                let parent = SQLName.folded(key.parent)
                follows[parent, default: []].insert(child)
                within[parent, default: []].insert(child)
            }
        }
        for (table, text) in triggers {
            let targets = text.targets.map { Set($0.map(Optional.some)) } ?? [nil]
            if targets.isEmpty { continue }
            follows[table, default: []].formUnion(targets)
            if text.isBefore || seesReplaced && text.event == .delete {
                within[table, default: []].formUnion(targets)
            }
        }
        for (table, first) in within {
            var reached: Set<String?> = []
            var next = Array(first)
            while let following = next.popLast() {
                if reached.insert(following).inserted, let following { next += follows[following] ?? [] }
            }
            if reached.contains(table) || reached.contains(nil) { names.insert(table) }
        }
    }

    func contains(_ layout: TableLayout) -> Bool {
        !names.isEmpty && names.contains(SQLName.folded(layout.name))
    }
}
