/// What is going on when the process is killed, and what must be true afterwards.
public struct CrashPlot: Sendable, CustomStringConvertible {
    public let description: String
    public var journal = "delete"
    /// Commands before; a command with a place is killed there.
    public var before: [(words: [String], kill: String?)] = []
    public let command: [String]
    /// The batch that the command makes or goes on with.
    public let batch: String
    /// How to try again when the batch is not there yet.
    public var isRollback = false

    public static let all: [CrashPlot] = [
        CrashPlot(description: "the first batch", command: ["run", "--id", "multi"], batch: "multi.1"),
        CrashPlot(
            description: "the first batch of a WAL database", journal: "wal", command: ["run", "--id", "multi"],
            batch: "multi.1"),
        CrashPlot(
            description: "a later batch, with drift", before: [(["run", "--id", "multi"], nil), (["drift"], nil)],
            command: ["run", "--id", "follow"], batch: "follow.1"),
        CrashPlot(
            description: "a resume", before: [(["run", "--id", "multi"], "item-statement")],
            command: ["resume", "--id", "multi.1"], batch: "multi.1"),
        CrashPlot(
            description: "a command that completes a point", before: [(["run", "--id", "multi"], "batch-settled")],
            command: ["run", "--id", "follow"], batch: "follow.1"),
        CrashPlot(
            description: "a cascade", before: [(["run", "--id", "multi"], nil), (["run", "--id", "follow"], nil)],
            command: ["rollback", "--id", "multi.1", "--mode", "cascade"], batch: "rollback.1", isRollback: true),
    ]

    // MARK: The jobs, and the same in plain SQL

    public static let schema = """
        CREATE TABLE items(id INTEGER PRIMARY KEY, price INT, qty INT);
        CREATE TABLE log(id INTEGER PRIMARY KEY, what TEXT);
        WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5)
        INSERT INTO items SELECT i, i * 10, i FROM n;
        """

    public static let jobs = [
        "multi": """
        steps:
          - id: raise
            sql: \(raise)
          - id: rows
            for_each: SELECT id FROM items ORDER BY id
            chunk: 2
            sql: UPDATE items SET qty = qty + 1 WHERE id = :id; INSERT INTO log(what) VALUES('item ' || :id)
          - id: sane
            check: SELECT id FROM items WHERE price < 0
          - id: gone
            sql: \(gone)
        verify:
          - SELECT count(*) = 0 FROM items WHERE price IS NULL
        """,
        "follow": """
        needs: [multi]
        steps:
          - id: more
            sql: \(more)
        """,
    ]

    private static let raise = "UPDATE items SET price = price + 1 WHERE id <= 3; INSERT INTO log(what) VALUES('raise')"
    private static let gone = "DELETE FROM items WHERE id = 5"
    private static let more = "UPDATE items SET price = price * 2 WHERE id <= 2"

    /// What each checkpoint of a job does, as SQL for any client.
    public static let checkpoints: [String: [String]] = [
        "multi": [raise] + [[1, 2], [3, 4], [5]].map { $0.map(item).joined() } + ["", gone],
        "follow": [more],
    ]

    private static func item(_ id: Int) -> String {
        "UPDATE items SET qty = qty + 1 WHERE id = \(id); INSERT INTO log(what) VALUES('item \(id)');"
    }
}
