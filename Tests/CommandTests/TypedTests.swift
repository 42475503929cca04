import BatchCore
import TestSupport
import Testing

/// The command line as people type it, on a real database.
@Suite struct TypedTests {
    /// Runs a script in a new folder with a database `app.db` of one table.
    static func play(_ script: String) throws -> String {
        let setup = """
            d=$(mktemp -d); trap 'rm -rf "$d"' EXIT; cd "$d"
            export BATCHMGR_DB=app.db
            sqlite3 app.db "CREATE TABLE t(id INTEGER PRIMARY KEY, a TEXT); INSERT INTO t VALUES(1, 'x')"
            """
        return try BuiltTool.shell(setup + "\n" + script).out
    }

    @Test(arguments: ["2.10", "12e4", "007", "98765432109876543210", "0x10", "1e999"])
    func setKeepsWhatWasTyped(value: String) throws {
        let script =
            "\"$TOOL\" run j -q --set 'x=\(value)' --sql 'UPDATE t SET a = :x'; sqlite3 app.db 'SELECT a FROM t'"
        #expect(try Self.play(script) == "\(value)\n")
    }

    @Test func aTextIsATextAndAFileIsWhatIsInIt() throws {
        let script = """
            printf 'two\\nlines' > v
            "$TOOL" run j -q --text x=5 --set-file y=v --sql "UPDATE t SET a = typeof(:x) || :y"
            sqlite3 app.db 'SELECT a FROM t'
            """
        #expect(try Self.play(script) == "texttwo\nlines\n")
    }

    @Test func sqlComesFromStandardInput() throws {
        let script = """
            echo "UPDATE t SET a = 'in'" | "$TOOL" run j -q --sql -
            echo "INSERT INTO t(a) VALUES('file')" | "$TOOL" run j -q --file -
            sqlite3 app.db 'SELECT a FROM t'
            """
        #expect(try Self.play(script) == "in\nfile\n")
    }

    @Test func quietSaysNothingWhenAllIsWell() throws {
        let script = """
            "$TOOL" run j -q --sql "UPDATE t SET a = 'y'"; "$TOOL" rollback j.1 -q; "$TOOL" verify -q; echo "rc $?"
            """
        #expect(try Self.play(script) == "rc 0\n")
    }

    @Test func rowsThatAStatementReturnsAreShown() throws {
        let script = "\"$TOOL\" run j --sql \"UPDATE t SET a = 'z' RETURNING id, a\""
        #expect(try Self.play(script).hasPrefix("id  a\n1   'z'\n\n"))
        let many = """
            "$TOOL" run j -n --json --sql "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 130) SELECT i FROM n"
            """
        let result = try JSONParser.parse(try Self.play(many))["results"]?.array?.first
        #expect(result?["rows"]?.array?.count == 100)
        #expect(result?["more"]?.integer == 30)
    }

    @Test func longListsSayHowManyMoreThereAre() throws {
        let script = """
            "$TOOL" run j -n --sql "WITH RECURSIVE n(i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < 51)
                INSERT INTO t(id) SELECT i FROM n"
            """
        #expect(try Self.play(script).contains("… and 30 more rows: run it again with --all\n"))
    }

    @Test func bytesThatAreNoTextAreRefused() throws {
        #expect(try Self.play("\"$TOOL\" run j --set x=$(printf '\\377') --sql 'SELECT :x'; echo $?") == "2\n")
    }

    @Test func anUnknownJobOrActionIsAnError() throws {
        let script = """
            "$TOOL" run price -q --sql "UPDATE t SET a = 'y'"
            "$TOOL" list prise 2>&1; "$TOOL" audit list --action rum 2>&1
            """
        let text = try Self.play(script)
        #expect(text.contains("no batch and no job is called 'prise'; did you mean 'price'?"))
        #expect(text.contains("no action is called 'rum'; did you mean 'run'?"))
    }

    @Test func nothingSteersTheTerminal() throws {
        let script = """
            python3 -c "import sqlite3; d = sqlite3.connect('app.db'); d.execute('create table \\"t\\x1b[2J\\" (a)'); d.commit()"
            BATCHMGR_ACTOR="$(printf 'eve\\033[31m')" "$TOOL" run j --sql "UPDATE t SET a = char(27) || 'x'"
            "$TOOL" diff j.1; "$TOOL" diff j.1 --sql; "$TOOL" audit list; "$TOOL" verify
            git --git-dir backups/batch_manager/history.git log --all
            """
        let text = try Self.play(script)
        #expect(text.contains("j.1"))
        #expect(!text.contains("\u{1B}"))
    }
}
