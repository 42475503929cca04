import TestSupport
import Testing

/// Programs that know nothing of batches write to the same database meanwhile.
@Suite struct OtherWritersTests {
    private static let job = """
        steps:
          - id: s
            for_each: WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 250) SELECT i FROM n
            chunk: 1
            sql: >-
              INSERT INTO log(what) SELECT :i FROM (WITH RECURSIVE c(x) AS
              (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE x < 60000) SELECT count(*) FROM c)
        """

    /// As an application does it, with the busy timeout that Python has by itself.
    private static let application = """
        import os, sqlite3, time
        c = sqlite3.connect('app.db', isolation_level=None)
        failed = written = 0
        while not os.path.exists('done'):
            try:
                c.execute("INSERT INTO visits(at) VALUES(datetime())")
                written += 1
            except sqlite3.OperationalError:
                failed += 1
            c.execute("SELECT count(*) FROM visits").fetchall()
            time.sleep(0.005)
        print(failed, written > 0)
        """

    @Test(.timeLimit(.minutes(5)), arguments: ["delete", "wal"])
    func aChunkedBatchLetsThemWrite(journal: String) throws {
        try BadLuckScene.with(journal: journal, jobs: ["slow": OtherWritersTests.job]) { scene in
            try scene.sql("CREATE TABLE visits(id INTEGER PRIMARY KEY, at)")
            try scene.write("app.py", OtherWritersTests.application)
            let result = try scene.shell(
                """
                python3 app.py > answer & app=$!
                "$TOOL" run --id slow > out 2>&1; code=$?
                touch done; wait $app; cat answer; echo $code
                """)
            #expect(result.out == "0 True\n0\n", "\(result.err)")
        }
    }
}
