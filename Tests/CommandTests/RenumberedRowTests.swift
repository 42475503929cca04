import TestSupport
import Testing

/// Rows of a table without INTEGER PRIMARY KEY that get other numbers, while their content and so the digest stays.
@Suite struct RenumberedRowTests {
    private static let content = "SELECT rowid, * FROM link ORDER BY rowid"

    /// Three batches: the one in the middle numbers rows anew and changes nothing else.
    private static func with(_ snapshot: String, _ body: (BadLuckScene, [String]) throws -> Void) throws {
        let job = { (sql: String) in "tenant: none\nsnapshot: \(snapshot)\nsteps:\n  - {id: s, sql: \"\(sql)\"}\n" }
        let jobs = [
            "one": job("UPDATE link SET note = 'one' WHERE a = 'x'"),
            "two": job("INSERT OR REPLACE INTO link SELECT * FROM link WHERE a < 'z' ORDER BY a DESC"),
            "three": job("UPDATE link SET note = 'three' WHERE a = 'y'; DELETE FROM link WHERE a = 'z'"),
        ]
        try BadLuckScene.with(jobs: jobs) { scene in
            try scene.sql(
                """
                CREATE TABLE link(a TEXT PRIMARY KEY, note UNIQUE);
                INSERT INTO link VALUES('x', 1), ('y', 2), ('z', 3), ('w', 4)
                """)
            var states = [try scene.sql(content)]
            for name in ["one", "two", "three"] {
                try scene.expect(0, "run", "--id", name)
                states.append(try scene.sql(content))
            }
            #expect(Set(states).count == 4)
            try body(scene, states)
        }
    }

    @Test(arguments: ["full", "delta"], ["git", "bak"])
    func rowsNumberedAnewAreRestoredFromBothCopies(_ snapshot: String, _ source: String) throws {
        try RenumberedRowTests.with(snapshot) { scene, states in
            try scene.expect(0, "drill")
            for (index, point) in ["one.1^", "one.1", "two.1", "three.1"].enumerated() {
                try scene.expect(0, "restore", "--point", point, "--to", "\(index).db", "--source", source)
                let found = try scene.sql(RenumberedRowTests.content, in: "\(index).db")
                #expect(found == states[index], "\(point) from \(source), \(snapshot)")
            }
        }
    }

    @Test(arguments: ["log", "git", "bak"], ["full", "delta"])
    func rowsNumberedAnewAreUndoneFromEveryRecord(_ source: String, _ snapshot: String) throws {
        try RenumberedRowTests.with(snapshot) { scene, states in
            for (name, state) in zip(["three", "two", "one"], states.dropLast().reversed()) {
                try scene.expect(0, "rollback", "--id", name, "--source", source)
                #expect(try scene.sql(RenumberedRowTests.content) == state, "\(name) from \(source), \(snapshot)")
            }
            try scene.expectWhole("\(source), \(snapshot)")
        }
    }

    @Test func prunedFilesLeaveTheWayOverRowsNumberedAnew() throws {
        try RenumberedRowTests.with("delta") { scene, states in
            try scene.expect(0, "prune", "--keep-last", "1", "--yes")
            try scene.expect(0, "drill")
            try scene.expect(0, "restore", "--point", "three.1", "--to", "last.db", "--source", "bak")
            #expect(try scene.sql(RenumberedRowTests.content, in: "last.db") == states[3])
        }
    }
}
