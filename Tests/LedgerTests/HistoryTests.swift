import BatchCore
import BatchLedger
import Glibc
import TestSupport
import Testing

/// Random histories: whatever was rolled back is as if it had never run, and nothing else is touched.
@Suite struct HistoryTests {
    /// Seeds that once failed.
    static let known: [UInt64] = [30, 54, 176]
    private static func number(_ name: String, _ usual: UInt64) -> UInt64 {
        getenv(name).flatMap { UInt64(String(cString: $0)) } ?? usual
    }

    static var seeds: [UInt64] {
        let first = number("BATCHMGR_SEED", 0)
        return known + (first..<first + number("BATCHMGR_HISTORIES", 1_500))
    }

    @Test(arguments: seeds) func rolledBackBatchesNeverHappened(_ seed: UInt64) throws {
        var history = try RandomHistory(seed: seed)
        try history.run()
    }
}

/// One random history over a random schema, beside a plain database on which only the live batches ran.
struct RandomHistory {
    private var random: SeededRandom
    private let folder = TemporaryFolder()
    private let setup: String
    private let bench: Bench
    private var model: Connection
    private var live: [(run: Bench.Run, sql: [String])] = []

    init(seed: UInt64) throws {
        random = SeededRandom(seed: seed)
        setup = RandomHistory.schema(&random)
        let made = try Connection(path: folder.file("app.db"), mode: .create)
        try made.execute(setup)
        bench = try Bench(made.path, spillFolder: folder.path)
        try bench.connection.execute("PRAGMA synchronous = OFF")
        model = try RandomHistory.model(setup, [])
    }

    private static func schema(_ random: inout SeededRandom) -> String {
        let action = random.pick(["", "ON DELETE CASCADE", "ON DELETE SET NULL", "ON DELETE CASCADE ON UPDATE CASCADE"])
        let strict = random.chance(30) ? " STRICT" : ""
        var sql = random.chance(20) ? "PRAGMA encoding = 'UTF-16'; " : ""
        sql +=
            "CREATE TABLE p(id INTEGER PRIMARY KEY, u INT UNIQUE, x INT, v TEXT, g INT AS (x + 1) VIRTUAL, UNIQUE(x, id))\(strict); "
        sql +=
            "CREATE TABLE c(id INTEGER PRIMARY KEY\(random.chance(40) ? " AUTOINCREMENT" : ""), u TEXT COLLATE NOCASE UNIQUE, x INT REFERENCES p \(action), v TEXT); "
        sql +=
            "CREATE TABLE w(id TEXT COLLATE \(random.pick(["NOCASE", "BINARY"])) PRIMARY KEY, u INT, x INT REFERENCES p(u) \(action), v TEXT) WITHOUT ROWID; "
        sql += "CREATE TABLE n(u INT, x INT, v TEXT); "
        if random.chance(40) { sql += "CREATE UNIQUE INDEX nu ON n(u) WHERE x > 3; " }
        if random.chance(40) {
            sql +=
                "CREATE TABLE log(a, b); CREATE TRIGGER pt AFTER UPDATE ON p BEGIN INSERT INTO log VALUES(old.v, new.v); END; "
        }
        for id in 1...6 {
            sql += "INSERT INTO p VALUES(\(id), \(id), \(id), 'p'); INSERT INTO n VALUES(\(id), \(id % 5), 'n'); "
            if id < 4 {
                sql +=
                    "INSERT INTO c VALUES(\(id), 'k\(id)', \(id), 'c'); INSERT INTO w VALUES('k\(id)', \(id), \(id), 'w'); "
            }
        }
        return sql
    }

    private static func model(_ setup: String, _ sql: [String]) throws -> Connection {
        let connection = try Connection(path: ":memory:", mode: .create)
        try connection.execute("PRAGMA foreign_keys = ON")
        try connection.execute(setup)
        // A statement may need a row of a batch that is gone; then it does nothing.
        for statement in sql { try? connection.execute(statement) }
        return connection
    }

    mutating func run() throws {
        for round in 0..<(6 + random.below(6)) {
            try runBatch(round)
            if random.chance(35), !live.isEmpty { try rollBack() }
        }
    }

    private mutating func runBatch(_ round: Int) throws {
        var accepted: [String] = []
        for _ in 0..<(1 + random.below(5)) {
            let sql = statement(round)
            let before = try model.value("SELECT total_changes()")
            guard (try? model.execute(sql)) != nil, try model.value("SELECT total_changes()") != before else {
                continue
            }
            accepted.append(sql)
        }
        if accepted.isEmpty { return }
        live.append((try bench.run("b", statements: accepted), accepted))
        try expectEqualToModel("after a batch")
    }

    private mutating func statement(_ round: Int) -> String {
        let table = random.pick(["p", "p", "c", "c", "w", "n"])
        let number = 1 + random.below(9)
        let key = table == "w" ? random.pick(["'k\(number)'", "'K\(number)'"]) : "\(number)"
        let name = table == "n" ? "rowid" : "id"
        let unique =
            table == "c"
            ? random.pick(["'k\(1 + random.below(9))'", "'K\(1 + random.below(9))'", "NULL"]) : "\(1 + random.below(9))"
        let reference = random.chance(20) ? "NULL" : "\(1 + random.below(9))"
        let mark = "'r\(round).\(random.below(100))'"
        switch random.below(8) {
        case 0, 1: return "INSERT INTO \(table)(\(name), u, x, v) VALUES(\(key), \(unique), \(reference), \(mark))"
        case 2: return "DELETE FROM \(table) WHERE \(name) = \(key)"
        case 3: return "UPDATE \(table) SET u = \(unique) WHERE \(name) = \(key)"
        case 4: return "UPDATE \(table) SET x = \(reference), v = \(mark) WHERE \(name) = \(key)"
        case 5:
            return
                "UPDATE \(table) SET \(name) = \(table == "w" ? "upper(\(key))" : "\(1 + random.below(9))") WHERE \(name) = \(key)"
        case 6:
            return "INSERT OR REPLACE INTO \(table)(\(name), u, x, v) VALUES(\(key), \(unique), \(reference), \(mark))"
        default: return "UPDATE \(table) SET v = \(mark) WHERE \(name) = \(key)"
        }
    }

    private mutating func rollBack() throws {
        let chosen = random.below(live.count)
        let edges = try bench.dependents(of: live[chosen].run)
        if !edges.isEmpty { try undoAlone(chosen) }
        let gone = Set(edges.map(\.batch) + [live[chosen].run.record.seq])
        try bench.undo(live.map(\.run).filter { gone.contains($0.record.seq) })
        live.removeAll { gone.contains($0.run.record.seq) }
        model = try RandomHistory.model(setup, live.flatMap(\.sql))
        try expectEqualToModel("after a rollback")
    }

    /// Without its dependents a batch is refused, or it comes out as if it had never run.
    private func undoAlone(_ chosen: Int) throws {
        let before = try StateDigest.compute(bench.connection)
        let undo = Undo(bench.gateway)
        try undo.open()
        defer { undo.close() }
        let outcome: Undo.Outcome
        do throws(BatchError) {
            outcome = try undo.perform(try bench.checkpoints([live[chosen].run]), collecting: false)
        } catch {
            #expect([.conflict, .schemaChanged].contains(error.code), "\(error)")
            bench.gateway.rollback()
            #expect(try StateDigest.compute(bench.connection) == before)
            return
        }
        if !outcome.foreignKeyViolations.isEmpty { return }
        let mismatches = outcome.digests.filter { !$0.matches }
        #expect(mismatches == [])
    }

    private func expectEqualToModel(_ moment: String) throws {
        var expected = try StateDigest.compute(model).tables
        var found = try StateDigest.compute(bench.connection).tables
        for system in ["sqlite_sequence"] {
            expected[system] = nil
            found[system] = nil
        }
        let different = expected.keys.filter { expected[$0] != found[$0] }.sorted()
        #expect(different == [], "\(moment); live: \(live.map(\.sql))")
        #expect(try bench.staleDigests() == [], "\(moment)")
    }
}
