import BatchCore
import Testing

@Suite("Hints")
struct HintTests {
    private let hint: Hint = "undo it: \(command: "rollback --id \("a b.1") --mode cascade"); or \(command: "list")"

    @Test("A hint is words and commands, and its text is made with the options of the call")
    func text() {
        #expect(hint.commands.map(\.arguments) == [["rollback", "--id", "a b.1", "--mode", "cascade"], ["list"]])
        #expect(hint.text() == "undo it: batchmgr rollback --id 'a b.1' --mode cascade; or batchmgr list")
        let call = CallOptions(database: "my shop.db", tenant: "acme")
        let options = "--db 'my shop.db' --tenant acme"
        #expect(
            hint.text(call)
                == "undo it: batchmgr \(options) rollback --id 'a b.1' --mode cascade; or batchmgr \(options) list")
    }

    @Test(
        "Options of the call are added only where they are needed",
        arguments: [
            ("doctor --db other.db", "batchmgr doctor --db other.db"), ("version", "batchmgr version"),
            ("init --database PATH", "batchmgr init --database PATH"), ("run --help", "batchmgr run --help"),
            ("list", "batchmgr --db a.db list"),
        ])
    func options(command: String, expected: String) {
        let hint: Hint = "\(command: "\(words: command)")"
        #expect(hint.text(CallOptions(database: "a.db")) == expected)
    }

    @Test("Words that look like commands are data, and stay as they are")
    func data() {
        let message = "see: batchmgr list"
        #expect(Hint("'\(message)'").text(CallOptions(database: "a.db")) == "'see: batchmgr list'")
        let hint: Hint = "found \(message)"
        #expect(hint.text(CallOptions(database: "a.db")) == "found see: batchmgr list")
    }

    @Test("Quotes in a command make one word of it, and placeholders are filled in by value")
    func words() {
        let hint: Hint = "\(command: "blame --table lines --key '[7, \"a\"]'") \(command: "resume --id BATCH")"
        #expect(hint.commands.first?.arguments == ["blame", "--table", "lines", "--key", "[7, \"a\"]"])
        #expect(hint.filling("BATCH", "x;y").text().hasSuffix("batchmgr resume --id 'x;y'"))
        #expect(hint.text().hasSuffix("batchmgr resume --id BATCH"))
        let more = HintCommand("rollback --id \("a.1")").adding("--include-reads")
        #expect(more.arguments == ["rollback", "--id", "a.1", "--include-reads"])
    }

    @Test(
        "Quoting leaves nothing for a shell to read",
        arguments: [
            ("plain.db", "plain.db"), ("", "''"), ("a b", "'a b'"), ("it's", "'it'\\''s'"), ("$(x)", "'$(x)'"),
            ("a\nb\u{1B}", "$'a\\nb\\x1b'"), ("été.db", "été.db"), ("\u{202E}x", "$'\\xe2\\x80\\xaex'"),
        ])
    func quoting(word: String, expected: String) { #expect(ShellText.quoted(word) == expected) }
}
