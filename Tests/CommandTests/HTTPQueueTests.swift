import TestSupport
import Testing

/// What the console does to many jobs at once, and to firings that were missed.
@Suite struct HTTPQueueTests {
    @Test func manyJobsAreCountedFirstAndCanBeRestored() throws {
        let lines = try ServedWorkspace.lines(
            """
            for i in 1 2 3; do "$TOOL" queue add bump --tenant acme -q >/dev/null; done
            "$TOOL" queue add bump --tenant beta -q >/dev/null
            token ann --role operator
            post /api/queue/bulk '{"action":"remove","dry_run":true}'; has '"jobs":4,"done":0'
            post /api/queue/bulk '{"action":"remove","confirm":4}'; has reason
            post /api/queue/bulk '{"action":"remove","reason":"no"}'; has 'confirm.*: 4'
            post /api/queue/bulk '{"action":"remove","reason":"no","confirm":3}'
            post /api/queue/bulk '{"action":"remove","reason":"no","state":"queued","job":"bump","confirm":9}'; has '"done":4,"left":0'
            get /api/queue; has '"total":0'
            get '/api/queue?removed=true'; has '"total":4'
            "$TOOL" queue list --removed | grep -c bump
            token acme --role operator --tenant acme
            get '/api/queue?removed=true'; has '"total":3'
            post /api/queue/bulk '{"action":"restore","confirm":3}'; has '"done":3,"left":0'
            post /api/queue/bulk '{"action":"destroy"}'
            post /api/queue/bulk '{}'
            token vera --role viewer
            post /api/queue/bulk '{"action":"restore","dry_run":true}'
            "$TOOL" queue list --state queued | grep -c bump
            "$TOOL" audit list --json | grep -o '"action":"queue bulk"' | sort | uniq -c | wc -l
            """)
        #expect(
            lines == [
                "200", "1", "400", "1", "400", "1", "400", "200", "1", "200", "1", "200", "1", "4", "200", "1", "200",
                "1", "400", "400", "403", "3", "1",
            ])
    }

    /// They all change at the same moment, and more than one page of them: each is told, and what happens afterwards too.
    @Test func jobsThatChangeTogetherAreAllTold() throws {
        let lines = try ServedWorkspace.lines(
            """
            sqlite3 backups/batch_manager/control.db "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2500)
                INSERT INTO queue_jobs(kind, job, tenant, arguments, priority, run_at, max_attempts, backoff, run_key, actor,
                created_at, state, state_at) SELECT 'batch', 'bump', 'acme', '[]', 0, 1, 3, 1, 'k' || i, 'ann', 1, 'failed', 1 FROM n"
            token ann --role viewer --tenant acme
            mkfifo told
            curl -s -N -m 60 -H "$(as $T)" $U/api/events >told &
            exec 4<told
            read -r line <&4; echo "$line"
            "$TOOL" queue bulk resolve --reason tried --confirm 2500 -q >/dev/null
            "$TOOL" queue add bump --tenant acme -q >/dev/null
            while read -r line <&4; do
                case $line in data:*'"id":'*) echo "$line" ;; esac
                case $line in *'"state":"queued"'*) break ;; esac
            done >told.txt
            grep -c '"state":"resolved"' told.txt; grep -o '"id":[0-9]*' told.txt | sort -u | wc -l
            """)
        #expect(lines == [": what happens from now on", "2500", "2501"])
    }

    /// Limits of a definition and of a kind, one of them at a time, by whom it concerns.
    @Test func howManyRunAtTheSameTimeIsLimited() throws {
        let lines = try ServedWorkspace.lines(
            """
            token ann --role operator
            get /api/queue/limits; has '"limits":..}'
            post /api/queue/limits '{"job":"bump","most":2}'; has '"job":"bump".*"most":2'
            post /api/queue/limits '{"kind":"ocr","most":1}'; has '"kind":"ocr".*"most":1'
            "$TOOL" queue limit | grep -c -e bump -e ocr
            for body in '{}' '{"most":1}' '{"job":"bump","kind":"ocr","most":1}' '{"job":"nope","most":1}' '{"job":"bump","most":0}' \
                '{"job":"bump","most":-1}' '{"job":"bump","most":1001}' '{"job":"bump","most":"2"}' '{"kind":"all","most":1}' \
                '{"job":"bump","most":1,"more":1}' '[]' '{'; do post /api/queue/limits "$body"; done
            get /api/queue/limits; has '"most":2.*"most":1'
            post /api/queue/limits '{"job":"bump"}'; post /api/queue/limits '{"kind":"ocr"}'; has '"limits":..}'
            token vera --role viewer
            get /api/queue/limits; post /api/queue/limits '{"job":"bump","most":2}'
            token acme --role operator --tenant acme
            get /api/queue/limits; post /api/queue/limits '{"job":"bump","most":2}'
            "$TOOL" audit list --json | grep -o '"action":"queue limit","batch":null,"outcome":"done"' | wc -l
            """)
        let refused = ["400", "400", "400", "404"] + Array(repeating: "400", count: 8)
        #expect(
            lines == ["200", "1", "200", "1", "200", "1", "2"] + refused + ["200", "1", "200", "200", "1"]
                + ["200", "403", "403", "403", "5"])
    }

    /// Signing costs more than a request, so it is not done after each: but soon after the last.
    @Test func theEndOfTheAuditIsSignedSoonAfterManyRequests() throws {
        let lines = try ServedWorkspace.lines(
            """
            token ann --role operator
            urls=; for i in 1 2 3 4 5 6 7 8 9 10 11 12; do urls="$urls $U/api/queue?tenant=acme"; done
            curl -s -m 20 -H "$(as $T)" -H "$json" -d '{"job":"bump"}' $urls | grep -o '"state":"queued"' | wc -l
            of() { sqlite3 backups/batch_manager/control.db "$1"; }
            head=backups/batch_manager/audit-heads/$(of "SELECT value FROM batchmgr_meta WHERE key = 'control_id'").head
            last=$(of "SELECT max(seq) || ' ' || hash FROM batchmgr_audit")
            tries=0
            until grep -q " $last"'$' $head; do tries=$((tries + 1)); [ $tries -lt 400 ] || break; "$TOOL" version >/dev/null; done
            grep -c " $last"'$' $head
            post '/api/queue?tenant=acme' '{"job":"bump"}'; post '/api/queue?tenant=acme' '{"job":"bump"}'
            kill -TERM $P; wait $P; echo "was $?"; kill() { :; }; wait() { :; }
            grep -c " $(of "SELECT max(seq) || ' ' || hash FROM batchmgr_audit")"'$' $head
            """)
        #expect(lines == ["12", "1", "200", "200", "was 0", "1"])
    }

    /// It is asked over the very interface that begins anew, which answers at the same place afterwards, also where it
    /// was given any port.
    @Test func theInterfaceBeginsAnew() throws {
        let lines = try ServedWorkspace.lines(
            """
            token ann --role admin
            get /api/config; has '"name":"log.level","value":"info","origin":"default"'; has '"name":"databases.main.path"'
            post /api/service/restart '{"kind":"http"}'; has '"kind":"http"'
            post /api/service/restart '{"kind":"clock"}'
            tries=0
            until grep -q 'answers at' later; do tries=$((tries + 1)); [ $tries -lt 400 ] || break; "$TOOL" version >/dev/null; done
            [ "$U" = "$(sed -n 's/.*answers at //p' later)" ] && echo same
            call $U/health
            "$TOOL" audit list --json | grep -o '"action":"service http"' | wc -l
            """)
        #expect(lines == ["200", "1", "1", "200", "1", "400", "same", "200", "1"])
    }

    @Test func firingsThatDidNotHappenAreMadeUpFor() throws {
        let lines = try ServedWorkspace.lines(
            """
            "$TOOL" schedule add nightly --job bump --cron '30 2 * * *' --timezone Europe/Paris --tenant acme -q >/dev/null
            "$TOOL" schedule next nightly --count 1 --json | grep -c '"times":."20'
            token ann --role operator
            get '/api/schedules/nightly/next?count=2'; has '"local":\\["[-0-9]* 02:30:00 +0[12]:00"'
            span='"from":"2026-03-01T00:00Z","to":"2026-03-04T00:00Z"'
            post /api/schedules/nightly/backfill "{$span,"'"dry_run":true}'; has '"missing":3'
            get /api/queue; has '"total":0'
            post /api/schedules/nightly/backfill "{$span}"; has '"jobs":\\[1,2,3\\]'
            post /api/schedules/nightly/backfill "{$span}"; has '"missing":0'
            post /api/schedules/nightly/backfill '{"from":"yesterday","to":"never"}'
            post /api/schedules/other/backfill "{$span}"
            get /api/schedules/other/next
            token vera --role viewer
            post /api/schedules/nightly/backfill "{$span}"
            """)
        #expect(
            lines == ["1", "200", "1", "200", "1", "200", "1", "200", "1", "200", "1", "400", "404", "404", "403"])
    }

    /// What `schedule add` and `schedule remove` do, with the same refusals, rows of the audit and rights.
    @Test func schedulesAreAddedAndRemoved() throws {
        let lines = try ServedWorkspace.lines(
            #"""
            token ann --role operator
            post /api/schedules '{"name":"nightly","job":"bump","cron":"30 2 * * *","timezone":"Europe/Paris","tenant":"acme","set":{"by":3},"catch_up":"all","catch_up_limit":7,"overlap":"queue","jitter":"10m","window":"22:00-06:00","blackout":["2026-12-25","2099-01-01..2099-01-03"],"within":"6h"}'
            has '"schedule":"nightly".*"times":."20.*"local":'
            "$TOOL" schedule add same --job bump --cron '30 2 * * *' --timezone Europe/Paris --tenant acme --set by=3 --catch-up all \
                --catch-up-limit 7 --overlap queue --jitter 10m --window 22:00-06:00 --blackout 2026-12-25 --blackout 2099-01-01..2099-01-03 --within 6h -q >/dev/null
            sqlite3 backups/batch_manager/control.db "SELECT count(*), count(DISTINCT definition) FROM schedules"
            post /api/schedules '{"name":"after","job":"bump","cron":"@daily","tenant":"acme","needs":["nightly"]}'
            get /api/schedules; has '"nightly".*"after"\|"after".*"nightly"'
            echo refused
            post /api/schedules '{"name":"nightly","job":"bump","cron":"@daily","tenant":"acme"}'
            post /api/schedules '{"name":"nightly","job":"bump","cron":"@daily","tenant":"acme","replace":true}'
            post /api/schedules '{"name":"x","job":"bump","cron":"0 25 * * *"}'; has 'hour'
            post /api/schedules '{"name":"x","job":"bump","cron":"@daily","timezone":"Europe/Pari"}'
            post /api/schedules '{"name":"x","job":"nobody","cron":"@daily"}'
            post /api/schedules '{"name":"x","job":"bump","cron":"@daily","tenant":"nobody"}'
            post /api/schedules '{"name":"x","job":"bump","cron":"@daily","set":{"to":3}}'
            post /api/schedules '{"name":"x","job":"bump","cron":"@daily","needs":["nobody"]}'
            post /api/schedules '{"name":"x","job":"bump","cron":"@daily","needs":"nightly"}'
            post /api/schedules '{"name":"x","job":"bump","cron":"@daily","blackout":["Christmas"]}'; has Christmas
            post /api/schedules '{"name":"x","job":"bump","cron":"@daily","window":"22-06"}'
            post /api/schedules '{"name":"x","job":"bump","cron":"@daily","catch_up_limit":0}'
            post /api/schedules '{"name":"x","job":"bump"}'
            echo tried
            get '/api/schedules/next?cron=0%202%20*%20*%20*&timezone=Europe/Paris&from=2026-03-28T12:00Z&count=2'
            has '"times":."2026-03-29T01:00:00Z","2026-03-30T00:00:00Z".'
            get '/api/schedules/next?cron=0%2025%20*%20*%20*'
            post /api/schedules/after/trigger
            get /api/schedules/history; has '"schedule":"after"'
            post /api/schedules/after/remove; post /api/schedules/after/remove
            token vera --role viewer
            post /api/schedules '{"name":"x","job":"bump","cron":"@daily"}'; post /api/schedules/nightly/remove
            token acme --role operator --tenant acme
            post /api/schedules '{"name":"x","job":"bump","cron":"@daily"}'; post /api/schedules/nightly/remove
            "$TOOL" schedule list --json | grep -c '"nightly"'
            "$TOOL" audit list --json | grep -o '"action":"schedule [ar][de][dm][^"]*"' | sort | uniq -c | tr -s ' '
            """#)
        #expect(
            lines == [
                "200", "1", "2|1", "200", "200", "1",
                "refused", "409", "200", "400", "1", "400", "404", "404", "400", "404", "400", "400", "1", "400", "400",
                "400",
                "tried", "200", "1", "400", "200", "200", "1", "200", "404", "403", "403", "403", "403", "1",
                " 13 \"action\":\"schedule add\"", " 2 \"action\":\"schedule remove\"",
            ])
    }
}
