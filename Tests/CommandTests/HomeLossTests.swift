import BatchCore
import TestSupport
import Testing

/// Whatever is taken out of the home of a database, or cut short there, is told by `verify`, with what mends it.
@Suite struct HomeLossTests {
    private static let home = "backups/batch_manager"

    private func scene(_ body: (BadLuckScene) throws -> Void) throws {
        try BadLuckScene.with { scene in
            for round in 1...2 {
                try scene.expect(0, "run", "--id", "a", "--sql", "UPDATE items SET qty = qty + \(round)")
            }
            try scene.expect(0, "rollback", "--id", "a.2")
            try scene.expect(0, "switch", "set", "job:multi", "--value", "disabled", "--reason", "a test")
            try body(scene)
        }
    }

    /// What may go: git needs none of it, or the next command makes it anew and nothing is lost.
    private static let mayGo = [
        "logs", "history.git/description", "history.git/hooks", "history.git/info", "history.git/objects/info",
        "reports", "rollback_", "history.git/refs/tags/batch/a.2", "control.db-wal", "control.db-shm", ".gitignore",
        // Commits have the heads too; without the folder those of `control.db` are missed.
        "audit-heads/",
    ]

    @Test func everyFileAndFolderIsMissed() throws {
        try scene { scene in
            try scene.shell(
                "sqlite3 \(HomeLossTests.home)/control.db 'PRAGMA wal_checkpoint(TRUNCATE)'; cp -a backups kept")
            let listed = try scene.shell("cd \(HomeLossTests.home) && find . -mindepth 1 | cut -c3- | sort").out
            let names = listed.split(separator: "\n").map(String.init).filter { name in
                !HomeLossTests.mayGo.contains { name.hasPrefix($0) }
            }
            #expect(names.count > 15)
            for name in names {
                let path = Shell.quote("\(HomeLossTests.home)/\(name)")
                try scene.shell("rm -rf \(path)")
                let result = try scene.tool("verify")
                let isTold =
                    result.code == 6
                    || result.out.contains("warn")
                        && (result.out.contains("databases") || result.out.contains("head is missing"))
                #expect(isTold, "\(name) is gone: \(result.code) \(result.out)\(result.err)")
                try scene.shell("rm -rf backups && cp -a kept backups")
            }
            try scene.expect(0, "verify")
        }
    }

    /// The line below is typed as it stands.
    @Test(arguments: [
        ("rm $H/history.git/config", "config is missing"), (": > $H/history.git/config", "config is not what"),
        ("rm $H/history.git/HEAD", "HEAD is missing"),
        ("printf 'ref: refs/he' > $H/history.git/HEAD", "HEAD is not what"),
        ("rm -f $H/history.git/objects/pack/*.idx", "idx is missing"),
        ("for f in $H/history.git/objects/pack/*.idx; do chmod u+w $f; : > $f; done", "idx is truncated"),
        ("rm $H/signing.pub", "signing.pub is missing"),
        ("rm $H/control.db*", "control.db is missing"),
        ("rm -r $H/databases", "databases/"), ("for f in $H/databases/*.json; do : > $f; done", "cannot be read"),
    ]) func theLineThatIsNamedMendsIt(_ damage: String, _ words: String) throws {
        try scene { scene in
            try scene.shell("H=\(HomeLossTests.home); \(damage)")
            let document = try JSONParser.parse(try scene.tool("verify", "--json").out)
            let checks = document["checks"]?.array ?? []
            let told = checks.filter { $0["detail"]?.string?.contains(words) == true }
            #expect(!told.isEmpty, "\(JSONWriter.text(document))")
            for check in told {
                let hint = check["hint"]?.string ?? check["advice"]?.string ?? ""
                let line =
                    hint.split(separator: ": ", maxSplits: hint.contains("at once: ") ? 2 : 1).last.map(String.init)
                    ?? ""
                let typed = line.replacing("batchmgr ", with: "\"$TOOL\" ")
                let done = try scene.shell(typed)
                #expect(done.code == 0, "\(typed): \(done.err)")
            }
            try scene.expect(0, "verify")
            let after = try scene.tool("verify")
            #expect(!after.out.contains(words), "\(after.out)")
        }
    }

    @Test(arguments: [
        "rm $H/signing.key", ": > $H/signing.key", "head -c 40 $H/signing.key > k; cat k > $H/signing.key",
    ])
    func aLostKeyIsMadeAnewAndTheOldOneKnown(_ damage: String) throws {
        try scene { scene in
            try scene.shell("H=\(HomeLossTests.home); \(damage)")
            #expect(try scene.tool("verify").code == 6)
            try scene.expect(0, "run", "--id", "b", "--sql", "UPDATE items SET qty = 5")
            let result = try scene.tool("verify")
            #expect(result.code == 0, "\(result.out)")
            #expect(result.out.contains("the key was lost once and made again"), "\(result.out)")
            try scene.shell(
                "\"$TOOL\" --db app.db certificate verify \(HomeLossTests.home)/reports/certificate_a.2_*.json")
            #expect(try scene.shell("ls \(HomeLossTests.home)/signing.1.pub").code == 0)
        }
    }

    @Test func aControlFileThatWasMadeAnewIsTold() throws {
        try scene { scene in
            try scene.shell("rm \(HomeLossTests.home)/control.db*")
            let run = try scene.tool("run", "--id", "b", "--sql", "UPDATE items SET qty = 5")
            #expect(run.code == 0)
            let result = try scene.tool("verify")
            #expect(result.code == 6, "\(result.out)")
            #expect(result.out.contains("FAIL  control.db"), "\(result.out)")
        }
    }
}
