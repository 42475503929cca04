import TestSupport
import Testing

/// Programs that write while a batch of many checkpoints is at work.
@Suite struct OtherWritersTests {
    private static let job = [
        "many": """
        steps:
          - id: s
            for_each: SELECT id AS k FROM many
            chunk: 50
            sql: UPDATE many SET n = n + 1 WHERE id = :k

        """
    ]

    private static let rows = """
        CREATE TABLE many(id INTEGER PRIMARY KEY, n DEFAULT 0);
        WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE x < 2000) INSERT INTO many(id) SELECT x FROM c
        """

    /// A program with the usual timeout, which SQLite itself keeps; `pause` is what it does between two transactions.
    private static func beside(_ pause: String) -> String {
        """
        (while ! [ -e done ]; do echo "INSERT INTO log(what) VALUES('other');"; \(pause); done \
        | sqlite3 -cmd '.timeout 5000' app.db >/dev/null 2>errors) &
        while [ "$(sqlite3 -cmd '.timeout 5000' app.db 'SELECT count(*) FROM log')" = 0 ]; do :; done
        "$TOOL" run --id many
        code=$?
        touch done
        wait $!
        exit $code
        """
    }

    @Test(arguments: ["delete", "wal"], [":", "sleep 0.02"])
    func neitherTheyNorTheBatchFindTheDatabaseLocked(_ journal: String, _ pause: String) throws {
        try BadLuckScene.with(journal: journal, jobs: Self.job) { scene in
            try scene.sql(Self.rows)
            let done = try scene.shell(Self.beside(pause))
            #expect(done.code == 0, "\(done.err)")
            #expect(try scene.shell("cat errors").out == "")
            #expect(try scene.sql("SELECT count(*) FROM many WHERE n = 1") == "2000")
            #expect(try scene.sql("SELECT count(*) > 1 FROM log") == "1")
        }
    }
}
