import BatchCore
import BatchHistory
import TestSupport
import Testing

/// A workspace with a job, and people whose keys it trusts.
struct OpsScene {
    let scene: BadLuckScene

    static let jobs = [
        "add": """
        params:
          n: {type: integer, default: 1}
        steps:
          - id: add
            sql: INSERT INTO log(what) VALUES('added ' || :n)
        """
    ]

    static func with<Value>(configuration: String = "", _ body: (OpsScene) throws -> Value) throws -> Value {
        try BadLuckScene.with(jobs: jobs, configuration: configuration) { scene in
            let ops = OpsScene(scene: scene)
            for role in Role.allCases { try ops.trust("\(role)", as: role) }
            return try body(ops)
        }
    }

    func makeKey(_ name: String) throws {
        try scene.expect(0, "ops", "keygen", "--name", name, "--to", "\(name).key")
    }

    func trust(_ name: String, as role: Role) throws {
        try makeKey(name)
        try scene.expect(
            0, "ops", "trust", "--name", name, "--key", "\(name).key.pub", "--role", role.rawValue)
    }

    /// Signs a request; the file that comes of it.
    func sign(_ request: String, by name: String = "operator", _ options: String...) throws -> String {
        try scene.write("request.json", request)
        let file = try scene.shell("mktemp -u request-XXXXXX").out.filter { !$0.isNewline }
        try scene.expect(
            0, ["ops", "sign", "--request", "request.json", "--key", "\(name).key", "--to", file] + options)
        return file
    }

    var added: Int { get throws { Int(try scene.sql("SELECT count(*) FROM log WHERE what LIKE 'added%'")) ?? -1 } }

    /// A request with any envelope, signed properly.
    func forge(
        _ members: [JSONValue.Member], by name: String = "operator",
        _ change: ([JSONValue.Member]) -> [JSONValue.Member]
    ) throws -> String {
        let key = try SigningKey(file: scene.file("\(name).key"))
        let target = try scene.json("ops", "list")["targets"]?.array?.first?.string ?? ""
        let now =
            Timestamp(iso8601: try scene.sql("SELECT strftime('%Y-%m-%dT%H:%M:%fZ', 'now')"))
            ?? Timestamp(milliseconds: 0)
        let envelope: [JSONValue.Member] = [
            .init("format", "batchmgr request 1"), .init("target", .string(target)),
            .init("nonce", .string(String(repeating: "5a", count: 16))), .init("issued", .string(now.iso8601)),
            .init("expires", .string(Timestamp(milliseconds: now.milliseconds + 60_000).iso8601)),
            .init("signer", .string(name)), .init("key", .string(Hex.string(key.publicKey.bytes))),
        ]
        let body = JSONValue.object(change(envelope) + members)
        let signature = try key.sign(Array(JSONWriter.text(body).utf8))
        let document: JSONValue = ["request": body, "signature": .string(Hex.string(signature))]
        try scene.write("forged.signed", JSONWriter.text(document))
        return "forged.signed"
    }
}
