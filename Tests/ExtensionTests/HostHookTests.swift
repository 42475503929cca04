internal import TestSupport
internal import Testing

/// Hooks and sessions of the program, set before, in and after a batch, as a program in C sets them: none is lost, none is
/// replaced in silence, and no row goes unrecorded without an error.
struct HostHookTests {
    private static let head = """
        import ctypes as C
        lib = C.CDLL("libsqlite3.so.0"); P = C.c_void_p
        HOOK = C.CFUNCTYPE(None, P, P, C.c_int, C.c_char_p, C.c_char_p, C.c_int64, C.c_int64)
        UPDATE = C.CFUNCTYPE(None, P, C.c_int, C.c_char_p, C.c_char_p, C.c_int64)
        ROW = C.CFUNCTYPE(C.c_int, P, C.c_int, C.POINTER(C.c_char_p), C.POINTER(C.c_char_p))
        for name, arguments, result in [
            ("sqlite3_preupdate_hook", [P, P, P], P), ("sqlite3_update_hook", [P, P, P], P), ("sqlite3_open", [C.c_char_p, P], C.c_int),
            ("sqlite3_exec", [P, C.c_char_p, ROW, P, P], C.c_int), ("sqlite3_enable_load_extension", [P, C.c_int], C.c_int),
            ("sqlite3_load_extension", [P, C.c_char_p, P, P], C.c_int), ("sqlite3session_create", [P, C.c_char_p, P], C.c_int),
            ("sqlite3session_attach", [P, C.c_char_p], C.c_int), ("sqlite3session_changeset", [P, P, P], C.c_int),
            ("sqlite3session_delete", [P], None), ("sqlite3_close", [P], C.c_int)]:
            function = getattr(lib, name); function.argtypes = arguments; function.restype = result
        class Database:
            def __init__(self):
                if os.path.exists("app.db"): os.remove("app.db")
                self.h = P(); assert lib.sqlite3_open(b"app.db", C.byref(self.h)) == 0
                lib.sqlite3_enable_load_extension(self.h, 1); message = C.c_char_p()
                assert lib.sqlite3_load_extension(self.h, LIBRARY.encode(), None, C.byref(message)) == 0, message.value
                self("CREATE TABLE a(id INTEGER PRIMARY KEY, n INT)"); self("INSERT INTO a VALUES(1, 1), (2, 2)")
                self("SELECT batch_begin('zero')"); self("SELECT batch_commit()")
            def __call__(self, sql):
                found = []; message = C.c_char_p()
                row = ROW(lambda _, n, values, names: found.append(tuple((values[i] or b"").decode() for i in range(n))) or 0)
                if lib.sqlite3_exec(self.h, sql.encode(), row, None, C.byref(message)): raise RuntimeError(message.value.decode())
                return found
            def refused(self, sql, *words):
                try: self(sql)
                except RuntimeError as error:
                    for word in words: assert word in str(error), error
                    return
                raise AssertionError("was not refused: " + sql)
            def session(self):
                made = P(); assert lib.sqlite3session_create(self.h, b"main", C.byref(made)) == 0
                assert lib.sqlite3session_attach(made, None) == 0
                return made
        def changes(session):
            size = C.c_int(); data = P()
            assert lib.sqlite3session_changeset(session, C.byref(size), C.byref(data)) == 0
            return C.string_at(data, size.value) if size.value else b""
        seen = []
        own = HOOK(lambda context, db, kind, database, table, old, new: seen.append((context, table.decode(), new)))
        def clear(): seen[:] = []

        """

    private static func expectFine(_ program: String) throws {
        try TemporaryFolder.with { folder in
            let result = try Hosts.python(folder, "LIBRARY = \"\(Hosts.name)\"\n" + head + program)
            #expect(result.fault == nil, "\(result)")
        }
    }

    /// With an argument of its own, and with none.
    @Test(arguments: ["None", "42"])
    func aHookOfBeforeGoesOnSeeingRows(argument: String) throws {
        try Self.expectFine(
            """
            d = Database(); before = d("SELECT * FROM a")
            lib.sqlite3_preupdate_hook(d.h, C.cast(own, P), \(argument))
            for end in ["SELECT batch_commit()", "SELECT batch_abort()", "ROLLBACK"]:
                clear()
                d("SELECT batch_begin('j')"); d("UPDATE a SET n = n + 1 WHERE id = 1"); d("INSERT INTO a VALUES(3, 3)")
                if "commit" in end: d("SELECT batch_checkpoint('half')")
                d(end)
                assert seen == [(\(argument), "a", 1), (\(argument), "a", 3)], seen
                clear(); d("UPDATE a SET n = n WHERE id = 2"); assert seen == [(\(argument), "a", 2)], seen
                if "commit" in end:
                    clear(); d("SELECT batch_rollback('j')"); assert {table for _, table, _ in seen} == {"a"}, seen
                assert d("SELECT * FROM a") == before
            # It is still the program's to take away.
            assert lib.sqlite3_preupdate_hook(d.h, None, None) == \(argument)
            """)
    }

    @Test(arguments: ["own", "nothing", "a session"], ["SELECT batch_commit()", "SELECT batch_checkpoint('c')"])
    func aHookSetInABatchIsNoticed(hook: String, end: String) throws {
        try Self.expectFine(
            """
            d = Database(); before = d("SELECT * FROM a")
            d("SELECT batch_begin('j')"); d("UPDATE a SET n = 10 WHERE id = 1")
            if "\(hook)" == "own": lib.sqlite3_preupdate_hook(d.h, C.cast(own, P), None)
            elif "\(hook)" == "nothing": lib.sqlite3_preupdate_hook(d.h, None, None)
            else: s = d.session()
            clear()
            d("UPDATE a SET n = 20 WHERE id = 2")
            d.refused("\(end)", "ERR_DATA_NOT_UNDOABLE", "preupdate hook or a session")
            assert d("SELECT * FROM a") == before
            # Theirs stays, and nobody calls it with our argument.
            if "\(hook)" == "own":
                d("UPDATE a SET n = n WHERE id = 2"); assert seen[-1] == (None, "a", 2), seen
                assert all(context is None for context, _, _ in seen)
            if "\(hook)" == "a session":
                d("UPDATE a SET n = 5 WHERE id = 2"); assert changes(s) != b""
                d("UPDATE a SET n = 2 WHERE id = 2"); lib.sqlite3session_delete(s)
            d("SELECT batch_begin('j')"); d("DELETE FROM a"); d("SELECT batch_commit()"); d("SELECT batch_rollback('j')")
            assert d("SELECT * FROM a") == before
            assert lib.sqlite3_close(d.h) == 0
            """)
    }

    @Test func aSessionOfBeforeSeesTheRowsAndNotTheLedger() throws {
        try Self.expectFine(
            """
            d = Database(); before = d("SELECT * FROM a")
            s = d.session(); reference = Database.__new__(Database)
            d("SELECT batch_begin('j')"); d("INSERT INTO a VALUES(7, 70)"); d("UPDATE a SET n = 11 WHERE id = 1"); d("SELECT batch_commit()")
            found = changes(s)
            assert b"batchmgr" not in found and found != b"", found
            d("SELECT batch_rollback('j')"); assert d("SELECT * FROM a") == before
            # What was undone is no change: the session has followed both.
            assert changes(s) == b"", changes(s)
            d("INSERT INTO a VALUES(8, 80)"); assert changes(s) != b""; d("DELETE FROM a WHERE id = 8")
            lib.sqlite3session_delete(s)
            d("SELECT batch_begin('j')"); d("DELETE FROM a"); d("SELECT batch_commit()"); d("SELECT batch_rollback('j')")
            assert d("SELECT * FROM a") == before and lib.sqlite3_close(d.h) == 0
            """)
    }

    @Test func aSessionThatEndsInABatchIsNoticed() throws {
        try Self.expectFine(
            """
            d = Database(); before = d("SELECT * FROM a"); s = d.session()
            d("SELECT batch_begin('j')"); d("UPDATE a SET n = 10 WHERE id = 1")
            lib.sqlite3session_delete(s)
            d("UPDATE a SET n = 20 WHERE id = 2")
            d.refused("SELECT batch_commit()", "ERR_DATA_NOT_UNDOABLE")
            assert d("SELECT * FROM a") == before
            d("UPDATE a SET n = 1 WHERE id = 1"); assert lib.sqlite3_close(d.h) == 0
            """)
    }

    @Test func anUpdateHookSeesNoRowOfTheLedger() throws {
        try Self.expectFine(
            """
            d = Database(); told = []
            update = UPDATE(lambda context, kind, database, table, row: told.append((context, table.decode(), row)))
            lib.sqlite3_update_hook(d.h, C.cast(update, P), 7)
            d("SELECT batch_begin('j')"); d("UPDATE a SET n = 5 WHERE id = 2"); d("SELECT batch_checkpoint('c')")
            d("INSERT INTO a VALUES(3, 3)"); d("SELECT batch_commit()")
            assert told == [(7, "a", 2), (7, "a", 3)], told
            assert lib.sqlite3_update_hook(d.h, None, None) == 7
            """)
    }

    @Test func triggersThatAreDroppedInABatchAreNoticed() throws {
        try HostCommitTests.expectFine(
            """
            c = fresh(); before = rows(c)
            for end in ["SELECT batch_commit()", "SELECT batch_checkpoint('c')"]:
                c.execute("SELECT batch_begin('j', NULL, '{\\"capture\\": \\"triggers\\"}')").fetchall()
                c.execute("UPDATE a SET v = 1 WHERE id = 1")
                name = c.execute("SELECT name FROM temp.sqlite_schema WHERE name LIKE 'batchmgr_record_after_update%'").fetchone()[0]
                c.execute("DROP TRIGGER temp." + name); c.execute("UPDATE a SET v = 2")
                refused(c, end, "ERR_DATA_NOT_UNDOABLE", "triggers that record table a")
                assert rows(c) == before
                # One that only has such a name records nothing.
                c.execute("SELECT batch_begin('j', NULL, '{\\"capture\\": \\"triggers\\"}')").fetchall()
                c.execute("CREATE TEMP TRIGGER batchmgr_record_mine AFTER UPDATE ON main.a BEGIN DELETE FROM a WHERE id = 2; END")
                c.execute("UPDATE a SET v = 3 WHERE id = 1")
                refused(c, end, "batchmgr_record_mine")
                assert rows(c) == before
            """)
    }
}
