import BatchCore
import BatchLedger
import TestSupport
import Testing

/// The documents are an interface: the keys are compared as text.
@Suite struct ReportTests {
    static let batch = BatchID(job: "reprice", number: 3)
    static let later = BatchID(job: "bill", number: 1)
    static let point = RestorePointSummary(bak: "b.bak", bakKind: .delta, commit: "1f6a", status: .complete)
    static let dependent = DependentSummary(
        batch: later, depth: 1,
        edges: [
            .init(on: batch, kind: .row, evidence: "invoices, 12 keys"),
            .init(on: batch, kind: .foreignKey, evidence: "lines → invoices, 3 keys"),
        ])

    @Test func aRun() {
        let report = RunReport(
            batch: Self.batch, tenant: "acme", status: .committed, checkpoints: 2,
            rows: RowCounts(inserted: 1, updated: 2, deleted: 3), restorePoint: Self.point,
            phases: .init(capture: 1.5, restorePoint: 2), traceID: "t", duration: 4)
        #expect(
            JSONWriter.text(report.json) == """
                {"format_version":1,"batch":"reprice.3","job":"reprice","tenant":"acme","status":"committed",\
                "checkpoints":2,"rows":{"inserted":1,"updated":2,"deleted":3},"rows_changed":null,\
                "restore_point":{"bak":"b.bak","bak_kind":"delta","commit":"1f6a","status":"complete"},\
                "phases":{"capture_ms":1.5,"restore_point_ms":2.0},"trace_id":"t","duration_ms":4.0,"warnings":[]}
                """)
    }

    @Test func aDryRunSaysSoAndShowsItsChanges() {
        let change = Change(
            .delete, table: "t", key: .values([.string("a"), .null]), keyColumns: ["x", "y"],
            before: [.init("z", .blob([0, 255]))], after: nil)
        let report = RunReport(
            batch: Self.batch, status: .committed, checkpoints: 1, rows: RowCounts(deleted: 1), restorePoint: nil,
            phases: .init(capture: 0, restorePoint: 0), traceID: "t", duration: 0,
            preview: ChangesReport(changes: [change])
        ).json
        #expect(report["dry_run"] == true)
        #expect(report["restore_point"] == .null)
        #expect(
            JSONWriter.text(report["changes"] ?? .null) == """
                [{"op":"delete","table":"t","key":["a",null],"before":{"z":{"blob":"00ff"}},"after":null}]
                """)
        #expect(
            JSONWriter.text(report["counts"] ?? .null) == """
                {"inserted":0,"updated":0,"deleted":1,"tables":[{"table":"t","inserted":0,"updated":0,"deleted":1}]}
                """)
    }

    @Test func aRollback() {
        let report = RollbackReport(
            batch: Self.batch, rollback: BatchID(job: "rollback", number: 1), status: .rolledBack, mode: .cascade,
            source: "log", order: [Self.later, Self.batch], rows: RowCounts(updated: 2), dependents: [Self.dependent],
            conflicts: [
                Conflict(
                    batch: nil, table: "t", key: .rowid(1), reason: "changed", expected: ["a": 1], found: ["a": 2])
            ], certificate: Certificate(digestsMatch: true, verifyPassed: true, foreignKeysOK: false),
            restorePoint: Self.point, log: "l", report: "r", signed: "c", isDryRun: true, duration: 1)
        #expect(
            JSONWriter.text(report.json) == """
                {"format_version":1,"batch":"reprice.3","rollback":"rollback.1","status":"rolled_back",\
                "mode":"cascade","source":"log","order":["bill.1","reprice.3"],\
                "rows":{"inserted":0,"updated":2,"deleted":0},\
                "dependents":[{"batch":"bill.1","depth":1,"kind":"row","evidence":"invoices, 12 keys","edges":[\
                {"on":"reprice.3","kind":"row","evidence":"invoices, 12 keys"},\
                {"on":"reprice.3","kind":"foreign_key","evidence":"lines → invoices, 3 keys"}]}],\
                "conflicts":[{"batch":null,"table":"t","key":1,"reason":"changed","expected":{"a":1},"found":{"a":2}}],\
                "certificate":{"digests_match":true,"verify_passed":true,"foreign_keys_ok":false,\
                "foreign_keys_unchecked":[]},\
                "restore_point":{"bak":"b.bak","bak_kind":"delta","commit":"1f6a","status":"complete"},\
                "log":"l","report":"r","certificate_file":"c","warnings":[],"duration_ms":1.0,"dry_run":true}
                """)
    }

    static let summary = BatchSummary(
        batch: batch, tenant: nil, status: .failed, rows: RowCounts(), startedAt: Timestamp(milliseconds: 0),
        finishedAt: nil)
    static let summaryText = """
        "batch":"reprice.3","job":"reprice","tenant":null,"status":"failed",\
        "rows":{"inserted":0,"updated":0,"deleted":0},"started_at":"1970-01-01T00:00:00.000Z","finished_at":null
        """

    @Test func listsAndDetails() {
        let list = ListReport(batches: [Self.summary])
        #expect(
            JSONWriter.text(list.json)
                == "{\"format_version\":1,\"batches\":[{\(Self.summaryText)}],\"more\":false}")
        let detail = BatchDetail(
            summary: Self.summary, jobVersion: "1.2.0", traceID: "t", parameters: ["p": 1], error: "ERR_DATA_SQL: x",
            checkpoints: [
                .init(
                    number: 1, step: "raise", chunk: nil, rows: RowCounts(), committedAt: Timestamp(milliseconds: 1))
            ],
            dependents: [], restorePoint: nil)
        #expect(
            JSONWriter.text(detail.json) == """
                {"format_version":1,\(Self.summaryText),"rows_changed":0,"job_version":"1.2.0","trace_id":"t","parameters":{"p":1},\
                "error":"ERR_DATA_SQL: x","checkpoints":[{"number":1,"step":"raise","chunk":null,\
                "rows":{"inserted":0,"updated":0,"deleted":0},"committed_at":"1970-01-01T00:00:00.001Z","undone":false}],\
                "dependents":[],"restore_point":null,"undo_log_thinned":false,"proven_at":null,"rolls_back":[],"undone_by":[],"actor":"","key":null,\
                "tables":[],"files":[],"programs":[]}
                """)
    }

    @Test func pointsAndChecksAndErrors() {
        let points = PointsReport(points: [
            .init(
                batch: nil, kind: .baseline, copies: Self.point, digest: Digest(high: 0, low: 255),
                createdAt: Timestamp(milliseconds: 0))
        ])
        #expect(
            JSONWriter.text(points.json) == """
                {"format_version":1,"points":[{"batch":null,"kind":"baseline","bak":"b.bak","bak_kind":"delta",\
                "commit":"1f6a","status":"complete","digest":"000000000000000000000000000000ff",\
                "created_at":"1970-01-01T00:00:00.000Z"}],"more":false}
                """)
        let checks = ChecksReport(checks: [
            .passed("a", "x"), .warning("b", "y", code: .machine, advice: "z"),
            .failed("c", BatchError(.corruptRecord, "m", hint: "h")),
            .failed("d", BatchError(.usage, "m", hint: "h")),
        ])
        #expect(!checks.isOK)
        #expect(checks.exitCode == .integrityViolation)
        #expect(checks.json["checks"]?.array?.map { $0["ok"]?.bool } == [true, true, false, false])
        let error = ErrorReport(
            BatchError(.dependents, "m", hint: "h"),
            dependents: DependentsReport(batch: Self.batch, dependents: [Self.dependent]))
        #expect(
            JSONWriter.text(error.json["error"] ?? .null) == """
                {"code":"ERR_DATA_DEPENDENTS","class":"DATA","message":"m","hint":"h","exit_code":4}
                """)
        #expect(error.json["dependents"]?.array?.count == 1)
    }

    @Test func theGraphForGraphvizQuotesWhatComesFromTheSchema() {
        let edge = DependentSummary.Edge(on: Self.batch, kind: .row, evidence: "a\"b\\c")
        let report = DependentsReport(
            batch: Self.batch, dependents: [DependentSummary(batch: Self.later, depth: 1, edges: [edge])])
        #expect(report.dot.contains("\"bill.1\" -> \"reprice.3\" [label=\"row: a\\\"b\\\\c\"];"))
    }

    @Test(arguments: [
        (SQLValue.null, "null"), (.integer(.min), "-9223372036854775808"), (.real(1), "1.0"), (.real(-0.0), "-0.0"),
        (.real(.infinity), "{\"real\":\"Inf\"}"), (.real(-.infinity), "{\"real\":\"-Inf\"}"),
        (.real(.leastNonzeroMagnitude), "5e-324"), (.string("é\0\"x"), "\"é\\u0000\\\"x\""),
        (.text([0x61, 0xFF]), "{\"text\":\"61ff\"}"), (.text16([0x61, 0, 0x3D, 0xD8]), "{\"text16\":\"61003dd8\"}"),
        (.text16([0x61, 0, 0x62]), "{\"text16\":\"610062\"}"), (.text16([0x3D, 0xD8, 0, 0xDE]), "\"😀\""),
        (.blob([]), "{\"blob\":\"\"}"),
    ])
    func aValueLosesNothingAsJSON(value: SQLValue, text: String) {
        #expect(JSONWriter.text(value.json) == text)
    }

    @Test(arguments: [
        SQLValue.null, .integer(.min), .integer(.max), .real(0.1), .real(-0.0), .real(.infinity), .real(-.infinity),
        .real(1e300), .real(.leastNonzeroMagnitude), .string(""), .string("it's"), .string("a\0b"),
        .text([0xC3, 0x28]),
        .blob([]), .blob([0, 39, 255]),
    ])
    func aLiteralIsThatValueInSQLite(value: SQLValue) throws {
        let connection = try Connection(path: ":memory:", mode: .create)
        #expect(try connection.value("SELECT \(SQLLiteral.value(value))") == value)
    }

    @Test func theSQLOfChangesMakesThemAgain() throws {
        let connection = try Connection(path: ":memory:", mode: .create)
        try connection.execute(
            "CREATE TABLE \"a \"\"b\"(\"k 1\", k2, v, PRIMARY KEY(\"k 1\", k2)) WITHOUT ROWID; CREATE TABLE t(v)")
        let changes = [
            Change(
                .insert, table: "a \"b", key: .values([.integer(1), .string("x")]), keyColumns: ["k 1", "k2"],
                before: nil, after: [.init("k 1", .integer(1)), .init("k2", .string("x")), .init("v", .null)]),
            Change(
                .update, table: "a \"b", key: .values([.integer(1), .string("x")]), keyColumns: ["k 1", "k2"],
                before: [.init("v", .null)], after: [.init("v", .real(0.5))]),
            Change(
                .insert, table: "t", key: .rowid(1), keyColumns: ["rowid"], before: nil,
                after: [.init("v", .integer(1))]),
            Change(
                .delete, table: "t", key: .rowid(1), keyColumns: ["rowid"], before: [.init("v", .integer(1))],
                after: nil),
        ]
        for change in changes { try connection.execute(change.sql) }
        #expect(try connection.rows("SELECT * FROM \"a \"\"b\"") == [[.integer(1), .string("x"), .real(0.5)]])
        #expect(try connection.rows("SELECT * FROM t").isEmpty)
    }
}
