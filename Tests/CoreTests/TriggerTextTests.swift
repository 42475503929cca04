internal import BatchCore
internal import Testing

struct TriggerTextTests {
    struct Case: Sendable {
        let sql: String
        let isBefore: Bool
        let event: TriggerText.Event?
        let targets: Set<String>?

        init(_ sql: String, before isBefore: Bool, _ event: TriggerText.Event?, _ targets: Set<String>?) {
            (self.sql, self.isBefore, self.event, self.targets) = (sql, isBefore, event, targets)
        }
    }

    static let cases = [
        Case("CREATE TRIGGER a AFTER UPDATE OF v ON t BEGIN UPDATE t SET n = 1; END", before: false, .update, ["t"]),
        Case("CREATE TRIGGER \"after\" DELETE ON t BEGIN DELETE FROM \"A b\"; END", before: true, .delete, ["a b"]),
        Case("CREATE TRIGGER a/* AFTER */BEFORE INSERT ON t BEGIN SELECT 'update x'; END", before: true, .insert, []),
        Case(
            "CREATE TRIGGER a INSTEAD OF INSERT ON w BEGIN INSERT OR IGNORE INTO [Log] VALUES(replace('a', 'b', 'c')); END",
            before: true, .insert, ["log"]),
        Case(
            "CREATE TRIGGER a BEFORE INSERT ON t BEGIN REPLACE INTO 'x' VALUES(1); UPDATE OR FAIL `y` SET v = 1; END",
            before: true, .insert, ["x", "y"]),
        Case(
            "CREATE TRIGGER a AFTER INSERT ON t BEGIN INSERT INTO x VALUES(1) ON CONFLICT DO UPDATE SET v = 2; END",
            before: false, .insert, ["x"]),
        Case(
            "CREATE TRIGGER a BEFORE UPDATE ON t WHEN NEW.v BEGIN WITH b AS (SELECT 1) INSERT INTO x SELECT * FROM b; END",
            before: true, .update, ["x"]),
        Case(
            "CREATE TRIGGER a BEFORE UPDATE ON t BEGIN SELECT RAISE(ABORT, 'delete from t'); END", before: true,
            .update, []),
        // What is changed by then stays, and no further trigger fires.
        Case("CREATE TRIGGER a AFTER UPDATE ON t BEGIN SELECT RAISE ( FAIL, 'no'); END", before: false, .update, nil),
        // A column that is called replace.
        Case("CREATE TRIGGER a AFTER UPDATE ON t BEGIN UPDATE x SET v = replace; END", before: false, .update, nil),
        Case("nonsense", before: true, nil, nil),
    ]

    @Test(arguments: cases) func isRead(example: Case) {
        let text = TriggerText(example.sql)
        #expect(text.isBefore == example.isBefore)
        #expect(text.event == example.event)
        #expect(text.targets == example.targets)
    }

    @Test(arguments: [
        ("7", "7"), ("-7", "(-7)"), ("abc", "'abc'"), ("\"a\"\"b\"", "'a\"b'"), ("'it''s'", "('it''s')"),
        ("NULL", "NULL"),
        ("CURRENT_DATE", "CURRENT_DATE"), ("random()", "(random())"), ("x'00'", "(x'00')"), ("2.5", "(2.5)"),
    ])
    func aDefaultIsAnExpression(text: String, expression: String) {
        #expect(DefaultText.expression(text) == expression)
    }
}
