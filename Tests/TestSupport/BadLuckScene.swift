public import BatchCore
internal import Glibc
public import Testing

/// A workspace in a temporary folder, worked on by the built tool as a user works on it.
public struct BadLuckScene {
    public let folder: String

    public init(folder: String) { self.folder = folder }

    /// - Parameters:
    ///   - journal: of the database.
    ///   - jobs: YAML by id of the job; `multi` and `follow` are always there.
    public static func with<Value>(
        journal: String = "delete", jobs: [String: String] = [:], configuration: String = "",
        _ body: (BadLuckScene) throws -> Value
    ) throws -> Value {
        try TemporaryFolder.with { folder in
            let scene = BadLuckScene(folder: folder)
            try scene.make(journal: journal, jobs: jobs, configuration: configuration)
            return try body(scene)
        }
    }

    private func make(journal: String, jobs: [String: String], configuration: String) throws {
        _ = mkdir(file("catalog"), 0o755)
        try write("batchmgr.yaml", "databases:\n  main:\n    path: app.db\n\(configuration)")
        for (id, steps) in jobs.merging(CrashPlot.jobs, uniquingKeysWith: { own, _ in own }) {
            try write("catalog/\(id).yaml", "id: \(id)\nversion: 1.0.0\n\(steps)")
        }
        try sql("PRAGMA journal_mode=\(journal);" + CrashPlot.schema)
    }

    public func file(_ name: String) -> String { folder + "/" + name }

    public func write(_ name: String, _ text: String, isProgram: Bool = false) throws {
        try TextFile.write(text, to: file(name))
        if isProgram { chmod(file(name), 0o755) }
    }

    public func has(_ name: String) -> Bool { access(file(name), F_OK) == 0 }

    // MARK: The tool

    /// - Parameter kill: a place, or the number of one, at which the tool ends as `kill -9` would end it.
    @discardableResult
    public func tool(_ words: String..., killAt kill: String? = nil) throws -> BuiltTool.Result {
        try tool(words, killAt: kill)
    }

    @discardableResult
    public func tool(_ words: [String], killAt kill: String? = nil) throws -> BuiltTool.Result {
        let variable = kill.map { "BATCHMGR_KILL_AT=\($0) " } ?? ""
        return try shell("\(variable)exec \"$TOOL\" \"$@\"", words)
    }

    /// The answer of a verb as JSON.
    public func json(_ words: String...) throws -> JSONValue {
        try JSONParser.parse(try tool(words + ["--json"]).out)
    }

    @discardableResult
    public func shell(_ line: String, _ words: [String] = []) throws -> BuiltTool.Result {
        try BuiltTool.shell("cd '\(folder)' || exit 99\n\(line)", words)
    }

    /// Runs the tool and says everything about it when it does not end with `code`.
    @discardableResult
    public func expect(
        _ code: Int32, _ words: String..., note: String = "", at location: SourceLocation = #_sourceLocation
    ) throws -> BuiltTool.Result {
        try expect(code, words, note: note, at: location)
    }

    @discardableResult
    public func expect(
        _ code: Int32, _ words: [String], note: String = "", at location: SourceLocation = #_sourceLocation
    ) throws -> BuiltTool.Result {
        let result = try tool(words)
        #expect(
            result.code == code, "\(note) \(words.joined(separator: " ")): \(result.out)\(result.err)",
            sourceLocation: location)
        return result
    }

    /// Runs the tool, which must fail with this error, and with a hint.
    @discardableResult
    public func expect(
        _ error: ErrorCode, _ words: String..., at location: SourceLocation = #_sourceLocation
    ) throws -> BuiltTool.Result {
        try expect(error, from: words, at: location)
    }

    @discardableResult
    public func expect(
        _ error: ErrorCode, from words: [String], at location: SourceLocation = #_sourceLocation
    ) throws -> BuiltTool.Result {
        let result = try expect(error.exitCode.rawValue, words, at: location)
        let isNamed = result.err.contains("error: \(error.rawValue): ")
        #expect(isNamed, "\(result.err)", sourceLocation: location)
        #expect(result.err.contains("\nhint: "), "\(result.err)", sourceLocation: location)
        return result
    }

    // MARK: The database, without the tool

    @discardableResult
    public func sql(_ text: String, in database: String = "app.db") throws -> String {
        let result = try shell("sqlite3 -batch '\(database)' \"$1\"", [text])
        try #require(result.code == 0, "\(text): \(result.err)")
        return result.out.trimmingNewline
    }

    /// The user's tables as text.
    public func dump(_ database: String = "app.db") throws -> String {
        let result = try shell("sqlite3 -batch '\(database)' .dump")
        try #require(result.code == 0, "\(result.err)")
        return result.out.split(separator: "\n").filter { !$0.contains("batchmgr_") }.joined(separator: "\n")
    }

    /// True when the database has a ledger.
    public func hasLedger() throws -> Bool {
        try sql("SELECT count(*) FROM sqlite_schema WHERE name = 'batchmgr_batches'") != "0"
    }

    /// The status of a batch, nil when there is no such batch.
    public func status(_ batch: String) throws -> String? {
        guard try hasLedger() else { return nil }
        let status = try sql("SELECT status FROM batchmgr_batches WHERE batch = '\(batch)'")
        return status.isEmpty ? nil : status
    }

    /// The records hold together: ledger, `.bak`, git.
    public func expectWhole(_ note: String, at location: SourceLocation = #_sourceLocation) throws {
        try expect(0, "verify", note: note, at: location)
        let git = try shell("git --git-dir backups/batch_manager/history.git fsck --strict --full")
        #expect(git.code == 0, "\(note): \(git.err)", sourceLocation: location)
        let pending = try sql("SELECT count(*) FROM batchmgr_points WHERE status <> 'complete'")
        #expect(pending == "0", "\(note): restore points left pending", sourceLocation: location)
        #expect(try sql("PRAGMA integrity_check") == "ok", "\(note)", sourceLocation: location)
    }
}

extension String {
    fileprivate var trimmingNewline: String { hasSuffix("\n") ? String(dropLast()) : self }
}
