internal import TestSupport
internal import Testing

/// Virtual tables in programs whose SQLite records with TEMP triggers: a write works or fails with words, and never ends the
/// program.
struct HostModuleTests {
    /// The table, and what writes to it.
    static let modules: [(table: String, writes: [String])] = [
        (
            "fts5(n)",
            ["INSERT INTO f(rowid, n) VALUES(9, 'tea')", "DELETE FROM f WHERE rowid = 1", "UPDATE f SET n = 'x'"]
        ),
        (
            "fts5(n, content=i, content_rowid=id)",
            ["INSERT INTO f(rowid, n) VALUES(9, 'tea')", "INSERT INTO f(f) VALUES('rebuild')"]
        ),
        ("fts5(n, content='')", ["INSERT INTO f(rowid, n) VALUES(9, 'tea')", "INSERT INTO f(f) VALUES('optimize')"]),
        ("fts5(n, content='', columnsize=0)", ["INSERT INTO f(rowid, n) VALUES(9, 'tea')"]),
        ("fts5(n, detail=none, prefix='1 2')", ["INSERT INTO f(rowid, n) VALUES(9, 'tea')"]),
        (
            "fts4(n)",
            ["INSERT INTO f(docid, n) VALUES(9, 'tea')", "DELETE FROM f", "INSERT INTO f(f) VALUES('optimize')"]
        ),
        ("fts4(n, content='i')", ["INSERT INTO f(docid, n) VALUES(9, 'tea')"]),
        ("fts4(n, content='')", ["INSERT INTO f(docid, n) VALUES(9, 'tea')"]),
        ("fts3(n)", ["INSERT INTO f(docid, n) VALUES(9, 'tea')", "UPDATE f SET n = 'x y z'"]),
        ("rtree(id, a, b)", ["INSERT INTO f VALUES(9, 1, 2)", "DELETE FROM f", "UPDATE f SET b = 9"]),
        ("rtree_i32(id, a, b, +c)", ["INSERT INTO f VALUES(9, 1, 2, 'x')"]),
        ("geopoly(x)", ["INSERT INTO f(_shape, x) VALUES('[[0,0],[1,0],[1,1],[0,0]]', 1)"]),
    ]

    private static let program = """
        import importlib, sys, os
        name, so, table, direct = sys.argv[1:5]
        m = importlib.import_module(name)
        path = "app.db"
        if os.path.exists(path): os.remove(path)
        c = m.Connection(path) if name == "apsw" else m.connect(path, isolation_level=None)
        c.enable_load_extension(True); c.load_extension(so)
        run = lambda sql: c.execute(sql).fetchall()
        error = m.Error
        try:
            run("CREATE TABLE i(id INTEGER PRIMARY KEY, n TEXT)")
            run("CREATE VIRTUAL TABLE f USING " + table)
        except error as problem:
            print("absent", problem); sys.exit(0)
        if "fts" in table: run("INSERT INTO f(rowid, n) VALUES(1, 'old words')")
        elif "rtree" in table: run("INSERT INTO f(id, a, b) VALUES(1, 1, 2)")
        run("INSERT INTO i VALUES(1, 'old words')")
        if direct == "trigger" and "fts" in table:
            run("CREATE TRIGGER i_ai AFTER INSERT ON i BEGIN INSERT INTO f(rowid, n) VALUES(new.id, new.n); END")
        def state():
            kept = [r[0] for r in run("SELECT name FROM sqlite_schema WHERE name LIKE 'f\\\\_%' ESCAPE '\\\\' ORDER BY 1")]
            return [run("SELECT * FROM \\"%s\\"" % k) for k in kept], run("SELECT * FROM i")
        before = state()
        writes = sys.argv[5:] if direct != "trigger" else ["INSERT INTO i(n) VALUES('coffee'); INSERT INTO i(n) VALUES('cocoa')"]
        for sql in writes:
            run("SELECT batch_begin('j', NULL, '{\\"capture\\": \\"triggers\\"}')")
            try:
                run("INSERT INTO i(id, n) VALUES(50, 'beside')") if direct == "beside" else None
                for part in sql.split("; "): run(part)
                run("SELECT batch_commit()")
                run("SELECT batch_rollback('j')")
                print("works", sql)
            except error as problem:
                assert "virtual table f" in str(problem) or "ERR_" in str(problem), problem
                print("refused", sql, problem)
                try: run("SELECT batch_abort()")
                except error: pass
            assert state() == before, (table, sql)
        # What does not touch it is recorded as ever.
        if direct != "trigger" or "fts" not in table:
            run("SELECT batch_begin('j', NULL, '{\\"capture\\": \\"triggers\\"}')"); run("UPDATE i SET n = 'new'"); run("SELECT batch_commit()")
            run("SELECT batch_rollback('j')"); assert state() == before
        c.close()
        """

    @Test(
        arguments: ["sqlite3", "pysqlite3", "sqlean", "apsw"],
        ["alone", "beside", "trigger"]
    )
    func aWriteToAVirtualTableNeverEndsTheProgram(library: String, how: String) throws {
        let interpreter = library == "sqlite3" ? "/usr/bin/python3" : Hosts.apsw
        guard let interpreter else {
            return print("skipped: \(library) is not installed (scripts/install-dependencies --tests)")
        }
        try TemporaryFolder.with { folder in
            try TextFile.write(Self.program, to: folder + "/modules.py")
            for (table, writes) in Self.modules {
                let words = [library, Hosts.name, table, how] + writes
                let result = try BuiltTool.shell(
                    "cd '\(folder)' && exec \(interpreter) modules.py " + words.map(Shell.quote).joined(separator: " "))
                if result.err.contains("ModuleNotFoundError") { return print("skipped: \(library) is not installed") }
                #expect(result.code == 0, "\(library) \(how) \(table): \(result)")
            }
        }
    }

    /// Node's SQLite is its own too.
    @Test func nodeIsNotEndedByAFullTextTable() throws {
        guard let node = Hosts.node else {
            return print("skipped: Node is not installed (scripts/install-dependencies --tests)")
        }
        try TemporaryFolder.with { folder in
            try TextFile.write(
                """
                const { DatabaseSync } = require('node:sqlite');
                const d = new DatabaseSync('app.db', { allowExtension: true }); d.loadExtension('\(Hosts.name)');
                d.exec("CREATE TABLE i(id INTEGER PRIMARY KEY, n TEXT); CREATE VIRTUAL TABLE f USING fts5(n, content=i, content_rowid=id)");
                d.exec("CREATE TRIGGER ai AFTER INSERT ON i BEGIN INSERT INTO f(rowid, n) VALUES(new.id, new.n); END");
                d.prepare("SELECT batch_begin('j')").all();
                try { d.exec("INSERT INTO i(n) VALUES('a')"); d.prepare("SELECT batch_commit()").all(); console.log('works'); }
                catch (e) { console.log(String(e.message).includes('virtual table f') ? 'refused' : String(e)); }
                try { d.prepare("SELECT batch_abort()").all(); } catch (e) {}
                if (d.prepare("SELECT count(*) AS n FROM i").get().n !== 0) process.exit(3);
                """, to: folder + "/program.js")
            let result = try BuiltTool.shell("cd '\(folder)' && exec '\(node)' program.js")
            #expect(result.code == 0 && result.out == "refused\n", "\(result)")
        }
    }
}
