import TestSupport
import Testing

/// What is written beside a database may be read by nobody who may not read the database.
@Suite struct PermissionTests {
    /// Every verb that writes a file.
    private static let commands = """
        "$TOOL" --db app.db run --id a --sql 'UPDATE items SET qty = qty + 1'
        "$TOOL" --db app.db run --id b --sql 'UPDATE items SET qty = qty + 1 WHERE id = 2'
        "$TOOL" --db app.db restore --point a.1 --to bak.db --source bak
        "$TOOL" --db app.db restore --point a.1 --to git.db --source git
        "$TOOL" --db app.db rollback --id b.1 --plan-out plan.json
        "$TOOL" --db app.db rollback --id b.1
        "$TOOL" --db app.db history compact
        "$TOOL" --db app.db audit export --to audit.jsonl
        "$TOOL" --db app.db erase --table items --where 'id = 3' --yes
        "$TOOL" --db app.db prune --yes
        "$TOOL" --db app.db drill
        "$TOOL" --db app.db verify
        """

    /// Names with more permissions than `bits` allows.
    private static func wide(_ bits: String) -> String {
        "find backups *.db plan.json audit.jsonl -perm /\(bits) ! -name app.db 2>/dev/null"
    }

    @Test(arguments: [("600", "077"), ("640", "027"), ("644", "022")])
    func nothingIsWiderThanTheDatabase(mode: String, beyond: String) throws {
        try BadLuckScene.with { scene in
            try scene.shell("rm batchmgr.yaml; chmod \(mode) app.db; umask 0\n\(Self.commands)")
            #expect(scene.has("bak.db") && scene.has("git.db") && scene.has("backups/batch_manager/control.db"))
            #expect(try scene.shell(Self.wide(beyond)).out == "")
        }
    }

    @Test func whatAnEarlierVersionMadeIsTightened() throws {
        try BadLuckScene.with { scene in
            try scene.shell("rm batchmgr.yaml; umask 022\n\(Self.commands)\nchmod 600 app.db")
            let doctor = try scene.shell("\"$TOOL\" --db app.db doctor")
            #expect(doctor.out.contains("read by more people than"), "\(doctor.out)")
            try scene.shell("\"$TOOL\" --db app.db run --id c --sql 'UPDATE items SET qty = 1'")
            #expect(try scene.shell("find backups/batch_manager -perm /077").out == "")
            let after = try scene.shell("\"$TOOL\" --db app.db doctor")
            #expect(!after.out.contains("read by more people than"), "\(after.out)")
        }
    }

    /// Somebody may have his own files in the folder that is named for the copies.
    @Test func aFolderWithFilesOfOthersIsLeftAsItIs() throws {
        try BadLuckScene.with(configuration: "backups: shared\n") { scene in
            try scene.shell("umask 022; mkdir shared; echo x >shared/theirs; chmod 600 app.db")
            try scene.expect(0, "run", "--id", "a", "--sql", "UPDATE items SET qty = 1")
            try scene.shell("chmod 644 shared/*.bak")
            try scene.expect(0, "run", "--id", "b", "--sql", "UPDATE items SET qty = 2")
            #expect(try scene.shell("stat -c %a shared shared/theirs").out == "755\n644\n")
            #expect(try scene.shell("find shared/*.bak shared/control.db -perm /077").out == "")
        }
    }
}
