import BatchCore
import TestSupport
import Testing

/// Who may do what over HTTP.
@Suite struct HTTPAccessTests {
    private struct Call: Sendable, CustomTestStringConvertible {
        let words: String
        /// For nobody, a viewer, an operator, an approver and an admin; then for a viewer and an operator of one tenant.
        let statuses: String
        var testDescription: String { words }
    }

    private static let calls = [
        Call(words: "$U/health", statuses: "200 200 200 200 200 403 403"),
        Call(words: "$U/metrics", statuses: "200 200 200 200 200 403 403"),
        Call(words: "$U/jobs", statuses: "200 200 200 200 200 200 200"),
        Call(words: "$U/config", statuses: "200 200 200 200 200 403 403"),
        Call(words: "$U/info", statuses: "401 200 200 200 200 403 403"),
        Call(words: "$U/api/batches", statuses: "401 200 200 200 200 200 200"),
        Call(words: "$U/api/audit", statuses: "401 200 200 200 200 200 200"),
        Call(words: "$U/api/switches", statuses: "401 200 200 200 200 403 403"),
        Call(words: "$U/api/tokens", statuses: "401 403 403 403 200 403 403"),
        Call(words: "-H \"$json\" -d '{\"prep_concurrency\":4}' $U/config", statuses: "401 403 403 403 200 403 403"),
        Call(
            words: "-H \"$json\" -d '{\"job\":\"bump\"}' $U/api/runs?tenant=acme",
            statuses: "401 403 200 403 200 403 200"),
        Call(
            words: "-H \"$json\" -d '{\"job\":\"bump\"}' $U/api/queue?tenant=acme",
            statuses: "401 403 200 403 200 403 200"),
        Call(
            words: "-H \"$json\" -d '{\"job\":\"bump\"}' $U/api/runs?tenant=beta",
            statuses: "401 403 200 403 200 403 403"),
        Call(words: "-X POST $U/api/plans/plan.9/approve", statuses: "401 403 403 404 404 403 403"),
        Call(words: "$U/api/support", statuses: "401 403 403 403 200 403 403"),
        Call(words: "$U/api/slo", statuses: "401 200 200 200 200 403 403"),
        Call(words: "-X POST $U/api/support/9/approve", statuses: "401 403 403 404 404 403 403"),
        Call(words: "-X POST $U/api/queue/redrive", statuses: "401 403 200 403 200 403 200"),
    ]

    @Test func everyRoleMayDoWhatItsTableSays() throws {
        let asked = HTTPAccessTests.calls.map { call in
            """
            line=$(call \(call.words))
            for t in $v $o $p $a $tv $to; do line="$line $(call -H "$(as $t)" \(call.words))"; done
            echo $line

            """
        }
        let lines = try ServedWorkspace.lines(
            """
            token v --role viewer; v=$T
            token o --role operator; o=$T
            token p --role approver; p=$T
            token a --role admin; a=$T
            token tv --role viewer --tenant acme; tv=$T
            token to --role operator --tenant acme; to=$T

            """ + asked.joined())
        #expect(lines.count == HTTPAccessTests.calls.count)
        for (call, line) in zip(HTTPAccessTests.calls, lines) { #expect(line == call.statuses, "\(call.words)") }
    }

    @Test func aTokenOfATenantShowsThatTenantAlone() throws {
        let lines = try ServedWorkspace.lines(
            """
            "$TOOL" run bump --tenant acme -q >/dev/null; "$TOOL" run bump --tenant beta -q >/dev/null
            "$TOOL" queue add bump --tenant beta -q >/dev/null
            token to --role operator --tenant acme
            for path in api/batches api/points jobs api/queue api/audit api/batches/bump.1/changes; do
                body -H "$(as $T)" $U/$path | grep -c beta
            done
            call -H "$(as $T)" $U/api/batches/bump.2
            call -H "$(as $T)" $U/jobs/1
            call -H "$(as $T)" -X POST $U/api/batches/bump.2/rollback
            call -H "$(as $T)" -X POST $U/api/batches/bump.1/rollback
            """)
        #expect(lines == ["0", "0", "0", "0", "0", "0", "404", "404", "404", "200"])
    }

    @Test func aTokenOfATenantIsNotToldWhichBatchOfAnotherIsRunning() throws {
        let lines = try ServedWorkspace.lines(
            """
            "$TOOL" run bump --tenant acme -q >/dev/null; "$TOOL" run bump --tenant beta -q >/dev/null
            sleep 60 & other=$!; started=$(cut -d' ' -f22 /proc/$other/stat)
            sqlite3 a.db "UPDATE batchmgr_lease SET process = $other, started = '$started', kind = 'run', batch = 'bump.2'"
            token one --role operator --tenant acme; post /api/batches/bump.1/rollback; has 'another batch'; has 'bump.2'
            token all --role operator; post /api/batches/bump.1/rollback; has 'another batch'; has 'bump.2'
            kill $other
            """)
        #expect(lines == ["503", "1", "0", "503", "0", "1"])
    }

    /// Each row: who proposes, who approves over which way, and whether that is somebody else.
    @Test func nobodyApprovesTheirOwnPlanOnAnyWay() throws {
        let lines = try ServedWorkspace.lines(
            """
            token ann --role admin; a=$T
            token ann-laptop --role admin --person Ann; b=$T
            token ben --role approver; c=$T
            plan() { body -H "$(as $a)" -H "$json" -d '{"job":"bump","propose":true}' "$U/api/runs?tenant=acme" \
                | sed 's/.*"plan":"\\(plan[.][0-9]*\\)".*/\\1/'; }
            id=$(plan)
            call -H "$(as $a)" -X POST $U/api/plans/$id/approve
            grep -o ERR_SECURITY_SELF_APPROVAL answer
            call -H "$(as $b)" -X POST $U/api/plans/$id/approve
            BATCHMGR_ACTOR=ann "$TOOL" plan approve $id --json >told; echo $?
            call -H "$(as $a)" -X POST $U/api/plans/$id/apply
            call -H "$(as $c)" -X POST $U/api/plans/$id/approve
            call -H "$(as $a)" -X POST $U/api/plans/$id/apply
            id=$(BATCHMGR_ACTOR=ann "$TOOL" run bump --tenant acme --propose --json | sed 's/.*"plan":"\\(plan[.][0-9]*\\)".*/\\1/')
            call -H "$(as $b)" -X POST $U/api/plans/$id/approve
            call -H "$(as $c)" -X POST $U/api/plans/$id/approve
            """)
        #expect(
            lines == ["403", "ERR_SECURITY_SELF_APPROVAL", "403", "3", "409", "200", "200", "403", "200"])
    }

    @Test func aTokenThatDoesNotCountIsRefusedAndNotedWithoutIt() throws {
        let lines = try ServedWorkspace.lines(
            """
            token ann --role admin --expires 1s; gone=$T
            token ben --role viewer; old=$T
            token eve --role admin; e=$T
            "$TOOL" token revoke ben --reason left -q >/dev/null
            call -H "$(as $old)" $U/api/batches
            call -H "X-Api-Key: bmt_wrong" $U/api/batches
            call -H "$(as $e)" -H "X-Api-Key: $e" $U/api/batches
            call -H "Authorization: Basic $e" $U/api/batches
            call -H "X-Api-Key: $e" $U/api/batches
            "$TOOL" audit list --action http --json >rows
            grep -o '"peer":"127.0.0.1"' rows | sort -u
            grep -o '"outcome":"refused"' rows | sort -u
            cat backups/batch_manager/logs/* backups/batch_manager/control.db* rows | grep -a -c -e bmt_ -e "${old#bmt_}" -e "${e#bmt_}"
            """)
        #expect(lines == ["401", "401", "401", "401", "200", "\"peer\":\"127.0.0.1\"", "\"outcome\":\"refused\"", "0"])
    }

    /// Not to the user of the service.
    @Test func aRefusalIsPutDownToWhoAsked() throws {
        let lines = try ServedWorkspace.lines(
            """
            token viv --role viewer --person vivian
            post /api/queue/redrive
            call -H "X-Api-Key: bmt_wrong" $U/api/batches
            "$TOOL" audit list --action http --json | grep -o -e '"actor":"[a-z]*"' -e '"token":"[a-z]*"' -e '"code":"[A-Z_]*"'
            """)
        #expect(
            lines == [
                "403", "401", "\"actor\":\"vivian\"", "\"token\":\"viv\"", "\"code\":\"ERR_SECURITY_ROLE\"",
                "\"actor\":\"anonymous\"", "\"code\":\"ERR_SECURITY_TOKEN\"",
            ])
    }

    @Test func whatAStrangersPageOrAnUnknownProxySendsIsNotFromThisMachine() throws {
        let lines = try ServedWorkspace.lines(
            """
            call $U/health
            call -H 'Origin: https://example.com' $U/health
            call -H 'Host: example.com' $U/health
            call -H 'X-Forwarded-For: 203.0.113.9' $U/health
            call -X POST $U/api/queue/redrive
            call -X POST -H 'Origin: https://example.com' $U/api/queue/redrive
            """, settings: "http: {trust_loopback: true}")
        #expect(lines == ["200", "401", "401", "401", "200", "401"])
    }

    @Test func aProxyOfOursTellsWhoAsks() throws {
        let lines = try ServedWorkspace.lines(
            """
            call -H 'X-Forwarded-For: 203.0.113.9' $U/health
            call -H 'X-Forwarded-For: 127.0.0.1, 203.0.113.9' -H 'X-Api-Key: no' $U/api/batches
            "$TOOL" audit list --action http --json | grep -o '"peer":"[0-9.]*"' | sort -u
            """, settings: "http: {proxies: [127.0.0.0/8]}")
        #expect(lines == ["401", "401", "\"peer\":\"203.0.113.9\""])
    }

    @Test func whoAsksTooOftenWaits() throws {
        let lines = try ServedWorkspace.lines(
            """
            for i in 1 2 3 4 5 6 7; do call $U/health; done | sort | uniq -c | sed 's/^ *//'
            body -i $U/health | grep -c -i '^Retry-After: [0-9]'
            """, settings: "http: {rate: 5}")
        #expect(lines == ["5 200", "2 429", "1"])
    }

    @Test func wrongTokensAreTriedTenTimesAMinute() throws {
        let lines = try ServedWorkspace.lines(
            """
            for i in 1 2 3 4 5 6 7 8 9 10 11 12; do call -H "X-Api-Key: $i" $U/api/batches; done | sort | uniq -c | sed 's/^ *//'
            token ann --role viewer
            call -H "$(as $T)" $U/api/batches
            """)
        // A right token has to wait too: else it could be guessed who has one.
        #expect(lines == ["10 401", "2 429", "429"])
    }
}
