import BatchCore
import BatchHistory
import BatchLedger
import BatchSystem
import Testing

/// One database through many states, both copies of each.
private final class Chain {
    let work = Workplace()
    private(set) var commits: [CommitID] = []
    private(set) var files: [BakFile] = []
    private(set) var digests: [Digest] = []
    private(set) var dumps: [String] = []
    var store: BakStore { BakStore(folder: work.path("bak")) }

    /// - Parameter steps: what each batch does; the first is the state that everything begins from.
    init(_ steps: [String]) throws {
        var old = try work.make("state0.db", steps[0])
        for (number, sql) in steps.enumerated() {
            let path = work.copy(old, as: "state\(number + 1).db")
            let (before, after) = (try Scenario.open(old), try Scenario.open(path))
            if number > 0 { try after.execute(sql) }
            let states = (try DatabaseState.read(before), try DatabaseState.read(after))
            let changes = try DifferenceSource(from: before, to: after)
            let id = "step.\(number)"
            let content = PointContent(
                branch: "main", tag: "batch/" + id,
                message: Workplace.message(id, time: 1_795_226_400_000 + Int64(number) * 1_000), state: states.1,
                rows: number == 0 ? .all : .changes(changes, before: states.0.digest), tenantColumn: nil)
            commits.append(try work.git.commit(content, connection: after))
            let label = BakStore.Label(
                batch: id, database: "main", base: files.last?.name, time: Timestamp(milliseconds: Int64(number)))
            if number == 0 || states.0.objects != states.1.objects {
                let full = try store.writeFull(label, from: before, before: states.0)
                files.append(
                    try store.complete(full, with: changes, before: states.0, after: states.1, source: after))
            } else {
                let (delta, pending) = try store.writeDelta(
                    label, changes: changes, before: states.0, after: states.1, source: after)
                try pending.value()
                files.append(delta)
            }
            digests.append(states.1.digest.combined)
            dumps.append(Workplace.dump(path))
            old = path
        }
    }

    var recorded: [String: FileHash] {
        Dictionary(files.map { ($0.name, FileHash.sha256($0.sha256)) }) { _, last in last }
    }
}

@Suite(.timeLimit(.minutes(3))) struct PointWalkTests {
    private static let steps = [
        """
        CREATE TABLE t(id INTEGER PRIMARY KEY AUTOINCREMENT, v TEXT UNIQUE, n REAL);
        CREATE TABLE w(a, b, c, PRIMARY KEY(a, b)) WITHOUT ROWID;
        CREATE TABLE plain(a, b);
        CREATE TABLE hiding(rowid, oid, _rowid_);
        CREATE INDEX t_n ON t(n);
        WITH k(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM k WHERE i < 700)
        INSERT INTO t(v, n) SELECT 'v' || i, i * 1.5 FROM k;
        INSERT INTO w SELECT id, v, n FROM t; INSERT INTO plain SELECT v, n FROM t; INSERT INTO hiding SELECT 1, 2, id FROM t
        """,
        "UPDATE t SET n = n + 1 WHERE id BETWEEN 20 AND 90; DELETE FROM w WHERE a % 7 = 0",
        "INSERT INTO t(v, n) VALUES('new', 1e300); UPDATE plain SET b = NULL WHERE rowid > 650; DELETE FROM hiding WHERE _rowid_ < 5",
        "UPDATE t SET v = CASE id WHEN 1 THEN 'v2' WHEN 2 THEN 'v1' END WHERE id IN (1, 2) AND 0; DELETE FROM t WHERE id > 300",
        "ALTER TABLE plain ADD COLUMN c DEFAULT 'x'; CREATE TABLE more(a PRIMARY KEY); INSERT INTO more VALUES('m'); CREATE VIEW s AS SELECT * FROM t",
        "UPDATE more SET a = 'n'; UPDATE plain SET c = a WHERE rowid < 10; ANALYZE",
        "DROP TABLE w; DELETE FROM t; PRAGMA user_version = 7",
        "INSERT INTO t(v) VALUES('last')",
    ]

    @Test func `a walk over git shows every state, one by one and in leaps`() throws {
        let chain = try Chain(PointWalkTests.steps)
        for order in [Array(chain.commits.indices), [0, 3, 7], [2, 5, 1, 6]] {
            let walk = try PointWalk(.git(chain.work.git), in: chain.work.path("walk.db"))
            for place in order {
                let rebuilt = try walk.go(commit: chain.commits[place], target: nil)
                #expect(rebuilt.digest == chain.digests[place])
                #expect(Workplace.dump(rebuilt.path) == chain.dumps[place], "state \(place)")
                #expect(
                    Workplace.run("sqlite3 '\(rebuilt.path)' 'PRAGMA integrity_check; PRAGMA user_version'").output
                        == "ok\n\(place > 5 ? 7 : 0)\n")
            }
        }
    }

    @Test func `a walk over bak files shows every state`() throws {
        let chain = try Chain(PointWalkTests.steps)
        for order in [Array(chain.files.indices), [0, 3, 7], [2, 5, 1, 6]] {
            let walk = try PointWalk(
                .bak(chain.store, database: "main", recorded: chain.recorded), in: chain.work.path("walk.db"))
            for place in order {
                let target = BakTarget(chain.digests[place], file: chain.files[place].name, .after)
                let rebuilt = try walk.go(commit: nil, target: target)
                #expect(rebuilt.digest == chain.digests[place])
                #expect(Workplace.dump(rebuilt.path) == chain.dumps[place], "state \(place)")
            }
        }
    }

    @Test func `a damaged file ends the walk where it is needed, and not before`() throws {
        let chain = try Chain(Array(PointWalkTests.steps.prefix(4)))
        Workplace.run("printf x >> '\(chain.files[2].path)'")
        let walk = try PointWalk(
            .bak(chain.store, database: "main", recorded: chain.recorded), in: chain.work.path("walk.db"))
        for place in chain.files.indices {
            let target = BakTarget(chain.digests[place], file: chain.files[place].name, .after)
            if place < 2 {
                #expect(try walk.go(commit: nil, target: target).digest == chain.digests[place])
            } else {
                let error = #expect(throws: BatchError.self) { try walk.go(commit: nil, target: target) }
                #expect([.corruptRecord, .noRestorePoint].contains(error?.code))
            }
        }
    }

    @Test func `the states that files lead to are known without a restore`() throws {
        let chain = try Chain(PointWalkTests.steps)
        var files = try chain.store.contents().files
        #expect(chain.digests.allSatisfy { BakReach(files).leads(to: $0) })
        files.removeAll { $0.name == chain.files[0].name }
        let reach = BakReach(files)
        // The change of the schema has a whole copy, from which a delta leads back; not over new counters.
        #expect(chain.digests.map(reach.leads(to:)) == [false, false, true, true, true, true, true, true])
        files.removeAll { $0.kind == .full }
        #expect(chain.digests.allSatisfy { !BakReach(files).leads(to: $0) })
    }

    @Test func `what a point added is checked without reading what was there before`() throws {
        let chain = try Chain(PointWalkTests.steps)
        #expect(try chain.work.git.damage(inChangesOf: chain.commits).isEmpty)
        let blob = chain.work.git("rev-parse \(chain.commits[7]):manifest.json").output.prefix(40)
        // Unpacked, so that one object can be damaged.
        Workplace.run(
            """
            cd '\(chain.work.folder)' && mkdir packs && mv history.git/objects/pack/*.pack packs/ \
            && for p in packs/*.pack; do git --git-dir=history.git unpack-objects -q < $p; done; \
            rm -f history.git/objects/pack/*; chmod -R u+w history.git; \
            rm history.git/objects/\(blob.prefix(2))/\(blob.dropFirst(2))
            """)
        let damage = try chain.work.git.damage(inChangesOf: chain.commits)
        #expect(Set(damage.keys) == [chain.commits[7]])
    }

    @Test func `rows that changed in another way than the digest says are damage`() throws {
        let work = Workplace()
        let first = try work.make(
            "1.db", "CREATE TABLE t(id INTEGER PRIMARY KEY, v); CREATE TABLE u(a); INSERT INTO t VALUES(1, 1), (2, 2)")
        func changed(_ old: String, _ name: String, _ sql: String) throws -> String {
            let path = work.copy(old, as: name)
            try Scenario.open(path).execute(sql)
            return path
        }
        let second = try changed(first, "2.db", "UPDATE t SET v = 3 WHERE id = 1; INSERT INTO u VALUES(1)")
        let other = try changed(first, "other.db", "UPDATE t SET v = 3 WHERE id = 2; INSERT INTO u VALUES(1)")
        let third = try changed(second, "3.db", "INSERT INTO t VALUES(3, 3)")
        let fourth = try changed(third, "4.db", "DELETE FROM u")
        let steps = [(first, first, first), (first, second, other), (second, third, third), (third, fourth, fourth)]
        var commits: [CommitID] = []
        for (number, (old, new, shown)) in steps.enumerated() {
            let (before, after) = (try Scenario.open(old), try Scenario.open(new))
            let changes = try DifferenceSource(from: before, to: try Scenario.open(shown))
            let content = PointContent(
                branch: "main", tag: nil, message: Workplace.message("step.\(number)", time: 1_795_226_400_000),
                state: try DatabaseState.read(after),
                rows: number == 0 ? .all : .changes(changes, before: try DatabaseState.read(before).digest),
                tenantColumn: nil)
            commits.append(try work.git.commit(content, connection: try Scenario.open(shown)))
        }
        let damage = try work.git.damage(in: commits)
        #expect(Set(damage.keys) == Set(commits[1...]))
        for error in damage.values {
            #expect(error.code == .corruptRecord && error.message.hasSuffix("has other rows than its digest says: t"))
        }
    }
}
