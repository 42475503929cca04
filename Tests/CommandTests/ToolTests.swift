import BatchCore
import TestSupport
import Testing

/// The built binary, seen from outside.
@Suite struct ToolTests {
    @Test func versionIsPrintedAsTextAndAsOneDocument() throws {
        for line in ["version", "--version"] {
            let text = try BuiltTool.run(line)
            #expect(text.out == "batchmgr \(VersionReport.version)\n")
            #expect(text.code == 0)
        }
        #expect(
            try BuiltTool.run("version", "--json").out
                == "{\"format_version\":1,\"version\":\"\(VersionReport.version)\"}\n")
    }

    @Test func helpIsTheSameByOptionAndByVerb() throws {
        let overview = try BuiltTool.run("--help")
        #expect(overview.out.contains("Run batches:\n"))
        #expect(overview.code == 0)
        #expect(try BuiltTool.run("help").out == overview.out)
        #expect(try BuiltTool.run("help", "doctor").out == BuiltTool.run("doctor", "--help").out)
        let document = try JSONParser.parse(try BuiltTool.run("help", "doctor", "--json").out)
        #expect(document["verbs"]?.array?.compactMap { $0["name"]?.string } == ["doctor"])
        #expect(try BuiltTool.run("help", "docter").err.contains("did you mean 'doctor'?"))
    }

    @Test func everyVerbInHelpCanBeCalledForHelp() throws {
        let document = try JSONParser.parse(try BuiltTool.run("help", "--json").out)
        let names = try #require(document["verbs"]?.array).compactMap { $0["name"]?.string }
        #expect(names.count >= 4)
        for name in names {
            let result = try BuiltTool.shell("exec \"$TOOL\" \(name) --help")
            #expect(result.code == 0)
            #expect(result.out.hasPrefix("batchmgr \(name): "))
        }
    }

    @Test func anErrorIsTwoLinesOnStandardErrorAndItsExitCode() throws {
        let result = try BuiltTool.run("versoin")
        #expect(
            result.err == """
                error: ERR_UX_USAGE: unknown verb 'versoin', did you mean 'version'?
                hint: see all verbs: batchmgr --help

                """)
        #expect(result.out == "")
        #expect(result.code == 2)
        #expect(try BuiltTool.run("versoin", "--quiet", "--no-color").code == 2)
    }

    @Test(arguments: [["versoin", "--json"], ["--json", "doctor", "--frobnicate"], ["doctor", "--fast=1", "--json"]])
    func anErrorIsOneDocumentWhenJSONIsAskedFor(line: [String]) throws {
        let result = try BuiltTool.shell("exec \"$TOOL\" \"$@\"", line)
        let error = try #require(try JSONParser.parse(result.out)["error"])
        #expect(error["code"]?.string == "ERR_UX_USAGE")
        #expect(error["class"]?.string == "UX")
        #expect(error["exit_code"]?.integer == 2)
        #expect(error["message"]?.string?.isEmpty == false)
        #expect(error["hint"]?.string?.isEmpty == false)
        #expect(result.err == "")
        #expect(result.code == 2)
    }

    @Test func aReaderThatGoesAwayIsNoError() throws {
        let result = try BuiltTool.shell("{ sleep 0.2; \"$TOOL\" help --markdown; echo $? >&2; } | true")
        #expect(result.err == "0\n")
    }

    @Test func aFullDiskBelowTheOutputIsAnError() throws {
        let result = try BuiltTool.shell("exec \"$TOOL\" help > /dev/full")
        #expect(result.err.hasPrefix("error: ERR_INTEGRATION_FILE: write standard output: No space left on device\n"))
        #expect(result.code == 1)
    }

    /// A script that takes it for a failure would run it once more.
    @Test(arguments: [
        ("run --id b --sql 'UPDATE items SET qty = qty + 1'", ExitCode.pointPending),
        ("run --id b --sql 'UPDATE items SET qty = qty + 1' --json", .pointPending),
        ("rollback --id a.1", .pointPending), ("rollback --id a.1 --json", .pointPending),
        ("guard set --mode track", .pointPending),
        ("run --id b --dry-run --sql 'UPDATE items SET qty = 0'", .stepFailed),
        ("rollback --id a.1 --dry-run", .stepFailed), ("list", .stepFailed), ("verify", .stepFailed),
        ("run --id b --sql 'UPDATE nothing SET qty = 0'", .stepFailed),
    ]) func whatWasDoneAndCouldNotBeToldEndsWithEight(_ words: String, _ code: ExitCode) throws {
        try BadLuckScene.with { scene in
            try scene.expect(0, "run", "--id", "a", "--sql", "UPDATE items SET qty = 7 WHERE id = 1")
            let result = try scene.shell("\"$TOOL\" --db app.db \(words) > /dev/full")
            #expect(result.code == code.rawValue, "\(words): \(result.err)")
            #expect(result.err.contains("error: ERR_"), "\(result.err)")
            if code == .pointPending { #expect(result.err.contains("do not run it again"), "\(result.err)") }
        }
    }

    @Test func coloursAreForTerminalsThatWantThem() throws {
        let line = "script -qec \"$TOOL doctor --fast\" /dev/null < /dev/null"
        guard try BuiltTool.shell("command -v script").code == 0 else { return }
        #expect(try BuiltTool.shell(line).out.contains("\u{1B}[32m"))
        #expect(try !BuiltTool.shell("NO_COLOR=1 \(line)").out.contains("\u{1B}"))
        #expect(try !BuiltTool.shell("TERM=dumb \(line)").out.contains("\u{1B}"))
        #expect(try !BuiltTool.run("doctor", "--fast").out.contains("\u{1B}"))
    }
}
