import BatchCore
import TestSupport
import Testing

/// `repair_fix_orphan_files_vfs` on files that lie in a folder of the workspace.
@Suite struct FileRepairTests {
    private static let mapping = """
        files:
          table: papers
          key: no
          tenant: owner
          name: name
          size: bytes
          sha256: hash
          folder: store
          belongs: (papers.letter IS NOT NULL)
        """

    private static let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

    private func scene(_ body: (BadLuckScene) throws -> Void) throws {
        let job = try TextFile.read(TextFile.inPackage("catalog/repair_fix_orphan_files_vfs.yaml"))
        try BadLuckScene.with(configuration: HealingScene.configuration) { scene in
            try scene.write("catalog/repair_fix_orphan_files_vfs.yaml", job)
            try scene.write("catalog/mapping.yaml", FileRepairTests.mapping)
            try scene.shell(
                """
                mkdir -p store/a store/b
                printf abc > store/a/good; printf abd > store/a/damaged; printf abc > store/a/size
                printf abc > store/b/orphan; printf new > store/b/unknown; printf s > ../outside-heal; ln -s /etc/passwd store/a/link
                """)
            let hash = FileRepairTests.abc
            try scene.sql(
                """
                CREATE TABLE papers(no INTEGER PRIMARY KEY, owner TEXT NOT NULL, name TEXT, bytes INTEGER, hash TEXT, letter);
                INSERT INTO papers VALUES(1,'a','a/good',3,'\(hash)',1),(2,'a','a/damaged',3,'\(hash)',1),
                  (3,'a','a/size',7,'\(hash)',1),(4,'a','a/gone',3,'\(hash)',1),(5,'b','b/orphan',3,'\(hash)',NULL);
                """)
            try body(scene)
        }
    }

    private func files(_ scene: BadLuckScene) throws -> String {
        try scene.shell("find store -type f | sort | xargs sha256sum").out
    }

    @Test(arguments: [
        "files_below('.')", "file_size('batchmgr.yaml')", "FILE_SHA256('store/b/orphan')",
        "workspace_faults('release')",
    ])
    func sqlThatIsTypedSeesNoFile(_ call: String) throws {
        try scene { scene in
            for tenant in [["--tenant", "a"], []] {
                let words = ["run", "--id", "probe"] + tenant + ["--sql"]
                try scene.expect(.forbiddenStatement, from: words + ["SELECT \(call)"])
                try scene.expect(
                    .forbiddenStatement, from: words + ["UPDATE papers SET letter = \(call) WHERE owner = 'a'"])
            }
        }
    }

    @Test func scanFindsEachKind() throws {
        try scene { scene in
            let findings = try scene.json("heal", "scan")["findings"]?.array ?? []
            let found = findings.map {
                "\($0["tenant"]?.string ?? "?") \($0["key"]?.string ?? $0["key"]?.integer.map(String.init) ?? "?") \($0["reason"]?.string ?? "")"
            }
            #expect(
                Set(found) == [
                    "a 2 the content does not have its SHA-256", "a 3 the size is not that of the content",
                    "a 4 there is no file", "b 5 belongs to nothing", "b b/unknown there is no row",
                ])
        }
    }

    @Test func whatIsWrongIsPutAwayAndComesBack() throws {
        try scene { scene in
            // The audit begins with the first batch.
            try scene.expect(
                0, "run", "--id", "begin", "--sql", "UPDATE papers SET bytes = bytes WHERE owner = 'a'", "--tenant", "a"
            )
            let (rows, before) = (try scene.dump(), try files(scene))
            let ran = try scene.expect(0, "heal", "run", "repair_fix_orphan_files_vfs", "--apply", "--json")
            let answer = try JSONParser.parse(ran.out)
            #expect(answer["findings_after"]?.integer == 0, "\(ran.out)")
            #expect(try scene.sql("SELECT group_concat(no || ':' || bytes) FROM papers") == "1:3,3:3")
            #expect(try scene.shell("find store -type f | sort").out == "store/a/good\nstore/a/size\n")
            // Nothing is deleted, and what was known is written down.
            let kept = try scene.shell("cd backups/batch_manager/quarantine && cat */[0-9]*_* | sort").out
            #expect(kept == "abdabcnew\n", "\(kept)")
            let manifest = try scene.shell("cat backups/batch_manager/quarantine/*/files.manifest").out
            #expect(manifest.split(separator: "\n").count == 5)
            #expect(manifest.contains(#""name":"a/gone""#), "\(manifest)")
            // The dry run that came before is in the history.
            let history = try scene.json("heal", "history")["executions"]?.array ?? []
            #expect(history.map { $0["mode"]?.string ?? "" } == ["dry_run", "apply", "dry_run", "apply"], "\(history)")

            let owners = try scene.sql("SELECT batch FROM batchmgr_batches WHERE job LIKE 'repair%' ORDER BY seq DESC")
            for batch in owners.split(separator: "\n") { try scene.expect(0, "rollback", String(batch)) }
            #expect(try scene.dump() == rows)
            #expect(try files(scene) == before)
        }
    }

    @Test func aRollbackOverwritesNoFile() throws {
        try scene { scene in
            try scene.expect(0, "heal", "run", "repair_fix_orphan_files_vfs", "--apply", "--tenant", "b")
            try scene.shell("printf other > store/b/unknown")
            try scene.expect(.fileExists, "rollback", "repair_fix_orphan_files_vfs.1")
            #expect(try scene.shell("cat store/b/unknown").out == "other")
            try scene.shell("rm store/b/unknown")
            let kept = "cd backups/batch_manager/quarantine && cat */[0-9]*_*"
            try scene.expect(0, "rollback", "repair_fix_orphan_files_vfs.1")
            #expect(try scene.shell("cat store/b/unknown").out == "new")
            // Undone once more, it is out of the way again.
            let rollback = try scene.sql(
                "SELECT batch FROM batchmgr_batches WHERE kind = 'rollback' ORDER BY seq DESC LIMIT 1")
            try scene.expect(0, "rollback", rollback)
            #expect(try scene.shell("ls store/b/unknown").code != 0)
            #expect(try scene.shell(kept).out.contains("new"))
        }
    }

    @Test(arguments: ["../outside-heal", "/etc/passwd", "store/a/link", "store/../../outside-heal"])
    func noNameLeadsOutOfTheWorkspace(path: String) throws {
        try scene { scene in
            try scene.sql("UPDATE papers SET name = '\(path)' WHERE no = 1")
            let job = """
                id: repair_look
                version: 1.0.0
                finds: SELECT owner AS tenant, no AS key FROM papers WHERE no = 1 AND file_size('\(path)') IS NOT NULL
                steps:
                  - {id: away, repair.quarantine: "SELECT '\(path)' AS path"}
                """
            try scene.write("catalog/repair_look.yaml", job)
            #expect(try scene.json("heal", "scan", "repair_look")["counts"]?["repair_look"]?.integer == 0)
            try scene.shell(
                "sed -i 's/^finds:.* AND file_size.*$/finds: SELECT owner AS tenant, no AS key FROM papers WHERE no = 1/' catalog/repair_look.yaml"
            )
            try scene.expect(3, "run", "repair_look", "--tenant", "a")
        }
    }
}
