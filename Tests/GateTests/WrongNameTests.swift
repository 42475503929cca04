import BatchCore
import TestSupport
import Testing

/// A name that nothing has is an error that says what was meant, never an empty answer.
@Suite struct WrongNameTests {
    @Test(arguments: [
        ["list"], ["points"], ["audit", "list"], ["show", "first"], ["run", "--id", "x", "--sql", "SELECT 1"],
        ["run", "--id", "x", "--sql", "SELECT 1", "--dry-run"], ["rollback", "first"], ["diff", "first"],
    ])
    func aTenantThatNobodyIsIsRefused(words: [String]) throws {
        try TenantScene.with { scene in
            try scene.begin()
            let result = try scene.expect(.unknownTenant, from: ["--tenant", "ab"] + words)
            #expect(result.err.contains("there is no tenant 'ab'; did you mean '"), "\(result.err)")
        }
    }

    /// In a database whose rows belong to nobody in particular.
    @Test func aTenantForWhomNothingWasDoneIsRefusedToWhoLooks() throws {
        try BadLuckScene.with { scene in
            // Nothing has run yet: everybody may be the first.
            try scene.expect(0, "--tenant", "nobody", "list")
            try scene.expect(0, "run", "--id", "first", "--sql", "UPDATE items SET qty = 7")
            for words in [["list"], ["points"], ["show", "first"], ["diff", "first"], ["status"]] {
                let result = try scene.expect(.unknownTenant, from: ["--tenant", "nobody"] + words)
                #expect(result.err.contains("there is no tenant 'nobody': nothing"), "\(result.err)")
            }
            try scene.expect(0, "--tenant", "acme", "run", "--id", "look", "--sql", "SELECT 1")
            #expect(try scene.expect(0, "--tenant", "acme", "list").out.contains("look.1"))
        }
    }

    /// No batch runs while a rule is about nothing, so whoever looks is told.
    @Test(arguments: [
        ("protected: [acounts]", "protected: there is no table 'acounts'; did you mean 'accounts'?"),
        ("protected: [accounts.balanse]", "protected: table accounts has no column 'balanse'; did you mean 'balance'?"),
        (
            "classes: {payment: [accounts.balanse]}",
            "classes: table accounts has no column 'balanse'; did you mean 'balance'?"
        ),
    ])
    func aRuleAboutNothingIsToldByAllThatLook(rule: String, message: String) throws {
        try TenantScene.with { scene in
            try scene.begin()
            let text = try scene.shell("cat batchmgr.yaml").out
            try scene.write("batchmgr.yaml", text.replacing("    tenancy:", with: "    \(rule)\n    tenancy:"))
            let validated = try scene.tool("catalog", "validate")
            #expect(validated.code == 2 && validated.out.contains(message), "\(validated)")
            #expect(validated.out.contains("batchmgr.yaml:"), "\(validated)")
            let check = try scene.tool("check")
            #expect(check.code == 2 && check.out.contains("main: \(message)"), "\(check)")
            let doctor = try scene.tool("doctor")
            let words = doctor.out.split(whereSeparator: \.isWhitespace).joined(separator: " ")
            #expect(doctor.code == 2 && words.contains(message), "\(words)")
            try scene.expect(.invalidConfiguration, "--tenant", "a", "run", "--id", "x", "--sql", "SELECT 1")
        }
    }

    /// The first letter is a Cyrillic one. No word of the caller makes it another tenant.
    @Test(arguments: [[], ["--new-tenant"], ["--new-tenant", "--dry-run"]])
    func aNewTenantThatLooksLikeAnotherIsRefused(words: [String]) throws {
        try TenantScene.with { scene in
            try scene.sql("INSERT INTO accounts VALUES (8, 'acme', 'n0', 1)")
            let insert = "INSERT INTO accounts VALUES (9, 'аcme', 'n1', 1)"
            let result = try scene.expect(
                .unknownTenant, from: ["--tenant", "аcme", "run", "--id", "x", "--sql", insert] + words)
            #expect(result.err.contains("it looks like 'acme'"), "\(result.err)")
            try scene.expect(
                0, "--tenant", "acme", "run", "--id", "x", "--sql", "UPDATE accounts SET balance = 2 WHERE id = 8")
        }
    }

    /// A job in the queue has been asked for by nobody at a terminal.
    @Test func aJobOfTheQueueForATenantThatLooksLikeAnotherFails() throws {
        try TenantScene.with(jobs: [
            "note":
                "id: note\nversion: 1.0.0\ndescription: x\ntenant: required\nsteps:\n  - id: a\n    sql: INSERT INTO accounts(tenant_id, code) VALUES (:tenant, 'n')\n"
        ]) { scene in
            try scene.sql("INSERT INTO accounts VALUES (8, 'acme', 'n0', 1)")
            _ = try scene.tool(["queue", "add", "note", "--tenant", "аcme"])
            _ = try scene.tool(["queue", "work", "--until-empty"])
            #expect(try scene.sql("SELECT count(*) FROM accounts WHERE tenant_id = 'аcme'") == "0")
        }
    }

    @Test func aNewTenantIsSaidToBeOneWhenItLooksMisspelt() throws {
        try TenantScene.with { scene in
            let insert = "INSERT INTO accounts VALUES (9, 'ab', 'n1', 1)"
            try scene.expect(.unknownTenant, "--tenant", "ab", "run", "--id", "x", "--sql", insert)
            try scene.expect(0, "--tenant", "ab", "run", "--id", "x", "--sql", insert, "--new-tenant")
            try scene.expect(0, "--tenant", "ab", "run", "--id", "x", "--sql", "DELETE FROM accounts WHERE id = 9")
            // Its rows are gone, and its batches are not.
            try scene.expect(0, "--tenant", "ab", "rollback", "x")
        }
    }

    @Test(arguments: ["new", "77"])
    func aNewTenantGetsItsFirstRows(tenant: String) throws {
        try TenantScene.with { scene in
            let insert = "INSERT INTO accounts VALUES (9, '\(tenant)', 'n1', 1)"
            try scene.expect(0, "--tenant", tenant, "run", "--id", "x", "--sql", insert)
        }
    }

    @Test func whereNobodyHasRowsEverybodyIsNew() throws {
        try BadLuckScene.with { scene in
            try scene.write("batchmgr.yaml", "databases:\n  main:\n    path: app.db\n\(TenantScene.configuration)")
            try scene.sql("DROP TABLE IF EXISTS empty; CREATE TABLE empty(id INTEGER PRIMARY KEY, tenant_id TEXT)")
            try scene.expect(
                0, "--tenant", "first", "run", "--id", "x", "--sql", "INSERT INTO empty VALUES (1, 'first')")
        }
    }

    @Test(arguments: [
        (["audit", "list", "--action", "runn"], "no action is called 'runn'; did you mean 'run'?"),
        (["audit", "list", "--id", "multi.2"], "no action is about 'multi.2'; did you mean 'multi.1'?"),
        (["audit", "list", "--actor", "nobody-at-all"], "no action was done by 'nobody-at-all'"),
        (["list", "mult"], "no batch and no job is called 'mult'; did you mean 'multi'?"),
        (["run", "mult"], "no job is called 'mult'; did you mean 'multi'?"),
        (["show", "mult"], "there is no batch 'mult'; did you mean 'multi'?"),
        (["restore", "multi.2", "--to", "x.db"], "there is no batch 'multi.2'; did you mean 'multi.1'?"),
        (["diff", "multi", "--table", "wor"], "there is no table 'wor'"),
        (["switch", "set", "safe_mod", "--value", "on", "--reason", "x"], "did you mean 'safe_mode'?"),
        (["switch", "set", "job:mult", "--value", "disabled", "--reason", "x"], "did you mean 'multi'?"),
        (["switch", "set", "safe_mode", "--value", "onn", "--reason", "x"], "did you mean 'on'?"),
    ])
    func aWrongNameIsAnErrorThatSaysWhatWasMeant(words: [String], message: String) throws {
        try BadLuckScene.with { scene in
            try scene.expect(0, "run", "multi")
            let result = try scene.expect(2, words)
            #expect(result.err.contains(message), "\(result.err)")
        }
    }

    @Test(arguments: [
        ["queue", "list"], ["queue", "dead", "list"], ["queue", "dead", "redrive"], ["queue", "add", "multi"],
        ["queue", "bulk", "cancel", "--reason", "x"], ["switch", "list"], ["logs"], ["metrics", "report"],
        ["signal", "list"], ["support", "open", "--reason", "x"], ["token", "create", "bob", "--role", "viewer"],
        ["schedule", "add", "nightly", "--job", "multi", "--cron", "0 2 * * *"],
        ["incident", "open", "--title", "x"], ["incident", "list"], ["plan", "list"], ["heal", "scan"],
    ])
    func aTenantOfNoDatabaseIsRefusedToo(words: [String]) throws {
        try TenantScene.with { scene in
            try scene.sql("UPDATE accounts SET tenant_id = 'acme' WHERE tenant_id = 'b'")
            try scene.begin()
            let result = try scene.expect(.unknownTenant, from: ["--tenant", "acmr"] + words)
            #expect(result.err.contains("there is no tenant 'acmr'; did you mean 'acme'?"), "\(result.err)")
        }
    }

    @Test(arguments: [
        (["queue", "list", "--job", "mult"], ErrorCode.unknownJob, "did you mean 'multi'?"),
        (["queue", "dead", "list", "--job", "mult"], .unknownJob, "did you mean 'multi'?"),
        (["queue", "dead", "redrive", "--job", "mult"], .unknownJob, "did you mean 'multi'?"),
        (["queue", "resume", "--job", "mult"], .unknownJob, "did you mean 'multi'?"),
        (["queue", "bulk", "retry", "--job", "mult"], .unknownJob, "did you mean 'multi'?"),
        (["logs", "mult"], .unknownJob, "did you mean 'multi'?"),
        (["metrics", "report", "--job", "mult"], .unknownJob, "did you mean 'multi'?"),
        (["notify", "snooze", "mult", "--for", "2h"], .unknownJob, "did you mean 'multi'?"),
        (["incident", "open", "--title", "x", "--batch", "multi.2"], .unknownBatch, "did you mean 'multi.1'?"),
        (["incident", "open", "--title", "x", "--module", "biling"], .unknownName, "did you mean 'billing'?"),
    ])
    func aFilterOrASubjectOfAWrongNameIsAnError(words: [String], code: ErrorCode, message: String) throws {
        try BadLuckScene.with { scene in
            try scene.write("catalog/modules.yaml", "billing: {description: Books}\n")
            try scene.expect(0, "run", "multi")
            let result = try scene.expect(code, from: words)
            #expect(result.err.contains(message), "\(result.err)")
            // The right name is not refused.
            let right = words.map { ["mult": "multi", "multi.2": "multi.1", "biling": "billing"][$0] ?? $0 }
            #expect(!(try scene.tool(right)).err.contains("_UNKNOWN_"), "\(right)")
        }
    }

    @Test func switchesOfOtherTenantsAreLeftOut() throws {
        try TenantScene.with { scene in
            try scene.begin()
            try scene.expect(0, "switch", "set", "tenant:a", "isolated", "--reason", "x")
            try scene.expect(0, "switch", "set", "tenant:b", "isolated", "--reason", "x")
            try scene.expect(0, "switch", "set", "safe_mode", "on", "--reason", "x")
            let shown = try scene.expect(0, "--tenant", "a", "switch", "list").out
            #expect(
                shown.contains("tenant:a") && shown.contains("safe_mode") && !shown.contains("tenant:b"), "\(shown)")
        }
    }

    @Test func theLogOfOneJobIsThatOfItsBatches() throws {
        try BadLuckScene.with { scene in
            try scene.expect(0, "run", "multi")
            try scene.expect(0, "run", "follow")
            let lines = try scene.expect(0, "logs", "follow", "--json").out.split(separator: "\n")
            #expect(!lines.isEmpty && lines.allSatisfy { $0.contains("\"follow.1\"") }, "\(lines)")
        }
    }

    @Test func nothingTypedIsAStatusInAWorkspaceAndHelpElsewhere() throws {
        try BadLuckScene.with { scene in
            try scene.expect(0, "run", "multi")
            // The log grows with each call.
            func status(_ words: String...) throws -> [Substring] {
                try scene.tool(words).out.split(separator: "\n")
                    .filter { !$0.hasPrefix("log files") && !$0.hasPrefix("control.db") }
            }
            #expect(try status() == status("status"))
            #expect(try scene.json()["batches"] == scene.json("status")["batches"])
            let elsewhere = try scene.shell(
                "mkdir -p /tmp/empty-$$ && cd /tmp/empty-$$ && \"$TOOL\"; rmdir /tmp/empty-$$")
            #expect(elsewhere.out.contains("\nRun batches:\n"), "\(elsewhere.err)")
            #expect(try scene.tool("--help").out == elsewhere.out)
        }
    }
}
