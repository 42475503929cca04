import BatchCore
import TestSupport
import Testing

/// Numbers, dates and totals in documents: found, kept aside, and entered by a batch.
@Suite struct FieldTests {
    /// A line of a document, and what is found in it.
    private static let lines: [(shape: String, line: String, value: String?)] = [
        ("amount", "1,234.50", "1234.50"), ("amount", "1.234,50 EUR", "1234.50"), ("amount", "EUR 1 234,50", "1234.50"),
        ("amount", "$250", "250.00"), ("amount", "1,234", "1234.00"), ("amount", "12 345 678.90", "12345678.90"),
        ("amount", "incl. VAT in EUR: 0.05", "0.05"), ("amount", "1.2.3", nil), ("amount", "12,5", nil),
        ("amount", "due in June", nil), ("amount", "-5.00", nil), ("amount", "19%", nil),
        ("amount", "1.234.567", "1234567.00"),
        ("date", "2026-03-31", "2026-03-31"), ("date", "31.03.2026.", "2026-03-31"), ("date", "31/3/26", "2026-03-31"),
        ("date", "31 March 2026", "2026-03-31"), ("date", "March 31st, 2026", "2026-03-31"),
        ("date", "le 1 avril 2026", "2026-04-01"), ("date", "5. Mai 2026", "2026-05-05"), ("date", "30.02.2026", nil),
        ("date", "29.02.2028", "2028-02-29"), ("date", "13/13/2026", nil), ("date", "tomorrow", nil),
        ("code", "INV-2026/17", "INV-2026/17"), ("code", "No. 4711,", "4711"), ("code", "pending", nil),
        ("code", "#A-1", "A-1"),
    ]

    @Test func whatStandsBehindAnAnnouncementIsFound() throws {
        try DocumentScene.with { scene in
            let fields = FieldTests.lines.enumerated().map {
                "f\($0.offset): {after: [key\($0.offset)q], shape: \($0.element.shape)}"
            }
            try scene.write("catalog/ocr_fields.yaml", fields.joined(separator: "\n") + "\n")
            let texts = FieldTests.lines.enumerated().map { "Key\($0.offset)q: \($0.element.line)" }
            let pages = stride(from: 0, to: texts.count, by: 4).map {
                texts[$0..<min($0 + 4, texts.count)].joined(separator: "|")
            }
            try scene.pdf("a.pdf", pages)
            try scene.tool("ocr add a.pdf --wait")
            let found = try scene.json("ocr fields a.pdf")["fields"]?.array ?? []
            for (number, line) in FieldTests.lines.enumerated() {
                let own = found.first { $0["field"]?.string == "f\(number)" }
                #expect(own?["value"]?.string == line.value, "\(line)")
            }
        }
    }

    private static let bills = """
        id: ocr_enter
        version: 1.0.0
        description: Enter bills of which number and total are sure
        needs: [ocr_tables]
        shared_tables: [bills, ocr_fields]
        steps:
          - id: enter
            sql: |
              INSERT INTO bills(document, number, dated, total)
              SELECT document, max(iif(name = 'number', value, NULL)), max(iif(name = 'date', value, NULL)),
                max(iif(name = 'total', value, NULL))
              FROM ocr_fields WHERE state = 'staged' AND coalesce(confidence, 1) >= 0.8 GROUP BY document
              HAVING count(*) FILTER (WHERE name IN ('number', 'total')) = 2
              ON CONFLICT(document) DO UPDATE SET number = excluded.number, dated = excluded.dated, total = excluded.total;
              UPDATE ocr_fields SET state = 'entered'
              WHERE state = 'staged' AND document IN (SELECT document FROM bills);
        """

    private func withBills(_ body: (DocumentScene) throws -> Void) throws {
        try DocumentScene.with { scene in
            try scene.write("catalog/ocr_fields.yaml", try TextFile.read(TextFile.inPackage("catalog/ocr_fields.yaml")))
            try scene.write("catalog/ocr_enter.yaml", FieldTests.bills + "\n")
            _ = try scene.sql(
                "CREATE TABLE bills(document TEXT PRIMARY KEY, number TEXT NOT NULL, dated TEXT, total TEXT NOT NULL)")
            try scene.pdf(
                "bill.pdf", ["Invoice number: INV-4711|Date: 31 March 2026|Subtotal 1,000.00", "Total EUR: 1,234.50"])
            try scene.pdf("letter.pdf", ["Invoice number: 12|No sum is in this letter"])
            try body(scene)
        }
    }

    @Test func aBatchEntersThemAndIsUndone() throws {
        try withBills { scene in
            let states = "SELECT state, count(*) FROM ocr_fields GROUP BY state ORDER BY state"
            try scene.tool("ocr add bill.pdf letter.pdf --wait")
            #expect(try scene.sql(states) == "staged|4")
            try scene.tool("run ocr_enter")
            let bill = "INV-4711|2026-03-31|1234.50"
            #expect(try scene.sql("SELECT number, dated, total FROM bills") == bill)
            #expect(try scene.sql(states) == "entered|3\nstaged|1")
            // What is entered, and reads the same, is not entered again.
            try scene.tool("ocr review correct --key bill.pdf --page 2 --word 1=Totals", code: 0)
            #expect(
                try scene.sql("SELECT name FROM ocr_fields WHERE state = 'entered' ORDER BY name")
                    == "date\nnumber\ntotal")
            try scene.tool("rollback ocr_enter")
            #expect(try scene.sql("SELECT count(*) FROM bills") == "0")
            try scene.tool("ocr purge letter.pdf")
            #expect(try scene.sql("SELECT count(DISTINCT document) FROM ocr_fields") == "1")
        }
    }

    @Test func aServiceEntersThemUnlessItIsSwitchedOff() throws {
        try withBills { scene in
            try scene.tool("switch set flag:auto_entry --value off --reason 'not yet'")
            try scene.shell("mkdir -p data/in && cp bill.pdf letter.pdf data/in/")
            let count = "sqlite3 app.db 'SELECT count(*) FROM bills'"
            let isDone =
                "[ \"$(sqlite3 app.db \"SELECT count(*) FROM ocr_documents WHERE state = 'DONE'\" 2>/dev/null)\" = 2 ]"
            let said = try scene.shell(
                """
                "$TOOL" serve --port 0 --workers 1 > said 2>&1 & service=$!
                for i in $(seq 600); do \(isDone) && break; sleep 0.1; done
                until "$TOOL" queue list --json | grep -q '"queued":0'; do sleep 0.1; done
                \(count) 2>> said
                "$TOOL" switch undo flag:auto_entry --reason 'now it may' >/dev/null
                cp bill.pdf data/in/again.pdf
                for i in $(seq 600); do [ "$(\(count))" = 1 ] && break; sleep 0.1; done
                \(count) 2>> said
                kill -TERM $service; wait $service
                """)
            let log = try scene.shell("cat said; \"$TOOL\" queue list")
            #expect(said == "0\n1\n", "\(log)")
        }
    }

    @Test func mistakesAreToldBeforeAnythingIsRead() throws {
        try DocumentScene.with { scene in
            try scene.write("catalog/ocr_fields.yaml", "total: {after: [total], shape: money}\n")
            #expect(try scene.tool("catalog validate", code: 2).contains("ocr_fields.yaml:1"))
        }
    }

    @Test func whatAComicSaysOfItselfIsKept() throws {
        try DocumentScene.with { scene in
            try scene.pictures("p", ["Only one page"])
            try scene.write(
                "ComicInfo.xml",
                "<ComicInfo><Title>The &amp; Sign</Title><Series>Signs</Series><Number>3</Number></ComicInfo>")
            try scene.shell("python3 -m zipfile -c sign.cbz p-1.png ComicInfo.xml")
            try scene.tool("ocr add sign.cbz --wait")
            let fields = try scene.json("ocr fields --state given")["fields"]?.array ?? []
            #expect(
                fields.map { "\($0["field"]?.string ?? "")=\($0["value"]?.string ?? "")" } == [
                    "Number=3", "Series=Signs", "Title=The & Sign",
                ])
            #expect(try scene.shell("pdfinfo data/out/sign.pdf").contains("Signs 3: The & Sign"))
        }
    }
}
