import BatchCore
import BatchLedger
import TestSupport

/// Statements that write rows of the tables that there are.
struct RandomStatements {
    private typealias Part = SQLPiece.Part

    let traits: HistoryTraits
    let scene: Scene
    /// Marks what this batch writes.
    let mark: String

    func next(_ random: inout SeededRandom) -> SQLPiece? {
        if !scene.standalone.isEmpty, random.chance(25) { return virtualRow(&random) }
        let views = scene.views.filter { !$0.accepts.isEmpty && !$0.columns.isEmpty }
        if !views.isEmpty, random.chance(15) { return view(random.pick(views), &random) }
        guard !scene.tables.isEmpty else { return nil }
        return row(random.pick(scene.tables), &random)
    }

    // MARK: Tables

    func row(_ table: TableLayout, _ random: inout SeededRandom) -> SQLPiece? {
        switch random.below(26) {
        case 0...4: return insert("INSERT", table, &random)
        case 5: return insert("INSERT OR IGNORE", table, &random)
        case 6, 7: return insert(random.pick(["INSERT OR REPLACE", "REPLACE"]), table, &random)
        case 8, 9: return upsert(table, &random)
        case 10: return copy(table, &random)
        case 11...14: return update(table, where: condition(table, &random), &random)
        case 15: return update(table, where: range(table, &random), &random)
        case 16, 17: return updateFromOthers(table, &random)
        case 18: return changeKey(table, &random)
        case 19: return swap(table, &random)
        case 20...22:
            return .plain("DELETE FROM \(table.quotedName) WHERE \(condition(table, &random))", on: table.quotedName)
        case 23: return .plain("DELETE FROM \(table.quotedName) WHERE \(range(table, &random))", on: table.quotedName)
        case 24: return random.chance(40) ? .plain("DELETE FROM \(table.quotedName)", on: table.quotedName) : nil
        default: return deleteByOthers(table, &random)
        }
    }

    private func isNamedByRowid(_ table: TableLayout) -> Bool {
        traits.namesRowids && table.integerPrimaryKey == nil && table.rowidName != nil
    }

    /// The column by which rows of a table are told apart, and are found.
    private func keyColumn(_ table: TableLayout) -> Column? {
        table.columns.first { $0.primaryKeyPosition == 1 } ?? table.columns.first { $0.generated == .no }
    }

    private func values(_ table: TableLayout, _ random: inout SeededRandom) -> [Part] {
        var parts: [Part] = []
        if isNamedByRowid(table), let name = table.rowidName {
            parts.append(Part(column: name, text: "\(1 + random.below(RandomLiterals.keys + 3))"))
        }
        for (index, column) in table.columns.enumerated() where column.generated == .no {
            if index > 12 && random.chance(90) { continue }
            let isKey = table.integerPrimaryKey == index
            if isKey, traits.choosesKeys, random.chance(60) { continue }
            if !isKey, column.primaryKeyPosition == 0, random.chance(10) { continue }
            let text =
                isKey
                ? "\(1 + random.below(RandomLiterals.keys + 3))"
                : column.name == "v" && random.chance(60) ? "'\(mark)'" : RandomLiterals.value(for: column, &random)
            parts.append(Part(column: SQLName.quote(column.name), text: text))
        }
        return parts
    }

    func insert(_ verb: String, _ table: TableLayout, _ random: inout SeededRandom) -> SQLPiece? {
        let parts = values(table, &random)
        guard !parts.isEmpty else { return nil }
        let tail = random.chance(4) ? " RETURNING *" : ""
        return SQLPiece(.insert, table.quotedName, "\(verb) INTO \(table.quotedName)", parts, tail: tail)
    }

    private func upsert(_ table: TableLayout, _ random: inout SeededRandom) -> SQLPiece? {
        guard var piece = insert("INSERT", table, &random), let key = keyColumn(table),
            let column = setting(table, &random)
        else { return nil }
        let isKey = key.primaryKeyPosition == 1 && table.columns.filter { $0.primaryKeyPosition > 0 }.count == 1
        let target = isKey ? "(\(SQLName.quote(key.name)))" : ""
        let name = SQLName.quote(column.name)
        piece.tail = random.pick([
            " ON CONFLICT\(target) DO NOTHING", " ON CONFLICT\(target) DO UPDATE SET \(name) = excluded.\(name)",
            " ON CONFLICT\(target) DO UPDATE SET \(name) = \(name) || '+' WHERE x > 2",
        ])
        return piece
    }

    /// Rows of this or another table, with other keys.
    private func copy(_ table: TableLayout, _ random: inout SeededRandom) -> SQLPiece? {
        let other = random.pick(scene.tables)
        guard let key = keyColumn(table), let from = keyColumn(other) else { return nil }
        let shift = 3 + random.below(20)
        let old = SQLName.quote(from.name)
        let new =
            key.declaredType.uppercased().contains("INT") ? "abs(\(old)) % 50 + \(shift)" : "\(old) || '.\(shift)'"
        var (names, texts) = ([SQLName.quote(key.name)], [new])
        if isNamedByRowid(table), let rowid = table.rowidName {
            guard other.integerPrimaryKey != nil || isNamedByRowid(other), let otherRowid = other.rowidName else {
                return nil
            }
            names.append(rowid)
            texts.append("abs(\(otherRowid)) % 50 + \(shift)")
        }
        for name in ["x", "v"] where table.columns.contains(where: { $0.name == name }) && name != key.name {
            guard other.columns.contains(where: { $0.name == name }) else { continue }
            names.append(name)
            texts.append(name)
        }
        let sql =
            "\(random.pick(["INSERT OR IGNORE", "INSERT", "INSERT OR REPLACE"])) INTO \(table.quotedName)"
            + "(\(names.joined(separator: ", "))) SELECT \(texts.joined(separator: ", ")) FROM \(other.quotedName)"
            + " WHERE \(range(other, &random))"
        return .plain(sql, on: table.quotedName)
    }

    // MARK: Updates

    /// A column to change: no key, not generated.
    private func setting(_ table: TableLayout, _ random: inout SeededRandom) -> Column? {
        let columns = table.columns.enumerated().filter {
            $0.element.generated == .no && $0.element.primaryKeyPosition == 0
        }.map(\.element)
        return columns.isEmpty ? nil : random.pick(columns)
    }

    private func update(
        _ table: TableLayout, where condition: String, _ random: inout SeededRandom
    ) -> SQLPiece? {
        var parts: [Part] = []
        for _ in 0..<(1 + random.below(2)) {
            guard let column = setting(table, &random),
                !parts.contains(where: { $0.column == SQLName.quote(column.name) })
            else { continue }
            let name = SQLName.quote(column.name)
            let text =
                column.name == "v"
                ? random.pick([
                    "'\(mark)'", "v || '\(mark)'", "upper(v)",
                    "(SELECT count(*) FROM \(random.pick(scene.tables).quotedName))",
                ])
                : column.name == "x" && random.chance(40) ? "x + 1" : RandomLiterals.value(for: column, &random)
            parts.append(Part(column: name, text: text))
        }
        guard !parts.isEmpty else { return nil }
        let verb = random.chance(10) ? random.pick(["UPDATE OR IGNORE", "UPDATE OR REPLACE"]) : "UPDATE"
        return SQLPiece(
            .update, table.quotedName, "\(verb) \(table.quotedName)", parts, tail: " WHERE \(condition)")
    }

    /// With what other tables, views or chance say.
    private func updateFromOthers(_ table: TableLayout, _ random: inout SeededRandom) -> SQLPiece? {
        let other = random.pick(scene.tables)
        let view = scene.views.filter { !$0.columns.isEmpty }
        var texts = [
            "(SELECT count(*) || '/' || total(x) FROM \(other.quotedName))",
            "(SELECT max(v) FROM \(other.quotedName) WHERE x > \(1 + random.below(5)))",
            "v || \(RandomLiterals.chance)",
            "'~' || strftime('%s', 'now')",
        ]
        if !view.isEmpty { texts.append("(SELECT count(*) FROM \(random.pick(view).quotedName))") }
        let part = Part(column: "v", text: random.pick(texts))
        guard table.columns.contains(where: { $0.name == "v" }) else { return nil }
        if random.chance(20), table.name != other.name {
            let sql =
                "UPDATE \(table.quotedName) SET v = o.m FROM (SELECT max(v) AS m, x AS y FROM \(other.quotedName) GROUP BY x) AS o"
                + " WHERE o.y = \(table.quotedName).x"
            return .plain(sql, on: table.quotedName)
        }
        return SQLPiece(
            .update, table.quotedName, "UPDATE \(table.quotedName)", [part],
            tail: " WHERE \(random.chance(70) ? condition(table, &random) : range(table, &random))")
    }

    private func changeKey(_ table: TableLayout, _ random: inout SeededRandom) -> SQLPiece? {
        guard let key = keyColumn(table) else { return nil }
        let name = SQLName.quote(key.name)
        let isText = key.declaredType.uppercased().contains("TEXT")
        var texts = isText ? ["upper(\(name))", "lower(\(name))", "\(name) || ' '"] : ["\(name) + 20", "-\(name)"]
        texts.append(RandomLiterals.key(for: key, &random))
        let part =
            isNamedByRowid(table) && random.chance(40)
            ? Part(column: table.rowidName, text: "\(1 + random.below(15))")
            : Part(column: name, text: random.pick(texts))
        return SQLPiece(
            .update, table.quotedName, "UPDATE \(table.quotedName)", [part],
            tail: " WHERE \(random.chance(80) ? condition(table, &random) : range(table, &random))")
    }

    /// Two unique values change places, by way of a third.
    private func swap(_ table: TableLayout, _ random: inout SeededRandom) -> SQLPiece? {
        guard let column = table.columns.first(where: { $0.name == "u" }) else { return nil }
        let one = RandomLiterals.key(for: column, &random)
        let two = RandomLiterals.key(for: column, &random)
        let between = column.declaredType.contains("INT") ? "-77" : "'between'"
        let steps = [(between, one), (one, two), (two, between)].map { new, old in
            "UPDATE \(table.quotedName) SET u = \(new) WHERE u = \(old)"
        }
        return .plain(steps.joined(separator: "; "), on: table.quotedName)
    }

    private func deleteByOthers(_ table: TableLayout, _ random: inout SeededRandom) -> SQLPiece? {
        let other = random.pick(scene.tables)
        guard table.columns.contains(where: { $0.name == "x" }), other.columns.contains(where: { $0.name == "x" })
        else { return nil }
        let sql =
            "DELETE FROM \(table.quotedName) WHERE x \(random.pick(["IN", "NOT IN"]))"
            + " (SELECT x FROM \(other.quotedName) WHERE x > \(1 + random.below(6)))"
        return .plain(sql, on: table.quotedName)
    }

    // MARK: Conditions

    private func condition(_ table: TableLayout, _ random: inout SeededRandom) -> String {
        if isNamedByRowid(table), let rowid = table.rowidName, random.chance(60) {
            return "\(rowid) = \(1 + random.below(RandomLiterals.keys))"
        }
        let column =
            random.chance(75) ? keyColumn(table) : table.columns.first { $0.name == random.pick(["x", "u", "v"]) }
        guard let column else { return "x = \(1 + random.below(5))" }
        return "\(SQLName.quote(column.name)) = \(RandomLiterals.key(for: column, &random))"
    }

    private func range(_ table: TableLayout, _ random: inout SeededRandom) -> String {
        guard let column = keyColumn(table), random.chance(50) else {
            return table.columns.contains { $0.name == "x" } ? "x > \(random.below(8))" : "1"
        }
        let name = SQLName.quote(column.name)
        return random.pick([
            "\(name) > \(RandomLiterals.key(for: column, &random))", "\(name) IS NOT NULL", "length(\(name)) = 1",
        ])
    }
}
