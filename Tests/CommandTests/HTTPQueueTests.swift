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
}
