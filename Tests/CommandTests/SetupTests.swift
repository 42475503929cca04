import BatchCore
import TestSupport
import Testing

/// `init` and the verbs about the catalog.
@Suite struct SetupTests {
    static func tool(_ folder: String, _ words: String...) throws -> BuiltTool.Result {
        try BuiltTool.shell("cd \"$0\" && exec \"$TOOL\" \"$@\"".replacing("$0", with: folder), words)
    }

    @Test func initMakesAWorkspaceThatWorks() throws {
        try SampleDatabase.with { database in
            let folder = database.folder
            let made = try Self.tool(folder, "init", "--database", "app.db")
            #expect(made.code == 0, "\(made.err)")
            #expect(made.out.contains("created batchmgr.yaml\n") && made.out.contains("3 tables found"))
            #expect(made.out.contains("1 foreign key declared, and every reference leads to a row"))
            #expect(try TextFile.read(folder + "/backups/batch_manager/.gitignore") == "*\n")
            #expect(try Self.tool(folder, "list").out == "no batches\n")
            #expect(try Self.tool(folder, "catalog", "list").out == "no jobs\n")
            let again = try Self.tool(folder, "init", "--database", "app.db")
            #expect(again.err.hasPrefix("error: ERR_UX_FILE_EXISTS: batchmgr.yaml is already there"))
            #expect(again.code == 2)
        }
    }

    /// Every verb takes `--database NAME`, and `init` alone a path there.
    @Test(arguments: [
        ["init", "--database", "app.db"], ["--database", "app.db", "init"], ["init", "app.db"],
        ["--db", "app.db", "init"],
    ])
    func initTakesItsDatabaseBeforeOrBehindTheVerb(_ words: [String]) throws {
        try SampleDatabase.with { database in
            let made = try BuiltTool.shell("cd \(database.folder) && exec \"$TOOL\" \"$@\"", words)
            #expect(made.code == 0, "\(made.err)")
            #expect(try Self.tool(database.folder, "--database", "main", "list").out == "no batches\n")
            #expect(try Self.tool(database.folder, "list", "--database", "app.db").err.hasPrefix("error: ERR_UX_"))
        }
    }

    @Test(arguments: [
        (["--database", "other.db"], "ERR_UX_FILE_MISSING"), (["--database", "text"], "ERR_DATA_NOT_A_DATABASE"),
        (["--database", "app.db", "--tenant-column", "owner"], "ERR_UX_USAGE"),
        (["--database", "app.db", "--tenancy", "file"], "ERR_UX_USAGE"),
    ])
    func initWritesNothingWhenTheDatabaseIsNotThere(_ words: [String], _ code: String) throws {
        try SampleDatabase.with { database in
            try database.shell(
                "echo this is text, and long enough to be read as a header of some file > \"$(dirname \"$DB\")/text\"")
            let result = try BuiltTool.shell("cd \(database.folder) && exec \"$TOOL\" init \"$@\"", words)
            #expect(result.err.hasPrefix("error: \(code): "), "\(result.err)")
            #expect(result.code == 2)
            #expect(try BuiltTool.shell("ls \(database.folder)").out == "app.db\ntext\n")
        }
    }

    @Test func jobsAreListedShownAndChecked() throws {
        try SampleDatabase.with { database in
            let folder = database.folder
            #expect(try Self.tool(folder, "init", "--database", "app.db").code == 0)
            _ = try BuiltTool.shell("cat > \(folder)/catalog/raise.yaml <<'E'\n\(Self.job)\nE\n")
            #expect(try Self.tool(folder, "catalog", "validate").out == "1 file, no mistakes\n")
            let list = try JSONParser.parse(try Self.tool(folder, "catalog", "list", "--json").out)
            #expect(list["jobs"]?.texts("id") == ["raise"])
            let shown = try Self.tool(folder, "catalog", "show", "--id", "raise").out
            #expect(shown.contains("percent    real  2.5") && shown.contains("run it: batchmgr run --id raise\n"))
            #expect(try Self.tool(folder, "run", "--id", "raise").code == 0)
            let unknown = try Self.tool(folder, "catalog", "show", "--id", "rise")
            #expect(unknown.err.contains("did you mean 'raise'?") && unknown.code == 2)
        }
    }

    @Test func everyMistakeOfTheCatalogIsShownWithItsPlace() throws {
        try SampleDatabase.with { database in
            let folder = database.folder
            #expect(try Self.tool(folder, "init", "--database", "app.db").code == 0)
            _ = try BuiltTool.shell(
                "cd \(folder); printf 'id: raise\\nversion: 1.0\\nstep: []\\n' > catalog/raise.yaml; cp catalog/raise.yaml other.yaml"
            )
            for words in [["validate"], ["validate", "catalog/raise.yaml"], ["validate", "other.yaml"]] {
                let result = try BuiltTool.shell("cd \(folder) && exec \"$TOOL\" catalog \"$@\"", words)
                #expect(result.code == 2)
                #expect(
                    result.out.contains("raise.yaml:2:10: ") || result.out.contains("other.yaml:2:10: "),
                    "\(result.out)")
                #expect(result.out.contains("did you mean 'steps'?"))
            }
            let document = try JSONParser.parse(try Self.tool(folder, "catalog", "validate", "--json").out)
            #expect(document["ok"] == false)
            #expect((document["errors"]?.array?.count ?? 0) >= 2)
            #expect(
                try Self.tool(folder, "catalog", "validate", "none.yaml").err.hasPrefix("error: ERR_UX_FILE_MISSING"))
        }
    }

    @Test func theSchemaOfAJobIsPrinted() throws {
        let schema = try TextFile.read(TextFile.inPackage("catalog/schema.json"))
        #expect(
            try BuiltTool.shell("cd / && exec \"$TOOL\" catalog schema").out
                == schema)
        let document = try JSONParser.parse(try BuiltTool.shell("cd / && exec \"$TOOL\" catalog schema --json").out)
        #expect(document["schema"]?["title"]?.string == "A job of batchmgr")
    }

    private static let job = """
        id: raise
        version: 1.0.0
        params:
          percent: {type: real, default: 2.5}
        steps:
          - id: raise
            sql: UPDATE invoices SET total = total * (1 + :percent / 100)
        """
}
