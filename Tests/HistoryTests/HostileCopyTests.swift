import BatchCore
import BatchHistory
import BatchLedger
import BatchSystem
import Glibc
import Testing

/// Histories and `.bak` files of somebody who wants a restore to do more than to restore.
@Suite(.timeLimit(.minutes(2))) struct HostileCopyTests {
    private static let table = "CREATE TABLE t(id INTEGER PRIMARY KEY, v); "

    private func point(_ work: Workplace) throws -> CommitID {
        try work.baseline(
            try work.make(
                "a.db",
                HostileCopyTests.table
                    + "WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300) INSERT INTO t SELECT i, 'v' FROM n"
            ))
    }

    /// The commit with another tree: `edit` gets the lines of `git ls-tree` and gives those of the new one.
    private func forge(_ work: Workplace, _ commit: CommitID, _ edit: (inout [String]) -> Void) throws -> CommitID {
        var lines = work.git("ls-tree \(commit)").output.split(separator: "\n").map(String.init)
        edit(&lines)
        return try commitTree(work, makeTree(work, lines))
    }

    private func makeTree(_ work: Workplace, _ lines: [String]) throws -> String {
        let list = lines.joined(separator: "\n")
        let made = Workplace.run("printf '%s\\n' '\(list)' | git --git-dir='\(work.git.path)' mktree --missing")
        return String(try #require(made.output.split(separator: "\n").last))
    }

    private func commitTree(_ work: Workplace, _ tree: String) throws -> CommitID {
        let name = "-c user.name=x -c user.email=x@x"
        let made = Workplace.run("git \(name) --git-dir='\(work.git.path)' commit-tree \(tree) -m forged")
        return try #require(CommitID(String(made.output.prefix(40))), "\(made.output)")
    }

    private func blob(_ work: Workplace, _ content: String) -> String {
        _ = Workplace.run("cat > '\(work.path("blob"))' <<'EOT'\n\(content)\nEOT")
        return Workplace.run(
            "head -c -1 '\(work.path("blob"))' | git --git-dir='\(work.git.path)' hash-object -w --stdin"
        ).output.split(separator: "\n").last.map(String.init) ?? ""
    }

    /// The commit with another text for its only table.
    private func redefine(_ work: Workplace, _ commit: CommitID, _ type: String = "table", _ sql: String) throws
        -> CommitID
    {
        let manifest = work.git("cat-file -p \(commit):manifest.json").output
        var json = try JSONParser.parse(manifest)
        guard case .object(var members) = json, let place = members.firstIndex(where: { $0.key == "schema" }) else {
            throw BatchError(.internalFault, "no schema in \(manifest)", hint: "")
        }
        members[place] = .init(
            "schema",
            [
                [
                    "rowid": 1, "type": .string(type), "name": "t", "table": "t",
                    "bytes": .integer(Int64(sql.utf8.count)),
                ]
            ])
        json = .object(members)
        let (text, schema) = (blob(work, JSONWriter.text(json)), blob(work, sql + ";\n"))
        return try forge(work, commit) { lines in
            lines.removeAll { $0.hasSuffix("manifest.json") || $0.hasSuffix("schema.sql") }
            lines += ["100644 blob \(text)\tmanifest.json", "100644 blob \(schema)\tschema.sql"]
        }
    }

    @Test(arguments: [
        ("table", "ATTACH 'FOLDER/victim.db' AS x; UPDATE x.s SET v = 'changed'"),
        ("table", "CREATE TABLE t(id INTEGER PRIMARY KEY, v); ATTACH 'FOLDER/made.db' AS y; CREATE TABLE y.z(a)"),
        ("table", "CREATE TABLE t AS SELECT 1 AS id, 2 AS v"),
        ("table", "CREATE TEMP TABLE t(id INTEGER PRIMARY KEY, v)"),
        ("table", "CREATE TABLE other(id INTEGER PRIMARY KEY, v)"),
        ("table", "PRAGMA writable_schema = ON"),
        ("table", "VACUUM INTO 'FOLDER/made.db'"),
        ("table", "CREATE TRIGGER t AFTER INSERT ON x BEGIN SELECT 1; END"),
        ("view", "CREATE TABLE t(id INTEGER PRIMARY KEY, v)"),
        ("view", "ATTACH 'FOLDER/made.db' AS y"),
        ("trigger", "CREATE VIEW t AS SELECT 1"),
        ("index", "CREATE TABLE t(id INTEGER PRIMARY KEY, v)"),
    ])
    func `a definition in git makes its table and does nothing else`(type: String, sql: String) throws {
        let work = Workplace()
        _ = try work.make("victim.db", "CREATE TABLE s(v); INSERT INTO s VALUES('as it was')")
        let commit = try redefine(work, try point(work), type, sql.replacing("FOLDER", with: work.folder))
        let error = #expect(throws: BatchError.self) { try work.git.restore(commit, to: work.path("r.db")) }
        #expect([.corruptRecord, .verificationFailed, .sql].contains(error?.code), "\(error?.message ?? "")")
        #expect(Workplace.run("sqlite3 '\(work.path("victim.db"))' 'SELECT v FROM s'").output == "as it was\n")
        #expect(access(work.path("made.db"), F_OK) != 0 && access(work.path("r.db"), F_OK) != 0)
    }

    /// The tree `tables/t` is another one.
    private func replaceTable(_ work: Workplace, _ commit: CommitID, with tree: String) throws -> CommitID {
        let tables = try makeTree(work, ["040000 tree \(tree)\tt"])
        return try forge(work, commit) { lines in
            lines.removeAll { $0.hasSuffix("\ttables") }
            lines.append("040000 tree \(tables)\ttables")
        }
    }

    @Test(arguments: ["", #"{"id":1,"v":"x"}"#])
    func `a tree that stands for endlessly many files is refused`(line: String) throws {
        let work = Workplace()
        let commit = try point(work)
        let file = line.isEmpty ? "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391" : blob(work, line + "\n")
        var lines = "0123456789abcdef".map { "100644 blob \(file)\t\($0)" }
        for _ in 0..<15 {
            let tree = try makeTree(work, lines)
            lines = "0123456789abcdef".map { "040000 tree \(tree)\t\($0)" }
        }
        let forged = try replaceTable(work, commit, with: try makeTree(work, lines))
        let error = #expect(throws: BatchError.self) { try work.git.restore(forged, to: work.path("r.db")) }
        #expect(error?.code == .corruptRecord, "\(error?.message ?? "")")
    }

    @Test func `folders within folders end at the length of a key`() throws {
        let work = Workplace()
        let commit = try point(work)
        var tree = try makeTree(work, ["100644 blob \(blob(work, #"{"id":1,"v":"x"}"# + "\n"))\t8"])
        for _ in 0..<300 { tree = try makeTree(work, ["040000 tree \(tree)\t8"]) }
        let forged = try replaceTable(work, commit, with: tree)
        for attempt in [{ _ = try work.git.restore(forged, to: work.path("r.db")) }, { try work.git.verify(forged) }] {
            let error = #expect(throws: BatchError.self) { try attempt() }
            #expect(error?.code == .corruptRecord, "\(error?.message ?? "")")
        }
    }

    @Test(arguments: ["../../../../etc/passwd", "8/../8", "zz"])
    func `an entry with another name than a key has is refused`(name: String) throws {
        let work = Workplace()
        let commit = try point(work)
        let content = blob(work, #"{"id":1,"v":"x"}"# + "\n")
        // Stock git writes no such name; a program that wants to can.
        let bytes = "printf '100644 \(name)\\0'; printf '\(content)' | xxd -r -p"
        let tree =
            Workplace.run(
                "(\(bytes)) | git --git-dir='\(work.git.path)' hash-object -w -t tree --literally --stdin"
            ).output.split(separator: "\n").last.map(String.init) ?? ""
        let forged = try replaceTable(work, commit, with: tree)
        let error = #expect(throws: BatchError.self) { try work.git.restore(forged, to: work.path("r.db")) }
        #expect(error?.code == .corruptRecord, "\(error?.message ?? "")")
    }

    // MARK: .bak

    private func fullAndDelta(_ scenario: Scenario) throws -> (full: BakFile, delta: BakFile) {
        let full = try scenario.bak.writeFull(
            scenario.label("a.1", base: nil, time: 0), from: scenario.old, before: scenario.before)
        let (delta, pending) = try scenario.bak.writeDelta(
            scenario.label("b.1", base: full.name, time: 1), changes: scenario.changes, before: scenario.before,
            after: scenario.after, source: scenario.new)
        try pending.value()
        return (full, delta)
    }

    private func scenario() throws -> Scenario {
        let work = Workplace()
        return try Scenario(
            try work.make("a.db", HostileCopyTests.table + "INSERT INTO t VALUES (1, 'a'), (2, 'b')"),
            "DELETE FROM t WHERE id = 1")
    }

    @Test func `a file whose hash is not the recorded one is not used`() throws {
        let scenario = try scenario()
        let (full, delta) = try fullAndDelta(scenario)
        Workplace.run("sqlite3 '\(full.path)' \"UPDATE t SET v = 'other' WHERE id = 2\"")
        let target = BakTarget(scenario.after.digest.combined, file: delta.name, .after)
        let error = #expect(throws: BatchError.self) {
            try scenario.bak.restore(
                target, database: "main", to: scenario.work.path("r.db"),
                recorded: [full.name: .sha256(full.sha256), delta.name: .sha256(delta.sha256)])
        }
        #expect(error?.code == .corruptRecord && error?.message.contains(full.name) == true)
    }

    @Test(arguments: [
        "CREATE TRIGGER w AFTER DELETE ON t BEGIN INSERT INTO t VALUES (new_id(), 'fired'); END",
        "CREATE VIEW w AS SELECT load_extension('/tmp/x') FROM t",
        "CREATE TABLE w(a DEFAULT (load_extension('/tmp/x')), b AS (hex(a)))",
    ])
    func `what somebody added to a whole copy does not run and does not stay`(sql: String) throws {
        let scenario = try scenario()
        let (full, _) = try fullAndDelta(scenario)
        Workplace.run("sqlite3 '\(full.path)' \"\(sql)\"")
        let rebuilt = try scenario.bak.restore(
            batch: "b.1", database: "main", .after, to: scenario.work.path("r.db"))
        #expect(Workplace.dump(rebuilt.path) == scenario.dumps.after)
    }

    @Test(arguments: [
        "UPDATE batchmgr_bak_block SET size = 1 << 40",
        "UPDATE batchmgr_bak_block SET size = -1",
        "UPDATE batchmgr_bak_block SET size = size + 1",
        "ALTER TABLE batchmgr_bak_block RENAME TO x; CREATE VIEW batchmgr_bak_block AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i FROM n) SELECT i AS id, 'schema' AS name, 'before' AS kind, 1 AS size, '' AS checksum, x'' AS data FROM n",
    ])
    func `a block of an impossible size, and one without end, is damage`(sql: String) throws {
        let scenario = try scenario()
        let (_, delta) = try fullAndDelta(scenario)
        Workplace.run("sqlite3 '\(delta.path)' \"\(sql)\"")
        let error = #expect(throws: BatchError.self) {
            try scenario.bak.restore(batch: "b.1", database: "main", .after, to: scenario.work.path("r.db"))
        }
        #expect(error?.code == .corruptRecord, "\(error?.message ?? "")")
    }

    @Test(arguments: ["mkfifo", "mkdir", "ln -s /dev/zero"])
    func `what is no file is not opened`(making: String) throws {
        let scenario = try scenario()
        let (full, delta) = try fullAndDelta(scenario)
        Workplace.run("rm '\(full.path)'; \(making) '\(full.path)'")
        let found = try scenario.bak.contents()
        #expect(found.damaged == [full.name] && found.files.map(\.name) == [delta.name])
    }

    // MARK: Targets

    @Test(arguments: ["touch", "mkdir", "mkfifo", "ln -s /nowhere"])
    func `a target that is there is refused before a copy is read`(making: String) throws {
        let work = Workplace()
        let target = work.path("r.db")
        Workplace.run("\(making) '\(target)'")
        let error = #expect(throws: BatchError.self) { try NewDatabase.check(target) }
        #expect(error?.code == .fileExists)
    }

    @Test(arguments: ["-wal", "-shm", "-journal"])
    func `what an earlier database of the name left is not mixed in`(ending: String) throws {
        let work = Workplace()
        Workplace.run("touch '\(work.path("r.db" + ending))'")
        let error = #expect(throws: BatchError.self) { try NewDatabase.check(work.path("r.db")) }
        #expect(error?.code == .fileExists && error?.message.contains(ending) == true)
    }

    @Test(arguments: ["-wal", "-shm", "-journal"], ["touch", "ln -s /nowhere"])
    func `the name of a log of a database that is there is refused`(ending: String, making: String) throws {
        let work = Workplace()
        let target = work.path("r.db" + ending)
        #expect(throws: Never.self) { try NewDatabase.check(target) }
        Workplace.run("\(making) '\(work.path("r.db"))'")
        let error = #expect(throws: BatchError.self) { try NewDatabase.check(target) }
        #expect(error?.code == .fileExists && error?.code.exitCode == .usage)
        #expect(throws: BatchError.self) { try DurableFile.write([1], to: target) }
        #expect(FileStatus(target, followingLinks: false) == nil)
    }

    @Test func `a missing folder is named`() {
        let error = #expect(throws: BatchError.self) { try NewDatabase.check("/nowhere/at/all/r.db") }
        #expect(error?.code == .fileMissing && error?.code.exitCode == .usage)
    }
}
