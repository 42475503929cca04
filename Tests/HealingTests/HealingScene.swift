import BatchCore
import TestSupport

/// Bills and cached values of two owners, some of them wrong, under names that no job knows.
enum HealingScene {
    static let configuration = "    tenancy: column\n    tenant_column: owner\n"

    static let mapping = """
        invoices:
          table: bills
          key: no
          tenant: owner
          total: sum
          status: state
          open: [new, late]
          paid: settled
          due: "(SELECT sum(p.amount) FROM parts p WHERE p.bill = bills.no)"
        cache: {table: "kept values", key: [owner, name], tenant: owner, payload: body, checksum: hash, algorithm: md5}
        """

    static let jobs = [
        "repair_totals": """
        level: 1
        class: DATA
        tenant: required
        finds: >-
          SELECT {invoices.tenant} AS tenant, {invoices.key_text} AS key, 'wrong total' AS reason,
          {invoices.total} AS found, {invoices.due} AS expected FROM {invoices}
          WHERE {invoices}.{invoices.total} <> {invoices}.{invoices.due}
        steps:
          - id: set
            sql: >-
              UPDATE {invoices} SET {invoices.total} = {invoices.due}
              WHERE {invoices.total} <> {invoices.due} AND {invoices.tenant} = :tenant
        """,
        "repair_cache": """
        level: 1
        class: PERF
        finds: SELECT {cache.tenant} AS tenant, {cache.key_text} AS key FROM {cache} WHERE NOT {cache.valid}
        steps:
          - {id: drop, sql: DELETE FROM {cache} WHERE NOT {cache.valid} AND {cache.tenant} = :tenant}
        """,
        "repair_careful": """
        level: 3
        tenant: required
        finds: SELECT owner AS tenant, no AS key FROM bills WHERE sum < 0
        steps:
          - {id: set, sql: UPDATE bills SET sum = 0 WHERE sum < 0 AND owner = :tenant}
        """,
        "repair_hopeless": """
        tenant: required
        finds: SELECT owner AS tenant, no AS key FROM bills WHERE no = 1
        steps:
          - {id: nothing, sql: UPDATE bills SET state = state WHERE owner = :tenant}
        """,
    ]

    /// What the data has to be when everything is repaired: the ids of wrong bills are 2 (a) and 4 (b).
    static let schema = """
        CREATE TABLE bills(no INTEGER PRIMARY KEY, owner TEXT NOT NULL, sum INTEGER NOT NULL, state TEXT NOT NULL);
        CREATE TABLE parts(bill INTEGER NOT NULL, owner TEXT NOT NULL, amount INTEGER NOT NULL);
        INSERT INTO bills VALUES(1,'a',10,'new'),(2,'a',21,'late'),(3,'b',30,'new'),(4,'b',44,'settled');
        INSERT INTO parts VALUES(1,'a',10),(2,'a',15),(2,'a',5),(3,'b',30),(4,'b',40);
        CREATE TABLE "kept values"(owner TEXT, name TEXT, body, hash TEXT, PRIMARY KEY(owner, name)) WITHOUT ROWID;
        INSERT INTO "kept values" VALUES('a','x','abc','900150983cd24fb0d6963f7d28e17f72'),
          ('b','x',x'616263','900150983cd24fb0d6963f7d28e17f72'),('b','y','abd','900150983cd24fb0d6963f7d28e17f72');
        """

    static func with<Value>(
        jobs: [String: String] = [:], mapping: String = HealingScene.mapping, _ body: (BadLuckScene) throws -> Value
    ) throws -> Value {
        let all = HealingScene.jobs.merging(jobs) { $1 }
        return try BadLuckScene.with(jobs: all, configuration: configuration) { scene in
            try scene.write("catalog/mapping.yaml", mapping)
            try scene.sql(schema)
            return try body(scene)
        }
    }
}
