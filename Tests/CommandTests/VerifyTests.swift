import BatchCore
import TestSupport
import Testing

@Suite struct VerifyTests {
    @Test func anUntouchedDatabaseVerifies() throws {
        try SampleDatabase.withBatches { database in
            for words in [[], ["--fast"], ["--id", "reprice"]] {
                let result = try BuiltTool.shell("exec \"$TOOL\" \"$@\"", ["--db", database.path, "verify"] + words)
                #expect(result.code == 0, "\(result.out)")
                #expect(result.out.hasSuffix("\nAll is well.\n"))
            }
            let document = try database.json("verify")
            #expect(document["ok"] == true)
            #expect(document["checks"]?.array?.first?.keys.prefix(3) == ["name", "ok", "detail"])
        }
    }

    struct Damage: CustomTestStringConvertible, Sendable {
        let testDescription: String
        /// Shell; `$BAK` is the file of `reprice.1`.
        let line: String
        /// The checks that fail.
        let checks: [String]
        /// Stands in what the first of them says.
        let words: String

        init(_ name: String, _ line: String, _ checks: [String], _ words: String) {
            (testDescription, self.line, self.checks, self.words) = (name, line, checks, words)
        }
    }

    static let damages = [
        Damage(
            "drift", "sqlite3 \"$DB\" \"DELETE FROM rates WHERE code = 'eur'\"", ["table rates"], "3 rows, and has 2"),
        Damage(
            "changed row", "sqlite3 \"$DB\" \"UPDATE customers SET name = 'Eve' WHERE id = 2\"", ["table customers"],
            "changed outside"),
        Damage("changed schema", "sqlite3 \"$DB\" 'CREATE VIEW v AS SELECT 1'", ["schema"], "the schema was changed"),
        Damage(
            "undo block", "sqlite3 \"$DB\" 'UPDATE batchmgr_undo SET data = zeroblob(40) WHERE checkpoint = 2'",
            ["undo log"], "reprice.1"),
        Damage(
            "lost undo block", "sqlite3 \"$DB\" 'DELETE FROM batchmgr_undo WHERE checkpoint = 2'", ["undo log"],
            "reprice.1"),
        Damage("missing .bak", "rm \"$BAK\"", [".bak"], "is missing"),
        Damage("flipped byte in .bak", "printf X | dd of=\"$BAK\" bs=1 seek=5000 conv=notrunc", [".bak"], "SHA-256"),
        Damage("exchanged .bak", "cp \"$BACKUPS\"/batch_import* \"$BAK\"", [".bak"], "SHA-256"),
        Damage("no repository", "rm -r \"$BACKUPS/history.git\"", ["git"], "no repository"),
        Damage(
            "missing tag", "rm -f \"$BACKUPS/history.git/refs/tags/batch/reprice.1\"", ["git"],
            "its tag batch/reprice.1 is missing"),
        Damage(
            "branch that cannot be read",
            "for f in $(find \"$BACKUPS/history.git/refs/heads\" -type f); do echo garbage > $f; done", ["git"],
            "the signed heads cannot be read"),
        Damage("lost branches", "rm -r \"$BACKUPS\"/history.git/refs/heads/*", ["git"], "are gone: there is no branch"),
        Damage("no refs", "rm -r \"$BACKUPS/history.git/refs\"", ["git"], "history.git"),
        Damage("no packs", "rm -f \"$BACKUPS\"/history.git/objects/pack/*.pack", ["git"], "git commit"),
        Damage(
            "damaged pack",
            "for p in \"$BACKUPS\"/history.git/objects/pack/*.pack; do chmod u+w $p; printf XXXXXXXXXX | dd of=$p bs=1 seek=60 conv=notrunc; done",
            ["git"], "git"),
    ]

    @Test(arguments: damages)
    func damageIsFoundNamedAndExitsWithSixAndDriftWithNine(_ damage: Damage) throws {
        try SampleDatabase.withBatches { database in
            let done = try database.shell("set -e; BAK=$(ls \"$BACKUPS\"/batch_reprice.1_*.bak); \(damage.line)")
            try #require(done.code == 0, "\(done.err)")
            let result = try database.tool("verify", "--json")
            let isDrift = damage.line.hasPrefix("sqlite3") && damage.checks != ["undo log"]
            #expect(result.code == (isDrift ? 9 : 6))
            let document = try JSONParser.parse(result.out)
            #expect(document["ok"] == false)
            let failed = (document["checks"]?.array ?? []).filter { $0["ok"] == false }
            var names: [String] = []
            for name in failed.compactMap({ $0["name"]?.string }) where !names.contains(name) { names.append(name) }
            #expect(names == damage.checks, "\(result.out)")
            #expect(failed.first?["detail"]?.string?.contains(damage.words) == true, "\(result.out)")
            let advice = failed.first?["advice"]?.string ?? ""
            #expect(advice.contains(isDrift ? " drift show" : " restore --point "))
        }
    }

    @Test(arguments: ["rm -r \"$BACKUPS/history.git\"", "rm -r \"$BACKUPS\"/history.git/refs/heads/*"])
    func auditVerifySaysThatSignedHeadsAreGone(_ line: String) throws {
        try SampleDatabase.withBatches { database in
            #expect(try database.tool("audit", "verify").code == 0)
            try database.shell(line)
            let result = try database.tool("audit", "verify")
            #expect(result.code == 6)
            #expect(result.out.contains("FAIL  git"), "\(result.out)")
        }
    }

    @Test func theRecordsOfOneBatchAreJudgedAlone() throws {
        try SampleDatabase.withBatches { database in
            try database.shell("rm \"$BACKUPS\"/batch_reprice.1_*.bak")
            #expect(try database.tool("verify", "--id", "reprice").code == 6)
            #expect(try database.tool("verify", "--id", "close").code == 0)
            #expect(try database.tool("verify", "--fast").code == 6)
            #expect(try database.json("points")["points"]?.texts("status").filter { $0 == "damaged" }.count == 1)
        }
    }

    /// libgit2 passes over what stock git stumbles at.
    @Test(arguments: ["HEAD", "config"], ["garbage", "[[["]) func aFileThatGitCannotReadIsNamed(
        name: String, text: String
    ) throws {
        try SampleDatabase.withBatches { database in
            let git = "git --git-dir \"$BACKUPS\"/history.git log -1 --format=%s app.db"
            let before = try database.shell(git)
            #expect(before.code == 0, "\(before.err)")
            _ = try database.shell("printf '\(text)' > \"$BACKUPS\"/history.git/\(name)")
            let found = try database.tool("verify")
            #expect(found.code == 6, "\(found.out)")
            #expect(found.out.contains("history.git/\(name)"), "\(found.out)")
            let all = found.out.split(whereSeparator: \.isWhitespace).joined(separator: " ")
            let start = try #require(all.firstRange(of: "printf "), "\(all)")
            let rest = all[start.lowerBound...]
            let end = try #require(rest.firstRange(of: "history.git/\(name)"))
            let fixed = try database.shell(String(rest[..<end.upperBound]))
            #expect(fixed.code == 0, "\(fixed.err)")
            #expect(try database.shell(git).out == before.out)
            #expect(try database.tool("verify").code == 0)
        }
    }

    /// All packs are gone, and with them what each commit holds.
    @Test func theHintOfEachDamagedPointCanBeTyped() throws {
        try SampleDatabase.withBatches { database in
            try database.shell("rm -f \"$BACKUPS\"/history.git/objects/pack/*")
            let checks = try database.json("verify")["checks"]?.array ?? []
            let lost = checks.filter { $0["name"] == "git" && $0["ok"] == false }
            let hints = lost.compactMap { $0["advice"]?.string }.filter {
                $0.hasPrefix("restore this point from its .bak")
            }
            #expect(hints.count == 4, "\(lost)")
            for (index, hint) in hints.enumerated() {
                let command = hint.dropFirst("restore this point from its .bak: batchmgr".count)
                    .replacing("FILE", with: "\(database.folder)/\(index).db")
                let restored = try database.shell("\"$TOOL\"\(command)")
                #expect(restored.code == 0, "\(hint): \(restored.err)")
            }
            let refused = try database.tool("restore", "--point", "close.1", "--source", "git", "--to", "x.db")
            #expect(refused.err.contains("hint: try the other copy: batchmgr --db "), "\(refused.err)")
            #expect(refused.err.contains("restore --point close.1 --source bak --to FILE"), "\(refused.err)")
            // Where neither copy is left, none is named.
            try database.shell("rm \"$BACKUPS\"/*.bak")
            let found = try database.tool("verify").out.split(whereSeparator: \.isWhitespace).joined(separator: " ")
            #expect(found.contains("neither copy of this point is as recorded"), "\(found)")
            #expect(!found.contains("restore this point from"), "\(found)")
        }
    }

    @Test func foreignKeysThatPointNowhereAreAWarning() throws {
        try SampleDatabase.with(SampleDatabase.schema + "INSERT INTO invoices VALUES (8, 77, 1, NULL);") { database in
            try database.run("import", "DELETE FROM rates")
            let result = try database.tool("verify")
            #expect(result.code == 0)
            #expect(result.out.contains("warn  foreign_key_check"))
        }
    }
}
