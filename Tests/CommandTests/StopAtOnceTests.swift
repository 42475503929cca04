import TestSupport
import Testing

/// Work that nothing is lost of ends at the first Ctrl-C or SIGTERM, and leaves no file behind.
@Suite struct StopAtOnceTests {
    /// Starts a verb, waits until it has begun to write a file or has worked for a moment, sends the signal, and says how
    /// long it took to end and which files are new.
    private static let line = """
        rm -f "$DB"-shm "$DB"-wal
        list() { find . -type f ! -path '*/logs/*' ! -path '*/audit-heads/*' ! -name 'app.db*' ! -name 'control.db*' \
            ! -name err ! -name out | sort; }
        list > /tmp/stop-before.$$
        "$TOOL" --db app.db "$@" > out 2> err &
        tool=$!
        # It has to hear the signal (bit 14 is SIGTERM), and to be at work.
        caught() {
            mask=$(sed -n 's/^SigCgt:[[:space:]]*//p' /proc/$tool/status 2>/dev/null)
            [ $((0x${mask:-0} & 0x4000)) -ne 0 ]
        }
        tries=0
        while ! caught && [ $tries -lt 400 ]; do tries=$((tries + 1)); sleep 0.005; done
        tries=0
        while [ $tries -lt 15 ]; do
            tries=$((tries + 1))
            find . -name '*.tmp' -o -name 'batchmgr-scratch-*' | grep -q . && break
            sleep 0.01
        done
        began=$(date +%s%N)
        kill -s "$SIGNAL" $tool
        wait $tool
        echo "code $?"
        took=$(( ($(date +%s%N) - began) / 1000000 ))
        [ $took -lt 1000 ] && echo "in time" || echo "after $took ms"
        list | diff /tmp/stop-before.$$ - | sed 's/^/left: /'
        ls app.db-journal 2> /dev/null | sed 's/^/left: /'
        rm /tmp/stop-before.$$
        cat err out
        """

    private static let table = """
        CREATE TABLE big(id INTEGER PRIMARY KEY, a TEXT, n INTEGER);
        WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 200000)
        INSERT INTO big SELECT i, hex(randomblob(40)), i FROM c;
        """

    @Test func workThatMayEndAnywhereEndsAtTheFirstSignal() throws {
        try TemporaryFolder.with { folder in
            let here = "cd \(Shell.quote(folder)) || exit 99\n"
            func run(_ line: String) throws -> BuiltTool.Result { try BuiltTool.shell(here + line) }
            let made = try run(
                """
                sqlite3 app.db \(Shell.quote(Self.table))
                for k in 1 2 3; do "$TOOL" --db app.db run --id up --sql "UPDATE big SET n = n + 1 WHERE id % 20 = $k" -q || exit 1; done
                """)
            try #require(made.code == 0, "\(made.err)")
            let state = try run("sqlite3 app.db 'SELECT count(*), sum(n) FROM big'").out
            let verbs = [
                "verify", "drill", "restore --point up.1 --to there.db", "restore --point up.1^ --in-place",
                "erase --table big --where 'id<30000' --yes",
            ]
            for (index, verb) in verbs.enumerated() {
                let signal = index % 2 == 0 ? "TERM" : "INT"
                let ended = try run("SIGNAL=\(signal); set -- \(verb)\nset -m\n" + Self.line).out
                let told =
                    "code 130\nin time\n\nstopping: nothing has to be finished first; a second Ctrl-C changes nothing\n"
                    + "error: ERR_PERF_STOPPED: "
                #expect(ended.hasPrefix(told), "\(verb): \(ended)")
                // Nothing stands in the way of the next command.
                let next = try run("\"$TOOL\" --db app.db verify --fast")
                #expect(next.code == 0, "\(verb): \(next.out)\(next.err)")
                let now = try run("sqlite3 app.db 'SELECT count(*), sum(n) FROM big'").out
                if !verb.hasPrefix("erase") { #expect(now == state, "\(verb)") }
            }
            // In the middle of a transaction.
            for (place, verb) in [
                ("undone", "rollback up.1 --mode cascade"), ("undone", "rollback up.1 --mode cascade --dry-run"),
                ("worked", "restore --point up.1^ --in-place"),
            ] {
                let ended = try run("BATCHMGR_KILL_AT=\(place):TERM exec \"$TOOL\" --db app.db \(verb)")
                #expect(ended.code == 130, "\(verb): \(ended.err)")
                #expect(try run("ls app.db-journal").code != 0, "\(verb)")
                #expect(try run("sqlite3 app.db 'SELECT count(*), sum(n) FROM big'").out == state, "\(verb)")
            }
            // The whole copy before a change of the schema, and the log, are written by then.
            let drop = try run("\"$TOOL\" --db app.db run --id drop --sql 'DROP TABLE big'")
            try #require(drop.code == 0, "\(drop.err)")
            let files = try run("find . -name '*.bak' -o -name 'rollback_*' | sort").out
            let rollback = try run("BATCHMGR_KILL_AT=copied:TERM exec \"$TOOL\" --db app.db rollback drop")
            #expect(rollback.code == 130 && rollback.err.contains("ERR_PERF_STOPPED"), "\(rollback.err)")
            #expect(try run("find . -name '*.bak' -o -name 'rollback_*' | sort").out == files)
            #expect(try run("\"$TOOL\" --db app.db rollback drop").code == 0)
            #expect(try run("find . -name 'rollback_*.log' | wc -l").out == "1\n")
            let audit = try run("\"$TOOL\" --db app.db audit list --all").out
            #expect(audit.contains("drill"), "\(audit)")
            let quiet = try run("SIGNAL=TERM; set -- drill --json\nset -m\n" + Self.line).out
            #expect(quiet.contains("\"exit_code\":130"), "\(quiet)")
        }
    }

    @Test func whatAGuardAndADryRunOfARepairSayWhenTheyAreStopped() throws {
        let repair =
            "class: DATA\nfinds: SELECT id AS key FROM items WHERE qty < 0\nsteps:\n"
            + "  - {id: set, sql: UPDATE items SET qty = 0 WHERE qty < 0}\n"
        try BadLuckScene.with(jobs: ["repair_stock": repair]) { scene in
            try scene.sql("UPDATE items SET qty = -1")
            let rows = try scene.sql("SELECT * FROM items")
            for (place, verb) in [
                ("ledger-created", "guard set --mode track"), ("statement", "heal run repair_stock --dry-run"),
            ] {
                let ended = try scene.shell("BATCHMGR_KILL_AT=\(place):TERM exec \"$TOOL\" \(verb)")
                let name = verb.split(separator: " ").prefix(2).joined(separator: " ")
                #expect(ended.code == 130, "\(verb): \(ended)")
                #expect(
                    ended.err.hasSuffix(
                        """
                        \nstopping: nothing has to be finished first; a second Ctrl-C changes nothing
                        error: ERR_PERF_STOPPED: \(name) was stopped before it had finished
                        hint: nothing was changed; run it again later\n
                        """), "\(verb): \(ended.err)")
                #expect(try scene.sql("SELECT * FROM items") == rows, "\(verb)")
                #expect(
                    try scene.sql("SELECT count(*) FROM sqlite_schema WHERE type = 'trigger' AND name LIKE 'batchmgr%'")
                        == "0")
            }
            try scene.expect(0, "guard", "set", "--mode", "track")
            try scene.expect(0, "heal", "run", "repair_stock", "--dry-run")
        }
    }

    /// Before its batch has begun there is nothing that a run would have to finish; nor is there in a dry run.
    @Test func aRunThatHasNotBegunEndsAtTheFirstSignal() throws {
        try TemporaryFolder.with { folder in
            let here = "cd \(Shell.quote(folder)) || exit 99\n"
            func run(_ line: String) throws -> BuiltTool.Result { try BuiltTool.shell(here + line) }
            try #require(try run("sqlite3 app.db \(Shell.quote(Self.table))").code == 0)
            let state = try run("sqlite3 app.db 'SELECT count(*), sum(n) FROM big'").out
            let told =
                "stopping: nothing has to be finished first; a second Ctrl-C changes nothing\nerror: ERR_PERF_STOPPED: run was"
            for (index, verb) in [
                "run --id up --sql 'UPDATE big SET n = n + 1'",
                "run --id up --sql 'UPDATE big SET n = n + 1' --dry-run",
                "run --id up --sql 'UPDATE big SET n = n + 1' --anew",
            ].enumerated() {
                let signal = index % 2 == 0 ? "TERM" : "INT"
                let ended = try run("SIGNAL=\(signal); set -- \(verb)\nset -m\n" + Self.line).out
                #expect(ended.hasPrefix("code 130\nin time\n") && ended.contains(told), "\(verb): \(ended)")
                #expect(!ended.contains("left: app.db-journal") && !ended.contains(".tmp"), "\(verb): \(ended)")
                #expect(try run("\"$TOOL\" --db app.db list").out.contains("no batch"), "\(verb)")
                #expect(try run("sqlite3 app.db 'SELECT count(*), sum(n) FROM big'").out == state, "\(verb)")
            }
            let done = try run("\"$TOOL\" --db app.db run --id up --sql 'UPDATE big SET n = n + 1 WHERE id < 9'")
            #expect(done.code == 0, "\(done.err)")
            try #require(try run("sqlite3 app.db 'UPDATE big SET n = 7 WHERE id > 9'").code == 0)
            let theirs = try run("sqlite3 app.db 'SELECT count(*), sum(n) FROM big'").out
            for verb in ["drift adopt", "drift undo"] {
                let ended = try run("SIGNAL=TERM; set -- \(verb)\nset -m\n" + Self.line).out
                #expect(ended.hasPrefix("code 130\nin time\n"), "\(verb): \(ended)")
                #expect(!ended.contains("left: app.db-journal") && !ended.contains(".tmp"), "\(verb): \(ended)")
                #expect(try run("sqlite3 app.db 'SELECT count(*), sum(n) FROM big'").out == theirs, "\(verb)")
            }
            #expect(try run("\"$TOOL\" --db app.db drift adopt").code == 0)
            #expect(try run("\"$TOOL\" --db app.db verify").code == 0)
        }
    }
}
