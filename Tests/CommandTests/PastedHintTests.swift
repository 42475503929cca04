import BatchCore
import TestSupport
import Testing
import batchmgr

/// What an error tells people to type next can be typed: its verb and options exist, and it is quoted for the shell.
@Suite struct PastedHintTests {
    // MARK: All of them, as the source has them

    /// Every command that stands in a hint of the source is one that the tables can read.
    @Test func everyCommandOfEveryHintParses() throws {
        let files = Shell.run("cd \(Shell.quote(TextFile.inPackage("Sources"))) && find . -name '*.swift' | sort")
        var count = 0
        for file in String(decoding: files, as: UTF8.self).split(separator: "\n") {
            for command in Self.commands(try TextFile.read(TextFile.inPackage("Sources/\(file.dropFirst(2))"))) {
                // Options that are added to a command, and verbs that are a value.
                guard let first = command.first, !first.hasPrefix("-"), first != "value" else { continue }
                count += 1
                do throws(BatchError) {
                    _ = try ArgumentParser.parse(command, Command.tool)
                } catch {
                    // What stands for a value need not be one of the words that the option takes.
                    let isFilledIn = ["'value'", "'ROLE'", "'COPY'"].contains { error.message.contains($0) }
                    if isFilledIn { continue }
                    Issue.record("\(file): batchmgr \(command.joined(separator: " ")): \(error.message)")
                }
            }
        }
        #expect(count > 150)
    }

    /// The words of `command: "…"` in a source; `value` for what is put in between.
    private static func commands(_ source: String) -> [[String]] {
        source.split(separator: "command: \"", omittingEmptySubsequences: false).dropFirst().map { rest in
            var (words, word, depth) = ([String](), "", 0)
            var quote: Character?
            var characters = Array(rest)[...]
            while let character = characters.popFirst() {
                if depth > 0 {
                    depth += character == "(" ? 1 : character == ")" ? -1 : 0
                } else if character == "\\", characters.first == "(" {
                    characters.removeFirst()
                    depth = 1
                    word += "value"
                } else if character == "\\", let next = characters.popFirst() {
                    // A quote inside the literal, which the tool takes for one of the command.
                    quote = quote == nil ? next : nil
                } else if character == "\"" {
                    break
                } else if character == "'" {
                    quote = quote == nil ? character : nil
                } else if character == " ", quote == nil {
                    words.append(word)
                    word = ""
                } else {
                    word.append(character)
                }
            }
            return (words + [word]).filter { !$0.isEmpty }
        }
    }

    // MARK: Pasted

    private static let name = "o'dd na\"me $x;y.db"

    /// Command lines that fail or ask for more.
    private static let lines = [
        "rollback one.9", "rollback import", "rollback one.1", "rollback one", "show two.7", "show nothing.1",
        "resume one.1", "stop one.1",
        "run one", "run --id one --sql 'SELEC'", "run --id one --sql 'INSERT INTO t VALUES(1, 1)'",
        "run --id bad --sql 'COMMIT'",
        "restore --point one.9 --to new.db", "restore --point one.1 --to here.db",
        "restore --point one.1 --to no/folder.db",
        "restore --point one.1", "diff one.9", "diff", "blame --table none --key 1", "blame --table t --key 77",
        "prune", "drill --sample 0",
        "plan show p.1", "switch set --name safe_mod --value on --reason x --for 1h", "catalog show --id none",
        "drift undo", "drift adopt",
        "guard set --mode enforced", "erase --table none --where 1", "erase --table t --where 'a ='",
        "home set --to nowhere",
        "audit list --actor nobody --tenant none", "undo one.1", "verfy", "run --idd x", "graph --format pdf one.1",
        "certificate verify here.db",
        "rules test --replay none.jsonl", "show", "blame", "blame t", "erase --table t", "home set", "release rollback",
        "release compare one", "runbook run fire", "switch set safe_mode", "queue add", "token create",
        "ops sign none.json", "queue show 7", "points --limit x", "history", "remove",
        "prune --keep-last 1 --yes --keep-within soon",
    ]

    @Test func whatAnErrorTellsToTypeIsACommandOnTheSameDatabase() throws {
        try TemporaryFolder.with { folder in
            let here =
                "cd \(Shell.quote(folder)) || exit 99\nPATH=$PWD/bin:$PATH; DB=\(Shell.quote(Self.name)); export BATCHMGR_KEEP=all\n"
            func sh(_ line: String) throws -> BuiltTool.Result { try BuiltTool.shell(here + line) }
            let made = try sh(
                """
                mkdir bin && ln -s "$TOOL" bin/batchmgr && echo x > here.db
                sqlite3 "$DB" 'CREATE TABLE t(a INTEGER PRIMARY KEY, b); INSERT INTO t VALUES(1, 2), (2, 3)'
                batchmgr --db "$DB" run --id one --sql 'UPDATE t SET b = 9 WHERE a = 1' -q &&
                batchmgr --db "$DB" run --id two --sql 'UPDATE t SET b = 8 WHERE a = 1' -q && cp "$DB" whole
                """)
            try #require(made.code == 0, "\(made.err)")
            var pasted: Set<String> = []
            for line in Self.lines {
                let failed = try sh("batchmgr --db \"$DB\" \(line) < /dev/null")
                #expect(failed.code != 0, "\(line) is no mistake")
                let hint = failed.err.split(separator: "\n").first { $0.hasPrefix("hint: ") }
                #expect(hint != nil, "\(line): \(failed.err)")
                for command in Self.typed(hint.map(String.init) ?? "") where pasted.insert(command).inserted {
                    let isFree = command.contains("--help") || command.hasPrefix("batchmgr version")
                    #expect(isFree || command.contains("--db 'o"), "\(line): \(command) is about another database")
                    // Words in capitals are for the person to fill in.
                    if command.contains("…") || command.contains("[")
                        || command.split(separator: " ").contains(where: Self.isPlaceholder)
                    {
                        continue
                    }
                    let result = try sh("\(command) < /dev/null > out 2>&1; code=$?; cat out; exit $code")
                    for word in [
                        "unknown verb", "unknown option", "no such file", "syntax error", "not found", "does not take",
                        "needs a value",
                        "there is no file", "cannot be used together",
                    ] {
                        #expect(!result.out.contains(word), "after \(line), pasted: \(command): \(result.out)")
                    }
                }
            }
            #expect(pasted.count > 15)
            // Nothing was made under half a name.
            let made2 = try sh("ls -d o na* me* '$x'* y* 2> /dev/null")
            #expect(made2.out == "", "\(made2.out)")
        }
    }

    @Test func whatIsToBeTypedForAFolderWithABlankIsQuoted() throws {
        try TemporaryFolder.with { folder in
            let here = "cd \(Shell.quote(folder)) || exit 99\n"
            func sh(_ line: String) throws -> BuiltTool.Result { try BuiltTool.shell(here + line) }
            let made = try sh(
                "sqlite3 app.db 'CREATE TABLE t(a)' && \"$TOOL\" --db app.db run --id one --sql 'INSERT INTO t VALUES(1)' -q"
            )
            try #require(made.code == 0, "\(made.err)")
            let restore = "\"$TOOL\" --db app.db restore one.1 --to 'out dir/new.db'"
            let failed = try sh(restore)
            #expect(failed.code == 2, "\(failed.err)")
            let start = try #require(failed.err.firstRange(of: "mkdir -p "), "\(failed.err)")
            let command = failed.err[start.lowerBound...].prefix { $0 != "\n" }
            #expect(try sh(String(command)).code == 0)
            #expect(try sh("ls -d */").out.contains("out dir/\n"), "\(command)")
            #expect(try sh(restore).code == 0)
        }
    }

    /// A command of `sqlite3` names the file that is meant, wherever it is pasted.
    @Test(arguments: [
        ("UPDATE switches SET value = 'x'", "switch list"), ("UPDATE switches SET value = 'x'", "run multi"),
        ("UPDATE incidents SET document = 'x'", "incident list"),
        ("UPDATE queue_jobs SET arguments = 'x'", "queue list"),
        ("UPDATE access_tokens SET role = 'x'", "token list"),
    ])
    func theQueryForADamagedRowNamesTheFile(damage: String, line: String) throws {
        try BadLuckScene.with(configuration: "backups: \"it's kept\"\n") { scene in
            try scene.expect(0, "run", "multi")
            try scene.expect(0, "switch", "set", "safe_mode", "on", "--reason", "a move")
            try scene.expect(0, "switch", "set", "safe_mode", "off", "--reason", "moved")
            try scene.expect(0, "incident", "open", "--title", "smoke")
            try scene.expect(0, "queue", "add", "multi")
            try scene.expect(0, "token", "create", "ann", "--person", "ann", "--role", "viewer")
            let damaged = try scene.shell(
                "sqlite3 \"$(find . -name control.db)\" \"PRAGMA ignore_check_constraints = 1; \(damage)\"")
            try #require(damaged.code == 0, "\(damaged)")
            let failed = try scene.shell("\"$TOOL\" \(line)")
            #expect(failed.code != 0, "\(failed)")
            let start = try #require(failed.err.firstRange(of: "sqlite3 "), "\(failed)")
            let shown = try BuiltTool.shell("cd / && " + failed.err[start.lowerBound...].prefix { $0 != "\n" })
            #expect(shown.code == 0 && shown.out.contains("x"), "\(shown)")
        }
    }

    /// What a hint gives as an example is one.
    @Test func theSampleOfALineOfAStreamIsRead() throws {
        try TemporaryFolder.with { folder in
            let here = "cd \(Shell.quote(folder)) || exit 99\n"
            func sh(_ line: String) throws -> BuiltTool.Result { try BuiltTool.shell(here + line) }
            let failed = try sh(
                "sqlite3 app.db 'CREATE TABLE t(a)'; echo nothing | \"$TOOL\" --db app.db rules test --replay -")
            let start = try #require(failed.err.firstRange(of: "write one like "), "\(failed.err)")
            let sample = failed.err[start.upperBound...].prefix { $0 != "\n" }
            let result = try sh("echo \(Shell.quote(String(sample))) | \"$TOOL\" --db app.db rules test --replay -")
            #expect(result.code == 0, "\(result.err)")
            let missing = try sh("\"$TOOL\" --db app.db rules test --replay none.jsonl")
            #expect(missing.err.contains("--replay PATH"), "\(missing.err)")
        }
    }

    private static func isPlaceholder(_ word: Substring) -> Bool {
        word.contains("|")
            || word.count > 1 && word.allSatisfy { $0.isUppercase || $0 == "=" || $0 == "[" || $0 == "]" }
    }

    /// The commands in a hint, each up to what ends it outside quotes.
    private static func typed(_ hint: String) -> [String] {
        var found: [String] = []
        var rest = hint[...]
        while let start = rest.firstRange(of: "batchmgr ") {
            rest = rest[start.lowerBound...]
            var quote: Character?
            var end = rest.startIndex
            while end < rest.endIndex {
                let character = rest[end]
                if let open = quote {
                    if character == open { quote = nil }
                } else if character == "'" || character == "\"" {
                    quote = character
                } else if character == ";" || character == "," || character == "(" || character == ")" {
                    break
                }
                end = rest.index(after: end)
            }
            found.append(String(rest[..<end]))
            rest = rest[end...]
        }
        return found
    }
}
