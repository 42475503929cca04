import BatchCatalog
import BatchCore
import BatchEngine
import Testing

@Suite struct CatalogJobTests {
    /// Every key that a job can have.
    static let everything = """
        id: all
        version: 1.2.3-rc.1+b2
        description: "All: keys"
        tenant: required
        level: 2
        critical: true
        needs: [first, second]
        params:
          percent: {type: real, default: 2.5, description: By how much}
          day: {type: date}
          note: {type: text, required: false}
          mode: {type: text, choices: [fast, safe, 3], default: fast}
          empty: {type: integer, default: null}
        steps:
          - id: raise
            for_each: SELECT id AS row FROM t WHERE tenant = :tenant
            chunk: 1000
            sql: UPDATE t SET a = a * :percent WHERE id = :row
            retry: {max: 3, backoff: 500ms}
            timeout: 5m
          - {id: sane, check: SELECT 1 WHERE :batch IS NULL}
          - id: tell
            exec: [scripts/tell, "{batch}", 5]
            undo: [scripts/tell, --undo, "{batch}"]
          - {id: rows, export: {query: SELECT 1, file: out/rows.HTML}}
          - {id: point, snapshot: full}
          - id: mail
            mailer: {to: [a, b], retries: 3, subject: null, urgent: true, rate: 1.5, hex: 0x1F, text: "3"}
            retry: {max: 1}
        verify:
          - SELECT count(*) = 0 FROM t WHERE a IS NULL
        schedule: {cron: "0 2 * * *", timezone: Europe/Paris}
        on_failure: rollback
        timeout: 1h
        notify:
          - {command: [scripts/page, now], events: [failed, damaged], timeout: 3s}
          - {url: "https://example.com/hook"}
        snapshot: delta

        """

    @Test func everyKeyIsRead() throws {
        let job = try JobDefinition.parse(text: CatalogJobTests.everything, file: "all.yaml", pluginNames: ["mailer"])
        #expect(job == (try expected()))
    }

    private func expected() throws -> JobDefinition {
        let settings: JSONValue = [
            "to": ["a", "b"], "retries": 3, "subject": nil, "urgent": true, "rate": .number(1.5), "hex": 31,
            "text": "3",
        ]
        return JobDefinition(
            id: "all", version: try #require(SemanticVersion("1.2.3-rc.1+b2")), description: "All: keys",
            tenant: .required, level: 2, isCritical: true, needs: ["first", "second"],
            parameters: [
                ParameterDefinition(
                    name: "percent", type: .real, defaultValue: .real(2.5), description: "By how much"),
                ParameterDefinition(name: "day", type: .date, isRequired: true),
                ParameterDefinition(name: "note", type: .text, isRequired: false),
                ParameterDefinition(
                    name: "mode", type: .text, defaultValue: .string("fast"),
                    choices: [.string("fast"), .string("safe"), .string("3")]),
                ParameterDefinition(name: "empty", type: .integer, defaultValue: .null),
            ],
            steps: [
                StepDefinition(
                    id: "raise", kind: "sql", settings: "UPDATE t SET a = a * :percent WHERE id = :row",
                    options: ["for_each": "SELECT id AS row FROM t WHERE tenant = :tenant", "chunk": 1_000],
                    retry: StepDefinition.Retry(maximum: 3, backoff: .milliseconds(500)), timeout: .seconds(300)),
                StepDefinition(id: "sane", kind: "check", settings: "SELECT 1 WHERE :batch IS NULL"),
                StepDefinition(
                    id: "tell", kind: "exec", settings: ["scripts/tell", "{batch}", "5"],
                    options: ["undo": ["scripts/tell", "--undo", "{batch}"]]),
                StepDefinition(
                    id: "rows",
                    kind: "export", settings: ["query": "SELECT 1", "file": "out/rows.HTML"]),
                StepDefinition(id: "point", kind: "snapshot", settings: "full"),
                StepDefinition(
                    id: "mail", kind: "mailer", settings: settings, retry: StepDefinition.Retry(maximum: 1)),
            ],
            verify: ["SELECT count(*) = 0 FROM t WHERE a IS NULL"],
            schedule: ScheduleDefinition(cron: "0 2 * * *", timezone: "Europe/Paris"), onFailure: .rollback,
            timeout: .seconds(3_600),
            notify: [
                NotificationRule(
                    channel: .command(["scripts/page", "now"]), events: [.failed, .damaged], timeout: .seconds(3)),
                NotificationRule(channel: .webhook("https://example.com/hook")),
            ],
            snapshot: .delta, text: CatalogJobTests.everything)
    }

    @Test func aPinnedTextIsReadWithoutItsPlugins() throws {
        let text = CatalogJobTests.everything
        let known = try JobDefinition.parse(text: text, file: "all.yaml", pluginNames: ["mailer"])
        #expect(try JobDefinition.parse(text: text, file: "all.yaml") == known)
    }

    @Test func aPluginThatIsNotDeclaredIsNoStep() throws {
        let error = try #require(throws: BatchError.self) {
            _ = try JobDefinition.parse(text: CatalogJobTests.everything, file: "all.yaml", pluginNames: ["mailr"])
        }
        #expect(error.code == .invalidCatalog)
        #expect(error.message.contains("all.yaml:28:5: a step has no key 'mailer'; did you mean 'mailr'?"))
        #expect(error.hint.text() == "correct all.yaml, then: batchmgr catalog validate")
    }

    @Test func aTextIsKeptByteForByte() throws {
        let text = "\u{FEFF}# comment\r\nid: a\r\nversion: 1.0.0\r\nsteps: [{id: s, sql: SELECT 1}]"
        let job = try JobDefinition.parse(text: text, file: "a.yaml")
        #expect(Array(job.text.utf8) == Array(text.utf8))
        #expect(job.id == "a")
    }

    @Test(arguments: [
        "SELECT 1", "UPDATE t SET a = 1;\nDELETE FROM t;", "SELECT 'a: b' -- # \"quoted\"", "- x", "SELECT 1\n",
        "\n\nSELECT 1", "  SELECT 1\n  FROM t", "SELECT 'tab\there', '\\n', '\u{7}'",
        "SELECT 'é 😀 \u{FEFF} \u{85} \u{2028}'",
        "SELECT 1;\r\nSELECT 2", "SELECT 1\n\n\nFROM t", "SELECT 1 \n FROM t  \nWHERE 1", "'\0'", "SELECT 1\n   ",
        "a\n\tb", "null", "true", "|-", "\u{D7FF}\u{E000}\u{10FFFF}",
    ])
    func adHocSQLComesBackFromItsTextUnchanged(sql: String) throws {
        let job = try JobDefinition.adHoc(id: "fix-prices_2", sql: [sql, "SELECT 2"], StepRegistry.builtIn.rules())
        let again = try JobDefinition.parse(text: job.text, file: "pinned")
        #expect(again == job)
        #expect(job.steps.map(\.settings) == [.string(sql), "SELECT 2"])
        #expect(job.steps.map(\.id) == ["sql1", "sql2"])
        #expect(job.id == "fix-prices_2")
    }

    @Test func adHocParametersHaveTheTypeOfWhatIsGiven() throws {
        let sql = "UPDATE t SET a = :n, b = :r, c = :zip, d = :other WHERE e = :tenant AND f = ':no'"
        let job = try JobDefinition.adHoc(
            id: "x", sql: [sql], set: ["n=5", "r=2.5", "zip=01234", "unused=1"],
            StepRegistry.builtIn.rules())
        #expect(job.parameters.map(\.name) == ["n", "r", "zip", "other"])
        #expect(job.parameters.map(\.type) == [.integer, .real, .text, .text])
        #expect(job.parameters.map(\.isRequired) == [true, true, true, true])
        let values = try ParameterValues(job, set: ["n=5", "r=2.5", "zip=01234", "other=x"])
        #expect(values["n"] == .integer(5))
        #expect(values["zip"] == .string("01234"))
    }

    @Test(arguments: [
        ("9", ["SELECT 1"]), ("a b", ["SELECT 1"]), ("a", []), ("a", ["-- nothing"]), ("a", ["", "SELECT 1"]),
    ])
    func anAdHocJobNeedsANameAndAStatement(id: String, sql: [String]) {
        #expect { _ = try JobDefinition.adHoc(id: id, sql: sql, StepRegistry.builtIn.rules()) } throws: {
            ($0 as? BatchError)?.code == .usage
        }
    }

    @Test func anAdHocJobNeedsItsParametersWrittenAsNames() {
        #expect { _ = try JobDefinition.adHoc(id: "a", sql: ["SELECT ?"], StepRegistry.builtIn.rules()) } throws: {
            error in
            guard let error = error as? BatchError else { return false }
            return error.code == .invalidCatalog && error.message.contains("'?': write parameters as :name")
        }
    }
}
