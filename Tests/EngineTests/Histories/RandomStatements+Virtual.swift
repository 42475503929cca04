import BatchCore
import BatchLedger
import TestSupport

/// Statements that write through views and to virtual tables.
extension RandomStatements {
    func view(_ view: Scene.View, _ random: inout SeededRandom) -> SQLPiece? {
        let name = view.quotedName
        let first = SQLName.quote(view.columns[0])
        switch random.pick(view.accepts.sorted()) {
        case "INSERT":
            let parts = view.columns.map { column in
                SQLPiece.Part(
                    column: SQLName.quote(column),
                    text: random.chance(70) ? "\(1 + random.below(RandomLiterals.keys))" : RandomLiterals.name(&random))
            }
            return SQLPiece(.insert, name, "INSERT INTO \(name)", parts)
        case "UPDATE": return .plain("UPDATE \(name) SET v = '\(mark)' WHERE \(first) > \(random.below(6))", on: name)
        default: return .plain("DELETE FROM \(name) WHERE \(first) = \(1 + random.below(6))", on: name)
        }
    }

    func virtualRow(_ random: inout SeededRandom) -> SQLPiece {
        virtual(random.pick(scene.standalone), &random)
    }

    private func virtual(_ table: Scene.Virtual, _ random: inout SeededRandom) -> SQLPiece {
        let name = table.quotedName
        let key = table.isTree ? "id" : "rowid"
        let number = 1 + random.below(7)
        let text: (inout SeededRandom) -> String = { random in
            random.chance(80)
                ? "'\(random.pick(["one", "two", "k1", "k2"])) \(mark)'" : RandomLiterals.name(&random)
        }
        let set = table.isTree ? "x1 = x1 + 1" : "\(SQLName.quote(table.columns[0])) = \(text(&random))"
        switch random.below(8) {
        case 0...3:
            var parts = [SQLPiece.Part(column: key, text: "\(number)")]
            for column in table.columns where column != "id" || !table.isTree {
                let bound = column.hasSuffix("0") ? "\(number)" : "\(number + 2)"
                parts.append(
                    SQLPiece.Part(
                        column: SQLName.quote(column), text: table.isTree && column != "note" ? bound : text(&random)))
            }
            return SQLPiece(.insert, name, "INSERT INTO \(name)", parts)
        case 4: return .plain("UPDATE \(name) SET \(set) WHERE \(key) = \(number)", on: name)
        case 5: return .plain("UPDATE \(name) SET \(set) WHERE \(key) > \(number)", on: name)
        case 6: return .plain("DELETE FROM \(name) WHERE \(key) = \(number)", on: name)
        default:
            if table.isTree { return .plain("DELETE FROM \(name) WHERE x0 < \(number)", on: name) }
            return .plain("DELETE FROM \(name) WHERE \(name) MATCH 'one'", on: name)
        }
    }
}
