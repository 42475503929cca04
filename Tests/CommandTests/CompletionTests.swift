import BatchCore
import TestSupport
import Testing
import batchmgr

@Suite struct CompletionTests {
    /// Lets bash complete the last word, as it does on the TAB key; it breaks words at "=" itself.
    static func complete(_ words: [String], with script: String) throws -> [String] {
        let result = try TemporaryFolder.with { folder in
            try TextFile.write(script, to: "\(folder)/batchmgr.bash")
            try TextFile.write("", to: "\(folder)/some.db")
            let line = """
                source \(folder)/batchmgr.bash && cd \(folder) && COMP_WORDS=("$@") && COMP_CWORD=$(($# - 1)) \
                && _batchmgr && printf '%s\\n' "${COMPREPLY[@]}"
                """
            return try BuiltTool.shell(line, ["batchmgr"] + words, shell: "/bin/bash")
        }
        #expect(result.err == "")
        return result.out.split(separator: "\n").map(String.init).sorted()
    }

    @Test(arguments: [
        (["ver"], ["verify", "version"]),
        (["cat"], ["catalog"]),
        (["--db", "x.db", "ru"], ["run"]),
        (["--db", "=", "x.db", "--json", "ru"], ["run"]),
        (["catalog", ""], ["list", "schema", "show", "validate"]),
        (["catalog", "show", "--i"], ["--id"]),
        (["rollback", "--m"], ["--mode"]),
        (["rollback", "--mode", ""], ["cascade", "replay", "restrict", "unconflicted"]),
        (["rollback", "--mode", "="], ["cascade", "replay", "restrict", "unconflicted"]),
        (["rollback", "--mode", "=", "c"], ["cascade"]),
        (["rollback", "--id", "a.1", "--mode", "r"], ["replay", "restrict"]),
        (["run", "--file", "so"], ["some.db"]),
        (["list", "--db", ""], ["batchmgr.bash", "some.db"]),
        (["run", "--id", ""], []),
        (["completion", "z"], ["zsh"]),
        (["help", "roll"], ["rollback"]),
        (["catalog", "validate", "some"], ["some.db"]),
        (["list", "--js"], ["--json"]),
    ])
    func bashCompletesWhatMayStandThere(words: [String], expected: [String]) throws {
        #expect(try Self.complete(words, with: BashCompletion.script(ParserTests.tool)) == expected)
    }

    @Test(arguments: [
        ("batchmgr rollb", ["rollback"]),
        ("batchmgr rollback --mode ", ["cascade", "replay", "restrict", "unconflicted"]),
        ("batchmgr catalog ", ["list", "schema", "show", "validate"]), ("batchmgr catalog show --i", ["--id"]),
        ("batchmgr completion z", ["zsh"]), ("batchmgr help roll", ["rollback"]),
    ])
    func fishCompletesWhatMayStandThere(line: String, expected: [String]) throws {
        guard try BuiltTool.shell("command -v fish").code == 0 else { return }
        let result = try TemporaryFolder.with { folder in
            try TextFile.write(FishCompletion.script(ParserTests.tool), to: "\(folder)/b.fish")
            return try BuiltTool.shell("exec fish --no-config -c 'source \(folder)/b.fish; complete -C \"\(line)\"'")
        }
        #expect(result.err == "")
        let words = result.out.split(separator: "\n").compactMap { $0.split(separator: "\t").first.map(String.init) }
        #expect(words.sorted() == expected)
    }

    // MARK: Names

    /// A workspace with a job, batches, and a table whose name a shell would take apart.
    private static func withNames(_ body: (BadLuckScene) throws -> Void) throws {
        try BadLuckScene.with { scene in
            try scene.sql("CREATE TABLE \"two words; $(touch hacked) `touch hacked`\"(a)")
            try scene.expect(0, "run", "multi")
            try scene.expect(0, "run", "--id", "own", "--sql", "UPDATE items SET qty = 7")
            try scene.expect(7, "run", "--id", "later", "--sql", "UPDATE items SET qty = 8", "--propose")
            try scene.write("catalog/modules.yaml", "billing: {description: Books}\n")
            try scene.write(
                "catalog/contracts.yaml",
                "stock: {description: Enough, key: [id], reads: {items: [id]}, query: SELECT id FROM items WHERE qty < 0}\n"
            )
            try scene.shell("mkdir catalog/runbooks")
            try scene.write(
                "catalog/runbooks/fire.yaml",
                "title: It burns\nsteps:\n  - {id: look, level: 1, text: Look, run: [status]}\n")
            try scene.expect(0, "incident", "open", "--title", "smoke")
            try scene.expect(0, "release", "record", "first")
            try scene.shell("mkdir bin && ln -s \"$TOOL\" bin/batchmgr")
            try body(scene)
            #expect(!scene.has("hacked"))
        }
    }

    private static let named: [(words: [String], expected: [String])] = [
        (["rollback", ""], ["multi.1", "own.1"]), (["rollback", "--id", "o"], ["own.1"]),
        (["show", "mu"], ["multi.1"]), (["run", "fol"], ["follow"]), (["list", "--job", "ow"], ["own"]),
        (["restore", "--point", "own"], ["own.1", "own.1^"]), (["restore", "--point", "lat"], ["latest", "latest^"]),
        (["blame", "--table", "it"], ["items"]),
        (["diff", "--table", "two"], ["two words; $(touch hacked) `touch hacked`"]),
        (["switch", "set", "--name", "safe"], ["safe_mode"]), (["switch", "set", "job:fo"], ["job:follow"]),
        (["switch", "set", "safe_mode", ""], ["off", "on"]), (["switch", "set", "job:own", "d"], ["disabled"]),
        (["switch", "set", "--name", "job:own", "--value", ""], ["enabled", "disabled"]),
        (["switch", "set", "module:billing", "deg"], ["degraded"]),
        (["plan", "show", "pl"], ["plan.1"]), (["plan", "approve", "--id", ""], ["plan.1"]),
        (["runbook", "run", "f"], ["fire"]), (["incident", "show", "inc"], ["incident.1"]),
        (["release", "compare", "fi"], ["first"]), (["release", "compare", "first", "--with", "f"], ["first"]),
        (["contract", "check", "st"], ["stock"]), (["degrade", "on", "--module", "b"], ["billing"]),
        (["--db", "app.db", "graph", "o"], ["own.1"]), (["--db", "none.db", "graph", "o"], []),
        (["graph", "--db", "none.db", "o"], []),
    ]

    @Test func bashCompletesNames() throws {
        try Self.withNames { scene in
            try scene.shell("\"$TOOL\" completion bash > batchmgr.bash")
            for (words, expected) in Self.named {
                let line = """
                    PATH=$PWD/bin:$PATH; source batchmgr.bash && COMP_WORDS=("$@") && COMP_CWORD=$(($# - 1)) \
                    && _batchmgr && printf '%s\n' "${COMPREPLY[@]}"
                    """
                let result = try BuiltTool.shell(
                    "cd '\(scene.folder)' && \(line)", ["batchmgr"] + words, shell: "/bin/bash")
                #expect(result.err == "", "\(words)")
                let found = result.out.split(separator: "\n").map(String.init).filter { !$0.hasPrefix("-") }
                #expect(found.sorted() == expected.sorted(), "\(words)")
            }
        }
    }

    @Test func fishCompletesNames() throws {
        guard try BuiltTool.shell("command -v fish").code == 0 else { return }
        try Self.withNames { scene in
            try scene.shell("\"$TOOL\" completion fish > b.fish")
            for (words, expected) in Self.named where !words.contains("--db") {
                let line = (["batchmgr"] + words).joined(separator: " ")
                let result = try scene.shell(
                    "PATH=$PWD/bin:$PATH exec fish --no-config -c 'source b.fish; complete -C \"\(line)\"'")
                #expect(result.err == "", "\(words)")
                let found = result.out.split(separator: "\n").compactMap {
                    $0.split(separator: "\t").first.map(String.init)
                }
                for name in expected where !name.contains(" ") {
                    #expect(found.contains(name), "\(words): \(found)")
                }
            }
        }
    }

    /// Presses the TAB key in a zsh of its own, once for each of `$@`; keeps what it is offered, which zsh shows quoted.
    private static let pressTab = #"""
        cat > setup.zsh <<'END'
        PATH=$PWD/bin:$PATH
        autoload -U compinit && compinit -u -D
        source ./b.zsh
        compadd() {
            if [[ ${@[1,(i)(-|--)]} == *-(O|A|D)\ * ]]; then builtin compadd "$@"; return; fi
            local -a hits
            builtin compadd -A hits "$@"
            (( $#hits )) && print -rl -- "${(@Q)hits}" >> hits
            builtin compadd "$@"
        }
        finish() { print -r -- "THE""END" }
        zle -N finish
        bindkey '^I' complete-word '^X^X' finish
        print THE"READY"
        END
        cat > press.zsh <<'END'
        zmodload zsh/zpty
        zpty z zsh -f -i
        zpty -w z 'source ./setup.zsh'
        zpty -r z out '*THEREADY*'
        for line in "$@"; do
            : > hits
            zpty -w -n z "$line"$'\t\x18\x18'
            zpty -r z out '*THEEND*'
            print -r -- "= $line"
            sort -u hits
            zpty -w -n z $'\x15'
        done
        zpty -d z
        END
        "$TOOL" completion zsh > b.zsh && exec timeout 120 zsh -f press.zsh "$@"
        """#

    @Test func zshCompletesWordsAndNames() throws {
        guard try BuiltTool.shell("command -v zsh").code == 0 else { return }
        let fixed: [(words: [String], expected: [String])] = [
            (["rollb"], ["rollback"]), (["catalog", ""], ["list", "schema", "show", "validate"]),
            (["rollback", "--mode", ""], ["cascade", "replay", "restrict", "unconflicted"]),
            (["completion", "z"], ["zsh"]), (["help", "roll"], ["rollback"]),
        ]
        try Self.withNames { scene in
            let asked = fixed + Self.named
            let result = try scene.shell(Self.pressTab, asked.map { "batchmgr " + $0.words.joined(separator: " ") })
            #expect(result.code == 0, "\(result)")
            let answers = result.out.split(separator: "= batchmgr ").map { $0.split(separator: "\n").map(String.init) }
            try #require(answers.count == asked.count, "\(result)")
            for (answer, (words, expected)) in zip(answers, asked) {
                #expect(answer.first == words.joined(separator: " "))
                let offered = answer.dropFirst().filter { !$0.hasPrefix("-") }
                #expect(offered.sorted() == expected.sorted(), "\(words)")
            }
        }
    }

    @Test func theBuiltToolPrintsAScriptThatCompletesItsVerbs() throws {
        let script = try BuiltTool.run("completion", "bash").out
        #expect(try Self.complete(["doct"], with: script) == ["doctor"])
        #expect(try Self.complete(["doctor", "--f"], with: script) == ["--fast"])
        let document = try JSONParser.parse(try BuiltTool.run("completion", "bash", "--json").out)
        #expect(document["script"]?.string == script)
    }

    @Test(arguments: ["bash", "zsh", "fish"])
    func everyScriptIsOneThatItsShellCanRead(shell: String) throws {
        let script =
            switch shell {
            case "bash": BashCompletion.script(ParserTests.tool)
            case "zsh": ZshCompletion.script(ParserTests.tool)
            default: FishCompletion.script(ParserTests.tool)
            }
        for verb in ParserTests.tool.verbs {
            for option in verb.options {
                #expect(script.contains(option.name), "\(shell): \(verb.name) \(option.name)")
            }
        }
        try TemporaryFolder.with { folder in
            try TextFile.write(script, to: "\(folder)/script")
            let check = "command -v \(shell) > /dev/null || exit 0; \(shell) -n \(folder)/script"
            let result = try BuiltTool.shell(check)
            #expect(result.code == 0, "\(result.err)")
        }
    }
}
