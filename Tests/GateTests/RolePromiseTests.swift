import BatchCore
import TestSupport
import Testing

/// Where a workspace has roles, nobody does what their role is not for.
@Suite struct RolePromiseTests {
    static let user = BuiltTool.user

    static func with<Value>(_ role: Role?, _ body: (BadLuckScene) throws -> Value) throws -> Value {
        try BadLuckScene.with { scene in
            try scene.expect(0, "run", "--id", "multi")
            var roles: [Role: [String]] = [.admin: ["somebody-else"]]
            if let role { roles[role, default: []].append(user) }
            let lines = roles.map { "  \($0.key.rawValue): [\($0.value.joined(separator: ", "))]\n" }.sorted()
            try scene.write("batchmgr.yaml", "databases:\n  main:\n    path: app.db\nroles:\n" + lines.joined())
            return try body(scene)
        }
    }

    /// A call of a verb that asks for each role.
    static let calls: [(role: Role, words: [String])] = [
        (.viewer, ["list"]), (.viewer, ["switch", "list"]), (.viewer, ["ops", "list"]), (.viewer, ["verify"]),
        (.operator, ["run", "--id", "follow"]), (.operator, ["rollback", "--id", "multi.1"]),
        (.operator, ["restore", "--point", "multi.1^", "--in-place"]), (.operator, ["drill"]),
        (.admin, ["switch", "set", "--name", "safe_mode", "--value", "on", "--reason", "r"]),
        (.admin, ["guard", "set", "--mode", "track"]), (.admin, ["prune", "--keep-last", "1"]),
        (.admin, ["erase", "--table", "items", "--where", "id = 1", "--yes"]),
    ]

    @Test(arguments: [Role?.none, .viewer, .operator, .approver, .admin])
    func aVerbIsDoneForItsRoleAndRefusedOtherwise(_ role: Role?) throws {
        for call in Self.calls {
            try Self.with(role) { scene in
                let before = try scene.dump()
                if role?.includes(call.role) ?? false {
                    try scene.expect(0, call.words)
                } else {
                    let result = try scene.expect(3, call.words)
                    #expect(result.err.contains("error: ERR_SECURITY_ROLE: "), "\(result.err)")
                    #expect(try scene.dump() == before)
                    try scene.write("batchmgr.yaml", "databases:\n  main:\n    path: app.db\n")
                    let entries = try scene.json("audit", "list")["entries"]?.array ?? []
                    let verb = call.words.prefix { !$0.hasPrefix("--") }.joined(separator: " ")
                    guard call.role != .viewer else { return }
                    let row = entries.last { $0["action"]?.string == verb && $0["outcome"]?.string == "refused" }
                    #expect(row?["actor"]?.string == Self.user, "\(verb)")
                    #expect(row?["details"]?["code"]?.string == "ERR_SECURITY_ROLE", "\(verb)")
                }
            }
        }
    }

    @Test func helpAndVersionAreForEverybody() throws {
        try Self.with(nil) { scene in
            for words in [["version"], ["help"], ["completion", "bash"], ["catalog", "schema"]] {
                try scene.expect(0, words)
            }
        }
    }

    @Test func aNameInTheEnvironmentGivesNoRoleAndIsNotTheActor() throws {
        try Self.with(.viewer) { scene in
            let result = try scene.shell("BATCHMGR_ACTOR=somebody-else exec \"$TOOL\" run --id follow")
            #expect(result.code == 3)
        }
        try Self.with(.operator) { scene in
            let result = try scene.shell("BATCHMGR_ACTOR=somebody-else exec \"$TOOL\" run --id follow")
            #expect(result.code == 0)
            let actor = try scene.sql("SELECT actor FROM batchmgr_batches WHERE batch = 'follow.1'")
            #expect(actor == Self.user)
        }
    }

    @Test func nobodyApprovesInTheNameOfAnother() throws {
        try Self.with(.admin) { scene in
            try scene.expect(7, "run", "--id", "follow", "--propose")
            for verb in [["plan", "approve"], ["plan", "reject", "--reason", "r"]] {
                let result = try scene.expect(3, verb + ["--id", "plan.1", "--as", "somebody-else"])
                #expect(result.err.contains("ERR_SECURITY_ROLE"), "\(result.err)")
            }
            try scene.expect(.selfApproval, "plan", "approve", "--id", "plan.1")
        }
    }

    @Test func aDatabaseKeepsItsRolesWhereverItIsNamedFrom() throws {
        try Self.with(.viewer) { scene in
            let before = try scene.dump()
            try scene.shell("mkdir other && ln -s ../app.db other/link.db")
            try scene.write("other/batchmgr.yaml", "databases:\n  main:\n    path: ../app.db\n")
            let sql = ["run", "--id", "own", "--sql", "DELETE FROM items"]
            for place in [
                ["--db", "app.db"], ["--db", "other/../app.db"], ["--db", "other/link.db"], ["--workspace", "other"],
            ] {
                let result = try scene.expect(3, place + sql)
                #expect(result.err.contains("ERR_SECURITY_ROLE"), "\(place): \(result.err)")
            }
            #expect(try scene.dump() == before)
        }
    }

    @Test func everyVerbSaysWhichRoleItTakes() throws {
        let verbs = try JSONParser.parse(try BuiltTool.run("help", "--json").out)["verbs"]?.array ?? []
        let names = verbs.compactMap { $0["name"]?.string }
        #expect(names.count > 30)
        let admins = verbs.filter { $0["role"]?.string == "admin" }.compactMap { $0["name"]?.string }
        #expect(
            Set(admins) == [
                "switch set", "guard set", "erase", "prune", "ops trust", "ops revoke", "home set", "vacuum",
                "forget-copies", "remove", "schedule install", "token create", "token list", "token revoke",
                "config set", "service restart",
                "switch undo", "degrade on", "degrade off", "circuit open", "circuit close", "release rollback",
                "ocr reset",
                "runbook run",
            ],
            "a verb that names no role is an admin's alone: give the new one its role in its table")
    }

    @Test(arguments: [
        ("roles:\n  admin: []\n", "at least one admin"), ("roles:\n  viewer: [a]\n", "needs the key 'admin'"),
        ("roles:\n  admin: [a]\n  operater: [b]\n", "did you mean 'operator'?"), ("roles: [a]\n", "roles"),
        ("roles:\n  admin: a\n", "admin"),
    ])
    func rolesThatSayNothingAreAMistake(_ roles: String, _ message: String) throws {
        try BadLuckScene.with(configuration: roles) { scene in
            let result = try scene.expect(.invalidConfiguration, "run", "--id", "multi")
            #expect(result.err.contains(message), "\(result.err)")
        }
    }
}

extension BuiltTool {
    /// The user of the operating system.
    static let user: String = (try? shell("id -un").out.filter { !$0.isNewline }) ?? ""
}
