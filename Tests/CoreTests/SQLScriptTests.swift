import BatchCore
import Testing

@Suite struct SQLScriptTests {
    @Test(
        arguments: [
            ("PRAGMA foreign_keys=OFF;BEGIN TRANSACTION;CREATE TABLE t(a);COMMIT;", false, ["CREATE TABLE t(a);"]),
            ("-- 7\nPRAGMA main.foreign_keys = ON;\nUPDATE t SET a = 1;", true, ["UPDATE t SET a = 1;"]),
            ("begin; INSERT INTO t VALUES(';'); end transaction;", nil, ["INSERT INTO t VALUES(';');"]),
            (
                "PRAGMA foreign_keys(0); DROP TABLE t; PRAGMA foreign_key_check; PRAGMA foreign_keys=1;", false,
                ["DROP TABLE t;", "PRAGMA foreign_key_check;"]
            ),
            // What stands between changes is for the gateway to refuse.
            (
                "UPDATE t SET a = 1; PRAGMA foreign_keys=0; UPDATE t SET a = 2", nil,
                ["UPDATE t SET a = 1;", "PRAGMA foreign_keys=0;", "UPDATE t SET a = 2"]
            ),
            (
                "BEGIN; UPDATE t SET a = 1; COMMIT; UPDATE t SET a = 2;", nil,
                ["BEGIN;", "UPDATE t SET a = 1;", "COMMIT;", "UPDATE t SET a = 2;"]
            ),
            ("UPDATE t SET a = 1; COMMIT", nil, ["UPDATE t SET a = 1;", "COMMIT"]),
            (
                "CREATE TEMP TRIGGER x AFTER INSERT ON t BEGIN UPDATE t SET a = CASE WHEN 1 THEN 2 END; DELETE FROM u; END; SELECT 1",
                nil,
                [
                    "CREATE TEMP TRIGGER x AFTER INSERT ON t BEGIN UPDATE t SET a = CASE WHEN 1 THEN 2 END; DELETE FROM u; END;",
                    "SELECT 1",
                ]
            ),
            (" ;; -- nothing", nil, []),
        ] as [(String, Bool?, [String])])
    func whatHoldsForTheWholeIsTakenOut(sql: String, foreignKeys: Bool?, statements: [String]) {
        let script = SQLScript(sql)
        #expect(script.foreignKeys == foreignKeys)
        #expect(script.statements.map(\.text) == statements)
    }

    @Test func statementsKeepTheirLines() {
        let script = SQLScript("-- a\n\nPRAGMA foreign_keys=OFF;\nSELECT\n1; SELECT 2;\n/*\n*/ SELECT 3")
        #expect(script.statements.map(\.line) == [4, 5, 7])
    }

    @Test func settingsOfTheConnectionAndVACUUMAreSeen() {
        let script = SQLScript(
            "PRAGMA recursive_triggers = ON; PRAGMA legacy_alter_table; pragma Defer_Foreign_Keys(1)")
        #expect(script.settings == ["recursive_triggers", "defer_foreign_keys"])
        #expect(!script.vacuums)
        #expect(SQLScript("SELECT 'vacuum'; vacuum main").vacuums)
    }
}
