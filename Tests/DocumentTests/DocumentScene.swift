import BatchCore
import TestSupport
import Testing

/// A workspace into which documents come, and the files that a test drops there: made here, of our own words.
struct DocumentScene {
    let folder: String

    static func with<Value>(_ body: (DocumentScene) throws -> Value) throws -> Value {
        try TemporaryFolder.with { folder in
            let scene = DocumentScene(folder: folder)
            try scene.shell("sqlite3 app.db 'CREATE TABLE t(a INTEGER PRIMARY KEY)' && mkdir catalog")
            try scene.write("batchmgr.yaml", "databases:\n  main: {path: app.db}\n")
            for job in [
                "ocr_tables", "ocr_intake", "ocr_review", "ocr_remove", "repair_reprocess_ocr_batch",
                "repair_clean_documents", "repair_resume_documents", "rules",
            ] {
                try scene.write("catalog/\(job).yaml", try TextFile.read(TextFile.inPackage("catalog/\(job).yaml")))
            }
            return try body(scene)
        }
    }

    func write(_ name: String, _ text: String) throws { try TextFile.write(text, to: "\(folder)/\(name)") }

    @discardableResult
    func shell(_ line: String, code: Int32 = 0) throws -> String {
        let result = try BuiltTool.shell("cd '\(folder)' || exit 99\n\(line)")
        #expect(result.code == code, "\(line): \(result.out)\(result.err)")
        return result.out
    }

    @discardableResult
    func tool(_ words: String, code: Int32 = 0) throws -> String { try shell("\"$TOOL\" \(words)", code: code) }

    func json(_ words: String, code: Int32 = 0) throws -> JSONValue {
        try JSONParser.parse(try tool("\(words) --json", code: code))
    }

    func sql(_ statement: String) throws -> String {
        try shell("sqlite3 app.db \"\(statement)\"").split(separator: "\n").joined(separator: "\n")
    }

    /// A PDF; each page has lines, divided by `|`.
    /// - Parameter isSwapped: its font says of each letter that it is another one.
    func pdf(_ name: String, _ pages: [String], isSwapped: Bool = false) throws {
        try write("make.py", DocumentScene.maker)
        try shell(
            "SWAPPED=\(isSwapped ? "1" : "") python3 make.py '\(name)' "
                + pages.map { "'\($0)'" }.joined(separator: " "))
    }

    /// Pictures of such pages, without any text in them: `NAME-1.png` and so on.
    func pictures(_ name: String, _ pages: [String], format: String = "png") throws {
        try pdf("\(name).pdf", pages)
        try shell("pdftoppm -r 150 -gray -\(format) '\(name).pdf' '\(name)' && rm '\(name).pdf'")
    }

    private static let maker = #"""
        import os, sys
        body, kids, width, height = {1: b"<< /Type /Catalog /Pages 2 0 R >>"}, [], 400, 160
        body[3] = b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"
        if os.environ["SWAPPED"]:
            table = b"".join(b"<%02x> <%02x00>\n" % (c, c) for c in range(33, 127))
            table = b"1 begincodespacerange <00> <ff> endcodespacerange 94 beginbfchar\n%sendbfchar" % table
            table = b"/CIDInit /ProcSet findresource begin 12 dict begin begincmap %s endcmap end end" % table
            body[3] = b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /ToUnicode 4 0 R >>"
            body[4] = b"<< /Length %d >>\nstream\n%s\nendstream" % (len(table), table)
        for page in sys.argv[2:]:
            text = "BT /F 20 Tf 20 %d Td 28 TL " % (height - 40)
            text += " ".join("(%s) Tj T*" % line for line in page.split("|") if line) + " ET"
            n = len(body) + (1 if 2 in body else 2)
            body[n] = b"<< /Length %d >>\nstream\n%s\nendstream" % (len(text), text.encode())
            body[n + 1] = b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 %d %d] /Contents %d 0 R " % (width, height, n)
            body[n + 1] += b"/Resources << /Font << /F 3 0 R >> >> >>"
            kids.append(n + 1)
        body[2] = b"<< /Type /Pages /Count %d /Kids [%s] >>" % (len(kids), " ".join("%d 0 R" % k for k in kids).encode())
        out, places = b"%PDF-1.4\n%" + b"-" * 1024 + b"\n", {}
        for n in sorted(body):
            places[n] = len(out)
            out += b"%d 0 obj\n%s\nendobj\n" % (n, body[n])
        start = len(out)
        out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(body) + 1)
        out += b"".join(b"%010d 00000 n \n" % places[n] for n in sorted(body))
        out += b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(body) + 1, start)
        open(sys.argv[1], "wb").write(out)
        """#
}
