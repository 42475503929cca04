import BatchCatalog
import BatchCore
import BatchEngine
import Testing

@Suite struct CatalogMistakeTests {
    /// A valid job but for the lines that a case adds.
    private static let head = "id: a\nversion: 1.0.0\n"
    private static let steps = "steps:\n  - id: s\n    sql: SELECT 1\n"

    struct Mistake: CustomTestStringConvertible, Sendable {
        let text: String
        let place: String
        let message: String
        var testDescription: String { message }

        init(_ text: String, _ place: String, _ message: String) {
            self.text = text
            self.place = place
            self.message = message
        }
    }

    private static func diagnostics(_ text: String, plugins: [String] = []) throws -> [Diagnostic] {
        let folder = try CatalogFolder(["a.yaml": text])
        return try Catalog.diagnostics(folder: folder.path, StepRegistry.builtIn.rules(plugins: plugins))
    }

    static let keys: [Mistake] = [
        Mistake(head + "vesion: 1\n" + steps, "3:1", "a job has no key 'vesion'; did you mean 'version'?"),
        Mistake("version: 1.0.0\n" + steps, "1:1", "a job needs the key 'id'"),
        Mistake("id: a\n" + steps, "1:1", "a job needs the key 'version'"),
        Mistake(head, "1:1", "a job needs the key 'steps'"),
        Mistake(head + steps + "id: b\n", "6:1", "'id' is given already, in line 1"),
        Mistake("- a\n", "1:1", "a job: write keys and values, e.g. key: value"),
        Mistake("just text\n", "1:1", "a job: write keys and values, e.g. key: value"),
        Mistake(head + "steps: []\n", "3:8", "steps: the list is empty"),
        Mistake(head + "steps: {id: x}\n", "3:8", "steps: write a list, e.g. [a, b]"),
        Mistake(
            head + steps + "params:\n  p: {type: real, defualt: 2}\n", "7:19",
            "a parameter has no key 'defualt'; did you mean 'default'?"),
        Mistake(
            head + steps + "params:\n  tenant: {type: text}\n", "7:3",
            "params: 'tenant' is not a name; write \(ParameterDefinition.nameRule); 'tenant' and 'batch' are always there"
        ),
        Mistake(
            head + steps + "params:\n  9p: {type: text}\n", "7:3",
            "params: '9p' is not a name; write \(ParameterDefinition.nameRule); 'tenant' and 'batch' are always there"),
        Mistake(head + steps + "params:\n  p: {}\n", "7:6", "a parameter needs the key 'type'"),
        Mistake(head + steps + "notify: [{events: [failed]}]\n", "6:10", "a notification needs one of command, url"),
        Mistake(
            head + steps + "notify: [{url: \"http://a\", command: [b]}]\n", "6:28",
            "a notification cannot be both 'url' and 'command'; make it two"),
    ]

    static let values: [Mistake] = [
        Mistake("id: 9a\nversion: 1.0.0\n" + steps, "1:5", "id: write \(JobID.rule)"),
        Mistake("id: a\nversion: 1.2\n" + steps, "2:10", "version: write three numbers, e.g. 1.2.0"),
        Mistake("id: true\nversion: 1.0.0\n" + steps, "1:5", "id: put it in quotes"),
        Mistake(head + "description: 5\n" + steps, "3:14", "description: put it in quotes"),
        Mistake(
            head + "tenant: requird\n" + steps, "3:9",
            "tenant: 'requird' is not one of required, optional, none; did you mean 'required'?"),
        Mistake(head + "level: 4\n" + steps, "3:8", "level: write a whole number from 0 to 3"),
        Mistake(head + "level: 99999999999999999999\n" + steps, "3:8", "level: write a whole number from 0 to 3"),
        Mistake(head + "critical: yes\n" + steps, "3:11", "critical: write true or false"),
        Mistake(head + "timeout: 5\n" + steps, "3:10", "timeout: write a time, e.g. 500ms, 2s, 5m or 1h"),
        Mistake(head + "needs: b\n" + steps, "3:8", "needs: write a list, e.g. [a, b]"),
        Mistake(head + "on_failure:\n" + steps, "3:12", "on_failure: write one of stop, rollback"),
        Mistake(head + "verify: ['-- nothing']\n" + steps, "3:10", "verify: write SQL"),
        Mistake(
            head + "schedule: {cron: '0 2 * *'}\n" + steps, "3:18",
            "cron: write five cron fields, e.g. \"0 2 * * *\", or @daily"),
        Mistake(
            head + "schedule: {cron: '@daily', timezone: 'a b'}\n" + steps, "3:38",
            "timezone: write a time zone, e.g. Europe/Paris"),
        Mistake(
            head + "schedule: {cron: '0 24 * * *'}\n" + steps, "3:18", "cron: '24' is not a valid hour; write 0 to 23"),
        Mistake(
            head + "schedule: {cron: '*/0 2 * * *'}\n" + steps, "3:18", "cron: '/0' is not a step of the minute"),
        Mistake(
            head + "schedule: {cron: '0 2 31 4,6 *'}\n" + steps, "3:18",
            "cron: day 31 never comes in the months it names"),
        Mistake(
            head + "schedule: {cron: '@daily', timezone: Europe/Pariss}\n" + steps, "3:38",
            "timezone: there is no time zone 'Europe/Pariss'; did you mean 'Europe/Paris'?"),
        Mistake(
            head + "steps:\n  - id: s\n    check: SELECT 1 WHERE 0; SELECT 2\n", "5:30",
            "a second statement begins here, and only the first would be run; write one query"),
        Mistake(
            head + "steps:\n  - {id: s, export: {file: a.csv, query: 'SELECT 1; DELETE FROM t'}}\n", "4:53",
            "a second statement begins here, and only the first would be run; write one query"),
        Mistake(
            head + "steps:\n  - id: s\n    for_each: SELECT id FROM t; SELECT id FROM u\n    sql: SELECT :id\n", "5:33",
            "a second statement begins here, and only the first would be run; write one query"),
        Mistake(
            head + steps + "verify: ['SELECT 1;;', 'SELECT 1; SELECT 0']\n", "6:35",
            "a second statement begins here, and only the first would be run; write one query"),
        Mistake(
            head + "notify: [{url: 'ftp://a'}]\n" + steps, "3:16",
            "url: write an address, e.g. https://example.com/hook"),
        Mistake(
            head + steps + "params: {n: {type: integer, default: 2.5}}\n", "6:38",
            "the default of n is not a whole number, e.g. 42"),
        Mistake(
            head + steps + "params: {n: {type: integer, choices: [1, x]}}\n", "6:42",
            "a choice of n is not a whole number, e.g. 42"),
        Mistake(
            head + steps + "params: {n: {type: text, choices: [a, b], default: c}}\n", "6:52",
            "the default of n is not among its choices"),
        Mistake(
            head + steps + "params: {n: {type: text, required: true, default: c}}\n", "6:51",
            "n is required, so its default is never used; drop one of the two"),
    ]

    static let stepMistakes: [Mistake] = [
        Mistake(
            head + "steps:\n  - id: s\n", "4:5",
            "a step needs one of sql, check, exec, export, snapshot, schedule.enqueue, schedule.wait, schedule.backfill, "
                + "repair.manifest, repair.quarantine, ocr.discover, ocr.prep, ocr.recognise, ocr.publish, ocr.review, "
                + "ocr.remove, ocr.clean, ocr.mend, repair.restart, repair.release, audit.digests, audit.contracts, audit.integrity, "
                + "audit.keys, audit.copies, audit.drill, audit.disk, audit.files, audit.rules, audit.report"
        ),
        Mistake(head + "steps:\n  - sql: SELECT 1\n", "4:5", "a step needs the key 'id'"),
        Mistake(head + "steps:\n  - id: s\n    sq: SELECT 1\n", "5:5", "a step has no key 'sq'; did you mean 'sql'?"),
        Mistake(
            head + "steps:\n  - {id: s, sql: SELECT 1, check: SELECT 1}\n", "4:28",
            "a step cannot be both 'sql' and 'check'; make it two"),
        Mistake(
            head + "steps:\n  - {id: s, check: SELECT 1, for_each: SELECT 2}\n", "4:30",
            "'for_each' goes with sql, not with 'check'"),
        Mistake(
            head + "steps:\n  - {id: s, sql: SELECT 1, undo: [x]}\n", "4:28", "'undo' goes with exec, not with 'sql'"),
        Mistake(
            head + "steps:\n  - {id: s, sql: SELECT 1, chunk: 10}\n", "4:28",
            "'chunk' goes with 'for_each', which is missing"),
        Mistake(
            head + "steps:\n  - {id: s, sql: SELECT 1}\n  - {id: s, sql: SELECT 1}\n", "5:10",
            "step 's' is given already, in line 4"),
        Mistake(head + "steps:\n  - {id: s, exec: rm -rf x}\n", "4:19", "exec: write a list, e.g. [a, b]"),
        Mistake(head + "steps:\n  - {id: s, exec: []}\n", "4:19", "exec: the list is empty"),
        Mistake(
            head + "steps:\n  - {id: s, snapshot: ful}\n", "4:23",
            "snapshot: 'ful' is not one of auto, full, delta; did you mean 'full'?"),
        Mistake(
            head + "steps:\n  - {id: s, export: {query: SELECT 1, file: ../x.csv}}\n", "4:45",
            "file: write a path below the workspace that ends in .csv, .json or .html"),
        Mistake(
            head + "steps:\n  - {id: s, sql: SELECT 1, retry: {max: 0}}\n", "4:41",
            "max: write a whole number from 1 to 100"),
    ]

    static let sqlMistakes: [Mistake] = [
        Mistake(
            head + "params: {percent: {type: real}}\nsteps:\n  - id: s\n    sql: SELECT :percnt\n", "6:17",
            "':percnt' is not a parameter; did you mean 'percent'?"),
        Mistake(
            head + "steps:\n  - id: s\n    sql: |\n      SELECT 1;\n      -- :x\n      SELECT ':x', :x\n", "8:20",
            "':x' is not a parameter"),
        Mistake(head + "steps:\n  - id: s\n    check: SELECT ?\n", "5:19", "'?': write parameters as :name"),
        Mistake(
            head + "steps:\n  - {id: s, sql: 'SELECT :idd', for_each: SELECT id FROM t}\n", "4:26",
            "':idd' is not a parameter or a column of for_each; did you mean 'id'?"),
        Mistake(
            head + "steps:\n  - {id: s, sql: SELECT 1, for_each: 'SELECT :id'}\n", "4:46", "':id' is not a parameter"),
        Mistake(
            head + "tenant: none\n" + "steps:\n  - {id: s, sql: 'SELECT :tenant'}\n", "5:26",
            "':tenant' has no value in a job with 'tenant: none'"),
        Mistake(head + "verify: ['SELECT :no']\n" + steps, "3:18", "':no' is not a parameter"),
        Mistake(
            head + "steps:\n  - {id: s, export: {query: 'SELECT :q', file: x.csv}}\n", "4:37", "':q' is not a parameter"
        ),
        Mistake(head + "steps:\n  - {id: s, sql: \"SELECT\\n:esc\"}\n", "4:27", "':esc' is not a parameter"),
        Mistake(head + "needs: [b]\n" + steps, "3:9", "no job is called 'b'"),
        Mistake(head + "needs: [a]\n" + steps, "3:9", "the jobs need each other: a → a"),
    ]

    static let arguments: [Mistake] = [
        Mistake(
            head + "steps:\n  - {id: s, exec: [x, '{bach}']}\n", "4:23",
            "unknown placeholder '{bach}' in '{bach}'; use {batch}, {tenant}, {step} or {param:NAME}; "
                + "write {{ and }} for braces"),
        Mistake(
            head + "params: {day: {type: date}}\nsteps:\n  - {id: s, exec: [x], undo: [x, '--on={param:dya}']}\n",
            "5:34",
            "'{param:dya}' is not a parameter; did you mean 'day'?"),
        Mistake(
            head + "tenant: none\nsteps:\n  - {id: s, exec: [x, '{tenant}']}\n", "5:23",
            "'{tenant}' has no value in a job with 'tenant: none'"),
    ]

    static let syntax: [Mistake] = [
        Mistake("", "1:1", "the file is empty"),
        Mistake("# only a comment\n", "1:1", "the file is empty"),
        Mistake("id: [a\n", "2:1", "while parsing a flow sequence: did not find expected ',' or ']'"),
        Mistake(
            "id: a\n\tversion: 1\n", "2:1",
            "while scanning a plain scalar: found a tab character that violates indentation"),
        Mistake("id: a\n---\nid: b\n", "2:1", "a second document begins here; write one document a file"),
        Mistake("id: *x\n", "1:5", "nothing above has the anchor &x"),
        Mistake("id: &x [*x]\n", "1:9", "nothing above has the anchor &x"),
        Mistake(
            "id: !!python/object a\n", "1:5",
            "tags like tag:yaml.org,2002:python/object are not used here; write the value without it"),
        Mistake("? [a]\n: b\n", "1:3", "a key must be plain text"),
        Mistake("id: \"é\u{7}\"\n", "1:7", "control characters are not allowed"),
        Mistake(String(repeating: "[", count: 60), "1:51", "nested deeper than 50 levels"),
    ]

    @Test(arguments: keys + values + stepMistakes + sqlMistakes + arguments + syntax)
    func aMistakeIsNamedWithItsPlace(mistake: Mistake) throws {
        let diagnostics = try CatalogMistakeTests.diagnostics(mistake.text)
        let found = diagnostics.map { "\($0.line):\($0.column) \($0.message)" }
        #expect(found == ["\(mistake.place) \(mistake.message)"])
    }

    @Test func allMistakesOfAFileAreFoundAtOnce() throws {
        let text = "id: 5x\nversoin: 1.0.0\ntenant: no\nsteps:\n  - {id: s, sql: 'SELECT :x', chunk: 0}\n"
        let found = try CatalogMistakeTests.diagnostics(text).map { "\($0.line):\($0.column)" }
        #expect(found == ["1:1", "1:5", "2:1", "3:9", "5:26", "5:31", "5:38"])
    }

    @Test func theLineIsShownWithACaretBelowThePlace() throws {
        let text =
            CatalogMistakeTests.head + "params: {p: {type: text, description: ü, chioces: [a]}}\n"
            + CatalogMistakeTests.steps
        let shown = try CatalogMistakeTests.diagnostics(text).map(\.description)
        let lines = try #require(shown.last).split(separator: "\n").map(String.init)
        #expect(lines[0].hasSuffix("a.yaml:3:42: a parameter has no key 'chioces'; did you mean 'choices'?"))
        #expect(lines[1] == "  3 | params: {p: {type: text, description: ü, chioces: [a]}}")
        #expect(lines[2] == "    |" + String(repeating: " ", count: 42) + "^^^^^^^")
    }

    @Test func aLongLineIsShownAroundThePlace() throws {
        let text = CatalogMistakeTests.head + "description: \(String(repeating: "x", count: 5_000))\nnotes: y\n"
        let long = try CatalogMistakeTests.diagnostics(
            CatalogMistakeTests.head + "steps: [{id: s, sql: \"\(String(repeating: "x", count: 5_000)) :y\"}]\n")
        #expect(long.map(\.column) == [5_024])
        let lines = try #require(long.first).description.split(separator: "\n")
        #expect(lines.allSatisfy { $0.count < 250 })
        #expect(lines[1].hasSuffix(" :y\"}]"))
        let caret = try #require(lines[2].firstIndex(of: "^"))
        let place = lines[2].distance(from: lines[2].startIndex, to: caret)
        #expect(lines[1].dropFirst(place).hasPrefix(":y"))
        #expect(try CatalogMistakeTests.diagnostics(text).allSatisfy { $0.description.count < 400 })
    }

    @Test func mistakesAreAlsoGivenAsJSON() throws {
        let diagnostic = try #require(try CatalogMistakeTests.diagnostics("id: a\nid: b\n").last)
        #expect(diagnostic.json["line"] == 2)
        #expect(diagnostic.json["column"] == 1)
        #expect(diagnostic.json["message"] == "'id' is given already, in line 1")
        #expect(diagnostic.json["source"] == "id: b")
        #expect(diagnostic.json["code"] == "ERR_UX_INVALID_CATALOG")
        #expect(diagnostic.json["file"]?.string?.hasSuffix("/a.yaml") == true)
    }

    @Test(
        arguments: [
            ([UInt8]("id: \u{e9}\nx: ".utf8) + [0xFF], 2, 4), ([0xFE, 0xFF, 0x00, 0x69], 1, 1), ([0x69, 0xC3], 1, 2),
        ] as [([UInt8], Int, Int)])
    func aFileThatIsNotUTF8IsRefused(bytes: [UInt8], line: Int, column: Int) throws {
        let folder = try CatalogFolder()
        try folder.write("a.yaml", bytes)
        let found = try Catalog.diagnostics(folder: folder.path, StepRegistry.builtIn.rules(plugins: []))
        #expect(found.map(\.message) == ["the file is not UTF-8; save it as UTF-8"])
        #expect(found.map(\.line) == [line])
        #expect(found.map(\.column) == [column])
    }

    @Test func aFileTooLargeIsRefused() throws {
        let found = try CatalogMistakeTests.diagnostics("# " + String(repeating: "x", count: 1 << 20))
        #expect(found.map(\.message) == ["the file is larger than 1024 KiB"])
    }

    @Test func aliasesCannotMultiplyAFile() throws {
        var bomb = "a: &a0 [x, x, x, x, x, x, x, x, x]\n"
        for level in 1..<12 {
            let aliases = Array(repeating: "*a\(level - 1)", count: 9).joined(separator: ", ")
            bomb += "b\(level): &a\(level) [\(aliases)]\n"
        }
        let found = try CatalogMistakeTests.diagnostics(bomb)
        #expect(found.map(\.message) == ["more than 100000 values, aliases counted as often as they are used"])
    }

    @Test func anAliasIsReadAsWhatItStandsFor() throws {
        let text = "id: a\nversion: 1.0.0\nsteps:\n  - {id: s, sql: &q SELECT 1}\n  - {id: t, check: *q}\n"
        let job = try JobDefinition.parse(text: text, file: "a.yaml")
        #expect(job.steps.map(\.kind) == ["sql", "check"])
        #expect(job.steps.map(\.settings) == ["SELECT 1", "SELECT 1"])
    }
}
