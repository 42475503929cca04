import BatchCore
import TestSupport
import Testing

/// Contracts, asked by the built tool.
@Suite struct ContractTests {
    private static let contracts = """
        totals:
          description: Totals are right
          table: bills
          query: >-
            SELECT no, owner FROM bills WHERE sum <> {invoices.due} AND (:tenant IS NULL OR owner = :tenant)
        some:
          table: bills
          warn_if: 2
          fail_if: 60%
          query: SELECT no FROM bills WHERE state = 'new'
        few: {table: bills, fail_if: 50%, query: SELECT no FROM bills WHERE state = 'new'}
        none: {class: SECURITY, severity: critical, when: weekly, query: SELECT no FROM bills WHERE sum < 0}
        broken: {query: SELECT nothing FROM bills}
        """

    private func check(_ words: [String] = []) throws -> [String: JSONValue] {
        try HealingScene.with { scene in
            try scene.write("catalog/contracts.yaml", ContractTests.contracts)
            let result = try scene.tool(["contract", "check", "--json"] + words)
            #expect(result.code == 1)
            let answer = try JSONParser.parse(result.out)
            #expect(answer["ok"]?.bool == false)
            let entries = answer["contracts"]?.array ?? []
            return Dictionary(entries.map { ($0["id"]?.string ?? "", $0) }) { first, _ in first }
        }
    }

    @Test func eachIsOkWarnsOrFails() throws {
        let found = try check()
        #expect(found["totals"]?["status"]?.string == "fail")
        #expect(found["totals"]?["violations"]?.integer == 2)
        #expect(found["totals"]?["rows"]?.array?.compactMap { $0["no"]?.integer } == [2, 4])
        #expect(found["some"]?["status"]?.string == "warn")
        #expect(found["few"]?["status"]?.string == "fail")
        #expect(found["none"]?["status"]?.string == "ok")
        #expect(found["none"]?["class"]?.string == "SECURITY")
        #expect(found["broken"]?["status"]?.string == "fail")
        #expect(found["broken"]?["error"]?.string?.contains("nothing") == true)
    }

    @Test func theBatchThatSetTheRowIsNamed() throws {
        try HealingScene.with { scene in
            try scene.write("catalog/contracts.yaml", ContractTests.contracts)
            let own = ["--tenant", "a"]
            try scene.expect(0, ["run", "fine", "--sql", "UPDATE bills SET sum = 20 WHERE no = 2"] + own)
            try scene.expect(0, ["run", "other", "--sql", "UPDATE bills SET state = 'new' WHERE no = 1"] + own)
            try scene.expect(0, ["run", "spoil", "--sql", "UPDATE bills SET sum = 99 WHERE no = 2"] + own)
            let answer = try JSONParser.parse(
                try scene.tool(["contract", "check", "totals", "--json"] + own).out)
            #expect(answer["contracts"]?.array?.first?["batch"]?.string == "spoil.1")
        }
    }

    @Test(arguments: [
        ("a: {query: SELECT 1; SELECT 2}", "query: a second statement begins here; write one query"),
        ("a: {query: 'SELECT :what'}", "query: ':what' has no value; only :tenant has one"),
        ("a: {query: SELECT 1, fail_if: 5%}", "fail_if: a share needs 'table', the rows that it is a share of"),
        ("a: {query: SELECT 1, fail_if: many}", "fail_if: write a number of rows or a share, e.g. 5 or 0.5%"),
        ("a: {querry: SELECT 1}", "a contract has no key 'querry'; did you mean 'query'?"),
        ("a: {query: 'SELECT {roles}'}", "{roles}: catalog/mapping.yaml does not say what that is here"),
    ])
    func mistakesAreTold(_ text: String, _ message: String) throws {
        try HealingScene.with { scene in
            try scene.write("catalog/contracts.yaml", text)
            let result = try scene.expect(.invalidCatalog, "contract", "list")
            #expect(result.err.contains(message), "\(result.err)")
        }
    }

    @Test func aContractChangesNothing() throws {
        try HealingScene.with { scene in
            try scene.write("catalog/contracts.yaml", "bad: {query: DELETE FROM bills RETURNING no}")
            let before = try scene.dump()
            try scene.expect(1, "contract", "check")
            #expect(try scene.dump() == before)
        }
    }
}
