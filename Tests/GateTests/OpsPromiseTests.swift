import BatchCore
import TestSupport
import Testing

/// A signed request does what it says, once, as its signer; anything else is refused and noted.
@Suite struct OpsPromiseTests {
    static let add = #"{"action": "run", "job": "add", "set": {"n": 7}}"#

    @Test func aRequestIsDoneOnceAndInTheNameOfItsSigner() throws {
        try OpsScene.with { ops in
            let file = try ops.sign(Self.add)
            try ops.scene.expect(0, "ops", "submit", "--file", file)
            #expect(try ops.scene.sql("SELECT what FROM log WHERE what LIKE 'added%'") == "added 7")
            #expect(try ops.scene.sql("SELECT actor FROM batchmgr_batches") == "operator")
            let again = try ops.scene.expect(.requestUsed, "ops", "submit", "--file", file)
            #expect(again.err.contains("signed by operator"))
            #expect(try ops.added == 1)
            let entries = try ops.scene.json("audit", "list")["entries"]?.array ?? []
            let done = entries.filter { $0["action"]?.string == "ops submit" && $0["batch"]?.string == "add.1" }
            #expect(done.map { $0["actor"]?.string } == ["operator"])
            #expect(try ops.scene.tool("audit", "verify").code == 0)
            let used = try ops.scene.json("ops", "list")["requests"]?.array ?? []
            #expect(used.map { $0["outcome"]?.string } == ["done"])
        }
    }

    @Test func aRollbackByRequestLeavesTheDatabaseAsItWas() throws {
        try OpsScene.with { ops in
            let before = try ops.scene.dump()
            try ops.scene.expect(0, "run", "--id", "multi")
            let file = try ops.sign(#"{"action": "rollback", "batch": "multi.1", "mode": "cascade"}"#)
            try ops.scene.expect(0, "ops", "submit", "--file", file)
            #expect(try ops.scene.dump() == before)
            #expect(try ops.scene.sql("SELECT actor FROM batchmgr_batches WHERE batch = 'rollback.1'") == "operator")
        }
    }

    @Test func aSwitchByRequestIsSetInTheNameOfItsSigner() throws {
        try OpsScene.with { ops in
            let file = try ops.sign(
                #"{"action": "switch", "switch": "safe_mode", "value": "on", "reason": "incident 7", "for": "2h"}"#,
                by: "admin")
            try ops.scene.expect(0, "ops", "submit", "--file", file)
            let list = try ops.scene.json("switch", "list")["switches"]?.array ?? []
            #expect(list.map { $0["actor"]?.string } == ["admin"])
            try ops.scene.expect(.requestUsed, "ops", "submit", "--file", file)
            #expect(try ops.scene.json("switch", "list", "--history")["switches"]?.array?.count == 1)
        }
    }

    @Test(arguments: [
        Self.add, #"{"action": "rollback", "batch": "multi.1"}"#,
        #"{"action": "rollback", "batch": "multi.1", "mode": "cascade"}"#,
    ])
    func safeModeAppliesNothingThatARequestAsksFor(_ request: String) throws {
        try OpsScene.with { ops in
            try ops.scene.expect(0, "run", "--id", "multi")
            try ops.scene.expect(
                0, "switch", "set", "--name", "safe_mode", "--value", "on", "--reason", "month end")
            let before = try ops.scene.dump()
            let result = try ops.scene.tool("ops", "submit", "--file", try ops.sign(request))
            #expect([3, 7].contains(result.code), "\(result.out)\(result.err)")
            #expect(try ops.scene.dump() == before)
        }
    }

    @Test func aPlanByRequestIsApprovedByAnotherSigner() throws {
        try OpsScene.with { ops in
            let before = try ops.scene.dump()
            try ops.scene.expect(0, "switch", "set", "--name", "safe_mode", "--value", "on", "--reason", "r")
            try ops.scene.expect(7, "ops", "submit", "--file", try ops.sign(Self.add, by: "admin"))
            let approve = #"{"action": "approve", "plan": "plan.1"}"#
            try ops.scene.expect(.selfApproval, "ops", "submit", "--file", try ops.sign(approve, by: "admin"))
            let approval = try ops.sign(approve, by: "approver")
            try ops.scene.expect(0, "ops", "submit", "--file", approval)
            try ops.scene.expect(.requestUsed, "ops", "submit", "--file", approval)
            try ops.scene.expect(
                .wrongState, "ops", "submit", "--file", try ops.sign(approve, by: "approver"))
            #expect(try ops.scene.dump() == before)
            try ops.scene.expect(0, "switch", "set", "--name", "safe_mode", "--value", "off", "--reason", "r")
            try ops.scene.expect(0, "plan", "apply", "--id", "plan.1")
            #expect(try ops.added == 1)
        }
    }

    // MARK: Refused

    struct Attack: Sendable, CustomStringConvertible {
        let description: String
        let code: ErrorCode
        /// Makes the file to submit.
        let make: @Sendable (OpsScene) throws -> String

        init(_ description: String, _ code: ErrorCode, _ make: @escaping @Sendable (OpsScene) throws -> String) {
            self.description = description
            self.code = code
            self.make = make
        }

        /// A file that was changed by sed after it was signed.
        static func edited(_ what: String, _ script: String) -> Attack {
            Attack(what, .signature) { ops in
                let file = try ops.sign(OpsPromiseTests.add)
                let edit = try ops.scene.shell(
                    "cp \(file) before; sed -i \"$1\" \(file); cmp -s before \(file)", [script])
                try #require(edit.code == 1, "nothing was edited: \(edit.err)")
                return file
            }
        }

        /// A signed request with one member of its envelope replaced before signing.
        static func other(_ key: String, _ value: JSONValue, _ code: ErrorCode, by name: String = "operator") -> Attack
        {
            Attack("\(key) is \(JSONWriter.text(value))", code) { ops in
                try ops.forge([.init("action", "run"), .init("job", "add")], by: name) { members in
                    members.map { $0.key == key ? .init(key, value) : $0 }
                }
            }
        }
    }

    static let attacks: [Attack] = [
        .edited("another value", "s/\"n\": 7/\"n\": 8/"),
        .edited("another job", "s/\"job\": \"add\"/\"job\": \"multi\"/"),
        .edited("a later expiry", "s/\"expires\": \"20/\"expires\": \"30/"),
        .edited("another nonce", "s/\"nonce\": \"./\"nonce\": \"x/"),
        .edited("another signer", "s/\"signer\": \"operator\"/\"signer\": \"admin\"/"),
        .edited("a member more", "s/\"job\": \"add\",/\"job\": \"add\", \"tenant\": \"acme\",/"),
        .edited("a signature of its own", "s/\"signature\": \"..../\"signature\": \"0000/"),
        Attack("a short signature", .signature) { ops in
            let file = try ops.sign(OpsPromiseTests.add)
            try ops.scene.shell("sed -i 's/\"signature\": \".*\"/\"signature\": \"00\"/' \(file)")
            return file
        },
        Attack("expired", .requestExpired) { ops in
            let file = try ops.sign(OpsPromiseTests.add, by: "operator", "--expires", "1ms")
            try ops.scene.shell("sleep 0.05")
            return file
        },
        .other("issued", "2990-01-01T00:00:00.000Z", .requestExpired),
        .other("expires", "2990-01-01T00:00:00.000Z", .requestExpired),
        .other("target", "00112233445566778899aabbccddeeff/main", .wrongWorkspace),
        .other("signer", "admin", .untrustedKey),
        Attack("another database of the workspace", .wrongWorkspace) { ops in
            let target = try ops.scene.json("ops", "list")["targets"]?.array?.first?.string ?? ""
            return try ops.sign(
                OpsPromiseTests.add, by: "operator", "--target", target.replacing("/main", with: "/other"))
        },
        Attack("a key that nobody trusts", .untrustedKey) { ops in
            try ops.makeKey("mallory")
            return try ops.sign(OpsPromiseTests.add, by: "mallory")
        },
        Attack("a key that bears a trusted name", .untrustedKey) { ops in
            try ops.scene.shell("mv operator.key operator.old; mv operator.key.pub old.pub")
            try ops.makeKey("operator")
            return try ops.sign(OpsPromiseTests.add)
        },
        Attack("a key that was revoked", .untrustedKey) { ops in
            let file = try ops.sign(OpsPromiseTests.add)
            try ops.scene.expect(0, "ops", "revoke", "--name", "operator", "--reason", "lost")
            return file
        },
        Attack("a viewer runs", .role) { ops in try ops.sign(OpsPromiseTests.add, by: "viewer") },
        Attack("an approver runs", .role) { ops in try ops.sign(OpsPromiseTests.add, by: "approver") },
        Attack("an operator approves", .role) { ops in
            try ops.sign(#"{"action": "approve", "plan": "plan.1"}"#)
        },
        Attack("an operator switches", .role) { ops in
            try ops.sign(#"{"action": "switch", "switch": "safe_mode", "value": "on", "reason": "mine"}"#)
        },
        Attack("an approver rolls back", .role) { ops in
            try ops.sign(#"{"action": "rollback", "batch": "multi.1"}"#, by: "approver")
        },
    ]

    @Test(arguments: attacks) func anythingElseIsRefusedAndNoted(_ attack: Attack) throws {
        try OpsScene.with { ops in
            try ops.scene.expect(0, "run", "--id", "multi")
            let file = try attack.make(ops)
            let before = try ops.scene.dump()
            let notes = try Self.refusals(ops)
            try ops.scene.expect(attack.code, "ops", "submit", "--file", file)
            #expect(attack.code.errorClass == .security && attack.code.exitCode == .refusedByPolicy)
            #expect(try ops.scene.dump() == before)
            #expect(try ops.scene.sql("SELECT count(*) FROM batchmgr_batches") == "1")
            #expect(try ops.scene.json("switch", "list", "--history")["switches"]?.array?.isEmpty == true)
            #expect(try Self.refusals(ops) == notes + 1)
        }
    }

    private static func refusals(_ ops: OpsScene) throws -> Int {
        let entries = try ops.scene.json("audit", "list")["entries"]?.array ?? []
        return entries.count { $0["action"]?.string == "ops submit" && $0["outcome"]?.string == "refused" }
    }

    // MARK: Once

    @Test func ofManySubmitsAtOnceExactlyOneIsDone() throws {
        try OpsScene.with { ops in
            let file = try ops.sign(Self.add)
            let result = try ops.scene.shell(
                "for i in 1 2 3 4 5; do (\"$TOOL\" ops submit --file \(file) > /dev/null 2>&1; echo $?) & done; wait")
            let codes = result.out.split(separator: "\n").map(String.init).sorted()
            #expect(codes == ["0", "3", "3", "3", "3"], "\(result.out)")
            #expect(try ops.added == 1)
        }
    }

    @Test(arguments: ["request-claimed", "batch-begun", "begun", "committed", "batch-settled"])
    func aKilledSubmitIsNotDoneASecondTime(_ place: String) throws {
        try OpsScene.with { ops in
            let file = try ops.sign(Self.add)
            let killed = try ops.scene.tool("ops", "submit", "--file", file, killAt: place)
            #expect(killed.code == 128 + 9)
            let done = try ops.added
            let again = try ops.scene.expect(.requestUsed, "ops", "submit", "--file", file)
            #expect(again.err.contains("was not noted"), "\(again.err)")
            #expect(try ops.added == done)
            if place == "begun" { try ops.scene.expect(0, "resume", "--id", "add.1") }
            try ops.scene.expect(0, "run", "--id", "multi")
            try ops.scene.expectWhole("after \(place)")
        }
    }

    @Test func theLedgerKnowsARequestAlsoWhenTheControlFileIsOld() throws {
        try OpsScene.with { ops in
            let control = "backups/batch_manager/control.db"
            let file = try ops.sign(Self.add)
            try ops.scene.shell("sqlite3 \(control) \"VACUUM INTO 'old.db'\"")
            try ops.scene.expect(0, "ops", "submit", "--file", file)
            try ops.scene.shell("rm \(control)*; cp old.db \(control)")
            try ops.scene.expect(0, "ops", "submit", "--file", file)
            #expect(try ops.added == 1)
        }
    }

    // MARK: Bad input

    @Test(arguments: [
        ("", "is not JSON"), ("{", "is not JSON"), ("[1]", "is not a signed request"),
        ("{}", "is not a signed request"),
        (#"{"request": {}, "signature": ""}"#, "names no key"),
        (#"{"request": [], "signature": "00"}"#, "is not a signed"),
        (String(repeating: "[", count: 3_000), "nested too deep"),
        (String(repeating: " ", count: 70_000), "larger than 64"),
    ])
    func aFileThatIsNoRequestIsAClearError(_ text: String, _ message: String) throws {
        try OpsScene.with { ops in
            try ops.scene.write("bad.signed", text)
            let result = try ops.scene.expect(.invalidRequest, "ops", "submit", "--file", "bad.signed")
            #expect(result.err.contains(message), "\(result.err)")
        }
    }

    @Test(arguments: [
        (#"{"action": "runn", "job": "add"}"#, "did you mean 'run'?"), (#"{"job": "add"}"#, "no action that is known"),
        (#"{"action": "run"}"#, "needs the key 'job'"), (#"{"action": "run", "job": null}"#, "'job' is null"),
        (#"{"action": "run", "job": "add", "tenent": "a"}"#, "did you mean 'tenant'?"),
        (#"{"action": "run", "job": "add", "sql": "DELETE FROM t"}"#, "no key 'sql'"),
        (#"{"action": "run", "job": "add", "job": "multi"}"#, "given twice"),
        (#"{"action": "run", "job": "a.b"}"#, "not a name of a job"),
        (#"{"action": "run", "job": "add", "set": {"n": [1]}}"#, "must be text, a number"),
        (#"{"action": "run", "job": "add", "set": {"n": 1, "n": 2}}"#, "is given twice"),
        (#"{"action": "rollback", "batch": "multi"}"#, "names it in full"),
        (#"{"action": "rollback", "batch": "multi.1", "mode": "cascad"}"#, "did you mean 'cascade'?"),
        (#"{"action": "rollback", "batch": "multi.1", "to": 0}"#, "number of a checkpoint"),
        (#"{"action": "switch", "switch": "safemode", "value": "on", "reason": "r"}"#, "did you mean 'safe_mode'?"),
        (#"{"action": "switch", "switch": "safe_mode", "value": "on", "reason": ""}"#, "not empty"),
        (#"{"action": "run", "job": "add", "nonce": "00"}"#, "no key 'nonce'"),
    ])
    func aWrongRequestIsNotEvenSigned(_ request: String, _ message: String) throws {
        try OpsScene.with { ops in
            try ops.scene.write("request.json", request)
            let result = try ops.scene.expect(
                2, "ops", "sign", "--request", "request.json", "--key", "admin.key", "--to", "out.signed")
            #expect(result.err.contains(message), "\(result.err)")
            #expect(!ops.scene.has("out.signed"))
        }
    }

    @Test func keysAreGuardedAndNeverOverwritten() throws {
        try OpsScene.with { ops in
            try ops.scene.expect(.fileExists, "ops", "keygen", "--name", "x", "--to", "operator.key")
            #expect(try ops.scene.shell("stat -c %a operator.key").out == "600\n")
            try ops.scene.shell("chmod 640 operator.key; echo '\(Self.add)' > r.json")
            try ops.scene.expect(.file, "ops", "sign", "--request", "r.json", "--key", "operator.key", "--to", "out")
            try ops.scene.expect(
                .wrongState, "ops", "trust", "--name", "admin", "--key", "viewer.key.pub", "--role", "admin")
            try ops.scene.expect(
                .usage, "ops", "trust", "--name", "new", "--key", "r.json", "--role", "admin")
            try ops.scene.expect(
                .usage, "ops", "sign", "--request", "r.json", "--key", "admin.key", "--to", "out", "--expires", "200h")
            try ops.scene.expect(.unknownName, "ops", "revoke", "--name", "opperator", "--reason", "r")
        }
    }
}
