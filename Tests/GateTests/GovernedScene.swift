import BatchCore
import TestSupport
import Testing

/// A workspace with jobs of every level, and people who work in it.
struct GovernedScene {
    let base: BadLuckScene

    static let body = """
        steps:
          - id: raise
            sql: UPDATE items SET price = price + 1 WHERE id <= 3
          - id: rows
            for_each: SELECT id FROM items ORDER BY id
            chunk: 2
            sql: INSERT INTO log(what) VALUES(datetime('now') || ' ' || random() || ' ' || :batch)
          - id: sane
            check: SELECT id FROM items WHERE price < 0
        verify:
          - SELECT count(*) = 0 FROM items WHERE price IS NULL
        """

    /// - Parameter jobs: YAML after id and version, by id.
    static func with(
        jobs: [String: String] = [:], configuration: String = "", _ body: (GovernedScene) throws -> Void
    ) throws {
        let own = ["plain": Self.body, "two": "level: 2\n\(Self.body)", "three": "level: 3\n\(Self.body)"]
        let all = own.merging(jobs) { _, given in given }
        try BadLuckScene.with(jobs: all, configuration: configuration) { try body(GovernedScene(base: $0)) }
    }

    /// Runs the tool as a person.
    @discardableResult
    func tool(
        _ code: Int32, as person: String = "ada", killAt kill: String? = nil, _ words: [String],
        at location: SourceLocation = #_sourceLocation
    ) throws -> BuiltTool.Result {
        let killed = kill.map { "BATCHMGR_KILL_AT=\($0) " } ?? ""
        let result = try base.shell("BATCHMGR_ACTOR=\(person) \(killed)exec \"$TOOL\" \"$@\"", words)
        let what = words.joined(separator: " ")
        #expect(result.code == code, "\(what): \(result.out)\(result.err)", sourceLocation: location)
        return result
    }

    @discardableResult
    func tool(
        _ code: Int32, as person: String = "ada", killAt kill: String? = nil, _ words: String...,
        at location: SourceLocation = #_sourceLocation
    ) throws -> BuiltTool.Result {
        try tool(code, as: person, killAt: kill, words, at: location)
    }

    /// Runs the tool, which must fail with this error.
    @discardableResult
    func refused(
        _ error: ErrorCode, as person: String = "ada", _ words: String...,
        at location: SourceLocation = #_sourceLocation
    ) throws -> String {
        let result = try tool(error.exitCode.rawValue, as: person, killAt: nil, words, at: location)
        #expect(result.err.contains("error: \(error.rawValue): "), "\(result.err)", sourceLocation: location)
        return result.err
    }

    func json(_ words: String...) throws -> JSONValue {
        try JSONParser.parse(try base.tool(words + ["--json"]).out)
    }

    /// A plan of job `three`, made by ada.
    func proposed(_ words: String...) throws {
        let result = try tool(7, words.isEmpty ? ["run", "--id", "three"] : words)
        try #require(result.code == 7)
    }

    func approved(_ words: String...) throws {
        try tool(7, words.isEmpty ? ["run", "--id", "three"] : words)
        let result = try tool(0, as: "grace", "plan", "approve", "--id", "plan.1")
        try #require(result.code == 0)
    }

    func status(_ plan: String = "plan.1") throws -> String? {
        try json("plan", "show", "--id", plan)["status"]?.string
    }

    /// Changes the rows of plans behind the back of the tool.
    func edit(_ sql: String) throws { try base.sql(sql, in: "backups/batch_manager/control.db") }

    /// Action and outcome of every row of the audit after the first, in order.
    func audit() throws -> [String] {
        try base.sql("SELECT action || ' ' || outcome FROM batchmgr_audit WHERE action <> 'ledger' ORDER BY seq").split(
            separator: "\n"
        )
        .map(String.init)
    }

    /// The documents of a kind in the folder of reports, the oldest first.
    func reports(_ kind: String) throws -> [JSONValue] {
        let names = try base.shell("ls backups/batch_manager/reports/ | grep '^\(kind)_'").out.split(separator: "\n")
        return try names.map {
            try JSONParser.parse(TextFile.read(base.file("backups/batch_manager/reports/\($0)")))
        }
    }

    /// Nothing but the ledger has changed, and no batch is there.
    func expectNothingRan(since dump: String, at location: SourceLocation = #_sourceLocation) throws {
        #expect(try base.dump() == dump, sourceLocation: location)
        guard try base.hasLedger() else { return }
        let batches = try base.sql("SELECT count(*) FROM batchmgr_checkpoints")
        #expect(batches == "0", sourceLocation: location)
    }
}
