import BatchSystem
import TestSupport
import Testing

/// Names of files that no text leads to.
@Suite struct RawNameTests {
    @Test(
        arguments: [
            ([0x63, 0x61, 0x66, 0xE9], "caf%E9"), ([0xC3, 0xA9, 0xC3], "é%C3"), ([0xFF, 0xFE, 0x41], "%FF%FEA"),
            // A surrogate, an overlong slash, and a character of four bytes that is cut off.
            ([0xED, 0xA0, 0x80], "%ED%A0%80"), ([0xC0, 0xAF], "%C0%AF"), ([0xF0, 0x9F, 0x98], "%F0%9F%98"),
            ([0xF0, 0x9F, 0x98, 0x80, 0x0A, 0x80], "😀\n%80"),
        ] as [([UInt8], String)])
    func whatIsNoTextIsWrittenInHexadecimal(bytes: [UInt8], text: String) {
        #expect(RawName(bytes).escaped == text)
    }

    @Test func aFileGetsAnotherNameAndKeepsItsContents() throws {
        let folder = TemporaryFolder()
        try TextFile.write("words", to: folder.file("plain"))
        _ = try BuiltTool.shell("cd '\(folder.path)' && mv plain \"$(printf 'b\\351')\"")
        #expect(try Folder.names(in: folder.path) == ["b\u{FFFD}"])
        let name = try #require(try Folder.namesThatAreNoText(in: folder.path).first)
        #expect(name.bytes == [0x62, 0xE9] && name.status(in: folder.path)?.size == 5)
        #expect(name.beginning(4, in: folder.path) == Array("word".utf8))
        try name.rename(in: folder.path, to: name.escaped)
        #expect(try Folder.names(in: folder.path) == ["b%E9"])
        #expect(try Folder.namesThatAreNoText(in: folder.path).isEmpty && name.status(in: folder.path) == nil)
    }
}
