import BatchCore
import TestSupport
import Testing

/// The certificate of a rollback, checked with nothing but the file, the public key and the database.
@Suite struct CertificateTests {
    private func rolledBack(_ body: (BadLuckScene) throws -> Void) throws {
        try BadLuckScene.with { scene in
            try scene.expect(
                0, "run", "--id", "b", "--sql", "UPDATE items SET qty = 50; INSERT INTO items VALUES(9, 9, 9)")
            try scene.expect(0, "rollback", "--id", "b")
            let files = try scene.shell(
                "mkdir away && mv backups/batch_manager/reports/certificate_b.1_*.json away/c.json && mv backups/batch_manager/signing.pub away/ && cp app.db away/"
            )
            #expect(files.code == 0, "\(files.err)")
            try body(scene)
        }
    }

    private func verify(_ scene: BadLuckScene) throws -> BuiltTool.Result {
        try scene.shell("cd away && exec \"$TOOL\" --db app.db certificate verify c.json --key signing.pub")
    }

    @Test func itHoldsAwayFromTheWorkspaceAndAfterLaterBatches() throws {
        try rolledBack { scene in
            let here = try verify(scene)
            #expect(here.code == 0, "\(here.out)\(here.err)")
            let run = try scene.shell(
                "cd away && \"$TOOL\" --db app.db run --id later --sql 'UPDATE items SET qty = 7; DELETE FROM items WHERE id = 1'"
            )
            #expect(run.code == 0, "\(run.err)")
            #expect(try verify(scene).code == 0)
        }
    }

    @Test(arguments: [
        ("sed -i 's/\"source\": \"log\"/\"source\": \"git\"/' c.json", "the file was changed"),
        ("sed -i 's/\"signature\": \"../\"signature\": \"00/' c.json", "the file was changed"),
        (
            #"sed -i -e 's/"public_key": "0/"public_key": "1/;t' -e 's/"public_key": "./"public_key": "0/' c.json"#,
            "the file was changed"
        ),
        ("openssl genpkey -algorithm ed25519 -out k && openssl pkey -in k -pubout -out signing.pub", "another key"),
        ("sqlite3 app.db 'UPDATE items SET qty = 51 WHERE id = 2'", "outside any batch"),
        (
            "sqlite3 app.db \"UPDATE batchmgr_batches SET digest_after = digest_before WHERE batch = 'rollback.1'\"",
            "other state digests"
        ),
        ("sqlite3 app.db 'UPDATE batchmgr_checkpoints SET undone_by = NULL'", "not recorded as undone"),
        ("\"$TOOL\" --db app.db rollback --id rollback.1 >/dev/null", "was rolled back itself"),
        ("rm app.db && sqlite3 app.db 'CREATE TABLE items(id)'", "another database"),
    ])
    func whatDoesNotHoldIsNamed(_ change: String, _ words: String) throws {
        try rolledBack { scene in
            let done = try scene.shell("cd away && \(change)")
            #expect(done.code == 0, "\(done.err)")
            let result = try verify(scene)
            #expect(result.code == 6, "\(result.out)\(result.err)")
            let text = result.out.split(whereSeparator: \.isWhitespace).joined(separator: " ")
            #expect(text.contains(words), "\(text)")
        }
    }

    @Test func theKeyIsTheOwnersAloneAndStaysTheSame() throws {
        try BadLuckScene.with { scene in
            for round in 1...2 {
                try scene.expect(0, "run", "--id", "b", "--sql", "UPDATE items SET qty = \(round)0")
                try scene.expect(0, "rollback", "--id", "b")
            }
            #expect(try scene.shell("stat -c %a backups/batch_manager/signing.key").out == "600\n")
            let keys = try scene.shell("grep -h public_key backups/batch_manager/reports/*.json | sort -u | wc -l").out
            #expect(keys == "1\n")
        }
    }

    @Test(arguments: [
        ("echo no > away/c.json", ErrorCode.corruptRecord), ("rm away/c.json", .fileMissing),
        ("rm away/signing.pub", .fileMissing), ("echo no > away/signing.pub", .usage),
    ])
    func badFilesAreNamed(_ change: String, _ code: ErrorCode) throws {
        try rolledBack { scene in
            _ = try scene.shell(change)
            let result = try verify(scene)
            #expect(result.code == code.exitCode.rawValue, "\(result.out)\(result.err)")
            #expect(result.err.contains(code.rawValue), "\(result.err)")
        }
    }
}
