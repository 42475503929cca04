import BatchCore
import TestSupport
import Testing

/// Looking at a tenant on its behalf.
@Suite struct SupportTests {
    private static let prelude = """
        open() { "$TOOL" support open --tenant acme --reason 'ticket 4711' "$@" --json >opened || return 1
            T=$(sed 's/.*"token":"\\([a-z0-9_]*\\)".*/\\1/' opened); }
        run() { call -H "$(as $T)" -H "$json" -d '{"job":"bump"}' "$U/api/runs"; }

        """

    @Test func aSessionLooksAndItsTenantSeesIt() throws {
        let lines = try ServedWorkspace.lines(
            SupportTests.prelude + """
                BATCHMGR_ACTOR=ann open
                call -H "$(as $T)" $U/api/batches
                call -H "$(as $T)" "$U/api/batches?tenant=beta"
                run
                call -H "$(as $T)" -H "$json" -d '{"tenant":"beta","reason":"more"}' $U/api/support
                call -H "$(as $T)" $U/api/tokens
                token acme --role viewer --tenant acme
                body -H "$(as $T)" "$U/api/audit" >rows
                grep -o '"action":"support open"' rows
                tr '{' '\\n' <rows | grep -c '"outcome":"looked"'
                tr '{' '\\n' <rows | grep 'ERR_SECURITY_' | grep -c '"on_behalf_of":"acme"'
                grep -o '"on_behalf_of":"acme"' rows | sort -u
                grep -o '"actor":"ann"' rows | sort -u
                token beta --role viewer --tenant beta
                body -H "$(as $T)" "$U/api/audit" | grep -c -e support -e ann
                """)
        #expect(
            lines == [
                "200", "403", "403", "403", "403", "\"action\":\"support open\"", "1", "4",
                "\"on_behalf_of\":\"acme\"", "\"actor\":\"ann\"", "0",
            ])
    }

    @Test func itWritesOnceSomebodyElseHasApprovedIt() throws {
        let lines = try ServedWorkspace.lines(
            SupportTests.prelude + """
                token ann --role admin; a=$T
                token ann-phone --role admin --person Ann; b=$T
                token ben --role approver; c=$T
                BATCHMGR_ACTOR=ann open --write
                run
                BATCHMGR_ACTOR=ann "$TOOL" support approve support.1 --json >told; echo $?
                call -H "$(as $a)" -X POST $U/api/support/1/approve
                grep -o ERR_SECURITY_SELF_APPROVAL answer
                call -H "$(as $b)" -X POST $U/api/support/1/approve
                call -H "$(as $T)" -X POST $U/api/support/1/approve
                run
                call -H "$(as $c)" -X POST $U/api/support/1/approve
                call -H "$(as $c)" -X POST $U/api/support/1/approve
                run
                sqlite3 a.db "SELECT actor, details ->> '$.on_behalf_of', tenant FROM batchmgr_audit WHERE action = 'run'"
                call -H "$(as $T)" -H "$json" -d '{"job":"bump"}' "$U/api/runs?tenant=beta"
                call -H "$(as $a)" -X POST $U/api/support/1/end
                run
                call -H "$(as $a)" -X POST $U/api/support/1/end
                """)
        #expect(
            lines == [
                "403", "3", "403", "ERR_SECURITY_SELF_APPROVAL", "403", "403", "403", "200", "409", "200",
                "ann|acme|acme", "403", "200", "401", "409",
            ])
    }

    @Test func itEndsByItselfAndLastsNoLongerThanFourHours() throws {
        let lines = try ServedWorkspace.lines(
            SupportTests.prelude + """
                open --for 5h; echo $?
                open --for soon; echo $?
                "$TOOL" support open --tenant acme >told 2>&1; echo $?
                "$TOOL" token create support.9 --role viewer >told 2>&1; echo $?
                open --for 4h
                call -H "$(as $T)" $U/api/batches
                faketime -f -5h "$TOOL" support open --tenant acme --reason old --json >opened
                T=$(sed 's/.*"token":"\\([a-z0-9_]*\\)".*/\\1/' opened)
                call -H "$(as $T)" $U/api/batches
                "$TOOL" support list --json | tr '{' '\\n' | grep -o '"state":"[a-z]*"'
                """)
        #expect(
            lines == ["1", "1", "2", "2", "200", "401", "\"state\":\"expired\"", "\"state\":\"open\""])
    }
}
