import BatchCore
import BatchHistory
import BatchLedger
import BatchSystem
import Testing

/// Rows of one table taken out of commits and `.bak` files.
@Suite(.timeLimit(.minutes(2))) struct ErasureTests {
    private static let setup = """
        CREATE TABLE person(id INTEGER PRIMARY KEY, name TEXT UNIQUE, note);
        CREATE TABLE other(a, b, PRIMARY KEY(a, b)) WITHOUT ROWID;
        WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 400)
        INSERT INTO person SELECT i, 'person ' || i, 'note ' || i FROM n;
        INSERT INTO other SELECT id, name FROM person;
        """

    /// Two states of one database, and both as if some rows had never been there.
    private struct Pair {
        let with: Scenario
        let without: Scenario
    }

    private func pair(erasing condition: String, of table: String, change: String) throws -> Pair {
        let work = Workplace()
        let whole = try work.make("a.db", ErasureTests.setup)
        let less = try work.make("b.db", ErasureTests.setup + "DELETE FROM \(table) WHERE \(condition)")
        return Pair(with: try Scenario(whole, change), without: try Scenario(less, change))
    }

    private func keys(_ table: String, _ condition: String, _ database: Connection) throws -> Set<RowKey> {
        let layout = try #require(try SchemaReader(database).layout(named: table))
        let reader = try RowReader(layout, on: database, where: condition)
        var keys: Set<RowKey> = []
        while let row = try reader.next() { if let key = row.key { keys.insert(key) } }
        return keys
    }

    private static let cases = [
        ("person", "id = 7"), ("person", "id IN (1, 2, 3, 63, 64, 65, 400)"), ("person", "id % 2 = 0"),
        ("other", "a = 7"), ("other", "a > 100"), ("person", "id > 0"),
    ]
    private static let change = """
        UPDATE person SET note = 'changed ' || id WHERE id % 3 = 0; DELETE FROM person WHERE id = 11;
        UPDATE other SET b = b || '!' WHERE a % 5 = 0
        """

    @Test(arguments: cases)
    func `commits written anew restore as if the rows had never been there`(table: String, condition: String) throws {
        let pair = try pair(erasing: condition, of: table, change: ErasureTests.change)
        let (scenario, work) = (pair.with, pair.with.work)
        let first = try work.git.commit(scenario.content(.all, scenario.before, id: "a.1"), connection: scenario.old)
        let second = try work.git.commit(
            scenario.content(
                .changes(scenario.changes, before: scenario.before.digest), scenario.after, id: "b.1"),
            connection: scenario.new)
        work.git("branch former \(first); git --git-dir='\(work.git.path)' tag plain \(second)")
        // The key of a row may be part of what a batch changes.
        let keys = try keys(table, condition, scenario.old).union(try keys(table, condition, scenario.new))

        let erasure = try GitErasure(work.git, table: table)
        let histories = try erasure.histories(branch: "main", knowing: [first])
        #expect(histories.map(\.count).sorted() == [1, 2])
        var map: [CommitID: CommitID] = [:]
        for history in histories {
            var parent: CommitID?
            for point in history {
                let digest = try erasure.digest(of: point, without: keys)
                let new = try erasure.rewrite(point, without: keys, parent: parent, snapshot: nil)
                #expect(try work.git.point(new.description).state.digest == digest)
                map[point.id] = new
                parent = new
            }
        }
        try erasure.publish(map)
        try erasure.purge()
        #expect(try erasure.left(of: map).isEmpty)
        for old in [first, second] { #expect(work.git("cat-file -e \(old)").code != 0) }
        #expect(work.git("fsck --strict --full").output.isEmpty)

        let again = try GitErasure(work.git, table: table)
        var versions = 0
        try again.rows.forEachVersion(of: keys, in: try again.histories(branch: "main", knowing: []).flatMap(\.self)) {
            (_, _, _) in versions += 1
        }
        #expect(versions == 0)
        #expect(
            try Workplace.dump(work.git.restore(work.git.point("a.1").id, to: work.path("1.db")).path)
                == pair.without.dumps.before)
        #expect(
            try Workplace.dump(work.git.restore(work.git.point("b.1").id, to: work.path("2.db")).path)
                == pair.without.dumps.after)
        #expect(try work.git.point("plain").id == map[second])
    }

    @Test func `files are read by the keys that are looked for`() throws {
        let pair = try pair(erasing: "id = 7", of: "person", change: ErasureTests.change)
        let (scenario, work) = (pair.with, pair.with.work)
        _ = try work.git.commit(scenario.content(.all, scenario.before, id: "a.1"), connection: scenario.old)
        let erasure = try GitErasure(work.git, table: "person")
        let points = try erasure.histories(branch: "main", knowing: []).flatMap(\.self)
        var found: [RowKey: [SQLValue]] = [:]
        try erasure.rows.forEachVersion(of: [.rowid(7), .rowid(399), .rowid(5_000)], in: points) { (_, key, row) in
            found[key] = row
        }
        #expect(found.keys.count == 2 && found[.rowid(7)]?[1] == .string("person 7"))
        var all = 0
        try erasure.rows.forEachFile(in: points) { (_, rows) in all += rows.count }
        #expect(all == 400)
    }

    @Test(arguments: cases)
    func `bak files written anew restore as if the rows had never been there`(table: String, condition: String) throws {
        let pair = try pair(erasing: condition, of: table, change: ErasureTests.change)
        let scenario = pair.with
        let keys = try keys(table, condition, scenario.old).union(try keys(table, condition, scenario.new))
        let full = try scenario.bak.writeFull(
            scenario.label("a.1", base: nil, time: 0), from: scenario.old, before: scenario.before)
        let complete = try scenario.bak.complete(
            full, with: try DifferenceSource(from: scenario.old, to: scenario.old), before: scenario.before,
            after: scenario.before, source: scenario.old)
        let (delta, pending) = try scenario.bak.writeDelta(
            scenario.label("b.1", base: full.name, time: 1), changes: scenario.changes, before: scenario.before,
            after: scenario.after, source: scenario.new)
        try pending.value()

        let folder = scenario.work.path("new")
        let states = [
            scenario.before.digest.combined: pair.without.before.digest,
            scenario.after.digest.combined: pair.without.after.digest,
        ]
        let erasure = BakErasure(
            scenario.bak, into: folder, table: table, without: keys, states: states)
        #expect(try erasure.rewrite(delta.name, sha256: full.sha256) == nil)
        for file in [complete, delta] {
            let new = try #require(try erasure.rewrite(file.name, sha256: file.sha256))
            #expect(new.name == file.name && new.kind == file.kind)
        }
        let store = BakStore(folder: folder)
        for (batch, side, dump) in [
            ("a.1", BakStore.Side.before, pair.without.dumps.before), ("b.1", .after, pair.without.dumps.after),
        ] {
            let rebuilt = try store.restore(
                batch: batch, database: "main", side, to: scenario.work.path("\(batch).db"))
            #expect(Workplace.dump(rebuilt.path) == dump)
        }
        #expect(Workplace.run("ls '\(folder)' | grep -vc '[.]bak$'").output == "0\n")
    }

    @Test func `a whole copy brings nothing along from free pages`() throws {
        let work = Workplace()
        let database = try work.make(
            "a.db", "CREATE TABLE t(id INTEGER PRIMARY KEY, v); INSERT INTO t VALUES (1, 'a'), (2, 'b')")
        Workplace.run(
            "sqlite3 '\(database)' \"PRAGMA secure_delete=OFF; INSERT INTO t VALUES (3, 'unmistakable'); DELETE FROM t WHERE id = 3\""
        )
        let scenario = try Scenario(database, "UPDATE t SET v = 'c' WHERE id = 1")
        let full = try scenario.bak.writeFull(
            scenario.label("a.1", base: nil, time: 0), from: scenario.old, before: scenario.before)
        let complete = try scenario.bak.complete(
            full, with: scenario.changes, before: scenario.before, after: scenario.after, source: scenario.new)
        #expect(Workplace.run("grep -c unmistakable '\(complete.path)'").output == "1\n")
        let erasure = BakErasure(
            scenario.bak, into: scenario.work.path("new"), table: "t", without: [.rowid(3)],
            states: [
                scenario.before.digest.combined: scenario.before.digest,
                scenario.after.digest.combined: scenario.after.digest,
            ])
        let new = try #require(try erasure.rewrite(complete.name, sha256: complete.sha256))
        #expect(Workplace.run("grep -c unmistakable '\(new.path)'").output == "0\n")
    }
}
