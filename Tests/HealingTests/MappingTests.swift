import BatchCore
import TestSupport
import Testing

/// `mapping.yaml`, and what is wrong with it.
@Suite struct MappingTests {
    private func mistakes(_ mapping: String, jobs: [String: String] = [:]) throws -> [String] {
        try HealingScene.with(jobs: jobs, mapping: mapping) { scene in
            let answer = try JSONParser.parse(try scene.tool("catalog", "validate", "--json").out)
            return (answer["errors"]?.array ?? []).compactMap { $0["message"]?.string }
        }
    }

    @Test func rightOnesHaveNoMistakes() throws {
        #expect(try mistakes(HealingScene.mapping) == [])
    }

    @Test(arguments: [
        ("invoice: {table: bills, key: no}", "there is no concept 'invoice'; did you mean 'invoices'?"),
        ("invoices: {table: bills, total: sum}", "invoices: the concept needs 'key'"),
        ("invoices: {key: no}", "invoices: the concept needs 'table'"),
        ("invoices: bills", "invoices: write its table, key and fields, e.g. {table: t, key: id}"),
        ("[invoices]", "a mapping: write a concept and its table, e.g. invoices: {table: invoices, key: id}"),
        (
            "invoices: {table: bills, key: no, due: '(SELECT 1); DROP TABLE bills; ('}",
            "invoices.due: write the expression in one pair of parentheses"
        ),
    ])
    func wrongOnesAreTold(_ mapping: String, _ message: String) throws {
        let found = try mistakes(mapping)
        #expect(found.contains(message), "\(found)")
    }

    @Test func aPlaceholderThatNothingIsKnownOfStopsItsJobAlone() throws {
        let job = "finds: SELECT {invoices.colour} AS key FROM {invoices}\nsteps: [{id: a, sql: SELECT 1}]"
        try HealingScene.with(jobs: ["repair_colours": job]) { scene in
            let text = try scene.tool("catalog", "validate").out + scene.tool("catalog", "validate").err
            #expect(text.contains("catalog/repair_colours.yaml:3:15: {invoices.colour}"), "\(text)")
            try scene.expect(0, "heal", "scan", "repair_totals")
        }
    }

    /// What is wrong in one concept says nothing about jobs that do not use it.
    @Test func aMistakeInOneConceptStopsOnlyTheJobsThatUseIt() throws {
        let mapping = HealingScene.mapping + "\nquotas: {table: bills}\n"
        let job = "finds: SELECT {quotas.used} AS key FROM {quotas}\nsteps: [{id: a, sql: SELECT 1}]"
        try HealingScene.with(jobs: ["repair_quotas": job], mapping: mapping) { scene in
            let answer = try JSONParser.parse(try scene.tool("catalog", "validate", "--json").out)
            let errors = answer["errors"]?.array ?? []
            let files = Set(errors.compactMap { $0["file"]?.string?.split(separator: "/").last.map(String.init) })
            #expect(files == ["mapping.yaml", "repair_quotas.yaml"], "\(errors)")
            let messages = errors.compactMap { $0["message"]?.string }
            #expect(messages.contains("{quotas.used}: catalog/mapping.yaml has mistakes in quotas"), "\(messages)")
            try scene.expect(0, "heal", "run", "repair_totals", "--apply")
            try scene.expect(.invalidCatalog, "run", "repair_quotas")
        }
    }

    /// A column that holds something else than tenants would make one batch for each of its values.
    @Test(arguments: [
        ("invoices: {table: bills, key: no, tenant: state}", true),
        ("invoices: {table: bills, key: no, tenant: owner}", false),
        ("invoices: {table: bills, key: no, tenant: (state)}", true),
        ("invoices: {table: bills, key: no, tenant: (bills.owner)}", false),
        ("invoices: {table: notes, key: id, tenant: kind}", true),
        ("invoices: {table: notes, key: id, tenant: whose}", false),
        ("invoices: {table: blank, key: id, tenant: whose}", false),
    ]) func aTenantColumnThatIsNoneIsTold(_ mapping: String, isTold: Bool) throws {
        try HealingScene.with(mapping: mapping) { scene in
            try scene.sql(
                """
                CREATE TABLE notes(id INTEGER PRIMARY KEY, kind TEXT, whose TEXT); CREATE TABLE blank(id INTEGER PRIMARY KEY, whose);
                INSERT INTO notes VALUES(1,'x','a'),(2,'y',NULL),(3,'x','b')
                """)
            for job in HealingScene.jobs.keys { try scene.shell("rm catalog/\(job).yaml") }
            let answer = try JSONParser.parse(try scene.tool("catalog", "validate", "--json").out)
            let messages = (answer["errors"]?.array ?? []).compactMap { $0["message"]?.string }
            #expect(
                messages.contains { $0.hasPrefix("invoices.tenant: this does not say which tenant a row") } == isTold,
                "\(messages)")
            #expect(isTold || messages.isEmpty, "\(messages)")
        }
    }

    @Test func bracesThatAreNoPlaceholdersStay() throws {
        let job = "finds: SELECT 1 AS key WHERE '{tenant}' = '{invoice}'\nsteps: [{id: a, sql: SELECT 1}]"
        #expect(try mistakes(HealingScene.mapping, jobs: ["repair_none": job]) == [])
    }

    /// Against the database.
    @Test(arguments: [
        ("invoices: {table: bill, key: no}", "invoices: the database has no table 'bill'; did you mean 'bills'?"),
        ("invoices: {table: bills, key: nr}", "invoices.key: table 'bills' has no column 'nr'; did you mean 'no'?"),
        (
            "payments: {table: parts, key: bill}",
            "payments.key: nothing makes sure that bill names one row of 'parts'; name its primary key, or a unique index's columns"
        ),
        (
            "invoices: {table: bills, key: no, total: summ}",
            "invoices.total: table 'bills' has no column 'summ'; did you mean 'sum'?"
        ),
        (
            "invoices: {table: computed, key: no, total: double}",
            "invoices.total: column 'double' is computed, and no repair can write it; write it in parentheses: (double)"
        ),
        (
            "invoices: {table: shown, key: no}",
            "invoices: 'shown' is a view, and no repair can write it; name its table"
        ),
        ("invoices: {table: bills, key: no, due: '(SELECT nope)'}", "invoices.due: no such column: nope"),
        ("invoices: {table: bills, key: no, where: nope = 1}", "invoices.where: no such column: nope"),
    ])
    func whatTheDatabaseDoesNotHaveIsTold(_ mapping: String, _ message: String) throws {
        let rest =
            "\(mapping)\ncache: {table: 'kept values', key: [owner, name], tenant: owner, payload: body, checksum: hash, algorithm: md5}\n"
        try HealingScene.with(mapping: rest) { scene in
            try scene.sql(
                """
                CREATE TABLE computed(no INTEGER PRIMARY KEY, a, double AS (a * 2));
                CREATE VIEW shown AS SELECT * FROM bills;
                """)
            let result = try scene.tool("catalog", "validate", "--json")
            #expect(result.code == 2)
            let answer = try JSONParser.parse(result.out)
            let found = (answer["errors"]?.array ?? []).filter { $0["file"]?.string == "catalog/mapping.yaml" }
            #expect(found.compactMap { $0["message"]?.string } == [message], "\(found)")
            #expect(found.first?["line"]?.integer == 1)
        }
    }

    /// A step that writes what the mapping only computes.
    @Test(arguments: [
        ("UPDATE {invoices} SET {invoices.due} = 1 WHERE {invoices.tenant} = :tenant", "{invoices.due}"),
        ("UPDATE {invoices} SET {invoices.status} = 'x', {invoices.due} = 1", "{invoices.due}"),
        ("INSERT INTO {invoices}({invoices.key}, {invoices.due}) VALUES(1, 2)", "{invoices.due}"),
        ("UPDATE {invoices} SET {invoices.open} = 'x'", "{invoices.open}"),
    ])
    func anExpressionThatAStepWritesIsTold(_ sql: String, _ field: String) throws {
        let job = "tenant: optional\nfinds: SELECT 1 AS key\nsteps:\n  - id: a\n    sql: >-\n      \(sql)\n"
        try HealingScene.with(jobs: ["repair_wrong": job]) { scene in
            let result = try scene.expect(ErrorCode.invalidCatalog.exitCode.rawValue, "catalog", "validate")
            let text = result.out + result.err
            let column = sql.ranges(of: field)[0].lowerBound.utf16Offset(in: sql) + 7
            #expect(text.contains("repair_wrong.yaml:8:\(column): \(field): a step writes it"), "\(text)")
            #expect(text.contains("name a column under invoices"), "\(text)")
        }
    }

    @Test(arguments: [
        "UPDATE {invoices} SET {invoices.total} = {invoices.due} WHERE {invoices.total} <> {invoices.due}",
        "UPDATE {invoices} SET {invoices.total} = 1 WHERE {invoices.status} IN {invoices.open} AND {invoices.due} = 1",
        "UPDATE {invoices} SET {invoices.total} = (SELECT {invoices.due} = 1), {invoices.status} = 'x'",
        "INSERT INTO items SELECT {invoices.key}, {invoices.due}, 1 FROM {invoices}",
        "INSERT INTO items VALUES(1, (SELECT max({invoices.due}) FROM {invoices}), 1)",
    ])
    func anExpressionThatIsReadIsNot(_ sql: String) throws {
        let job = "finds: SELECT 1 AS key\nsteps:\n  - id: a\n    sql: >-\n     \(sql)\n"
        try HealingScene.with(jobs: ["repair_right": job]) { scene in
            let result = try scene.tool("catalog", "validate")
            #expect(!(result.out + result.err).contains("a step writes it"), "\(result.out)")
        }
    }
}
