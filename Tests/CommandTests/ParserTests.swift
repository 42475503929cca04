import BatchCore
import TestSupport
import Testing
import batchmgr

@Suite struct ParserTests {
    static let tool = Tool(verbs: [
        .run, .resume, .stop, .rollback, .list, .show, .graph, .diff, .points, .verify, .restore, .initialize,
        .catalogList, .catalogShow, .catalogValidate, .catalogSchema, .doctor, .version, .completion, .help,
    ])

    static func parse(_ line: String...) throws -> ParsedArguments {
        let invocation = try ArgumentParser.parse(line, tool)
        guard case .run(let parsed) = invocation else { throw BatchError(.usage, "help", hint: "") }
        return parsed
    }

    /// The message of the error that this line is.
    static func refusal(_ line: [String]) -> BatchError? {
        do throws(BatchError) {
            _ = try ArgumentParser.parse(line, tool)
            return nil
        } catch {
            return error
        }
    }

    @Test(arguments: [
        ["run", "--id", "a", "--dry-run"], ["run", "--dry-run", "--id=a"],
        ["--db", "x.db", "run", "--id", "a", "--dry-run"],
        ["run", "--db=x.db", "--id", "a", "--json", "--dry-run"],
    ])
    func optionsMayStandInAnyOrder(line: [String]) throws {
        guard case .run(let parsed) = try ArgumentParser.parse(line, Self.tool) else {
            Issue.record("not a run")
            return
        }
        #expect(parsed.verb == .run)
        #expect(parsed.value("id") == "a")
        #expect(parsed.has("dry-run"))
        #expect(!parsed.has("sql"))
    }

    @Test func globalOptionsAreReadBeforeAndBehindTheVerb() throws {
        let parsed = try Self.parse(
            "--quiet", "--tenant", "acme", "list", "--json", "--yes", "--no-input", "--no-color", "--workspace=w",
            "--db", "a=b.db")
        var expected = GlobalOptions()
        expected.isQuiet = true
        expected.tenant = "acme"
        expected.isJSON = true
        expected.assumesYes = true
        expected.isNonInteractive = true
        expected.isPlain = true
        expected.workspace = "w"
        expected.database = "a=b.db"
        #expect(parsed.globals == expected)
    }

    @Test func aValueMayHoldEqualSignsAndBeginWithDashes() throws {
        let parsed = try Self.parse("run", "--id", "a", "--sql", "-- note\nUPDATE t SET a = 1", "--key=--json")
        #expect(parsed.value("sql") == "-- note\nUPDATE t SET a = 1")
        #expect(parsed.value("key") == "--json")
        #expect(!parsed.globals.isJSON)
    }

    @Test(arguments: [
        (["plan", "show", "plan.4", "--sql"], "forward"), (["plan", "show", "--sql", "plan.4"], "forward"),
        (["plan", "show", "plan.4", "--sql", "back"], "back"), (["plan", "show", "--sql=back", "plan.4"], "back"),
        (["plan", "show", "--sql", "--id", "plan.4"], "forward"),
    ])
    func anOptionMayHaveAValueWhenItStandsAlone(line: [String], sql: String) throws {
        guard case .run(let parsed) = try ArgumentParser.parse(line, Tool(verbs: [.planShow])) else {
            Issue.record("help")
            return
        }
        #expect(parsed.value("sql") == sql)
        #expect(parsed.value("id") == "plan.4")
    }

    @Test(arguments: [
        (["run", "reprice"], "id", "reprice"), (["show", "reprice.3", "--json"], "id", "reprice.3"),
        (["rollback", "reprice.3", "-n"], "id", "reprice.3"), (["catalog", "show", "x"], "id", "x"),
        (["diff", "a.1"], "id", "a.1"), (["restore", "a.1", "--in-place"], "point", "a.1"),
        (["init", "data/app.db"], "database", "data/app.db"),
    ])
    func whatAVerbIsAboutMayStandAlone(line: [String], option: String, value: String) throws {
        guard case .run(let parsed) = try ArgumentParser.parse(line, Self.tool) else {
            Issue.record("help")
            return
        }
        #expect(parsed.value(option) == value)
        #expect(parsed.positionals.isEmpty)
    }

    @Test func lettersMayStandTogether() throws {
        let parsed = try Self.parse("run", "-nqy", "a")
        #expect(parsed.has("dry-run") && parsed.globals.isQuiet && parsed.globals.assumesYes)
        #expect(try Self.parse("-V").verb == .version)
    }

    @Test func repeatedOptionsKeepTheirOrder() throws {
        let parsed = try Self.parse("run", "--id", "a", "--set", "x=1", "--set=y=2=3", "--set", "z=")
        #expect(parsed.values("set") == ["x=1", "y=2=3", "z="])
    }

    @Test func afterTwoDashesEverythingIsAWord() throws {
        let parsed = try Self.parse("catalog", "validate", "--", "--json", "-x.yaml")
        #expect(parsed.verb == .catalogValidate)
        #expect(parsed.positionals == ["--json", "-x.yaml"])
        #expect(!parsed.globals.isJSON)
    }

    @Test(arguments: [
        ([], []), (["--help"], []), (["-h"], []), (["run", "--help"], ["run"]), (["run", "--id", "a", "-h"], ["run"]),
        (["catalog", "--help"], ["catalog"]), (["catalog", "list", "--help"], ["catalog", "list"]),
        (["--help", "graph"], ["graph"]),
    ])
    func helpIsFoundAnywhere(line: [String], words: [String]) throws {
        let invocation = try ArgumentParser.parse(line, Self.tool)
        let expected: ArgumentParser.Invocation =
            line.isEmpty ? .nothing(GlobalOptions()) : .help(words: words, GlobalOptions())
        #expect(invocation == expected)
    }

    @Test(arguments: [
        (["rnu"], "unknown verb 'rnu', did you mean 'run'?"),
        (["frobnicate"], "unknown verb 'frobnicate'"),
        (["catalog", "lst"], "unknown verb of catalog 'lst', did you mean 'list'?"),
        (["catalog"], "catalog needs a verb after it"),
        (["undo", "a.1"], "batchmgr has no 'undo': the verb is rollback"),
        (["ls"], "batchmgr has no 'ls': the verb is list"),
        (["run", "a", "-qx"], "unknown option '-x' in '-qx'"),
        (["run", "--id", "a", "--dryrun"], "unknown option '--dryrun', did you mean '--dry-run'?"),
        (["list", "-j"], "unknown option '-j'"),
        (["--id", "a", "run"], "--id belongs after its verb: batchmgr VERB --id"),
        (["run"], "run needs --id JOB"),
        (["run", "--id"], "--id needs a value: --id JOB"),
        (["run", "--id", "--json"], "--id needs a value: --id JOB"),
        (["run", "--id="], "--id '' is empty"),
        (["run", "--id", "a", "--id", "b"], "--id is given twice"),
        (["--db", "a", "--db", "b", "list"], "--db is given twice"),
        (["run", "--id", "a", "--dry-run=yes"], "--dry-run takes no value"),
        (["run", "--id", "a", "--set", "x"], "--set 'x' is not of the form NAME=VALUE"),
        (["run", "--id", "a", "--set", "=x"], "--set '=x' is not of the form NAME=VALUE"),
        (["list", "--limit", "-1"], "--limit '-1' is not a whole number"),
        (["list", "--limit", "99999999999999999999"], "--limit '99999999999999999999' is not a whole number"),
        (
            ["rollback", "--id", "a", "--mode", "force"],
            "--mode 'force' is not one of: restrict, cascade, replay, unconflicted"
        ),
        (["completion", "tcsh"], "'tcsh' is not one of: bash, zsh, fish"),
        (["version", "extra"], "version does not take 'extra'"),
        (["run", "--id", "a", "b"], "run does not take 'b'"),
        (["diff", "a.1", "a.2", "a.3"], "diff does not take 'a.3'"),
    ])
    func aWrongLineIsRefusedWithItsReason(line: [String], message: String) throws {
        let error = try #require(Self.refusal(line))
        #expect(error.message == message)
        #expect(error.code == .usage)
        #expect(!error.hint.isEmpty)
    }

    @Test func everyTableIsSoundAndShownInHelp() throws {
        for verb in Self.tool.verbs {
            let names = verb.options.map(\.name)
            #expect(Set(names).count == names.count)
            let hidden = Set(names).intersection(GlobalOptions.table.map(\.name))
            // Its database is the one to set up.
            #expect(
                hidden.subtracting(verb == .initialize ? ["database"] : []).isEmpty,
                "\(verb.name) hides a global option")
            let words = verb.name.split(separator: " ").map(String.init)
            let text = try HelpText.text(words, Self.tool, width: 80)
            for option in verb.options { #expect(text.contains(option.usage), "\(verb.name) --\(option.name)") }
            #expect(text.split(separator: "\n").allSatisfy { $0.count <= 80 || $0.contains("batchmgr") })
            #expect(try HelpText.text([], Self.tool, width: 80).contains("  \(verb.name) "))
        }
    }

    @Test func everySynonymIsOfAVerbAndIsNone() {
        for (word, verb) in Tool.synonyms {
            #expect(Command.tool.verb(named: verb) != nil, "\(word): \(verb)")
            #expect(!Command.tool.firstWords.contains(word), "\(word) is a verb itself")
        }
    }

    @Test(arguments: [
        "uninstall", "backup", "snapshot", "restore-points", "delete", "redo", "export", "rehome", "undo", "log", "ls",
    ])
    func whatPeopleTypeIsToldItsNameHere(word: String) {
        var message = ""
        do throws(BatchError) { _ = try ArgumentParser.parse([word], Command.tool) } catch { message = error.message }
        #expect(message.contains("the verb is "), "\(message)")
    }

    @Test(arguments: [
        (["blame", "products", "1"], ["table": "products", "key": "1"]),
        (["blame", "--table", "products", "1"], ["table": "products", "key": "1"]),
        (["blame", "1", "--table=products"], ["table": "products", "key": "1"]),
        (["home", "set", "folder"], ["to": "folder"]),
        (["rows", "products", "a.1^"], ["table": "products", "at": "a.1^"]),
        (["switch", "set", "safe_mode", "on", "--reason", "x"], ["name": "safe_mode", "value": "on", "reason": "x"]),
        (["queue", "limit", "a", "2"], ["job": "a", "most": "2"]),
        (["release", "compare", "r1", "r2"], ["name": "r1", "with": "r2"]),
    ])
    func whatAVerbIsAboutMayStandAlone(line: [String], values: [String: String]) throws {
        guard case .run(let parsed) = try ArgumentParser.parse(line, Command.tool) else {
            Issue.record("not a run")
            return
        }
        for (name, value) in values { #expect(parsed.value(name) == value, "\(name)") }
    }

    @Test(arguments: [["blame", "products"], ["blame", "products", "1", "2"], ["queue", "limit", "a", "two"]])
    func tooFewAndTooManyWordsAreRefused(line: [String]) {
        #expect(throws: BatchError.self) { try ArgumentParser.parse(line, Command.tool) }
    }

    @Test func everyExampleOfAVerbParses() throws {
        for verb in Self.tool.verbs {
            for example in verb.examples where !example.command.contains("\"") {
                let words = example.command.split { " <>()|".contains($0) }.map(String.init)
                let start = try #require(words.firstIndex(of: "batchmgr")) + 1
                let stop =
                    verb == .graph ? words.firstIndex(of: "dot").map { _ in words.lastIndex(of: "dot") ?? 0 } : nil
                let end = stop ?? (example.command.contains(" > ") ? words.count - 1 : words.count)
                _ = try ArgumentParser.parse(Array(words[start..<end]), Self.tool)
            }
        }
    }
}
