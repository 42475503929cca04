import BatchCore
import TestSupport
import Testing

/// `notify:` and `watchdog:`, with a receiver that listens.
@Suite struct NotifyTests {
    private static let jobs = [
        "shaky":
            "steps:\n  - {id: a, sql: UPDATE t SET v = v + 1}\n  - {id: tell, exec: [./tell]}\non_failure: rollback",
        "grave": "level: 3\nsteps:\n  - {id: a, sql: UPDATE t SET v = v + 1}",
    ]

    /// - Parameter settings: lines of `batchmgr.yaml`, in which `URL` stands for the receiver.
    private func told(_ settings: String, _ script: String) throws -> BuiltTool.Result {
        try BadLuckScene.with(jobs: NotifyTests.jobs) { scene in
            try scene.sql("CREATE TABLE t(v INTEGER NOT NULL); INSERT INTO t VALUES(1)")
            try scene.write("secret", "between-the-two-of-us\n")
            try scene.write("settings", settings + "\n")
            return try scene.shell(
                """
                mkfifo said
                python3 "$1" >said & R=$!
                read -r port <said
                sed "s|URL|http://127.0.0.1:$port/hook|" settings >>batchmgr.yaml
                bad() { printf '#!/bin/sh\\nexit 1\\n' >tell; chmod +x tell; "$TOOL" run shaky --anew -q 2>>err; }
                good() { printf '#!/bin/sh\\nexit 0\\n' >tell; chmod +x tell; "$TOOL" run shaky --anew -q 2>>err; }
                : >told.txt
                \(script)
                kill $R
                """, [TextFile.inPackage("Tests/Fixtures/webhook_receiver.py")])
        }
    }

    /// What is in the list is told, once, and the settings are those of the workspace.
    @Test func jobsThatAreStuckAreTold() throws {
        try TemporaryFolder.with { folder in
            let result = try BuiltTool.shell(
                #"""
                cd "$1"
                sqlite3 a.db "CREATE TABLE t(a INTEGER PRIMARY KEY)"
                mkdir catalog
                printf '#!/bin/sh\ncat >>told; echo >>told\n' >tell; chmod +x tell
                printf 'databases:\n  main: {path: a.db}\nqueue: {max_age: {queued: 2h}}\nnotify: [{command: [./tell], events: [stuck]}]\n' >batchmgr.yaml
                printf 'id: add\nversion: 1.0.0\nsteps:\n  - {id: one, sql: INSERT INTO t DEFAULT VALUES}\n' >catalog/add.yaml
                "$TOOL" queue add add -q; "$TOOL" queue add add -q; "$TOOL" queue pause --reason later -q
                for hours in 1 3 4; do
                    faketime -f "+${hours}h" "$TOOL" queue list --stuck --json | grep -o -e '"stuck":true' | wc -l
                    faketime -f "+${hours}h" "$TOOL" serve --once -q
                done
                grep -c '"event":"stuck"' told; grep -o '2 jobs of add are queued for more than 2h' told
                grep -c '"queue.stuck"' backups/batch_manager/logs/*
                """#, [folder])
            #expect(result.out == "0\n2\n2\n1\n2 jobs of add are queued for more than 2h\n1\n", "\(result)")
        }
    }

    @Test func aWebhookIsSignedAndHearsOfAJobThatWorksAgain() throws {
        let result = try told(
            "notify: [{url: URL, secret_file: secret, events: [failed, recovered, approval]}]",
            "good; bad; good; good; \"$TOOL\" run grave -q 2>>err; cat told.txt")
        #expect(result.out == "failed signed\nrecovered signed\napproval signed\n", "\(result.err)")
    }

    /// Before anything has to be told.
    @Test func aSecretThatIsTooShortOrGoneIsNamed() throws {
        try BadLuckScene.with(jobs: [
            "own": "notify: [{url: 'http://127.0.0.1:1/', secret_file: gone}]\nsteps: [{id: a, sql: SELECT 1}]"
        ]) {
            scene in
            try scene.sql("CREATE TABLE t(id INTEGER PRIMARY KEY)")
            try scene.write("short", "abc\n")
            try scene.shell("echo \"notify: [{url: 'http://127.0.0.1:1/', secret_file: short}]\" >>batchmgr.yaml")
            let told = try scene.expect(2, "catalog", "validate")
            #expect(told.out.contains("fewer than 16 characters"), "\(told.out)")
            #expect(told.out.contains("job own: notify:") && told.out.contains("gone"), "\(told.out)")
            #expect(told.out.contains("batchmgr.yaml"), "\(told.out)")
            let examined = try scene.tool("doctor", "--json")
            #expect(examined.code != 0 && examined.out.contains("fewer than 16 characters"), "\(examined.out)")
        }
    }

    @Test func aRuleMayWaitForSeveralFailuresInARow() throws {
        let result = try told(
            "notify: [{url: URL, after: 3, events: [failed, recovered]}]",
            "bad; bad; good; bad; bad; cat told.txt; echo -; bad; bad; good; cat told.txt")
        #expect(
            result.out == "-\nfailed unsigned\nfailed unsigned\nrecovered unsigned\n", "\(result.err)")
    }

    @Test func whatDoesNotArriveIsKeptAndSentLater() throws {
        let result = try told(
            "notify: [{url: URL, events: [failed]}]",
            """
            touch down; bad; bad
            "$TOOL" notify list --json | tr '{' '\\n' | grep -c '"state":"waiting"'
            "$TOOL" notify redrive
            rm down
            "$TOOL" notify redrive
            cat told.txt
            "$TOOL" notify list
            """)
        #expect(
            result.out
                == "2\n0 sent, 2 left\n2 sent, 0 left\nfailed unsigned\nfailed unsigned\nevery notice was delivered\n",
            "\(result.err)")
    }

    @Test func afterEightTriesANoticeIsDead() throws {
        let result = try told(
            "notify: [{url: URL, events: [failed]}]",
            """
            touch down; bad
            for n in 1 2 3 4 5 6 7; do "$TOOL" notify redrive -q; done
            "$TOOL" notify list --json | grep -o '"state":"[a-z]*"'
            """)
        #expect(result.out == "\"state\":\"dead\"\n", "\(result.err)")
    }

    @Test func aJobThatIsSnoozedIsNotToldOf() throws {
        let result = try told(
            "notify: [{url: URL, events: [failed]}]",
            """
            "$TOOL" notify snooze shaky --for 1h -q; bad; cat told.txt
            "$TOOL" notify snooze other --for 1h -q
            "$TOOL" notify snooze shaky --end -q; bad; cat told.txt
            "$TOOL" notify snooze shaky 2>>err; echo $?
            """)
        #expect(result.out == "failed unsigned\n2\n", "\(result.err)")
    }

    @Test func whatHappensInQuietHoursWaitsForTheirEnd() throws {
        let result = try told(
            "notify: [{url: URL, quiet: '22:00-07:00', events: [failed]}]",
            """
            export TZ=UTC
            printf '#!/bin/sh\\nexit 1\\n' >tell; chmod +x tell
            faketime '2026-03-10 23:30:00' "$TOOL" run shaky -q 2>>err
            cat told.txt
            "$TOOL" notify list --json | grep -o '"next_at":"[^"]*"'
            faketime '2026-03-11 03:30:00' "$TOOL" run shaky --anew -q 2>>err
            "$TOOL" notify list --json | tr '{' '\\n' | grep -o '"next_at":"[^"]*"' | tail -n 1
            faketime '2026-03-11 08:00:00' "$TOOL" run shaky --anew -q 2>>err
            cat told.txt
            """)
        let seven = "\"next_at\":\"2026-03-11T07:00:00.000Z\"\n"
        #expect(result.out == seven + seven + "failed unsigned\n", "\(result.err)")
    }

    @Test func theServiceSaysThatItLivesAndSendsWhatIsDue() throws {
        let result = try told(
            "notify: [{url: URL, events: [failed]}]\nwatchdog: {url: URL, every: 1s}",
            """
            printf '#!/bin/sh\\nexit 1\\n' >tell; chmod +x tell
            touch down; faketime -f -10m "$TOOL" run shaky -q 2>>err; rm down
            mkfifo heard
            "$TOOL" serve --no-http --workers 0 2>later >ended & S=$!
            tail -n +1 -f told.txt >heard & L=$!
            alive=0 failed=0
            while [ "$alive" -lt 2 ] || [ "$failed" -lt 1 ]; do
                read -r event _
                case $event in alive) alive=$((alive + 1)) ;; failed) failed=$((failed + 1)) ;; esac
            done <heard
            kill $L
            kill -TERM $S
            wait $S
            echo "ended $?, $failed failed"
            """)
        #expect(result.out == "ended 0, 1 failed\n", "\(result.err)")
    }

    /// Firings that were missed are told one by one; who keeps the time does not wait for it.
    @Test func aReceiverThatHangsDoesNotHoldTheServiceUp() throws {
        let result = try told(
            "notify: [{url: URL, timeout: 1h, events: [missed]}]",
            """
            for n in 1 2; do
                printf 'id: timed%s\\nversion: 1.0.0\\nschedule: {cron: "0 2 * * *", catch_up: none}\\n' $n >catalog/timed$n.yaml
                printf 'steps: [{id: a, sql: UPDATE t SET v = v + 1}]\\n' >>catalog/timed$n.yaml
            done
            faketime -f -3d "$TOOL" serve --once -q
            touch hang
            "$TOOL" serve --no-http --workers 1 2>>err >ended & S=$!
            "$TOOL" queue add timed1 -q
            tries=0
            until "$TOOL" queue list --state done --json | grep -q '"state":"done"'; do
                tries=$((tries + 1)); [ $tries -lt 300 ] || break
            done
            cat told.txt; "$TOOL" queue list --state done --json | grep -o '"state":"done"'
            rm hang
            mkfifo heard; tail -n +1 -f told.txt >heard & L=$!
            { read -r one; read -r two; echo "$one, $two"; } <heard
            kill $L
            kill -TERM $S; wait $S; echo "ended $?"
            """)
        #expect(
            result.out == "\"state\":\"done\"\nmissed unsigned, missed unsigned\nended 0\n", "\(result.err)")
    }

    /// Else a worker would wait for it at each job that fails.
    @Test func aReceiverThatHasJustFailedIsNotCalledForEachJob() throws {
        let result = try told(
            "notify: [{url: URL, events: [failed]}]",
            """
            touch down
            "$TOOL" serve --no-http --workers 0 2>>err >ended & S=$!
            tries=0; until grep -q serving err; do tries=$((tries + 1)); [ $tries -lt 1000 ] || break; sleep 0.02; done
            bad; bad; bad
            "$TOOL" notify list --json | grep -o '"attempts":[0-9]*' | sort | uniq -c | tr -d ' '
            kill -TERM $S; wait $S
            rm down
            bad; cat told.txt
            """)
        #expect(result.out == "2\"attempts\":0\n1\"attempts\":1\nfailed unsigned\n", "\(result.err)")
    }

    /// Where nothing but a timer runs, it does what a service would.
    @Test func aTimerSendsWhatIsDue() throws {
        let result = try told(
            "notify: [{url: URL, events: [failed]}]",
            """
            printf '#!/bin/sh\\nexit 1\\n' >tell; chmod +x tell; touch down
            faketime -f -10m "$TOOL" run shaky --anew -q 2>>err; rm down
            "$TOOL" serve --once -q
            cat told.txt; "$TOOL" notify list
            """)
        #expect(result.out == "failed unsigned\nevery notice was delivered\n", "\(result.err)")
    }
}
