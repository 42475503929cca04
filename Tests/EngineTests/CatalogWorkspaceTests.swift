import BatchCatalog
import BatchCore
import BatchEngine
import Testing

@Suite struct CatalogWorkspaceTests {
    static let everything = """
        databases:
          main:
            path: data/app.db
            tenancy: column
            tenant_column: tenant_id
            guard: track
            protected: [ledger_entries, payments.amount_cents]
            snapshot: delta
          files: {path: "data/{tenant}.db", tenancy: file, guard: off}
          other: {path: /var/lib/other.db}
        backups: kept/here
        catalog: jobs
        plugins: {mailer: plugins/mailer, scan: /usr/bin/scan}
        notify:
          - {command: [scripts/page], events: [failed, refused, partial, damaged, drift, incident, missed, recovered, slo, approval, stuck], timeout: 3s}
          - {url: "http://127.0.0.1/hook"}

        """

    private func error(_ text: String) throws -> BatchError {
        let folder = try CatalogFolder(["batchmgr.yaml": text])
        return try #require(throws: BatchError.self) { _ = try Workspace.load(folder.path) }
    }

    @Test func everyKeyIsRead() throws {
        let folder = try CatalogFolder(["batchmgr.yaml": CatalogWorkspaceTests.everything])
        let expected = Workspace(
            folder: folder.path, file: folder.file("batchmgr.yaml"),
            databases: [
                DatabaseDefinition(
                    name: "main", path: folder.file("data/app.db"), tenancy: .column, tenantColumn: "tenant_id",
                    guardMode: .track, protected: ["ledger_entries", "payments.amount_cents"], snapshot: .delta),
                DatabaseDefinition(
                    name: "files", path: folder.file("data/{tenant}.db"), tenancy: .file, guardMode: .off),
                DatabaseDefinition(name: "other", path: "/var/lib/other.db"),
            ],
            backups: folder.file("kept/here"), catalog: folder.file("jobs"),
            plugins: [
                PluginDefinition(name: "mailer", path: folder.file("plugins/mailer")),
                PluginDefinition(name: "scan", path: "/usr/bin/scan"),
            ],
            notify: [
                NotificationRule(channel: .command(["scripts/page"]), timeout: .seconds(3)),
                NotificationRule(channel: .webhook("http://127.0.0.1/hook")),
            ])
        #expect(try Workspace.load(folder.path) == expected)
    }

    @Test func defaultsAreThoseOfTheDocumentation() throws {
        let folder = try CatalogFolder(["batchmgr.yaml": "databases: {db: {path: a.db}}\n"])
        let workspace = try Workspace.load(folder.path)
        #expect(workspace.backups == folder.file("backups/batch_manager"))
        #expect(workspace.catalog == folder.file("catalog"))
        #expect(try workspace.database() == DatabaseDefinition(name: "db", path: folder.file("a.db")))
        #expect(try workspace.loadCatalog(StepRegistry.builtIn.rules()).jobs.isEmpty)
    }

    @Test(arguments: [
        ("databases: {a: {path: x}}\ncatlog: c\n", "2:1: batchmgr.yaml has no key 'catlog'; did you mean 'catalog'?"),
        ("catalog: c\n", "1:1: batchmgr.yaml needs the key 'databases'"),
        ("databases: {}\n", "1:12: databases: name at least one"),
        ("databases: {a: {}}\n", "1:16: a database needs the key 'path'"),
        ("databases: {a: {path: x, guard: on}}\n", "1:33: guard: 'on' is not one of off, track, enforce"),
        ("databases: {a: {path: x, tenancy: column}}\n", "1:35: 'tenancy: column' needs the key 'tenant_column'"),
        ("databases: {a: {path: x, tenant_column: t}}\n", "1:41: 'tenant_column' goes with 'tenancy: column'"),
        (
            "databases: {a: {path: x, tenancy: file}}\n",
            "1:23: a path with {tenant} goes with 'tenancy: file', and no other does"
        ),
        ("databases: {a: {path: x}, a: {path: y}}\n", "1:27: 'a' is given already, in line 1"),
        (
            "databases: {a: {path: x}}\nnotify: [{url: a}]\n",
            "2:16: url: write an address, e.g. https://example.com/hook"
        ),
        (
            "databases: {a: {path: x}}\nbackups: \"x\\q\"\n",
            "2:12: while parsing a quoted scalar: found unknown escape character"
        ),
    ])
    func aMistakeIsNamedWithItsPlace(text: String, message: String) throws {
        let error = try error(text)
        #expect(error.code == .invalidConfiguration)
        #expect(error.message.hasPrefix("1 mistake\n"))
        #expect(error.message.contains("/batchmgr.yaml:\(message)\n"), "\(error.message)")
        #expect(error.hint.text().hasSuffix("its keys are explained in docs/configuration.md"))
    }

    @Test(arguments: [
        ("{mailer: a, mailer: b}", "'mailer' is given already, in line 2"),
        ("{sql: a}", "'sql' already means something in a step; choose another name"),
        ("{timeout: a}", "'timeout' already means something in a step; choose another name"),
    ])
    func aPluginDeclaredTwiceIsAnErrorOfItsOwn(plugins: String, message: String) throws {
        let error = try error("databases: {a: {path: x}}\nplugins: \(plugins)\nunknown_key: 1\n")
        #expect(error.code == .pluginDuplicate)
        #expect(error.message.contains(message))
    }

    @Test func theWorkspaceIsFoundFromAnyFolderInIt() throws {
        let folder = try CatalogFolder(["batchmgr.yaml": "databases: {a: {path: x}}\n", "deep/er/file": ""])
        #expect(try Workspace.find(from: folder.file("deep/er")).folder == folder.path)
        #expect(try Workspace.find(from: folder.path).folder == folder.path)
        let outside = try CatalogFolder()
        let error = try #require(throws: BatchError.self) { _ = try Workspace.find(from: outside.path) }
        #expect(error.code == .noWorkspace)
        #expect(error.hint.text().contains("batchmgr init --database PATH"))
        #expect(throws: BatchError.self) { _ = try Workspace.find(from: outside.file("nowhere")) }
    }

    @Test func aDatabaseGivenAloneHasItsBackupsBesideIt() throws {
        let folder = try CatalogFolder(["app.db": ""])
        let workspace = Workspace.adHoc(database: folder.file("app.db"))
        #expect(workspace.folder == folder.path)
        #expect(workspace.backups == folder.file("backups/batch_manager"))
        #expect(try workspace.database().path == folder.file("app.db"))
        #expect(workspace.file == nil)
        #expect(workspace.catalog == nil)
        #expect(try workspace.loadCatalog(StepRegistry.builtIn.rules()).jobs.isEmpty)
    }

    @Test(
        arguments: [
            ("data/app.db", Tenancy.none, nil), ("a \"b\".db", .column, "tenant: id"), ("data/{tenant}.db", .file, nil),
        ] as [(String, Tenancy, String?)])
    func aNewWorkspaceIsReadBackAsItWasAskedFor(path: String, tenancy: Tenancy, column: String?) throws {
        let folder = try CatalogFolder()
        let workspace = try Workspace.initialise(
            folder.path, database: path, tenancy: tenancy, tenantColumn: column)
        #expect(workspace == (try Workspace.load(folder.path)))
        #expect(
            try workspace.database()
                == DatabaseDefinition(
                    name: "main", path: folder.file(path), tenancy: tenancy, tenantColumn: column))
    }

    @Test func aWorkspaceIsNeverOverwritten() throws {
        let folder = try CatalogFolder(["batchmgr.yaml": "precious"])
        let error = try #require(throws: BatchError.self) {
            _ = try Workspace.initialise(folder.path, database: "a.db")
        }
        #expect(error.code == .fileExists)
        #expect(folder.read("batchmgr.yaml") == "precious")
    }

    @Test(
        arguments: [
            ("a.db", Tenancy.column, nil), ("a.db", .none, "t"), ("a.db", .file, nil), ("{tenant}.db", .none, nil),
        ] as [(String, Tenancy, String?)])
    func aNewWorkspaceMustFitTogether(path: String, tenancy: Tenancy, column: String?) throws {
        let folder = try CatalogFolder()
        let error = try #require(throws: BatchError.self) {
            _ = try Workspace.initialise(folder.path, database: path, tenancy: tenancy, tenantColumn: column)
        }
        #expect(error.code == .usage)
        #expect(folder.read("batchmgr.yaml").isEmpty)
    }

    @Test func oneOfSeveralDatabasesIsChosenByName() throws {
        let folder = try CatalogFolder(["batchmgr.yaml": CatalogWorkspaceTests.everything])
        let workspace = try Workspace.load(folder.path)
        #expect(try workspace.database().name == "main")
        #expect(try workspace.database(named: "other").name == "other")
        let error = try #require(throws: BatchError.self) { _ = try workspace.database(named: "othr") }
        #expect(error.message == "the workspace has no database 'othr'; did you mean 'other'?")
    }
}
