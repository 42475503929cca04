import BatchCore
import TestSupport
import Testing

/// `docs/errors.md` tells what is answered to bad input: each row of its table is typed here.
@Suite struct BadInputTableTests {
    private struct Row {
        let typed: String
        let code: Int32
        let answer: String
    }

    private static let folder = "/home/ada/shop"

    /// The section, its setup, and its rows.
    private func table() throws -> (setup: String, rows: [Row]) {
        let text = try TextFile.read(TextFile.inPackage("docs/errors.md"))
        let section = try #require(text.firstRange(of: "## Bad input, and the answer"))
        let parts = text[section.upperBound...].split(separator: "```", omittingEmptySubsequences: false)
        let setup = try #require(parts.dropFirst().first).dropFirst("sh\n".count)
        let rows = parts.dropFirst(2).joined().split(separator: "\n").filter { $0.hasPrefix("| `") }
            .map { line -> Row in
                let cells = line.split(separator: "|").map { $0.trimmed }
                return Row(
                    typed: String(cells[0].dropFirst().dropLast()), code: Int32(cells[1]) ?? -1, answer: cells[2])
            }
        return (String(setup), rows)
    }

    @Test func eachIsAnsweredAsThePageSays() throws {
        let (setup, rows) = try table()
        #expect(rows.count > 60)
        try TemporaryFolder.with { folder in
            func shell(_ line: String) throws -> BuiltTool.Result {
                try BuiltTool.shell("cd '\(folder)' || exit 99\nbatchmgr() { \"$TOOL\" \"$@\"; }\n\(line)", [])
            }
            let made = try shell(setup)
            try #require(made.code == 0, "\(made.err)")
            let before = try shell("sqlite3 app.db 'SELECT * FROM invoices'").out
            for row in rows {
                let result = try shell("\(row.typed) < /dev/null")
                let answer = result.err.split(separator: "\n").first { $0.hasPrefix("error: ") } ?? ""
                let said = answer.dropFirst("error: ".count).replacing(folder, with: BadInputTableTests.folder)
                #expect(result.code == row.code, "\(row.typed): \(result.err)")
                #expect(said == row.answer, "\(row.typed)")
                #expect(result.err.contains("\nhint: "), "\(row.typed) has no hint: \(result.err)")
            }
            #expect(try shell("sqlite3 app.db 'SELECT * FROM invoices'").out == before)
        }
    }
}

extension Substring {
    fileprivate var trimmed: String {
        String(drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
    }
}
