import BatchCatalog
import BatchCore
import BatchEngine
import Testing

@Suite struct CatalogSchemaTests {
    private let rules = StepRegistry.builtIn.rules(plugins: [])
    private static let schema = SchemaCheck(
        schema: CatalogSchema.document(StepRegistry.builtIn.rules(plugins: ["mailer"])))

    @Test func theFileInTheCatalogIsTheSchemaOfTheProgram() {
        #expect(
            CatalogFolder.read(CatalogProject.folder + "/catalog/schema.json")
                == CatalogSchema.text(rules))
    }

    @Test func theSchemaIsJSON() throws {
        #expect(
            try JSONParser.parse(CatalogSchema.text(rules))
                == CatalogSchema.document(rules))
    }

    /// The document of a job as JSON: what an editor holds against the schema.
    private static func document(_ job: String) throws -> JSONValue {
        let wrapped = job.split(separator: "\n", omittingEmptySubsequences: false).map { "      " + $0 }
        let text = "id: x\nversion: 1.0.0\nsteps:\n  - id: s\n    wrap:\n" + wrapped.joined(separator: "\n") + "\n"
        return try JobDefinition.parse(text: text, file: "x").steps[0].settings
    }

    @Test func whatTheProgramAcceptsTheSchemaAccepts() throws {
        #expect(CatalogSchemaTests.schema.problem(try CatalogSchemaTests.document(CatalogJobTests.everything)) == nil)
        for job in try Catalog.load(
            folder: CatalogProject.folder + "/catalog", rules
        ).jobs {
            #expect(CatalogSchemaTests.schema.problem(try CatalogSchemaTests.document(job.text)) == nil)
        }
    }

    /// Mistakes that lie in one place, so that a schema can see them.
    static let visible =
        CatalogMistakeTests.keys.filter { !$0.message.contains("given already") }
        + CatalogMistakeTests.values.filter { mistake in
            ![
                "default of", "choice of", "default is never", "SQL", "second statement", "hour", "step of",
                "never comes", "no time zone",
            ].contains { mistake.message.contains($0) }
        }
        + CatalogMistakeTests.stepMistakes.filter { !$0.message.contains("given already") }

    @Test(arguments: visible)
    func whatTheProgramRefusesTheSchemaRefuses(mistake: CatalogMistakeTests.Mistake) throws {
        let document = try CatalogSchemaTests.document(mistake.text)
        #expect(CatalogSchemaTests.schema.problem(document) != nil)
    }

    @Test func aPluginIsAStepOnlyWhereItIsDeclared() throws {
        let document = try CatalogSchemaTests.document(CatalogJobTests.everything)
        #expect(
            SchemaCheck(schema: CatalogSchema.document(rules)).problem(document)
                != nil)
    }

    @Test(
        arguments: [
            (TextRule.jobName, ["a", "A9_-", "", "9", "a.b", "é", String(repeating: "a", count: 65), "a\n"]),
            (.parameterName, ["a", "_1", "tenant", "batch", "tenants", "a-b", "", "1a"]),
            (.version, ["1.2.3", "01.2.3", "1.2", "1.2.3-rc.1", "1.2.3+b", "1.2.3-", "1.2.3.4", ""]),
            (.duration, ["5s", "0s", "500ms", "5", "5d", " 5s", "1234567890s"]),
            (
                .cron,
                ["0 2 * * *", "@daily", "@never", "* * * *", "*/5 0-3 1,2 JAN MON", "0 0 2 * * *", " 0 2 * * *", "a b"]
            ),
            (.timezone, ["UTC", "Europe/Paris", "Etc/GMT+5", "a b", "", "/x"]),
            (.address, ["http://a", "https://a/b?c", "ftp://a", "https://", "https://a b", "https://é"]),
            (
                .exportFile,
                ["a.csv", "x/y.json", "a.HTM", "/a.csv", "../a.csv", "x/../a.csv", "a", ".csv", "x/.csv", "a.txt"]
            ),
            (.filled, ["a", " a ", "", "  "]),
        ] as [(TextRule, [String])])
    func aPatternSaysWhatTheProgramChecks(rule: TextRule, texts: [String]) throws {
        let pattern = try Regex(try #require(rule.pattern))
        for text in texts where !text.hasSuffix("\n") {
            #expect((text.firstMatch(of: pattern) != nil) == rule.accepts(text), "\(text)")
        }
        #expect(!texts.allSatisfy(rule.accepts))
        #expect(texts.contains(where: rule.accepts))
    }

    @Test(arguments: [
        ("docs/catalog.md", CatalogSchema.keys(StepRegistry.builtIn.rules(plugins: []))),
        ("docs/configuration.md", ConfigurationKeys.keys),
    ])
    func everyKeyIsDocumentedAndNoOther(file: String, keys: [(path: String, meaning: String)]) {
        let rows = CatalogFolder.read("\(CatalogProject.folder)/\(file)").split(separator: "\n").map(String.init)
            .filter { $0.hasPrefix("| `") }
        #expect(rows == keys.map { "| `\($0.path)` | \($0.meaning) |" })
        #expect(keys.count > 10)
    }
}
