import BatchCore
import Testing

/// What may be written is a pure function of what was recorded.
@Suite struct WritePolicyTests {
    private static let foreign = RecordedWrites.ForeignRow(key: "3", side: .before)
    private static let approval = Approval(
        plan: "plan.1", author: "ann", approver: "bo", approvedAt: "2026-11-21T00:00:00Z")

    private static func scope(_ tenant: String?, shared: Set<String> = []) -> WritePolicy {
        WritePolicy(tenant: TenantScope(column: "tenant_id", tenant: tenant, sharedTables: shared))
    }

    private static func writes(
        _ table: String, _ ownership: RecordedWrites.Ownership = .tenant, _ rows: RowCounts = RowCounts(updated: 1),
        foreign: RecordedWrites.ForeignRow? = nil
    ) -> RecordedWrites.Checkpoint {
        RecordedWrites.Checkpoint(tables: [
            RecordedWrites(table: table, ownership: ownership, rows: rows, foreignRow: foreign)
        ]
        )
    }

    static let owners: [(policy: WritePolicy, recorded: RecordedWrites.Checkpoint, violation: WritePolicy.Violation?)] =
        [
            (WritePolicy(), writes("t", foreign: foreign), nil),
            (scope("a"), writes("t"), nil),
            (scope("a"), writes("t", foreign: foreign), .otherTenant(table: "t", row: foreign)),
            (scope(nil), writes("t"), .noTenant(table: "t")),
            (scope("a"), writes("t", .shared), .unlistedShared(table: "t")),
            (scope("a", shared: ["T"]), writes("t", .shared), nil),
            (scope(nil, shared: ["t"]), writes("t", .shared), nil),
            (scope(nil), writes("t", .shared), .unlistedShared(table: "t")),
            (scope("a", shared: ["t"]), writes("t", .computed), .computedOwner(table: "t", column: "tenant_id")),
            (scope("a"), writes("sqlite_sequence", .system), .unlistedShared(table: "sqlite_sequence")),
            (scope("a"), RecordedWrites.Checkpoint(hasSchemaChange: true), .tenantSchemaChange),
            (scope(nil), RecordedWrites.Checkpoint(hasSchemaChange: true), nil),
            (
                scope(nil), RecordedWrites.Checkpoint(hasSchemaChange: true, disowned: ["t"]),
                .disowned(table: "t", column: "tenant_id")
            ),
        ]

    @Test(arguments: owners)
    func tenantsKeepToTheirRows(
        _ policy: WritePolicy, _ recorded: RecordedWrites.Checkpoint, _ violation: WritePolicy.Violation?
    ) {
        #expect(policy.violation(in: recorded) == violation)
        // An approval is one of a plan, not of a tenant.
        var approved = policy
        approved.approval = Self.approval
        if case .disowned = violation {
            #expect(approved.violation(in: recorded) == nil)
        } else {
            #expect(approved.violation(in: recorded) == violation)
        }
    }

    static let protected: [(name: String, recorded: RecordedWrites.Checkpoint, isAllowed: Bool)] = [
        ("t", writes("T"), false), ("t", writes("u"), true),
        ("t", writes("t", .shared, RowCounts(inserted: 1)), false),
        ("t", writes("t", .shared, RowCounts(deleted: 1)), false),
        ("t.c", writes("t", .shared, RowCounts(inserted: 1)), false),
        ("t.c", writes("t", .shared, RowCounts(deleted: 1)), false),
        ("t.c", writes("t"), true),
        (
            "t.C",
            RecordedWrites.Checkpoint(tables: [
                RecordedWrites(table: "t", ownership: .shared, rows: RowCounts(updated: 1), changedColumns: ["c"])
            ]), false
        ),
        ("t.c", RecordedWrites.Checkpoint(definitions: ["T"], hasSchemaChange: true), false),
        ("t.c", RecordedWrites.Checkpoint(definitions: ["u"], hasSchemaChange: true), true),
    ]

    @Test(arguments: protected)
    func protectedDataNeedsApproval(_ name: String, _ recorded: RecordedWrites.Checkpoint, _ isAllowed: Bool) {
        var policy = WritePolicy(protected: [ProtectedName(name)])
        #expect((policy.violation(in: recorded) == nil) == isAllowed)
        policy.approval = Self.approval
        #expect(policy.violation(in: recorded) == nil)
    }

    private static func deletion(_ deleted: Int, earlier: Int64 = 0, of rows: Int64) -> RecordedWrites.Checkpoint {
        RecordedWrites.Checkpoint(tables: [
            RecordedWrites(
                table: "t", ownership: .shared, rows: RowCounts(deleted: deleted), deletedBefore: earlier,
                rowsBefore: rows)
        ])
    }

    static let limits: [(limits: WriteLimits, recorded: RecordedWrites.Checkpoint, isAllowed: Bool)] = [
        (WriteLimits(rows: 5), RecordedWrites.Checkpoint(rows: 5), true),
        (WriteLimits(rows: 5), RecordedWrites.Checkpoint(rows: 6), false),
        (WriteLimits(tables: ["T"]), writes("t"), true), (WriteLimits(tables: ["u"]), writes("t"), false),
        (WriteLimits(tables: []), writes("sqlite_sequence", .system), true),
        (WriteLimits(deletedShare: 0.5), deletion(5, of: 10), true),
        (WriteLimits(deletedShare: 0.5), deletion(6, of: 10), false),
        (WriteLimits(deletedShare: 0.5), deletion(1, earlier: 5, of: 10), false),
        (WriteLimits(deletedShare: 0), deletion(0, of: 10), true),
        (WriteLimits(deletedShare: 0), deletion(1, of: 0), false),
        (WriteLimits(deletedShare: 1), deletion(10, of: 10), true),
        (WriteLimits(deletedShare: 0.9), RecordedWrites.Checkpoint(dropped: ["t": 3]), false),
        (WriteLimits(deletedShare: 0.9), RecordedWrites.Checkpoint(dropped: ["t": 0]), true),
    ]

    @Test(arguments: limits)
    func limitsAreTheMostThatMayChange(_ limits: WriteLimits, _ recorded: RecordedWrites.Checkpoint, _ isAllowed: Bool)
    {
        var policy = WritePolicy(limits: limits)
        #expect((policy.violation(in: recorded) == nil) == isAllowed)
        policy.approval = Self.approval
        #expect(policy.violation(in: recorded) == nil)
    }

    @Test(arguments: [
        DatabasePolicy(), DatabasePolicy(tenantColumn: "t", protected: ["a", "b.c"], guardMode: .enforce),
        DatabasePolicy(limits: WriteLimits(rows: 0, tables: ["x", "y"], milliseconds: 7, deletedShare: 0.25)),
    ])
    func theLedgerGivesBackTheRules(_ policy: DatabasePolicy) throws {
        #expect(DatabasePolicy(json: try JSONParser.parse(JSONWriter.text(policy.json))) == policy)
    }

    @Test(arguments: [
        "{}", "[]", #"{"protected":[7],"limits":{}}"#, #"{"protected":[],"limits":{"rows":"many"}}"#,
        #"{"protected":[],"limits":{"deleted_share":"half"}}"#, #"{"protected":[],"limits":{},"guard":"never"}"#,
        #"{"protected":[],"limits":7}"#, #"{"protected":[],"limits":{"tables":"t"}}"#,
        #"{"protected":[],"limits":{"tables":[7]}}"#, #"{"protected":[],"limits":{},"tenant_column":7}"#,
    ])
    func damagedRulesAreNoRules(_ text: String) throws {
        #expect(DatabasePolicy(json: try JSONParser.parse(text)) == nil)
    }

    @Test func limitsOfAJobStandBeforeThoseOfTheDatabase() {
        let database = WriteLimits(rows: 10, tables: ["a"], milliseconds: 1, deletedShare: 0.1)
        let merged = WriteLimits(rows: 20, deletedShare: 0.5).filled(from: database)
        #expect(merged == WriteLimits(rows: 20, tables: ["a"], milliseconds: 1, deletedShare: 0.5))
    }

    @Test(arguments: [
        ("a", true, true), ("42", true, true), ("a-b_c.d", true, true), ("é", true, false), ("a@b", true, false),
        ("", false, false), ("-a", false, false), (".a", false, false), ("a..b", false, false), ("a/b", false, false),
        ("a'b", false, false), ("a b", false, false), ("a.", true, false), ("a.lock", true, false),
        ("a\0", false, false),
        (String(repeating: "a", count: 64), true, true), (String(repeating: "a", count: 65), false, false),
    ])
    func aTenantHasAPlainName(_ name: String, _ isValid: Bool, _ isValidInPath: Bool) {
        #expect(TenantID.isValid(name) == isValid && TenantID.isValidInPath(name) == isValidInPath)
    }
}
