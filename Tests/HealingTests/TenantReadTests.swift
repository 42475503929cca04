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

    @Test(arguments: [
        "check: SELECT no FROM bills WHERE sum < 0 AND owner = :tenant",
        "sql: UPDATE bills SET sum = 1 WHERE owner = :tenant", "check: SELECT id FROM items WHERE qty < 0",
        "for_each: SELECT no FROM bills WHERE owner = :tenant, sql: UPDATE bills SET sum = 1 WHERE no = :no",
        "sql: CREATE TABLE later(owner); INSERT INTO later SELECT 1",
    ])
    func whatIsLimitedIsNot(step: String) throws {
        #expect(try warnings(step).isEmpty)
    }
}
