import BatchCore
import Testing

/// Names as SQLite compares them: A to Z fold, and no other letter.
@Suite struct SQLNameTests {
    private static let names = [
        "", "a", "A", "entries", "Entries", "BATCHMGR_Undo", "batchmgr_undo", "batchmgr", "Batchmgr_", "ÄÖ", "aÄZ[@`{",
        "İ", "K",
        "a name that is longer than a small string", "A NAME THAT IS LONGER THAN A SMALL STRING, WITH É",
        "\u{212A}elvin", "日本Z",
    ]

    @Test(arguments: names) func onlyLettersFromAToZFold(_ name: String) {
        let expected = String(decoding: name.utf8.map { $0 >= 65 && $0 <= 90 ? $0 + 32 : $0 }, as: UTF8.self)
        #expect(SQLName.folded(name) == expected)
        #expect(SQLName.folded(name[...]) == expected)
        #expect(SQLName.areSame(name, expected))
        #expect(SQLName.begins(name, with: "batchmgr_") == expected.hasPrefix("batchmgr_"))
    }
}
