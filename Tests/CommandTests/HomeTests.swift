import BatchCore
import TestSupport
import Testing

/// A database has one home and one owner, whatever it is called by.
@Suite struct HomeTests {
    static let table = "CREATE TABLE t(id INTEGER PRIMARY KEY, v TEXT); INSERT INTO t VALUES(1,'old'),(2,'x')"

    /// Runs lines of `sh` in a folder of their own; the first that fails ends them, and says which.
    @discardableResult
    static func script(_ lines: String, in folder: String) throws -> String {
        let helpers = """
            cd \(Shell.quote(folder)); set -e
            run() { "$TOOL" --db "$1" run --id "$2" --sql "UPDATE t SET v = '$3' WHERE id = 1" > out 2>&1; }
            whole() { "$TOOL" --db "$1" verify > out 2>&1; "$TOOL" --db "$1" drill > out 2>&1; }
            value() { sqlite3 "$1" "SELECT v FROM t WHERE id = 1"; }
            point() { rm -f r.db; "$TOOL" --db "$1" restore --point "$2" --to r.db ${3:+--source $3} > out 2>&1; value r.db; }
            fails() { code=$1; shift; set +e; "$@" > out 2>&1; found=$?; set -e; [ $found = $code ]; }
            new() { sqlite3 "$1" "\(table)"; }
            """
        let result = try BuiltTool.shell(helpers + "\n" + lines)
        #expect(result.code == 0, "\(result.out)\(result.err)\(Self.last(folder))")
        return result.out
    }

    private static func last(_ folder: String) -> String {
        String(decoding: Shell.run("cat \(Shell.quote(folder + "/out")) 2>/dev/null | head -5"), as: UTF8.self)
    }

    @Test func everyNameLeadsToTheSameHome() throws {
        try TemporaryFolder.with { folder in
            let out = try Self.script(
                """
                mkdir -p ws/data ws/catalog links; new ws/data/app.db; ln -s ../ws/data/app.db links/other.db
                run links/other.db one 1; run ws/data/../data/app.db two 2
                printf 'databases:\\n  main: {path: data/app.db}\\n' > ws/batchmgr.yaml
                (cd ws; "$TOOL" run --id three --sql "UPDATE t SET v = '3' WHERE id = 1" > out 2>&1)
                whole links/other.db; whole ws/data/app.db
                mv ws/data/app.db ws/data/prod.db; rm links/other.db ws/batchmgr.yaml
                run ws/data/prod.db four 4; whole ws/data/prod.db
                for p in one.1 two.1 three.1 four.1; do point ws/data/prod.db $p bak; point ws/data/prod.db $p git; done
                find . -name history.git | wc -l
                """, in: folder)
            #expect(out == "1\n1\n2\n2\n3\n3\n4\n4\n1\n")
        }
    }

    @Test func databasesOfOneFolderNeverMeet() throws {
        try TemporaryFolder.with { folder in
            let out = try Self.script(
                """
                for n in 'a b.db' a_b.db 店.db 本.db; do new "$n"; run "$n" fix "$n"; done
                for n in 'a b.db' a_b.db 店.db 本.db; do
                  point "$n" fix.1 bak; point "$n" fix.1 git; whole "$n"
                done
                rm a_b.db; point a_b.db fix.1
                """, in: folder)
            #expect(out == "a b.db\na b.db\na_b.db\na_b.db\n店.db\n店.db\n本.db\n本.db\na_b.db\n")
        }
    }

    /// All databases of a home have their commits in one repository.
    @Test func aCommitOfAnotherDatabaseIsRefusedWithTheCommandThatRestoresIt() throws {
        try TemporaryFolder.with { folder in
            let out = try Self.script(
                """
                new a.db; new b.db; run a.db fix a; run b.db fix b; cp a.db c.db; run c.db two c
                commit() { "$TOOL" --db $1 points --json | grep -o '"commit":"[0-9a-f]*' | tail -1 | cut -d'"' -f4; }
                a=$(commit a.db); b=$(commit b.db)
                for n in b.db c.db; do for p in $a batch/fix.1; do
                  fails 2 "$TOOL" --db $n restore --point $p --to r.db; [ ! -e r.db ]
                  grep -q "ERR_UX_UNKNOWN_POINT: $p is a restore point of .*/a.db, and not of .*/$n" out
                  next=$(sed -n 's/^hint: restore it from there: batchmgr \\(.*\\) FILE$/\\1/p' out)
                  "$TOOL" $next r.db > out 2>&1; value r.db; rm r.db
                done; done
                fails 2 "$TOOL" --db b.db restore --point $a --in-place
                point b.db $b git; git --git-dir backups/batch_manager/history.git tag kept $b; point b.db kept
                rm b.db; point b.db $b; fails 2 "$TOOL" --db b.db restore --point $a --to r2.db
                """, in: folder)
            #expect(out == "a\na\na\na\nb\nb\nb\n")
        }
    }

    @Test func aCopyBeginsAHistoryOfItsOwn() throws {
        try TemporaryFolder.with { folder in
            let out = try Self.script(
                """
                new app.db; run app.db one 1; cp app.db copy.db; mkdir away; cp app.db away/app.db
                "$TOOL" --db copy.db home show --json | grep -o '"state":"[a-z]*"'
                run copy.db two c; run away/app.db two a; run app.db two o
                "$TOOL" --yes --db copy.db prune --keep-last 1 > out 2>&1
                for n in app.db copy.db away/app.db; do whole $n; point $n two.1 bak; done
                mv app.db old.db; cp old.db app.db; run app.db three n; run old.db three m; whole app.db; whole old.db
                point app.db three.1; point old.db three.1
                """, in: folder)
            #expect(out == "\"state\":\"copy\"\no\nc\na\nn\nm\n")
        }
    }

    @Test func aHardLinkIsRefusedWithTheNameToUse() throws {
        try TemporaryFolder.with { folder in
            let out = try Self.script(
                """
                new app.db; run app.db one 1; ln app.db hard.db
                fails 2 "$TOOL" --db hard.db list; grep -c "use that name: batchmgr --db .*/app.db list" out
                """, in: folder)
            #expect(out == "1\n")
        }
    }

    /// A program that uses the other name has a log of its own in WAL mode, and a batch would be lost in it.
    @Test(arguments: ["WAL", "DELETE"]) func nothingIsWrittenIntoAFileOfTwoNames(mode: String) throws {
        try TemporaryFolder.with { folder in
            let out = try Self.script(
                """
                new app.db; sqlite3 app.db "PRAGMA journal_mode = \(mode)" > out; run app.db one 1; ln app.db other.db
                for verb in 'run --id x --sql SELECT(1)' 'run --dry-run --id x --sql SELECT(1)' 'rollback --id one.1 --yes' 'guard set --mode track --yes'
                do fails 2 "$TOOL" --db app.db $verb; grep -c 'app.db has 2 names (hard links)' out; done
                "$TOOL" --db app.db list > out 2>&1; "$TOOL" --db app.db doctor --fast > out 2>&1; tr -d '\\n' < out | grep -c 'hard links.*2 names'
                "$TOOL" --db app.db --json doctor --fast > out; $(sed -n 's/.*find them: \\(find .*\\); let.*/\\1/p' out | sed "s|find /|find $PWD|") | wc -l
                value app.db; rm other.db; "$TOOL" --db app.db rollback --id one.1 --yes > out 2>&1; value app.db; whole app.db
                """, in: folder)
            #expect(out == "1\n1\n1\n1\n1\n2\n1\nold\n")
        }
    }

    /// Its ledger and its rows fit each other, so only the history knows that there was more.
    @Test(arguments: ["cp old.db app.db", "mv old.db app.db", "rm app.db; cp old.db app.db"])
    func anOlderCopyThatWasPutInPlaceIsTold(putting: String) throws {
        try TemporaryFolder.with { folder in
            let out = try Self.script(
                """
                new app.db; run app.db one 1; cp app.db old.db; run app.db two 2; run app.db three 3
                "$TOOL" --db app.db --json doctor --fast > out 2>&1; grep -c 'older copy' out || true
                \(putting)
                "$TOOL" --db app.db --json doctor --fast > out 2>&1; grep -c '"name":"history".*of batch three.1, is not in the ledger' out
                "$TOOL" --db app.db run --id four --sql "UPDATE t SET v = '4' WHERE id = 1" > out 2>&1
                grep -c WARN_DATA_OLDER_COPY out
                restore=$(sed -n 's/.*newest state: batchmgr \\(.*\\) FILE; or.*/\\1/p' out); eval "'$TOOL' $restore r3.db" > out 2>&1; value r3.db
                run app.db five 5; grep -c WARN_DATA_OLDER_COPY out || true
                # The audit was cut, and nothing makes that undone; all else is whole.
                fails 6 "$TOOL" --db app.db verify; grep FAIL out | grep -vc 'audit ledger' || true
                "$TOOL" --db app.db drill > out 2>&1; point app.db four.1 bak; point app.db five.1 git
                "$TOOL" --db app.db rollback --id four.1 --mode cascade --yes > out 2>&1; value app.db
                """, in: folder)
            #expect(out == "0\n1\n1\n3\n0\n0\n4\n5\n1\n")
        }
    }

    @Test func aDatabaseThatWasMovedWithoutItsHomeIsTold() throws {
        try TemporaryFolder.with { folder in
            let out = try Self.script(
                """
                mkdir a b; new a/app.db; run a/app.db one 1; mv a/app.db b/app.db
                fails 2 "$TOOL" --db b/app.db list; grep -c "home set --to" out
                fails 2 "$TOOL" --db b/app.db home show
                "$TOOL" --db b/app.db home set --to a/backups/batch_manager > out 2>&1
                run b/app.db two 2; whole b/app.db; point b/app.db one.1 bak; find b -name '*.bak'
                """, in: folder)
            #expect(out == "1\n1\n")
        }
    }

    /// Each way to have lost one's place is told by `doctor`, with what to do.
    @Test func doctorExplainsHomeAndLease() throws {
        try TemporaryFolder.with { folder in
            let out = try Self.script(
                """
                row() {
                  "$TOOL" --db $1 --json doctor --fast > out 2>&1 || echo "exit $?"
                  sed -n 's/.*"name":"'$2'",[^{]*"detail":"\\([^"]*\\).*/'$2' \\1/p' out
                }
                new app.db; row app.db home; row app.db lease; run app.db one 1
                ln -s app.db link.db; row link.db home; cp app.db copy.db; row copy.db home
                ln app.db hard.db; row hard.db home; rm hard.db copy.db link.db
                mv app.db new.db; row new.db home; mv new.db app.db
                mkdir away; mv app.db away; row away/app.db home
                "$TOOL" --db away/app.db home set --to backups/batch_manager > out 2>&1; row away/app.db home
                row backups/batch_manager/batch_one*.bak home
                sqlite3 away/app.db "UPDATE batchmgr_lease SET process = 1, started = '1', boot = 'other', machine = 'm', namespace = 'n', kind = 'run', job = 'night'"
                row away/app.db lease
                sqlite3 away/app.db "UPDATE batchmgr_lease SET boot = '$(cat /proc/sys/kernel/random/boot_id)', namespace = '$(readlink /proc/self/ns/pid)'"
                row away/app.db lease
                """, in: folder)
            let lines = out.replacing(folder, with: "F").split(separator: "\n").map(String.init)
            let expected = [
                "home none yet: the first batch makes F/backups/batch_manager", "lease nobody is working",
                "home F/backups/batch_manager, branch app.db", "home a copy of F/app.db", "exit 2",
                "home F/hard.db is a second name (a hard link) of the database F/app.db",
                "home F/backups/batch_manager, branch app.db; the file has a new name or place", "exit 2",
                "home F/away/app.db was moved without its home", "home F/backups/batch_manager, branch app.db",
                "exit 2",
                "home F/backups/batch_manager/batch_one.1", "lease held from another container",
                "lease died: one.1",
            ]
            #expect(lines.count == expected.count, "\(out)")
            for (line, start) in zip(lines, expected) { #expect(line.contains(start), "\(out)") }
        }
    }

    @Test func aFolderMayMoveWithItsDatabases() throws {
        try TemporaryFolder.with { folder in
            _ = try Self.script(
                """
                mkdir a; new a/app.db; run a/app.db one 1; mv a b; run b/app.db two 2; whole b/app.db
                point b/app.db one.1 bak; [ ! -e a ]
                """, in: folder)
        }
    }

    @Test func filesOfOurOwnAreNoDatabases() throws {
        try TemporaryFolder.with { folder in
            _ = try Self.script(
                """
                new app.db; run app.db one 1
                for f in backups/batch_manager/*.bak backups/batch_manager/control.db; do
                  fails 2 "$TOOL" --db "$f" run --id x --sql 'SELECT 1'; grep -q 'must not be changed' out
                done
                cp backups/batch_manager/*.bak fresh.db; run fresh.db two 2; whole fresh.db; whole app.db
                """, in: folder)
        }
    }

    @Test func theRulesOfAWorkspaceHoldHoweverADatabaseIsNamed() throws {
        try TemporaryFolder.with { folder in
            let out = try Self.script(
                """
                mkdir ws links; cd ws; for n in a b; do new $n.db; done; ln -s ../ws/b.db ../links/b.db
                printf 'databases:\\n  main: {path: a.db}\\n  other: {path: b.db, protected: [t]}\\n' > batchmgr.yaml
                fails 3 "$TOOL" --db b.db run --id x --sql "UPDATE t SET v = 1"
                fails 3 "$TOOL" --db ../links/b.db run --id x --sql "UPDATE t SET v = 1"
                fails 3 "$TOOL" --database other run --id x --sql "UPDATE t SET v = 1"
                "$TOOL" --database main run --id x --sql "UPDATE t SET v = 1" > out 2>&1
                value a.db; value b.db
                """, in: folder)
            #expect(out == "1\nold\n")
        }
    }

    @Test func whoWasTakenForDeadWritesNothingMoreWhenItWakesUp() throws {
        try TemporaryFolder.with { folder in
            let out = try Self.script(
                """
                new app.db; mkdir catalog; printf 'databases:\\n  main: {path: app.db}\\n' > batchmgr.yaml
                cat > hold <<'END'
                #!/bin/sh
                touch held; while [ ! -e go ]; do sleep 0.02; done
                END
                chmod +x hold
                cat > catalog/job.yaml <<'END'
                id: job
                version: 1.0.0
                steps:
                  - {id: a, sql: "UPDATE t SET v = 'a' WHERE id = 1"}
                  - {id: hold, exec: [./hold]}
                  - {id: b, sql: "UPDATE t SET v = 'b' WHERE id = 1"}
                END
                "$TOOL" run --id job > first 2>&1 & one=$!
                until [ -e held ]; do sleep 0.02; done
                fails 75 "$TOOL" --db app.db run --id two --sql "UPDATE t SET v = '2' WHERE id = 1"
                kill -STOP $one
                # As seen from another machine: the process is silent, and gone after a while.
                sqlite3 app.db "UPDATE batchmgr_lease SET process = NULL"
                run app.db two 2; touch go; kill -CONT $one
                set +e; wait $one; echo $?; set -e
                grep -c 'error: ERR_PERF_LEASE_LOST' first; value app.db; whole app.db
                sqlite3 app.db "SELECT status FROM batchmgr_batches WHERE batch = 'job.1'"
                """, in: folder)
            #expect(out == "75\n1\n2\nstopped\n")
        }
    }

    /// The folder of its copies is somewhere else than anybody knows: a batch goes on, and says so.
    @Test func aHomeThatIsGoneIsToldAndCanBeBroughtTogetherAgain() throws {
        try TemporaryFolder.with { folder in
            let out = try Self.script(
                """
                H=backups/batch_manager
                mkdir old new; new old/app.db; run old/app.db one 1; run old/app.db two 2
                mv old/app.db new/; mv old/$H new/kept
                words='none of the 3 restore points of .*/new/app.db is in its home .*/new/backups/batch_manager'
                "$TOOL" --db new/app.db doctor > out 2>&1; grep -A1 '^warn  home' out | tr -d '\n' | tr -s ' ' | grep -cq 'none of the 3'
                run new/app.db three 3; grep -c "WARN_DATA_NO_RESTORE_POINT: $words" out
                grep -c 'home set --to FOLDER; when it is lost for good: batchmgr --db new/app.db forget-copies' out
                run new/app.db four 4; fails 1 grep -q 'restore points of' out
                "$TOOL" --db new/app.db home set --to new/kept > out 2>&1
                grep -c 'WARN_DATA_NO_RESTORE_POINT: 2 .bak files of .* are in .*/new/backups/batch_manager alone' out
                fails 6 "$TOOL" --db new/app.db verify
                eval "$("$TOOL" --db new/app.db home set --to new/$H 2>&1 | sed -n 's/^hint: bring them here: //p' | head -1)" > out 2>&1
                whole new/app.db; for p in one.1 two.1 three.1 four.1; do point new/app.db $p git; done
                """, in: folder)
            #expect(out == "1\n1\n1\n1\n2\n3\n4\n")
        }
    }

    /// Somebody copied the folders into each other: what has one name in both is told apart again.
    @Test(arguments: [("one.db", "two.db"), ("two.db", "one.db"), ("app.db", "app.db")])
    func homesThatArePutTogetherAreToldApart(first: String, second: String) throws {
        try TemporaryFolder.with { folder in
            let out = try Self.script(
                """
                H=backups/batch_manager
                mkdir A B; new A/\(first); new B/\(second)
                for n in A/\(first) B/\(second); do run $n one "1 $n"; run $n two "2 $n"; done
                [ \(first) = \(second) ] && mv A/\(first) A/other.db; a=$(ls A/*.db)
                mv B/\(second) A/; cp -an B/backups/. A/backups/; cat B/$H/signing.pub > A/$H/signing.1.pub; rm -r B
                run A/\(second) three 3; run $a three 4; run A/\(second) four 5
                # Nothing depends on what git drops, and all of it can be reached.
                git --git-dir A/$H/history.git gc -q --prune=now
                for n in $a A/\(second); do
                  "$TOOL" --db "$n" drill > out 2>&1
                  # A signature names the branch: those of a branch that has another name now match it no longer.
                  "$TOOL" --db "$n" verify > out 2>&1 || ! grep '^FAIL' out | grep -v '^FAIL  audit'
                  for p in one.1 two.1; do point $n $p git; git --git-dir A/$H/history.git log --oneline -1 \
                    "$("$TOOL" --db $n home show --json | grep -o '"tags":"[^"]*' | cut -d'"' -f4)$p" | cut -d' ' -f2; done
                done
                """, in: folder)
            #expect(
                out == """
                    1 A/\(first)
                    one.1:
                    2 A/\(first)
                    two.1:
                    1 B/\(second)
                    one.1:
                    2 B/\(second)
                    two.1:

                    """)
        }
    }

    // MARK: Version 0.1

    @Test(arguments: [
        ("beside", "a b.db", ["fix.1=new of a b", "fix.1^=old of a b"]),
        ("beside", "a_b.db", ["fix.1=new of a_b", "fix.1^=old of a_b"]),
        ("renamed", "prod.db", ["one.1=one", "two.1=one"]), ("workspace", "data/app.db", ["one.1=one"]),
        ("pending", "app.db", ["one.1=one", "two.1=two"]),
    ])
    func whatVersionOneWroteIsTakenOver(archive: String, database: String, points: [String]) throws {
        try TemporaryFolder.with { folder in
            let file = TextFile.inPackage("Tests/Fixtures/version-0.1/\(archive).tar.xz")
            var lines = "tar -xJf \(Shell.quote(file)); db='\(database)'; whole \"$db\"\n"
            for point in points {
                for source in ["git", "bak"] {
                    lines += "point \"$db\" '\(point.prefix { $0 != "=" })' \(source)\n"
                }
            }
            lines +=
                "run \"$db\" later 9; whole \"$db\"; \"$TOOL\" --db \"$db\" rollback --id later > out 2>&1; whole \"$db\"\n"
            lines += "sqlite3 \"$db\" \"SELECT value FROM batchmgr_meta WHERE key = 'format_version'\""
            let wanted = points.flatMap { point in
                Array(repeating: String(point.drop { $0 != "=" }.dropFirst()), count: 2)
            }
            let printed = try Self.script(lines, in: folder)
            #expect(printed == wanted.map { $0 + "\n" }.joined() + "2\n")
        }
    }

    @Test func aNewerFormatIsRefused() throws {
        try TemporaryFolder.with { folder in
            _ = try Self.script(
                """
                new app.db; run app.db one 1
                sqlite3 app.db "UPDATE batchmgr_meta SET value = '3' WHERE key = 'format_version'"
                fails 6 "$TOOL" --db app.db list; grep -q 'has format 3, newer than this program knows' out
                sqlite3 app.db "UPDATE batchmgr_meta SET value = '2' WHERE key = 'format_version'"
                sed -i 's/"format":1/"format":2/' backups/batch_manager/databases/*.json
                fails 6 "$TOOL" --db app.db list; grep -q 'newer than this program knows' out
                sed -i 's/"format":2/"format":1/' backups/batch_manager/databases/*.json
                "$TOOL" --db app.db doctor > out 2>&1; sqlite3 backups/batch_manager/control.db 'PRAGMA user_version = 99'
                fails 6 "$TOOL" --db app.db doctor; grep -q '^FAIL  control.db  ' out
                """, in: folder)
        }
    }
}
