import TestSupport

/// A random schema, batches over it, and rollbacks between them; made from a seed, and made smaller step by step.
struct ModePlot: CustomStringConvertible {
    enum Event: CustomStringConvertible {
        case batch([String])
        /// A batch by its place among those that live, and what to do with it.
        case rollback(Int, Way)

        var description: String {
            switch self {
            case .batch(let sql): "run \(sql.joined(separator: "; "))"
            case .rollback(let place, let way): "rollback of live batch \(place), \(way)"
            }
        }
    }

    enum Way: CaseIterable {
        case cascade, replay, prove, unconflicted
    }

    var schema: String
    var events: [Event]

    var description: String { ([schema] + events.map(\.description)).joined(separator: "\n  ") }

    init(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        schema = ModePlot.schema(&random)
        events = []
        for round in 0..<(4 + random.below(6)) {
            events.append(.batch((0..<(1 + random.below(3))).map { _ in ModePlot.statement(round, &random) }))
            if round > 1, random.chance(30) { events.append(ModePlot.rollback(&random)) }
        }
        events.append(ModePlot.rollback(&random))
    }

    /// All plots with one event, or one statement of a batch, less.
    var smaller: [ModePlot] {
        var plots: [ModePlot] = []
        for index in events.indices.reversed() {
            var plot = self
            plot.events.remove(at: index)
            plots.append(plot)
            guard case .batch(let sql) = events[index], sql.count > 1 else { continue }
            for statement in sql.indices {
                var plot = self
                var less = sql
                less.remove(at: statement)
                plot.events[index] = .batch(less)
                plots.append(plot)
            }
        }
        return plots
    }

    private static func rollback(_ random: inout SeededRandom) -> Event {
        .rollback(random.below(6), random.pick(Way.allCases + [.replay, .replay]))
    }

    private static func schema(_ random: inout SeededRandom) -> String {
        var sql = random.chance(20) ? "PRAGMA encoding = 'UTF-16'; " : ""
        let strict = random.chance(30) ? " STRICT" : ""
        sql +=
            "CREATE TABLE p(id INTEGER PRIMARY KEY, u INT UNIQUE, x INT, v TEXT, g INT AS (x + 1) VIRTUAL)\(strict); "
        sql += "CREATE TABLE c(id INTEGER PRIMARY KEY, u TEXT COLLATE NOCASE UNIQUE, x INT REFERENCES p, v TEXT); "
        sql += "CREATE TABLE w(id TEXT PRIMARY KEY, u INT, x INT, v TEXT) WITHOUT ROWID; "
        sql += "CREATE VIEW sums AS SELECT x, count(*) AS number, total(u) AS amount FROM p GROUP BY x; "
        if random.chance(40) {
            sql += "CREATE TABLE log(a, b); CREATE TRIGGER pt AFTER UPDATE OF x ON p BEGIN "
            sql += "INSERT INTO log VALUES(old.v, (SELECT count(*) FROM w)); END; "
        }
        for id in 1...5 {
            sql += "INSERT INTO p VALUES(\(id), \(id), \(id % 3), 'p'); INSERT INTO w VALUES('k\(id)', \(id), 0, 'w'); "
            if id < 4 { sql += "INSERT INTO c VALUES(\(id), 'k\(id)', \(id), 'c'); " }
        }
        return sql
    }

    private static func statement(_ round: Int, _ random: inout SeededRandom) -> String {
        let table = random.pick(["p", "p", "c", "w"])
        let other = random.pick(["p", "w"])
        let number = 1 + random.below(7)
        let key = table == "w" ? "'k\(number)'" : "\(number)"
        let unique = table == "c" ? "'\(random.pick(["k", "K"]))\(1 + random.below(7))'" : "\(1 + random.below(7))"
        let reference = table == "c" ? "NULL" : "\(1 + random.below(4))"
        let mark = "'r\(round).\(random.below(100))'"
        switch random.below(12) {
        case 0: return "INSERT INTO \(table)(id, u, x, v) VALUES(\(key), \(unique), \(reference), \(mark))"
        case 1: return "DELETE FROM \(table) WHERE id = \(key)"
        case 2: return "UPDATE \(table) SET v = \(mark) WHERE id = \(key)"
        case 3: return "UPDATE \(table) SET x = \(reference) WHERE id = \(key)"
        case 4: return "INSERT OR IGNORE INTO \(table)(id, u, x, v) VALUES(\(key), \(unique), \(reference), \(mark))"
        case 5: return "INSERT OR REPLACE INTO \(table)(id, u, x, v) VALUES(\(key), \(unique), \(reference), \(mark))"
        case 6:
            return
                "INSERT INTO \(table)(id, u, x, v) VALUES(\(key), NULL, \(reference), \(mark)) ON CONFLICT(id) DO UPDATE SET v = v || 'u'"
        case 7: return "UPDATE \(table) SET v = (SELECT total(u) FROM \(other)) WHERE id = \(key)"
        case 8:
            return "UPDATE \(table) SET v = (SELECT group_concat(number || ':' || amount) FROM sums) WHERE id = \(key)"
        case 9: return "UPDATE \(table) SET v = v || \(mark) WHERE \(table == "c" ? "id" : "x") > \(random.below(4))"
        case 10: return "UPDATE \(table) SET v = (SELECT count(*) FROM \(other)) || '~' || random() WHERE id = \(key)"
        default:
            return "DELETE FROM \(table) WHERE v = (SELECT v FROM \(other) WHERE id = \(other == "w" ? "'k2'" : "2"))"
        }
    }
}
