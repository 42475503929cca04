import BatchCore
import BatchEngine
import Testing

/// A spreadsheet must never run what comes out of a database.
@Suite struct FormulaTests {
    let folder = StepFolder()

    private func field(_ value: SQLValue) throws -> String {
        let csv = try export([value], .csv)
        // Another reader of CSV than ours decides what is in the field.
        let script = """
            import csv, sys
            sys.stdin.reconfigure(encoding='utf-8', newline='')
            sys.stdout.reconfigure(encoding='utf-8', newline='')
            sys.stdout.write(list(csv.reader(sys.stdin))[1][0])
            """
        return folder.run(["python3", "-c", script], input: csv)
    }

    private func export(_ row: [SQLValue], _ format: ExportFormat) throws -> String {
        var rows = [row]
        let columns = row.indices.map { "c\($0)" }
        let source = ExportRows(columns: columns) { rows.popLast() }
        let path = "out.\(format.rawValue)"
        _ = try Export(to: path, in: folder.path, format: format).write(source, hash: .none)
        return folder.text(path) ?? ""
    }

    @Test(
        "Text that would be a formula gets an apostrophe",
        arguments: [
            ("=1+1", "'=1+1"), ("+1+1", "'+1+1"), ("-1+1", "'-1+1"), ("@SUM(A1)", "'@SUM(A1)"), ("\tx", "'\tx"),
            ("\rx", "'\rx"), ("\nx", "'\nx"), ("  =1", "'  =1"), ("\u{A0}=1", "'\u{A0}=1"),
            ("\u{200B}=1", "'\u{200B}=1"),
            ("\u{FEFF}=1", "'\u{FEFF}=1"), ("\u{3000}=1", "'\u{3000}=1"), ("\"=1", "'\"=1"), ("\" =1", "'\" =1"),
            ("\u{FF1D}1+1", "'\u{FF1D}1+1"), ("\u{FF0B}1", "'\u{FF0B}1"), ("\u{FF0D}1", "'\u{FF0D}1"),
            ("\u{FF20}SUM", "'\u{FF20}SUM"), ("x;=1", "x;'=1"), ("x,=1", "x,'=1"), ("x\t=1", "x\t'=1"),
            ("x|=1", "x|'=1"), ("x\";=cmd|' /C calc'!A0", "x\";'=cmd|' /C calc'!A0"), ("x\r\n=1", "x\r\n'=1"),
            ("x\n\n  @y", "x\n\n'  @y"), ("x;\"=1", "x;'\"=1"), ("-", "'-"), ("-1e", "'-1e"), ("-1.2.3", "'-1.2.3"),
            ("--1", "'--1"), ("-1,=2", "-1,'=2"), ("+-1", "'+-1"), ("-0x10", "'-0x10"), ("=", "'="),
            ("\u{1}=1", "'\u{FFFD}=1"),
        ])
    func neutralised(text: String, expected: String) throws {
        #expect(try field(.string(text)) == expected)
    }

    @Test(
        "Other text and plain numbers stay as they are",
        arguments: [
            "", "text", "a=b", "a+b", "a-b", "me@example.org", "-5", "+5", "-5.25", "-.5", "-5.", "-1e-5", "+1E+10",
            " -5 ",
            "'=1", "x;y", "x, y", "-1;-2", "say \"hi\"", "line\nline", "ünïcode", "1=1",
            "2026-01-02", "<b>", "\u{FF21}", "0",
        ])
    func unchanged(text: String) throws {
        #expect(try field(.string(text)) == text)
    }

    @Test("Numbers are never touched; an infinity is text")
    func numbers() throws {
        let csv = try export([.integer(-5), .real(-2.5), .integer(.min), .real(-.infinity), .null, .string("")], .csv)
        let line = csv.split(separator: "\r\n").last
        #expect(line == "-5,-2.5,-9223372036854775808,'-Infinity,,\"\"")
    }

    @Test("UTF-16 text and BLOBs of a database are neutralised too")
    func otherTypes() throws {
        #expect(try field(.text16([0x3D, 0, 0x31, 0])) == "'=1")
        #expect(try field(.blob(Array("=1".utf8))) == "x'3d31'")
    }

    @Test("Names of columns are neutralised")
    func columns() throws {
        let source = ExportRows(columns: ["=cmd()", "ID"]) { nil }
        _ = try Export(to: "out.csv", in: folder.path, format: .csv).write(source, hash: .none)
        #expect(folder.text("out.csv") == "\"'=cmd()\",\"ID\"\r\n")
    }

    @Test("A page that is opened in a spreadsheet runs no formula either")
    func html() throws {
        let page = try export([.string("=1+1"), .integer(-1)], .html)
        #expect(page.contains("<td>&#39;=1+1</td><td class=\"n\">-1</td>"))
    }
}
