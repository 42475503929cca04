import BatchCore
import Glibc
import TestSupport
import Testing
import batchmgr

@Suite struct RenderingTests {
    static let plain = Style(isColored: false)
    static let a = BatchID(job: "a", number: 1)
    static let b = BatchID(job: "b", number: 1)
    static let c = BatchID(job: "c", number: 1)

    @Test func aBatchOverWhichTheClockWasPutBackTookNoTimeThatIsKnown() {
        func summary(until end: Int64) -> BatchSummary {
            BatchSummary(
                batch: Self.a, tenant: nil, status: .committed, rows: RowCounts(),
                startedAt: Timestamp(milliseconds: 5_000), finishedAt: Timestamp(milliseconds: end))
        }
        let report = ListReport(batches: [summary(until: 4_000), summary(until: 5_012)])
        let lines = report.text(Self.plain, width: 80).split(separator: "\n")
        #expect(lines[1].hasSuffix("-"))
        #expect(lines[2].hasSuffix("12 ms"))
    }

    @Test func aDiffShowsEachRowAndCountsThem() {
        let changes = [
            Change(
                .update, table: "invoices", key: .rowid(12), keyColumns: ["id"],
                before: [.init("total_cents", .integer(100)), .init("status", .string("open"))],
                after: [.init("total_cents", .integer(102)), .init("status", .string("open"))]),
            Change(
                .insert, table: "lines", key: .values([.string("x"), .integer(2)]), keyColumns: ["a", "b"], before: nil,
                after: [.init("note", .string("two\nlines"))]),
            Change(
                .delete, table: "lines", key: .rowid(7), keyColumns: ["id"], before: [.init("b", .blob([1]))],
                after: nil),
        ]
        #expect(
            ChangesReport(changes: changes).text(Self.plain, width: 80) == """
                ~ invoices 12: total_cents 100 → 102
                + lines 'x', 2: note 'two\\nlines'
                - lines 7: b X'01'

                TABLE     INSERTED  UPDATED  DELETED
                invoices         0        1        0
                lines            1        0        1
                all              1        1        1

                """)
        #expect(ChangesReport(changes: []).text(Self.plain, width: 80) == "no rows changed\n")
    }

    @Test func dependentsAreATreeWithReasons() {
        let report = DependentsReport(
            batch: Self.a,
            dependents: [
                DependentSummary(
                    batch: Self.b, depth: 1, edges: [.init(on: Self.a, kind: .row, evidence: "t, 2 keys")]),
                DependentSummary(
                    batch: Self.c, depth: 1,
                    edges: [
                        .init(on: Self.a, kind: .declared, evidence: "needs a"),
                        .init(on: Self.b, kind: .foreignKey, evidence: "u → t, 1 key"),
                    ]),
            ])
        #expect(
            report.text(Self.plain, width: 80) == """
                a.1
                ├─ b.1  wrote the same rows (t, 2 keys)
                │  └─ c.1  refers to its rows (u → t, 1 key)
                └─ c.1  declared (needs a)

                """)
        #expect(
            DependentsReport(batch: Self.a, dependents: []).text(Self.plain, width: 80)
                == "a.1\n  nothing depends on it\n")
    }

    @Test func whatStandsInTheWayComesBeforeTheError() {
        let conflict = Conflict(
            batch: Self.b, table: "t", key: .rowid(4), reason: "changed", expected: ["v": 1], found: ["v": 2])
        let report = ErrorReport(BatchError(.conflict, "a.1 cannot be undone", hint: "look"), conflicts: [conflict])
        #expect(
            report.text(Self.plain, width: 80) == """
                1 row cannot be undone:
                  ! t 4: changed by b.1
                      expected {"v":1}
                      found    {"v":2}
                error: ERR_DATA_CONFLICT: a.1 cannot be undone
                hint: look

                """)
    }

    @Test func listsAreAlignedAndUncolouredWidthCounts() {
        let batches = [(Self.a, BatchStatus.committed, 1_234_567), (Self.b, .rolledBack, 5)].map {
            batch, status, rows in
            BatchSummary(
                batch: batch, tenant: nil, status: status, rows: RowCounts(updated: rows),
                startedAt: Timestamp(milliseconds: 0), finishedAt: Timestamp(milliseconds: 1_500))
        }
        let text = ListReport(batches: batches).text(Self.plain, width: 80)
        #expect(
            text == """
                BATCH  STATUS            ROWS  STARTED                    TOOK
                a.1    committed    1,234,567  1970-01-01T00:00:00.000Z  1.5 s
                b.1    rolled_back          5  1970-01-01T00:00:00.000Z  1.5 s

                """)
        let colored = ListReport(batches: batches).text(Style(isColored: true), width: 80)
        #expect(colored != text)
        var bare = ""
        var isEscape = false
        for character in colored {
            if character == "\u{1B}" { isEscape = true }
            if !isEscape { bare.append(character) }
            if character == "m" { isEscape = false }
        }
        #expect(bare.filter { $0 != "m" } == text.filter { $0 != "m" })
    }

    @Test func nothingFromADatabaseSteersTheTerminal() {
        #expect(Printable.text("a\u{1B}[2Jb\u{7}\u{202E}é\u{9B}") == "a\\u{1b}[2Jb\\u{7}\\u{202e}é\\u{9b}")
        #expect(Printable.value(.blob([UInt8](repeating: 7, count: 1_000_000))).count == 60)
    }

    @Test func progressFitsItsLineAndTellsWhatIsLeft() {
        let progress = Progress(title: "lines", done: 70_000, total: 100_000, seconds: 2)
        let line = progress.line(width: 79)
        #expect(line.hasSuffix("░ 70%  70,000 of 100,000 rows  35,000 rows/s  0:01 left"))
        #expect(line.hasPrefix("lines █"))
        for width in [0, 10, 40, 60, 79, 200] { #expect(progress.line(width: width).count <= width) }
        #expect(Progress(title: "x", done: 5, total: nil, seconds: 0).line(width: 80) == "x  5 rows  0 rows/s")
        // Nothing is foretold from the first rows, and nothing is counted that was done before.
        #expect(!Progress(title: "x", done: 1_000, total: 100_000, seconds: 9).line(width: 80).contains("left"))
        let resumed = Progress(title: "x", done: 60_000, total: 100_000, seconds: 10, first: 50_000)
        #expect(resumed.line(width: 79).hasSuffix(" 60%  60,000 of 100,000 rows  1,000 rows/s  0:40 left"))
        #expect(Progress(title: "vacuum", done: nil, total: nil, seconds: 63).line(width: 80) == "vacuum  1:03")
        let points = Progress(title: "restoring", done: 3, total: 4, seconds: 1, noun: "point").line(width: 79)
        #expect(points.hasSuffix("░ 75%  3 of 4 points"))
        #expect(!Progress(title: "x", done: 9, total: 3, seconds: 1).line(width: 80).contains("300%"))
    }

    @Test(arguments: [(0, "0 bytes"), (999, "999 bytes"), (1_440_000, "1.4 MB"), (84_400_000_000, "84.4 GB")])
    func bytesAreReadable(number: Int, text: String) { #expect(Figures.bytes(number) == text) }

    @Test(arguments: [(0.4, "0 ms"), (999, "999 ms"), (1_440, "1.4 s"), (125_000, "2:05"), (3_723_000, "1:02:03")])
    func durationsAreReadable(milliseconds: Double, text: String) {
        #expect(Figures.duration(milliseconds) == text)
    }

    @Test func aRunTellsHowToUndoIt() {
        let report = RunReport(
            batch: Self.a, status: .committed, checkpoints: 1, rows: RowCounts(updated: 2),
            restorePoint: .init(bak: "b.bak", bakKind: .full, commit: "0123456789abcdef", status: .complete),
            phases: .init(capture: 1, restorePoint: 1), traceID: "t", duration: 12)
        #expect(
            report.text(Self.plain, width: 80) == """
                a.1  committed  2 rows: 2 updated  in 1 checkpoint, 12 ms
                restore point  full b.bak, commit 0123456789
                undo it: batchmgr rollback --id a.1

                """)
    }

    @Test func aRollbackShowsItsCertificate() {
        let report = RollbackReport(
            batch: Self.a, rollback: BatchID(job: "rollback", number: 1), status: .rolledBack, mode: .cascade,
            source: "log", order: [Self.b, Self.a], rows: RowCounts(deleted: 1),
            certificate: Certificate(digestsMatch: true, verifyPassed: false, foreignKeysOK: true), log: "x.log",
            warnings: [Warning(.effectLeft, "step tell was not undone")], duration: 3)
        #expect(
            report.text(Self.plain, width: 80) == """
                a.1  undone from the log  1 row: 1 deleted, 3 ms
                in this order  b.1, a.1
                certificate    digests ok, verify queries WRONG, foreign keys ok
                log            x.log
                warning: step tell was not undone
                undo this rollback: batchmgr rollback --id rollback.1

                """)
    }

    @Test func detailsAndPointsNameEverything() {
        let summary = BatchSummary(
            batch: Self.a, tenant: "acme", status: .failed, rows: RowCounts(updated: 1),
            startedAt: Timestamp(milliseconds: 0), finishedAt: Timestamp(milliseconds: 5))
        let point = RestorePointSummary(bak: "b.bak", bakKind: .delta, commit: "0123456789abcdef", status: .pending)
        let detail = BatchDetail(
            summary: summary, jobVersion: "1.2.0", traceID: "trace-1", parameters: ["p": 1], error: "ERR_DATA_SQL: bad",
            checkpoints: [
                .init(number: 1, step: "raise", chunk: 2, rows: RowCounts(updated: 1), committedAt: summary.startedAt)
            ],
            dependents: [], restorePoint: point
        ).text(Self.plain, width: 80)
        for word in ["acme", "1.2.0", "trace-1", "{\"p\":1}", "ERR_DATA_SQL: bad", "raise", "nothing depends on it"] {
            #expect(detail.contains(word), "\(word)")
        }
        let points = PointsReport(points: [
            .init(batch: Self.a, kind: .batch, copies: point, digest: nil, createdAt: summary.startedAt)
        ]).text(Self.plain, width: 80)
        #expect(
            points == """
                POINT  KIND   STATUS   CREATED                   COMMIT      BAK
                a.1    batch  pending  1970-01-01T00:00:00.000Z  0123456789  delta  b.bak

                """)
    }
}
