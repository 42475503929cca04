import TestSupport
import Testing

/// A row with a long value: SQLite has it up to three times in memory while it changes, and the tool adds little to that.
@Suite struct LargeValueTests {
    private static let size = 32 << 20
    private static let tables = """
        CREATE TABLE files(id INTEGER PRIMARY KEY, content); INSERT INTO files VALUES(1, randomblob(\(size))), (2, 'small')
        """

    /// Of a process that runs the tool, in bytes.
    private func peak(_ scene: BadLuckScene, _ words: String...) throws -> Int {
        let script = """
            import resource, subprocess, sys
            done = subprocess.run(sys.argv[1:], stdout=sys.stderr)
            print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
            sys.exit(done.returncode)
            """
        let result = try scene.shell("exec python3 -c \"$@\"", [script, BuiltTool.path] + words)
        try #require(result.code == 0, "\(words): \(result.err)")
        return 1_024 * (try #require(Int(result.out.split(separator: "\n").last ?? "")))
    }

    @Test(arguments: [
        "UPDATE files SET content = randomblob(33554432) WHERE id = 1", "UPDATE files SET content = 'x' WHERE id = 1",
        "INSERT INTO files VALUES(3, randomblob(33554432))", "DELETE FROM files WHERE id = 1",
    ])
    func aBatchAndItsUndoTakeAtMostFourTimesTheValue(_ sql: String) throws {
        try BadLuckScene.with { scene in
            try scene.sql(LargeValueTests.tables)
            try scene.expect(0, "run", "--id", "first", "--sql", "UPDATE files SET id = id")
            let before = try scene.sql("SELECT id, hex(sha3(content)) FROM files")
            let small = try peak(scene, "run", "--id", "small", "--sql", "UPDATE files SET content = 'y' WHERE id = 2")
            let most = small + 4 * LargeValueTests.size + 40 << 20
            let run = try peak(scene, "run", "--id", "large", "--sql", sql)
            #expect(run <= most, "\(sql): \(run >> 20) MiB, a small one \(small >> 20) MiB")
            let undo = try peak(scene, "rollback", "--id", "large")
            #expect(undo <= most, "undo of \(sql): \(undo >> 20) MiB, a small batch \(small >> 20) MiB")
            try scene.expect(0, "rollback", "--id", "small")
            #expect(try scene.sql("SELECT id, hex(sha3(content)) FROM files") == before)
        }
    }

    @Test(arguments: ["log", "bak", "git"]) func everyRecordHasTheValue(_ source: String) throws {
        try BadLuckScene.with { scene in
            try scene.sql(
                """
                CREATE TABLE files(id INTEGER PRIMARY KEY, content, note TEXT);
                INSERT INTO files VALUES(1, randomblob(5000000), 'a'), (2, hex(randomblob(1000000)), 'b'), (3, 'x', 'c')
                """)
            try scene.expect(0, "run", "--id", "first", "--sql", "UPDATE files SET note = 'd' WHERE id = 3")
            let before = try scene.dump()
            try scene.expect(
                0, "run", "--id", "large", "--sql",
                """
                UPDATE files SET content = content || randomblob(2000000) WHERE id < 3;
                UPDATE files SET content = hex(randomblob(1000000)), note = note || 'e' WHERE id = 3;
                INSERT INTO files VALUES(4, randomblob(3000000), 'n'); DELETE FROM files WHERE id = 2
                """)
            let after = try scene.dump()
            try scene.expectWhole("after the batch")
            try scene.expect(0, "rollback", "--id", "large", "--source", source)
            #expect(try scene.dump() == before, "from \(source)")
            try scene.expectWhole("undone from \(source)")
            try scene.expect(0, "rollback", "--id", "rollback.1", "--source", source)
            #expect(try scene.dump() == after, "taken back from \(source)")
        }
    }
}
