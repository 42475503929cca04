import BatchCore
import BatchLedger
import TestSupport
import Testing

/// Text and paths are for others what their bytes are: a mark that combines with a character does not hide it.
@Suite struct EscapingTests {
    private static let mark = "\u{301}"

    @Test(arguments: [
        "a'\(mark)b", "'\(mark)", "'\(mark)); DROP TABLE t; --", "''\(mark)'", "a\u{1b}'\(mark)", "\"\(mark)'",
    ])
    func textIsOneLiteral(_ text: String) throws {
        let connection = try Connection(path: ":memory:", mode: .create)
        try connection.execute("CREATE TABLE t(a)")
        try connection.execute("INSERT INTO t VALUES(\(SQLLiteral.value(.string(text))))", isVerbatim: true)
        #expect(try connection.rows("SELECT a FROM t").map { $0[0] } == [.string(text)])
    }

    @Test(arguments: ["a\"\(mark)b", "\"\(mark); DROP TABLE t"])
    func aNameIsOneName(_ name: String) throws {
        let connection = try Connection(path: ":memory:", mode: .create)
        try connection.execute("CREATE TABLE \(SQLLiteral.name(name))(a)", isVerbatim: true)
        #expect(try connection.value("SELECT name FROM sqlite_schema")?.string == name)
    }

    @Test(arguments: ["a'\(mark) b", "'\(mark);echo no", "$(no)'\(mark)"])
    func aWordOfAHintIsOneWordOfTheShell(_ word: String) throws {
        let printed = try BuiltTool.shell("printf %s \(ShellText.quoted(word))")
        #expect(printed.out.utf8.elementsEqual(word.utf8), "\(printed.out)")
    }

    @Test func markupHoldsNoQuoteOfAText() {
        #expect(
            "<\(Self.mark)b a=\"\(Self.mark)&\(Self.mark)".escapedForMarkup.utf8.allSatisfy { $0 != 0x3C && $0 != 0x22 }
        )
    }

    @Test func aPathIsDividedAtEachSlash() {
        #expect("../\(Self.mark)x".pathParts == ["..", "\(Self.mark)x"])
        #expect("a//b/".pathNames == ["a", "b"])
        #expect("/\(Self.mark)x".isAbsolutePath)
        #expect("x/".endsInSlash && !"x/\(Self.mark)".endsInSlash)
    }
}
