import BatchCore
import BatchLedger
import TestSupport
import Testing

@Suite struct LedgerDocumentTests {
    /// docs/internals/ledger.md names every table and column of the ledger, and no other.
    @Test func theDocumentNamesEveryTableAndColumn() throws {
        let folder = TemporaryFolder()
        let bench = try Bench(folder.file("app.db"), spillFolder: folder.path)
        let rows = try bench.connection.rows(
            "SELECT t.name, c.name FROM sqlite_schema t, pragma_table_info(t.name) c WHERE t.type = 'table' ORDER BY t.rowid, c.cid"
        )
        let real = rows.map { "\($0[0].string ?? "").\($0[1].string ?? "")" }
        var table = ""
        var documented: [String] = []
        let path = #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
        let text = String(
            decoding: Shell.run("cat \(Shell.quote("/" + path + "/docs/internals/ledger.md"))"), as: UTF8.self)
        for line in text.split(separator: "\n") {
            if line.hasPrefix("## ") { table = String(line.dropFirst(3)) }
            guard line.hasPrefix("- `"), let end = line.dropFirst(3).firstIndex(of: "`") else { continue }
            documented.append("\(table).\(line[line.index(line.startIndex, offsetBy: 3)..<end])")
        }
        #expect(real.count > 50)
        #expect(documented.sorted() == real.sorted())
    }
}
