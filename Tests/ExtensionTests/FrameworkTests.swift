internal import TestSupport
internal import Testing

/// What docs/extension.md shows of frameworks works as it stands there.
struct FrameworkTests {
    @Test(arguments: [
        ("django", ""), ("sqlalchemy", ""), ("autocommit", ""), ("alembic", "[]\n"), ("datasette", "['products']\n"),
    ])
    func theExampleRuns(name: String, output: String) throws {
        let text = try TextFile.read(TextFile.inPackage("docs/extension.md"))
        let blocks = text.components(between: "```python \(name)\n", and: "```")
        try #require(blocks.count == 1)
        guard let python = name == "autocommit" ? "/usr/bin/python3" : Hosts.apsw else {
            return print("skipped: \(name) is not installed (scripts/install-dependencies --tests)")
        }
        try TemporaryFolder.with { folder in
            _ = try BuiltTool.shell("cp '\(Hosts.library)' '\(folder)/batchmgr.so'")
            _ = try Hosts.sql(
                folder,
                """
                CREATE TABLE products(id INTEGER PRIMARY KEY, name TEXT, cents INTEGER);
                INSERT INTO products VALUES (1, 'tea', 450), (2, 'coffee', 700);
                """)
            let rows = "SELECT * FROM products"
            let before = try Hosts.sql(folder, rows)
            // So that there is a ledger.
            #expect(
                try Hosts.sqlite(
                    folder, "SELECT batch_begin('first'); UPDATE products SET id = id; SELECT batch_commit();"
                )
                .code == 0)
            try TextFile.write(blocks[0], to: folder + "/example.py")
            let result = try BuiltTool.shell("cd '\(folder)' && exec '\(python)' example.py")
            if result.err.contains("ModuleNotFoundError") { return print("skipped: \(name) is not installed") }
            #expect(result.code == 0 && result.out == output, "\(name): \(result)")
            // Each example takes back what it did.
            #expect(try Hosts.sql(folder, rows) == before)
            let open = "SELECT count(*) FROM batchmgr_batches WHERE status = 'running'"
            #expect(try Hosts.sql(folder, open) == "0\n")
        }
    }

    /// A request that may write is a batch, and one that fails leaves nothing.
    @Test func theMiddlewareMakesABatchOfARequest() throws {
        let text = try TextFile.read(TextFile.inPackage("docs/extension.md"))
        let block = try #require(text.components(between: "```python django\n", and: "```").first)
        guard let python = Hosts.apsw else {
            return print("skipped: Django is not installed (scripts/install-dependencies --tests)")
        }
        try TemporaryFolder.with { folder in
            _ = try BuiltTool.shell("cp '\(Hosts.library)' '\(folder)/batchmgr.so'")
            _ = try Hosts.sql(folder, "CREATE TABLE products(id INTEGER PRIMARY KEY, name TEXT, cents INTEGER)")
            try TextFile.write(
                block + """
                    from types import SimpleNamespace
                    def view(request):
                        with connection.cursor() as cursor:
                            cursor.execute("INSERT INTO products(name) VALUES('new')")
                        if request.path == "/broken": raise ValueError()
                    for method, path in [("POST", "/one"), ("GET", "/two"), ("POST", "/broken")]:
                        try: BatchMiddleware(view)(SimpleNamespace(method=method, path=path, user="ann"))
                        except ValueError: pass
                    with connection.cursor() as cursor:
                        cursor.execute("SELECT batch, actor, inserted FROM batch_log WHERE job = 'request'")
                        print(cursor.fetchall())
                        cursor.execute("SELECT count(*) FROM products")
                        print(cursor.fetchall())
                    """, to: folder + "/example.py")
            let result = try BuiltTool.shell("cd '\(folder)' && exec '\(python)' example.py")
            if result.err.contains("ModuleNotFoundError") { return print("skipped: Django is not installed") }
            #expect(result.code == 0 && result.out == "[('request.1', 'ann', 1)]\n[(2,)]\n", "\(result)")
        }
    }
}
