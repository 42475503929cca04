import BatchCore
import BatchHistory
import BatchLedger
import Glibc
import Testing

func seconds<T>(_ name: String, _ body: () throws -> T) rethrows -> T {
    let clock = ContinuousClock()
    let start = clock.now
    let result = try body()
    var usage = rusage()
    getrusage(0, &usage)
    print("BENCH \(name): \(clock.now - start) maxrss \(usage.ru_maxrss / 1024) MB")
    return result
}

@Test(.enabled(if: getenv("BENCHDB") != nil)) func bench() throws {
    let database = String(cString: getenv("BENCHDB"))
    let work = Workplace()
    let connection = try Connection(path: database)
    try connection.execute("BEGIN IMMEDIATE")
    defer { connection.rollbackIfOpen() }
    let before = try seconds("digest") { try DatabaseState.read(connection) }
    let tenant = getenv("BENCHTENANT") == nil ? nil : "tenant_id"
    func content(_ rows: PointContent.Rows, _ state: DatabaseState, _ id: String) -> PointContent {
        PointContent(
            branch: "main", tag: "batch/\(id)", message: Workplace.message(id), state: state, rows: rows,
            tenantColumn: tenant)
    }
    let first = try seconds("baseline") { try work.git.commit(content(.all, before, "a.1"), connection: connection) }
    print(
        "BENCH",
        Workplace.run(
            "du -sk \(work.path("history.git")); ls -la \(work.path("history.git"))/objects/pack; git --git-dir=\(work.path("history.git")) count-objects -v"
        ).output)
    let layout = try SchemaReader(connection).tables().first { $0.name == "invoices" }!
    var state = before
    for (name, condition) in [
        ("adjacent", "id BETWEEN 300001 AND 301000"), ("scattered", "id % 732 = 5"),
        ("adjacent2", "id BETWEEN 300001 AND 301000"), ("scattered2", "id % 732 = 7"),
    ] {
        let reader = try RowReader(layout, on: connection, where: condition + " AND id <= 732000")
        var changes: [RowChange] = []
        while let row = try reader.next() {
            var after = row.values
            after[5] = .integer(after[5].integer! + 1)
            changes.append(RowChange(key: row.key!, before: row.values, after: after))
        }
        var digest = state.digest
        for change in changes {
            digest.tables["invoices"]!.digest -= RowCodec.hash(change.before!)
            digest.tables["invoices"]!.digest += RowCodec.hash(change.after!)
        }
        let old = state.digest
        state = DatabaseState(settings: state.settings, objects: state.objects, digest: digest)
        let source = ListSource(
            tables: [ChangedTable(before: layout, after: layout, isRewritten: false)], changes: changes)
        _ = try seconds("\(name) \(changes.count)") {
            try work.git.commit(content(.changes(source, before: old), state, name + ".1"), connection: connection)
        }
        if let extra = getenv("BENCHBAK") {
            _ = extra
            try benchBak(work, name, source, old, state)
        }
    }
    print("BENCH", Workplace.run("ls -la \(work.path("history.git"))/objects/pack").output)
    connection.rollbackIfOpen()
    if getenv("BENCHRESTORE") != nil {
        _ = try seconds("restore") { try work.git.restore(first, to: work.path("r.db")) }
        print(
            seconds("shell") {
                Workplace.run(
                    "sqlite3 \(database) .dump > \(work.path("d.sql")); time sqlite3 \(work.path("n.db")) < \(work.path("d.sql"))"
                ).output
            })
    }
}
func benchBak(_ work: Workplace, _ name: String, _ source: ListSource, _ old: StateDigest, _ state: DatabaseState)
    throws
{}

struct ListSource: ChangeSource {
    let tables: [ChangedTable]
    let changes: [RowChange]
    func forEachChange(of table: ChangedTable, _ body: (RowChange) throws(BatchError) -> Void) throws(BatchError) {
        for change in changes { try body(change) }
    }
}
