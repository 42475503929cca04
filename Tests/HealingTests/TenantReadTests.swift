import BatchCore
import TestSupport
import Testing

/// `catalog validate` tells of jobs for one tenant that look at the rows of all.
@Suite struct TenantReadTests {
    private func warnings(_ step: String, tenant: String = "required") throws -> [String] {
        try HealingScene.with(jobs: ["look": "tenant: \(tenant)\nsteps:\n  - {id: a, \(step)}\n"]) { scene in
            try scene.expect(0, "catalog", "validate")
            let answer = try scene.json("catalog", "validate")
            let texts = answer["warnings"]?.array?.compactMap(\.string) ?? []
            let codes = answer["warning_codes"]?.array?.compactMap(\.string) ?? []
            #expect(codes == texts.map { _ in "WARN_SECURITY_READS_ALL_TENANTS" })
            let shown = try scene.tool("catalog", "validate").out
            #expect(texts.allSatisfy { shown.contains("warning: \($0)") }, "\(shown)")
            return texts
        }
    }

    @Test(arguments: [
        "check: SELECT no FROM bills WHERE sum < 0",
        "sql: UPDATE bills SET sum = (SELECT max(amount) FROM parts) WHERE no = 1",
        "sql: UPDATE items SET qty = (SELECT count(*) FROM bills)",
        "sql: UPDATE items SET qty = 1; SELECT 1 FROM parts",
        "for_each: SELECT no FROM bills, sql: UPDATE bills SET sum = 1 WHERE no = :no",
    ])
    func whatSeesTheRowsOfAllIsTold(step: String) throws {
        let found = try warnings(step)
        #expect(found.count == 1, "\(found)")
        #expect(found.first?.hasPrefix("job look, step a, reads rows of ") == true, "\(found)")
        #expect(found.first?.hasSuffix("limit it: WHERE owner = :tenant") == true, "\(found)")
        #expect(try warnings(step, tenant: "none").isEmpty)
    }

    /// One read is limited, and another one is not.
    @Test(arguments: [
        "check: 'SELECT b.no FROM bills b, parts p WHERE b.owner = :tenant'",
        "sql: UPDATE bills SET sum = (SELECT max(amount) FROM parts) WHERE owner = :tenant",
        "sql: UPDATE bills SET sum = (SELECT max(amount) FROM parts WHERE owner = :tenant)",
        "check: SELECT no FROM bills WHERE owner = :tenant AND sum > (SELECT avg(sum) FROM bills)",
        "check: SELECT no FROM bills WHERE owner = :tenant UNION SELECT bill FROM parts",
        "check: SELECT p.amount FROM bills b JOIN parts p ON p.amount < b.sum WHERE b.owner = :tenant",
        "check: SELECT no FROM bills WHERE owner <> :tenant",
        "check: SELECT no FROM bills WHERE owner = :tenant OR 1",
        "check: SELECT no FROM bills WHERE sum < 0 AND (1 = 1 OR owner = :tenant)",
        "check: SELECT no FROM bills WHERE (owner = :tenant AND sum < 0) OR sum > (SELECT 7) ORDER BY no",
        "sql: UPDATE bills SET sum = 1 WHERE owner = :tenant OR state IN ('x')",
        "check: SELECT 1 FROM items WHERE EXISTS (SELECT 1 FROM bills WHERE owner = :tenant OR sum = 1)",
    ])
    func eachReadIsLookedAtByItself(step: String) throws {
        let found = try warnings(step)
        #expect(found.count == 1 && found.first?.hasPrefix("job look, step a, reads rows of ") == true, "\(found)")
    }

    @Test(arguments: [
        "check: SELECT no FROM bills WHERE sum < 0 AND owner = :tenant",
        "sql: UPDATE bills SET sum = 1 WHERE owner = :tenant", "check: SELECT id FROM items WHERE qty < 0",
        "for_each: SELECT no FROM bills WHERE owner = :tenant, sql: UPDATE bills SET sum = 1 WHERE no = :no",
        "sql: CREATE TABLE later(owner); INSERT INTO later SELECT 1",
        "check: SELECT b.no FROM bills b JOIN parts p ON p.bill = b.no WHERE b.owner = :tenant",
        "check: 'SELECT b.no FROM bills AS b, parts p WHERE b.owner = :tenant AND p.owner = b.owner'",
        "check: SELECT no FROM bills WHERE (:tenant IS NULL OR owner = :tenant)",
        "sql: UPDATE bills SET sum = (SELECT sum(amount) FROM parts WHERE bill = bills.no) WHERE owner = :tenant",
        "check: SELECT no FROM bills WHERE owner = :tenant AND no IN (SELECT bill FROM parts)",
        "check: SELECT no FROM bills WHERE owner = :tenant AND EXISTS (SELECT 1 FROM parts p WHERE p.bill = no)",
        "check: WITH own AS (SELECT no FROM bills WHERE owner = :tenant) SELECT 1 FROM own JOIN parts p ON p.bill = own.no",
        "check: SELECT 1 FROM (SELECT * FROM bills) q WHERE q.owner = :tenant",
        "check: SELECT no FROM bills JOIN parts USING (owner) WHERE bills.owner = :tenant",
        "check: SELECT no FROM bills WHERE owner LIKE :tenant",
        "check: \"SELECT no FROM bills WHERE owner IN (:tenant, 'x')\"",
        "check: SELECT no FROM bills WHERE (sum < 0 OR sum > 9) AND owner = :tenant",
        "check: SELECT no FROM bills WHERE owner = :tenant OR owner IS NULL",
        "check: SELECT no FROM bills WHERE owner = :tenant AND sum = 1 OR owner = :tenant AND sum = 2",
        "check: SELECT 1 FROM items WHERE qty = 1 OR EXISTS (SELECT 1 FROM bills WHERE owner = :tenant)",
        "check: SELECT no FROM bills b WHERE b.owner IS :tenant AND b.sum = (SELECT sum(amount) FROM parts p WHERE p.bill = b.no)",
    ])
    func whatIsLimitedIsNot(step: String) throws {
        let found = try warnings(step)
        #expect(found.isEmpty, "\(found)")
    }

    @Test func theShippedJobsAreLimited() throws {
        try SampleRepairTests.sample(seed: 3, tenants: 2) { scene in
            let answer = try scene.json("catalog", "validate")
            #expect(answer["ok"]?.bool != false && (answer["warnings"]?.array ?? []).isEmpty, "\(answer)")
        }
    }
}
